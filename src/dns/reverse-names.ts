// Names of the reverse tree: the PTR name of an address, and the zone that holds a network's PTR records.
import { isIPv4, isIPv6 } from 'node:net';
import { Address6 } from 'ip-address';

/** What zoneHint says of a network whose prefix does not end on a label boundary of the reverse tree (RFC 2317). */
export const CLASSLESS_DELEGATION = 'classless delegation required';

const BITS_PER_OCTET = 8;
const BITS_PER_NIBBLE = 4;

/** The family of an address in text, or undefined when it is none; prefixes ("/24") and scopes ("%eth0") are refused. */
export function addressFamily(address: string): 4 | 6 | undefined {
  if (isIPv4(address)) return 4;
  return isIPv6(address) && !address.includes('%') ? 6 : undefined;
}

/** An address in the one spelling it is compared in: IPv6 as RFC 5952 has it. Throws RangeError when it is no address. */
export function canonicalAddress(address: string): string {
  return requiredFamily(address) === 4 ? address : new Address6(address).correctForm();
}

/** The name of an address's PTR record, for example 7.2.0.192.in-addr.arpa. Throws RangeError when it is no address. */
export function reverseName(address: string): string {
  return [...addressLabels(address).reverse(), treeOf(address)].join('.');
}

/**
 * The reverse zone whose records are exactly those of a network, or CLASSLESS_DELEGATION. IPv4 is split at /8, /16 and
 * /24, IPv6 at every fourth bit. Host bits of the address are ignored. Throws RangeError for what is no network.
 */
export function zoneHint(address: string, prefixLength: number): string {
  const family = requiredFamily(address);
  const bits = family === 4 ? 32 : 128;
  if (!Number.isInteger(prefixLength) || prefixLength < 1 || prefixLength > bits) {
    throw new RangeError(`"${prefixLength}" is no prefix length of an IPv${family} network.`);
  }
  const bitsPerLabel = family === 4 ? BITS_PER_OCTET : BITS_PER_NIBBLE;
  // An IPv4 /32 is a single name of its /24 zone, not a zone that anybody delegates.
  const aligned = prefixLength % bitsPerLabel === 0 && !(family === 4 && prefixLength === bits);
  if (!aligned) return CLASSLESS_DELEGATION;
  const labels = addressLabels(address).slice(0, prefixLength / bitsPerLabel);
  return [...labels.reverse(), treeOf(address)].join('.');
}

/**
 * The name that a PTR record has inside a classless zone (RFC 2317), or undefined when the zone is none or does not cover
 * the address. Both customary spellings are known, by prefix and by range: 7.2.0.192.in-addr.arpa is
 * 7.0/26.2.0.192.in-addr.arpa in the zone 0/26.2.0.192.in-addr.arpa, and 7.0-63.2.0.192.in-addr.arpa in 0-63.….
 */
export function classlessName(name: string, zoneName: string): string | undefined {
  const [, octet, network] = /^(\d{1,3})\.(\d{1,3}\.\d{1,3}\.\d{1,3}\.in-addr\.arpa)$/.exec(name) ?? [];
  const [, first, separator, end, parent] = /^(\d{1,3})([/-])(\d{1,3})\.(.+)$/.exec(zoneName) ?? [];
  if (octet === undefined || network !== parent) return undefined;
  const last = separator === '/' ? Number(first) + 2 ** (32 - Number(end)) - 1 : Number(end);
  return Number(octet) >= Number(first) && Number(octet) <= last ? `${octet}.${zoneName}` : undefined;
}

function addressLabels(address: string): string[] {
  if (requiredFamily(address) === 4) return address.split('.');
  return new Address6(address).canonicalForm().replaceAll(':', '').split('');
}

function treeOf(address: string): string {
  return requiredFamily(address) === 4 ? 'in-addr.arpa' : 'ip6.arpa';
}

function requiredFamily(address: string): 4 | 6 {
  const family = addressFamily(address);
  if (family === undefined) throw new RangeError(`"${address}" is no IP address.`);
  return family;
}
