// Names of the reverse tree: the PTR name of an address, also in a classless zone.
import { isIPv4, isIPv6 } from 'node:net';
import { Address6 } from 'ip-address';

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
