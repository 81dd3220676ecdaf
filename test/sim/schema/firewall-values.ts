// Addresses, ports, protocols and macros of firewall rules: what is accepted and how it is written down.
import { isIpv4, isIpv6 } from './ip.ts';

const protocols = new Set([
  'tcp',
  'udp',
  'icmp',
  'igmp',
  'ggp',
  'ipencap',
  'st',
  'egp',
  'igp',
  'pup',
  'hmp',
  'xns-idp',
  'rdp',
  'iso-tp4',
  'dccp',
  'xtp',
  'ddp',
  'idpr-cmtp',
  'ipv6',
  'ipv6-route',
  'ipv6-frag',
  'idrp',
  'rsvp',
  'gre',
  'esp',
  'ah',
  'skip',
  'ipv6-icmp',
  'icmpv6',
  'ipv6-nonxt',
  'ipv6-opts',
  'vmtp',
  'eigrp',
  'ospf',
  'ax.25',
  'ipip',
  'etherip',
  'encap',
  'pim',
  'ipcomp',
  'vrrp',
  'l2tp',
  'isis',
  'sctp',
  'fc',
  'mobility-header',
  'udplite',
  'mpls-in-ip',
  'hip',
  'shim6',
  'wesp',
  'rohc',
]);
const services = new Set([
  'ssh',
  'http',
  'https',
  'smtp',
  'domain',
  'ftp',
  'telnet',
  'pop3',
  'imap',
  'ntp',
  'snmp',
  'ldap',
  'mysql',
  'postgresql',
  'submission',
  'imaps',
  'pop3s',
  'ldaps',
  'rsync',
  'nfs',
]);
const icmpTypes = new Set([
  'any',
  'echo-reply',
  'pong',
  'destination-unreachable',
  'network-unreachable',
  'host-unreachable',
  'protocol-unreachable',
  'port-unreachable',
  'fragmentation-needed',
  'source-route-failed',
  'source-quench',
  'redirect',
  'echo-request',
  'ping',
  'router-advertisement',
  'router-solicitation',
  'time-exceeded',
  'ttl-exceeded',
  'parameter-problem',
  'timestamp-request',
  'timestamp-reply',
  'address-mask-request',
  'address-mask-reply',
  'packet-too-big',
  'no-route',
  'bad-header',
  'unknown-option',
  'neighbour-solicitation',
  'neighbour-advertisement',
  'neighbor-solicitation',
  'neighbor-advertisement',
]);

/** Macros the firewall knows, as far as anyone has asked for them. */
export const macros = new Set([
  'Amanda',
  'Auth',
  'BGP',
  'BitTorrent',
  'Ceph',
  'DHCPfwd',
  'DHCPv6',
  'DNS',
  'Distcc',
  'FTP',
  'Finger',
  'GNUnet',
  'GRE',
  'Git',
  'HKP',
  'HTTP',
  'HTTPS',
  'ICPV2',
  'ICQ',
  'IMAP',
  'IMAPS',
  'IPIP',
  'IPP',
  'IPPbrd',
  'IPPserver',
  'IPsec',
  'IPsecah',
  'IPsecnat',
  'IRC',
  'Jetdirect',
  'L2TP',
  'LDAP',
  'LDAPS',
  'MDNS',
  'MSNP',
  'MSSQL',
  'Mail',
  'MongoDB',
  'Munin',
  'MySQL',
  'NNTP',
  'NNTPS',
  'NTP',
  'NeighborDiscovery',
  'OSPF',
  'OpenVPN',
  'PBS',
  'PCA',
  'PMG',
  'POP3',
  'POP3S',
  'PPtP',
  'Ping',
  'PostgreSQL',
  'Printer',
  'RDP',
  'RIP',
  'RNDC',
  'Razor',
  'Rdate',
  'Rsync',
  'SANE',
  'SMB',
  'SMBswat',
  'SMTP',
  'SMTPS',
  'SNMP',
  'SPAMD',
  'SPICEproxy',
  'SSH',
  'SVN',
  'SixXS',
  'Squid',
  'Submission',
  'Syslog',
  'TFTP',
  'Telnet',
  'Telnets',
  'Time',
  'Trcrt',
  'VNC',
  'VNCL',
  'Web',
  'Webcache',
  'Webmin',
  'Whois',
]);

/** The complaint about a protocol name. */
export function protocolComplaint(value: string): string | undefined {
  const known = protocols.has(value.toLowerCase()) || (/^\d+$/.test(value) && Number(value) < 255);
  return known ? undefined : `unknown protocol '${value}'`;
}

