// Answers whether a URL leads to the operator itself, to its host, or to the metadata service of a cloud.
import { BlockList, isIP } from 'node:net';

/** Names under which a host reaches itself or asks its cloud who it is. */
const LOCAL_NAME = /^(localhost|.*\.localhost|localhost\.localdomain|metadata|metadata\.google\.internal)$/;

const LOCAL = new BlockList();
LOCAL.addSubnet('0.0.0.0', 8);
LOCAL.addSubnet('127.0.0.0', 8);
// Link-local; 169.254.169.254 answers for most clouds.
LOCAL.addSubnet('169.254.0.0', 16);
LOCAL.addSubnet('::', 127, 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');
// Metadata services of Alibaba Cloud and, by IPv6, of Amazon.
LOCAL.addAddress('100.100.100.200');
LOCAL.addAddress('fd00:ec2::254', 'ipv6');

/**
 * The host of a URL in the one spelling that it is connected to, or undefined when the URL cannot be read. A URL parser
 * takes 0x7f.1 and 2130706433 for the address that they are.
 */
export function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '') : undefined;
}

/** Whether a host, as `hostOf` spells it, is local. What a name resolves to is not looked up. */
export function isLocalTarget(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return LOCAL_NAME.test(host);
  return LOCAL.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** Scheme, host and port of a URL in one spelling, to tell whether two lead to the same server; undefined as for `hostOf`. */
export function serverOf(url: string, defaultPort: number): string | undefined {
  const host = hostOf(url);
  if (host === undefined) return undefined;
  const { port } = new URL(url);
  // What a URL leaves out is not always what its client adds.
  return `${host} ${port === '' ? defaultPort : port}`;
}
