// Address arithmetic: strict reading, RFC 5952 printing, networks as pairs of numbers.
import { isIPv4, isIPv6 } from 'node:net';
import { Address4, Address6 } from 'ip-address';

export type Family = 'IPv4' | 'IPv6';

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** First and last address of a range, both included. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

const BITS = { IPv4: 32, IPv6: 128 } as const;

/** Number of bits of an address of the family. */
export function addressBits(family: Family): number {
  return BITS[family];
}

/** Reads an address. Zones (`%eth0`), prefixes (`/24`), leading zeros and short forms such as `10.1` are no addresses. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 'IPv4', value: new Address4(text).bigInt() };
  // Node.js and the library take a zone along, which means nothing on another machine.
  if (isIPv6(text) && !text.includes('%')) return { family: 'IPv6', value: new Address6(text).bigInt() };
  return undefined;
}

/** The one spelling of an address: dotted decimal, or RFC 5952. */
export function printAddress({ family, value }: Address): string {
  if (family === 'IPv6') return Address6.fromBigInt(value).correctForm();
  // By hand: the search for a free address prints thousands of them, and the library takes microseconds for each.
  const number = Number(value);
  return [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join('.');
}

/** An address in its one spelling, or undefined when the text is no address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && printAddress(address);
}

/**
 * An address as it may stand in the name of a Kubernetes object: `192-0-2-7`, and all eight groups of IPv6 joined with
 * hyphens. Different spellings of an address give the same name. Throws RangeError when the text is no address.
 */
export function expandedAddress(text: string): string {
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(`${JSON.stringify(text.slice(0, 60))} is no IP address.`);
  if (address.family === 'IPv4') return printAddress(address).replaceAll('.', '-');
  return Address6.fromBigInt(address.value).canonicalForm().replaceAll(':', '-');
}

/** The network that an address is in. Throws RangeError for a prefix length that the family does not have. */
export function networkOf(address: Address, prefixLength: number): AddressRange {
  const bits = BITS[address.family];
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits) {
    throw new RangeError(`An ${address.family} network has no prefix length of ${prefixLength}.`);
  }
  const hostBits = BigInt(bits - prefixLength);
  const first = (address.value >> hostBits) << hostBits;
  return { first, last: first + (1n << hostBits) - 1n };
}

/** Whether an address is in the network of another one; never across families. */
export function inNetwork(address: Address, network: Address, prefixLength: number): boolean {
  if (address.family !== network.family) return false;
  const { first, last } = networkOf(network, prefixLength);
  return address.value >= first && address.value <= last;
}

/** Whether an address works on its own link only (fe80::/10), as gateways of IPv6 networks often do. */
export function isLinkLocal(address: Address): boolean {
  return address.family === 'IPv6' && address.value >> 118n === 0x3fan;
}
