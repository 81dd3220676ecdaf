// Whether a text is an IP address.

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/;

/** Whether the text is an IPv4 address. */
export function isIpv4(value: string): boolean {
  return ipv4.test(value);
}

/** Whether the text is an IPv6 address (compressed forms included, no zone). */
export function isIpv6(value: string): boolean {
  if (!/^[0-9a-fA-F:.]+$/.test(value) || !value.includes(':')) return false;
  return URL.canParse(`http://[${value}]/`);
}
