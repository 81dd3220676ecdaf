// Answers which pools serve a network, what is wrong with one, and which of its addresses can be handed out.
import type { IPPool, IPPoolSpec } from '../api/ip-pool.ts';
import {
  type Address,
  addressBits,
  type AddressRange,
  canonicalAddress,
  type Family,
  inNetwork,
  isLinkLocal,
  networkOf,
  parseAddress,
  printAddress,
} from './ip.ts';
import { namespaceAllowed } from './namespaces.ts';
import { type Problem, quoted } from './problems.ts';

/** What reverseZoneHint says of a network that does not end on a label of the reverse tree (RFC 2317). */
export const CLASSLESS_DELEGATION = 'classless delegation required';

/** A network of one cluster; vlan 0 is untagged. */
export interface Network {
  readonly bridge: string;
  readonly vlan: number;
}

interface ParsedPool {
  readonly first: Address;
  readonly last: Address;
  readonly gateway?: Address;
  /** Gateway and name servers of the pool's family. */
  readonly servers: readonly bigint[];
  readonly prefixLength: number;
}

export function poolNetwork(spec: IPPoolSpec): Network {
  return { bridge: spec.bridge, vlan: spec.vlan ?? 0 };
}

/** What keeps a pool from being used. An empty list means that addresses can be handed out. */
export function poolProblems(spec: IPPoolSpec): Problem[] {
  const textProblems = [
    ...addressProblems('spec.first', spec.first, spec.family),
    ...addressProblems('spec.last', spec.last, spec.family),
    ...(spec.gateway === undefined ? [] : addressProblems('spec.gateway', spec.gateway, spec.family)),
    ...(spec.nameservers ?? []).flatMap((text, index) => addressProblems(`spec.nameservers[${index}]`, text)),
    ...prefixProblems(spec),
  ];
  if (textProblems.length > 0) return textProblems;
  const pool = parsePool(spec);
  return pool === undefined ? [] : [...rangeProblems(spec, pool), ...gatewayProblems(spec, pool)];
}

/**
 * Number of addresses that the pool can hand out; 0 for a pool with problems. `servers` are those of all pools of its
 * network, from `networkServers`.
 */
export function poolTotal(spec: IPPoolSpec, servers: ReadonlySet<string> = new Set()): bigint {
  const pool = usablePool(spec);
  if (pool === undefined) return 0n;
  const { first, last } = pool;
  const skipped = new Set([...neverHandedOut(pool), ...valuesOf([...servers], spec.family)]);
  const within = [...skipped].filter((value) => value >= first.value && value <= last.value);
  return last.value - first.value + 1n - BigInt(within.length);
}

/**
 * The gateways and name servers of all pools of a network, in their one spelling. They are in use whatever pool names
 * them, be it closed, wrong or being deleted, so no pool of the network may hand them out.
 */
export function networkServers(pools: readonly IPPool[], clusterName: string, network: Network): ReadonlySet<string> {
  const specs = pools
    .map(({ spec }) => spec)
    .filter((spec) => spec.clusterRef.name === clusterName && sameNetwork(poolNetwork(spec), network));
  return new Set(specs.flatMap(serverTexts).flatMap((text) => canonicalAddress(text) ?? []));
}

/** Whether an address of one pool is also one of the other: same cluster, bridge and VLAN, ranges that meet. */
export function poolsOverlap(a: IPPoolSpec, b: IPPoolSpec): boolean {
  if (a.clusterRef.name !== b.clusterRef.name || !sameNetwork(poolNetwork(a), poolNetwork(b))) return false;
  const [left, right] = [parsePool(a), parsePool(b)];
  if (left === undefined || right === undefined || a.family !== b.family) return false;
  return left.first.value <= right.last.value && right.first.value <= left.last.value;
}

export function sameNetwork(a: Network, b: Network): boolean {
  return a.bridge === b.bridge && a.vlan === b.vlan;
}

export interface PoolQuery {
  readonly pools: readonly IPPool[];
  readonly clusterName: string;
  readonly family: Family;
  /** Absent: any bridge. */
  readonly bridge?: string;
  /** Absent: any VLAN; 0: untagged. */
  readonly vlan?: number;
  readonly namespace: string;
}

