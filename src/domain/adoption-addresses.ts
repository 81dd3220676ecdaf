// Works out which addresses a VM uses that is taken over: from reservations, from what is remembered, and from its configuration.
import type { IPPool } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import type { AddressStatus } from '../api/virtual-machine-status.ts';
import { parseIpConfig } from '../pve/ipconfig.ts';
import { PropertyStringError } from '../pve/property-string.ts';
import { canonicalAddress, type Family, parseAddress } from './ip.ts';
import { type Network, poolNetwork, sameNetwork } from './pools.ts';

/** An address with everything that a reservation says of it; 0 is the order of the main one of a family. */
export interface AdoptedAddress {
  readonly poolName: string;
  readonly bridge: string;
  readonly vlan: number;
  readonly address: string;
  readonly family: Family;
  readonly prefixLength: number;
  readonly gateway?: string;
  readonly nameservers?: readonly string[];
  readonly order: number;
}

export interface AddressSources {
  readonly clusterName: string;
  /** Network of the VM's card. */
  readonly network: Network;
  /** Of the VM's objects, the one that is gone and the one that is here. */
  readonly reservations: readonly IPAddressReservation[];
  /** What an earlier attempt wrote down before it touched the reservations. */
  readonly remembered: readonly AddressStatus[];
  /** The VM's cloud-init line. */
  readonly ipconfig0: string | undefined;
  /** Members of the VM's address set. */
  readonly ipset: readonly string[];
  readonly pools: readonly IPPool[];
}

/** Of an address that no pool has; the pool of a reservation must have a name. */
const NO_POOL = 'unknown';

type Known = Omit<AdoptedAddress, 'order'>;
type Found = Pick<Known, 'address' | 'family'> & Partial<Known>;

/** As many as the status of a VM takes. */
const MOST_ADDRESSES = 128;

/** The addresses of the VM, IPv4 first, each family by its order. What is known best of an address counts. */
export function adoptedAddresses(sources: AddressSources): AdoptedAddress[] {
  const mains = cloudInitAddresses(sources.ipconfig0);
  const found = distinct([...reserved(sources), ...remembered(sources), ...mains, ...members(sources)]);
  // On the network card is the main one, whatever else is said. The order that was written down is that of the first
  // attempt: when some reservations are moved and others are not yet, theirs is another one.
  const ranks = [...mains, ...remembered(sources)].map(({ address }) => address);
  const rank = ({ address }: Found): number => (ranks.includes(address) ? ranks.indexOf(address) : ranks.length);
  const ordered = found.toSorted((left, right) => rank(left) - rank(right)).slice(0, MOST_ADDRESSES);
  return (['IPv4', 'IPv6'] as const).flatMap((family) => {
    const own = ordered.filter((one) => one.family === family);
    const prefixLength = own.find((one) => one.prefixLength !== undefined)?.prefixLength;
    return own.map((one, order) => ({ ...completed(one, sources, prefixLength), order }));
  });
}

function reserved({ reservations }: AddressSources): Found[] {
  return reservations
    .toSorted((left, right) => left.spec.order - right.spec.order)
    .flatMap(({ spec }) => {
      const { address, bridge, vlan, prefixLength, gateway, nameservers, poolName } = spec;
      return foundAddress(address, { bridge, vlan, prefixLength, gateway, nameservers, poolName });
    });
}

function remembered({ remembered: addresses, network }: AddressSources): Found[] {
  return addresses.flatMap(({ address, prefixLength, gateway, nameservers, pool }) =>
    foundAddress(address, { ...network, prefixLength, gateway, nameservers, poolName: pool }),
  );
}

function members({ ipset }: AddressSources): Found[] {
  // A member that stands for a whole network is no address of the VM.
  return ipset.flatMap((member) => foundAddress(hostOf(member) ?? '', {}));
}

function hostOf(member: string): string | undefined {
  const [address = '', length] = member.split('/');
  return length === undefined || length === (address.includes(':') ? '128' : '32') ? address : undefined;
}

function cloudInitAddresses(line: string | undefined): Found[] {
  const { ip, gw, ip6, gw6 } = parsedLine(line);
  return [
    { cidr: ip, gateway: gw },
    { cidr: ip6, gateway: gw6 },
  ].flatMap(({ cidr = '', gateway }) => {
    const [address = '', length = ''] = cidr.split('/');
    // A mask of 0 is none: everything would be a neighbour.
    return foundAddress(address, { prefixLength: Number(length) || undefined, gateway });
  });
}

// What cannot be read says nothing; Proxmox VE itself would not take it.
function parsedLine(line: string | undefined): ReturnType<typeof parseIpConfig> {
  try {
    return line === undefined ? {} : parseIpConfig(line);
  } catch (error) {
    if (error instanceof PropertyStringError) return {};
    throw error;
  }
}

function foundAddress(text: string, known: Partial<Known>): Found[] {
  const address = canonicalAddress(text);
  const family = address === undefined ? undefined : parseAddress(address)?.family;
  if (address === undefined || family === undefined) return [];
  const said = Object.entries(known).filter(([, value]) => value !== undefined);
  return [{ ...Object.fromEntries(said), address, family }];
}

function distinct(found: readonly Found[]): Found[] {
  const byAddress = new Map<string, Found>();
  for (const one of found) byAddress.set(one.address, { ...one, ...byAddress.get(one.address) });
  return [...byAddress.values()];
}

function completed(one: Found, sources: AddressSources, familyPrefix?: number): Known {
  const place = { bridge: one.bridge ?? sources.network.bridge, vlan: one.vlan ?? sources.network.vlan };
  const pool = poolOf(one.address, place, sources);
  const prefixLength = familyPrefix ?? (one.family === 'IPv4' ? 32 : 128);
  return { poolName: NO_POOL, prefixLength, ...(pool === undefined ? {} : saidBy(pool)), ...one, ...place };
}

function poolOf(address: string, place: Network, { clusterName, pools }: AddressSources): IPPool | undefined {
  return pools.find(
    ({ spec }) =>
      spec.clusterRef.name === clusterName && sameNetwork(poolNetwork(spec), place) && hasAddress(spec, address),
  );
}

function saidBy({ metadata, spec: { prefixLength, gateway, nameservers } }: IPPool): Partial<Known> {
  return {
    poolName: metadata.name,
    prefixLength,
    ...(gateway === undefined ? {} : { gateway }),
    ...(nameservers === undefined ? {} : { nameservers }),
  };
}

function hasAddress({ first, last, family }: IPPool['spec'], text: string): boolean {
  const [address, low, high] = [text, first, last].map((one) => parseAddress(one));
  if (address === undefined || low === undefined || high === undefined || address.family !== family) return false;
  return low.family === family && high.family === family && low.value <= address.value && address.value <= high.value;
}