function portComplaint(value: string): string | undefined {
  if (/^\d+$/.test(value)) return Number(value) <= 65535 ? undefined : `invalid port '${value}'`;
  return services.has(value) ? undefined : `invalid port '${value}'`;
}

/** The complaint about a list of ports and ranges. */
export function portsComplaint(value: string): string | undefined {
  for (const item of value.split(',')) {
    for (const port of item.split(':')) {
      const complaint = portComplaint(port);
      if (complaint !== undefined) return complaint;
    }
  }
  return undefined;
}

/** The complaint about an ICMP type. */
export function icmpComplaint(value: string): string | undefined {
  const known = icmpTypes.has(value) || /^\d+(?:\/\d+)?$/.test(value);
  return known ? undefined : `invalid icmp-type value '${value}'`;
}

/** 4 or 6 for an address, network or range; undefined for names. */
export function ipVersion(value: string): 4 | 6 | undefined {
  const first = (value.split(',')[0] ?? '').split(/[-/]/)[0] ?? '';
  if (isIpv4(first) || /^\d+(?:\.\d+){2}$/.test(first)) return 4;
  return isIpv6(first) ? 6 : undefined;
}

/** The complaint about an address, network or alias name. */
export function addressComplaint(value: string, aliasAllowed: boolean): string | undefined {
  const [address = '', prefix] = value.split('/');
  if (isIpv4(address) || isIpv6(address)) {
    const bits = isIpv4(address) ? 32 : 128;
    if (prefix === undefined) return undefined;
    if (!/^\d+$/.test(prefix)) return 'value does not look like a valid IP address or CIDR network';
    return Number(prefix) > bits ? `Prefix length ${prefix} is longer than IP address (${bits})` : undefined;
  }
  if (aliasAllowed && /^(?:dc\/|guest\/)?[A-Za-z][A-Za-z0-9\-_]+$/.test(value)) return undefined;
  return 'value does not look like a valid IP address or CIDR network';
}

/** The complaint about one address, network or range; the words are those of the library Proxmox reads them with. */
function listedComplaint(value: string): string | undefined {
  const [address = '', ...more] = value.split(/[-/]/);
  const quad = /^[\d.]+$/.test(address) ? address.split('.').find((part) => Number(part) > 255) : undefined;
  if (quad !== undefined) return `invalid IP address: Invalid quad in IP address ${address} - ${quad}`;
  const isRange = value.includes('-');
  const good =
    more.length < 2 &&
    more.every((part) => (isRange ? isAddressText(part) : /^\d+$/.test(part) && Number(part) <= 128));
  return isAddressText(address) && good ? undefined : `invalid IP address: Invalid chars in IP ${value}`;
}

function isAddressText(value: string): boolean {
  return isIpv4(value) || isIpv6(value) || /^\d+(?:\.\d+){1,2}$/.test(value);
}

/** The complaint about the source or destination of a rule: an IP set, an alias, or addresses of one version. */
export function addressListComplaint(value: string): string | undefined {
  if (/^\+\S+$/.test(value)) return value.length > 65 ? 'ipset name too long' : undefined;
  if (/^(?:dc\/|guest\/)?[A-Za-z][A-Za-z0-9\-_]+$/.test(value))
    return value.length > 64 ? 'alias name too long' : undefined;
  const items = value.split(',');
  const complaint = items.map((item) => listedComplaint(item)).find((text) => text !== undefined);
  if (complaint !== undefined) return complaint;
  if (new Set(items.map((item) => ipVersion(item))).size > 1)
    return `detected mixed ipv4/ipv6 addresses in address list '${value}'`;
  return items.length > 1 && value.includes('-') ? "you can't use a range in a list" : undefined;
}

/** The address or network as it is stored: host bits cleared, full prefixes dropped. */
export function cleanNetwork(value: string): string {
  const [address = '', prefix] = value.split('/');
  if (prefix === undefined) return address.toLowerCase();
  const bits = Number(prefix);
  if (isIpv4(address)) {
    if (bits === 32) return address;
    const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    const size = 2 ** (32 - bits);
    const cleared = Math.floor(number / size) * size;
    return `${[24, 16, 8, 0].map((shift) => Math.floor(cleared / 2 ** shift) % 256).join('.')}/${bits}`;
  }
  return bits === 128 ? address.toLowerCase() : `${address.toLowerCase()}/${bits}`;
}