/**
 * The pools that may give an address, by name. Left out are pools with problems, pools that are being deleted, and of
 * two that overlap the younger one, also where the older one is closed to the namespace or being deleted: `pools` are
 * all there are.
 */
export function matchingPools(query: PoolQuery): IPPool[] {
  const network = networkPools(query);
  return network
    .filter((pool) => pool.metadata.deletionTimestamp === undefined)
    .filter((pool) => namespaceAllowed(pool.spec.allowedNamespaces, query.namespace))
    .filter((pool) => overlappedOlderPool(pool, network) === undefined)
    .sort((a, b) => compareText(a.metadata.name, b.metadata.name));
}

/** The pools of a network without a mistake, whoever may use them; one that is being deleted still has its addresses. */
export function networkPools({ pools, clusterName, family, bridge, vlan }: Omit<PoolQuery, 'namespace'>): IPPool[] {
  return pools.filter(
    ({ spec }) =>
      spec.clusterRef.name === clusterName &&
      spec.family === family &&
      (bridge === undefined || spec.bridge === bridge) &&
      (vlan === undefined || (spec.vlan ?? 0) === vlan) &&
      poolProblems(spec).length === 0,
  );
}

/** The older of `pools` that this pool overlaps and has to give way to, or undefined. */
export function overlappedOlderPool(pool: IPPool, pools: readonly IPPool[]): IPPool | undefined {
  return pools.find((other) => isOlder(other, pool) && poolsOverlap(other.spec, pool.spec));
}

/** The addresses that can be handed out, from the first on, one at a time: an IPv6 pool is never walked to its end. */
export function* freeAddresses(
  pool: { readonly spec: IPPoolSpec },
  taken: (address: string) => boolean,
): Generator<string, void, undefined> {
  const parsed = usablePool(pool.spec);
  if (parsed === undefined) return;
  const skipped = neverHandedOut(parsed);
  for (let value = parsed.first.value; value <= parsed.last.value; value += 1n) {
    if (skipped.has(value)) continue;
    const address = printAddress({ family: pool.spec.family, value });
    if (!taken(address)) yield address;
  }
}

/** The name of the reverse zone for the pool's network, or that it needs classless delegation. */
export function reverseZoneHint(spec: IPPoolSpec): string {
  const first = parseAddress(spec.first);
  const bitsPerLabel = spec.family === 'IPv4' ? 8 : 4;
  const labelCount = spec.prefixLength / bitsPerLabel;
  // An IPv4 /32 is one name in its /24 zone; nobody delegates it as a zone.
  const isZone = Number.isInteger(labelCount) && labelCount >= 1 && !(spec.family === 'IPv4' && labelCount === 4);
  if (first === undefined || !isZone) return CLASSLESS_DELEGATION;
  const { labels, tree } = reverseLabels(first);
  return [...labels.slice(0, labelCount).reverse(), tree].join('.');
}

function reverseLabels(address: Address): { labels: string[]; tree: string } {
  if (address.family === 'IPv4') return { labels: printAddress(address).split('.'), tree: 'in-addr.arpa' };
  return { labels: address.value.toString(16).padStart(32, '0').split(''), tree: 'ip6.arpa' };
}

function parsePool(spec: IPPoolSpec): ParsedPool | undefined {
  const first = parseAddress(spec.first);
  const last = parseAddress(spec.last);
  const gateway = spec.gateway === undefined ? undefined : parseAddress(spec.gateway);
  if (first === undefined || last === undefined) return undefined;
  const servers = valuesOf(serverTexts(spec), spec.family);
  return { first, last, servers, prefixLength: spec.prefixLength, ...(gateway === undefined ? {} : { gateway }) };
}

function serverTexts({ gateway, nameservers = [] }: IPPoolSpec): string[] {
  return gateway === undefined ? [...nameservers] : [gateway, ...nameservers];
}

function valuesOf(texts: readonly string[], family: Family): bigint[] {
  return texts.flatMap((text) => {
    const address = parseAddress(text);
    return address?.family === family ? [address.value] : [];
  });
}

function usablePool(spec: IPPoolSpec): ParsedPool | undefined {
  return poolProblems(spec).length === 0 ? parsePool(spec) : undefined;
}

