// Decides which addresses a VM still needs and which pools give them: all on one network, because the VM has one network card.
import type { IPPool } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import type { Family } from './ip.ts';
import { namespaceAllowed } from './namespaces.ts';
import {
  freeAddresses,
  matchingPools,
  type Network,
  networkPools,
  networkServers,
  overlappedOlderPool,
  poolNetwork,
  poolProblems,
  sameNetwork,
} from './pools.ts';

export interface AddressRequest {
  readonly wanted: { readonly ipv4: number; readonly ipv6: number };
  /** The reservations that this VM already holds; they are kept. */
  readonly held: readonly IPAddressReservation[];
  /** All there are: also a pool that this VM may not use keeps its addresses from others. */
  readonly pools: readonly IPPool[];
  readonly clusterName: string;
  readonly namespace: string;
  /** With auto the pools decide on bridge and VLAN, unless the VM holds addresses already. */
  readonly network: Network & { readonly auto: boolean };
  /** Whether anybody holds the address on the network. */
  readonly taken: (network: Network, address: string) => boolean;
}

export interface AddressChoice {
  readonly pool: IPPool;
  readonly address: string;
  readonly family: Family;
  /** Place among the addresses of the family; 0 is the main address. */
  readonly order: number;
}

interface AddressProblem {
  readonly reason: 'PoolEmpty' | 'NoMatchingPool';
  readonly message: string;
}

/** What is to be reserved, in this order, and the network of the VM; or why that cannot be. */
export type AddressDecision =
  | { readonly reserve: readonly AddressChoice[]; readonly network: Network; readonly problem?: undefined }
  | { readonly problem: AddressProblem };

/** What one family still needs, and the pools of all networks that could give it. */
interface Need {
  readonly family: Family;
  /** Places that no held reservation has. */
  readonly orders: readonly number[];
  readonly pools: readonly IPPool[];
}

const MOST_POOLS_NAMED = 4;

/** Keeps held addresses and fills the missing places, all on one network; nothing at all when not every place can be filled. */
export function chooseAddresses(request: AddressRequest): AddressDecision {
  const needs = openNeeds(request);
  const fixed = fixedNetwork(request);
  if (needs.length === 0) return { reserve: [], network: fixed ?? plannedNetwork(request) };
  const networks = fixed === undefined ? candidateNetworks(needs) : [fixed];
  for (const network of networks) {
    const reserve = choicesOn(network, request, needs);
    if (reserve !== undefined) return { reserve, network };
  }
  return { problem: addressProblem(request, needs, networks) };
}

/** What is held beyond what is wanted, newest additional ones first. The main address of a family is never among them. */
export function surplusAddresses(
  held: readonly IPAddressReservation[],
  wanted: AddressRequest['wanted'],
): readonly IPAddressReservation[] {
  const families = [
    { family: 'IPv4', count: wanted.ipv4 },
    { family: 'IPv6', count: wanted.ipv6 },
  ] as const;
  return families.flatMap(({ family, count }) => {
    const own = held.filter(({ spec }) => spec.family === family).sort((a, b) => b.spec.order - a.spec.order);
    return own.slice(0, Math.max(0, own.length - count)).filter(({ spec }) => spec.order > 0);
  });
}

function openNeeds(request: AddressRequest): Need[] {
  const families = [
    { family: 'IPv4', count: request.wanted.ipv4 },
    { family: 'IPv6', count: request.wanted.ipv6 },
  ] as const;
  return families.flatMap(({ family, count }) => {
    const held = request.held.filter(({ spec }) => spec.family === family);
    const present = new Set(held.map(({ spec }) => spec.order));
    const orders = Array.from({ length: count }, (_, order) => order).filter((order) => !present.has(order));
    return orders.length === 0 ? [] : [{ family, orders, pools: matchingPools({ ...request, family }) }];
  });
}

// A held address pins the network: the other addresses have to work on the same network card.
function fixedNetwork(request: AddressRequest): Network | undefined {
  const [main] = [...request.held].sort(
    (a, b) => a.spec.family.localeCompare(b.spec.family, 'en') || a.spec.order - b.spec.order,
  );
  if (main !== undefined) return { bridge: main.spec.bridge, vlan: main.spec.vlan };
  return request.network.auto ? undefined : plannedNetwork(request);
}

function plannedNetwork({ network }: AddressRequest): Network {
  return { bridge: network.bridge, vlan: network.vlan };
}

// The networks of the main address's pools come first: IPv4 before IPv6, pools by name.
function candidateNetworks(needs: readonly Need[]): Network[] {
  const networks = needs.flatMap(({ pools }) => pools.map(({ spec }) => poolNetwork(spec)));
  return networks.filter((network, index) => networks.findIndex((other) => sameNetwork(network, other)) === index);
}

function poolsOn(network: Network, { pools }: Need): IPPool[] {
  return pools.filter(({ spec }) => sameNetwork(poolNetwork(spec), network));
}

function choicesOn(
  network: Network,
  request: AddressRequest,
  needs: readonly Need[],
): readonly AddressChoice[] | undefined {
  const choices: AddressChoice[] = [];
  for (const need of needs) {
    const free = freeChoices(network, request, need);
    if (free.length < need.orders.length) return undefined;
    choices.push(...free);
  }
  return choices;
}

