// Names of the reservation objects. The API server refuses a second object of a name: that is the lock on an address, a VMID or a place in a quota.
import { createHash } from 'node:crypto';
import { expandedAddress } from './ip.ts';

const LONGEST_PLAIN_PART = 63;
const LONGEST_SLUG = 40;
const HASH_CHARACTERS = 32;

/**
 * The name of an address on a network: `<cluster>.<bridge>.<vlan>.<address>`. Every spelling of an address gives the
 * same name. Throws RangeError when the address is none.
 */
export function addressReservationName({
  cluster,
  bridge,
  vlan,
  address,
}: {
  cluster: string;
  bridge: string;
  vlan: number;
  address: string;
}): string {
  return joinedName([cluster, bridge, String(vlan), expandedAddress(address)]);
}

/** The name of a VMID of a cluster: `<cluster>.<vmid>`. */
export function vmidReservationName({ cluster, vmid }: { cluster: string; vmid: number }): string {
  return joinedName([cluster, String(vmid)]);
}

/** The name of a place in the quota of a plan, within the namespace that it is counted in: `<plan>.<number>`. */
export function quotaSlotName({ plan, number }: { plan: string; number: number }): string {
  return joinedName([plan, String(number)]);
}

// Parts are joined with dots, so parts with dots (or capitals or underscores, which Linux bridges may have) would be
// ambiguous or refused. Such a name gets readable stand-ins and a hash of the true parts as one part more: it can
// then equal neither another hashed name nor a plain one.
function joinedName(parts: readonly string[]): string {
  if (parts.every(isPlain)) return parts.join('.');
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, HASH_CHARACTERS);
  return [...parts.map(slug), hash].join('.');
}

function isPlain(part: string): boolean {
  return part.length <= LONGEST_PLAIN_PART && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(part);
}

function slug(part: string): string {
  const short = part
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, LONGEST_SLUG)
    .replaceAll(/^-+|-+$/g, '');
  return short === '' ? 'x' : short;
}