/**
 * Network and broadcast address of IPv4; of IPv6 the network address, which belongs to the routers (RFC 4291, 2.6.1);
 * gateway and name servers. Networks of one or two addresses have neither network nor broadcast address (RFC 3021,
 * RFC 6164).
 */
function neverHandedOut(pool: ParsedPool): ReadonlySet<bigint> {
  const values = new Set(pool.servers);
  if (pool.prefixLength >= addressBits(pool.first.family) - 1) return values;
  const network = networkOf(pool.first, pool.prefixLength);
  values.add(network.first);
  if (pool.first.family === 'IPv4') values.add(network.last);
  return values;
}

function addressProblems(path: string, text: string, family?: Family): Problem[] {
  const parsed = parseAddress(text);
  if (parsed === undefined)
    return [{ path, message: `${quoted(text)} is no IP address; write one without mask and zone.` }];
  if (family === undefined || parsed.family === family) return [];
  return [
    {
      path,
      message: `${quoted(text)} is an ${parsed.family} address in an ${family} pool; write an ${family} address.`,
    },
  ];
}

function prefixProblems({ family, prefixLength }: IPPoolSpec): Problem[] {
  const bits = addressBits(family);
  if (Number.isInteger(prefixLength) && prefixLength >= 1 && prefixLength <= bits) return [];
  const message = `The mask /${prefixLength} does not exist; an ${family} pool takes a prefixLength from 1 to ${bits}.`;
  return [{ path: 'spec.prefixLength', message }];
}

function rangeProblems(spec: IPPoolSpec, pool: ParsedPool): Problem[] {
  if (pool.first.value > pool.last.value) {
    return [
      {
        path: 'spec.last',
        message: `The last address ${spec.last} is before the first one, ${spec.first}; swap them.`,
      },
    ];
  }
  // With a mask of one address every address is a network of its own (routed addresses): the range may be any.
  if (isHostRoute(pool)) return [];
  if (!inNetwork(pool.last, pool.first, pool.prefixLength)) {
    const message = `The last address ${spec.last} is outside of the network of the first one, ${networkText(pool)}; correct last or prefixLength.`;
    return [{ path: 'spec.last', message }];
  }
  const skipped = neverHandedOut(pool);
  const size = pool.last.value - pool.first.value + 1n;
  if (size > BigInt(skipped.size)) return [];
  for (let value = pool.first.value; value <= pool.last.value; value += 1n) {
    if (!skipped.has(value)) return [];
  }
  const message = `No address from ${spec.first} to ${spec.last} can be handed out: network, broadcast, gateway and name server are not; widen the range.`;
  return [{ path: 'spec.first', message }];
}

// fe80::1 is the usual gateway of hosted IPv6 networks, and routed addresses have theirs on another network by nature.
function gatewayProblems(spec: IPPoolSpec, pool: ParsedPool): Problem[] {
  const { gateway } = pool;
  if (gateway === undefined || isLinkLocal(gateway) || isHostRoute(pool)) return [];
  const path = 'spec.gateway';
  if (!inNetwork(gateway, pool.first, pool.prefixLength)) {
    const message = `The gateway ${spec.gateway} is outside of the network ${networkText(pool)}; correct gateway or prefixLength.`;
    return [{ path, message }];
  }
  const network = networkOf(pool.first, pool.prefixLength);
  const isPair = pool.prefixLength >= addressBits(gateway.family) - 1;
  if (gateway.family === 'IPv6' || isPair || (gateway.value !== network.first && gateway.value !== network.last))
    return [];
  const message = `The gateway ${spec.gateway} is the network or broadcast address of ${networkText(pool)}; correct gateway or prefixLength.`;
  return [{ path, message }];
}

function isHostRoute(pool: ParsedPool): boolean {
  return pool.prefixLength === addressBits(pool.first.family);
}

function networkText({ first, prefixLength }: ParsedPool): string {
  const network: AddressRange = networkOf(first, prefixLength);
  return `${printAddress({ family: first.family, value: network.first })}/${prefixLength}`;
}

// Names decide between pools of the same second, so that exactly one of two gives way.
function isOlder(a: IPPool, b: IPPool): boolean {
  const byTime = compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '');
  return byTime < 0 || (byTime === 0 && compareText(a.metadata.name, b.metadata.name) < 0);
}

// Code units, not the machine's language: two operators must sort alike.
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