function freeChoices(network: Network, request: AddressRequest, need: Need): AddressChoice[] {
  const { family, orders } = need;
  const choices: AddressChoice[] = [];
  const isTaken = takenBy(network, request);
  for (const pool of poolsOn(network, need)) {
    for (const address of firstOf(freeAddresses(pool, isTaken), orders.length - choices.length)) {
      choices.push({ pool, address, family, order: orders[choices.length] ?? 0 });
    }
  }
  return choices;
}

function firstOf(addresses: Iterable<string>, count: number): string[] {
  const first: string[] = [];
  if (count === 0) return first;
  for (const address of addresses) {
    if (first.push(address) === count) break;
  }
  return first;
}

// What the VM itself holds counts as taken even when the caller's view is older than its reservations. A gateway that
// only a sibling pool names would be taken from everybody on the network by the VM that gets its address.
function takenBy(network: Network, { held, taken, pools, clusterName }: AddressRequest): (address: string) => boolean {
  const own = new Set(held.map(({ spec }) => spec.address));
  const servers = networkServers(pools, clusterName, network);
  return (address) => own.has(address) || servers.has(address) || taken(network, address);
}

function addressProblem(request: AddressRequest, needs: readonly Need[], networks: readonly Network[]): AddressProblem {
  const unserved = needs.find((need) => networks.every((network) => poolsOn(network, need).length === 0));
  if (unserved !== undefined) return noMatchingPool(request, unserved.family, networks);
  const complete = networks.filter((network) => needs.every((need) => poolsOn(network, need).length > 0));
  if (complete.length > 0) return poolEmpty(request, needs, complete);
  const message = `No network of the cluster ${request.clusterName} has both an IPv4 and an IPv6 pool; all addresses of a VM are on one network. Create an IPPool.`;
  return { reason: 'NoMatchingPool', message };
}

function noMatchingPool(request: AddressRequest, family: Family, networks: readonly Network[]): AddressProblem {
  const [only] = networks.length === 1 ? networks : [];
  const where = only === undefined ? '' : ` on ${networkText(only)}`;
  const hint = closedHint(request, family, only) ?? mistakeHint(request, family, only);
  const message = `No ${family} pool of the cluster ${request.clusterName}${where} serves the namespace ${request.namespace}. ${hint ?? 'Create an IPPool or correct the plan.'}`;
  return { reason: 'NoMatchingPool', message };
}

function closedHint(
  { pools, clusterName, namespace }: AddressRequest,
  family: Family,
  network?: Network,
): string | undefined {
  const closed = networkPools({ pools, clusterName, family, ...network }).filter(
    ({ metadata, spec }) =>
      metadata.deletionTimestamp === undefined && !namespaceAllowed(spec.allowedNamespaces, namespace),
  );
  if (closed.length === 0) return undefined;
  return `${closed.length === 1 ? 'One pool does' : `${closed.length} pools do`} not allow it: allowedNamespaces.`;
}

// Who made a pool for this network looks for the mistake in the plan, if nobody tells that it is in the pool.
function mistakeHint(
  { pools, clusterName, namespace }: AddressRequest,
  family: Family,
  network?: Network,
): string | undefined {
  const used = networkPools({ pools, clusterName, family, ...network });
  const wrong = pools.find(
    (pool) =>
      pool.spec.clusterRef.name === clusterName &&
      pool.spec.family === family &&
      pool.metadata.deletionTimestamp === undefined &&
      namespaceAllowed(pool.spec.allowedNamespaces, namespace) &&
      (network === undefined || sameNetwork(poolNetwork(pool.spec), network)) &&
      (poolProblems(pool.spec).length > 0 || overlappedOlderPool(pool, used) !== undefined),
  );
  return wrong && `The IPPool ${wrong.metadata.name} has a mistake and is not used; its conditions name the field.`;
}

function poolEmpty(request: AddressRequest, needs: readonly Need[], networks: readonly Network[]): AddressProblem {
  const looked = networks.flatMap((network) => needs.flatMap((need) => poolTexts(network, request, need)));
  const more = looked.length - MOST_POOLS_NAMED;
  const list = looked.slice(0, MOST_POOLS_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
  const wanted = needs.map(({ family, orders }) => `${orders.length} ${family}`).join(' and ');
  const message = `${wanted} needed on one network, but free are: ${list}. Grow a pool or add one.`;
  return { reason: 'PoolEmpty', message };
}

// Counted no further than needed: an IPv6 pool has more addresses than can be counted.
function poolTexts(network: Network, request: AddressRequest, need: Need): string[] {
  const isTaken = takenBy(network, request);
  return poolsOn(network, need).map((pool) => {
    const free = firstOf(freeAddresses(pool, isTaken), need.orders.length).length;
    return `${pool.metadata.name} ${free === need.orders.length ? 'enough' : free}`;
  });
}

function networkText({ bridge, vlan }: Network): string {
  return vlan === 0 ? `bridge ${bridge} untagged` : `bridge ${bridge} VLAN ${vlan}`;
}
