// The named value formats of the API and the texts Proxmox VE refuses a value with.

import {
  addressComplaint,
  addressListComplaint,
  icmpComplaint,
  portsComplaint,
  protocolComplaint,
} from './firewall-values.ts';
import { isIpv4, isIpv6 } from './ip.ts';

type Check = (value: string) => string | undefined;

function matching(pattern: RegExp, complaint: (value: string) => string): Check {
  return (value) => (pattern.test(value) ? undefined : complaint(value));
}

/** Whether the text is a network with a prefix Proxmox takes for hosts (at least 8). */
function isCidr(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  if (prefix === undefined || rest.length > 0 || !/^\d+$/.test(prefix) || Number(prefix) < 8) return false;
  if (isIpv4(address)) return Number(prefix) <= 32;
  return isIpv6(address) && Number(prefix) <= 128;
}

const dnsLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const dnsName = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);
const hotplugFeatures = new Set(['network', 'disk', 'cpu', 'memory', 'usb', 'cloudinit']);

function hotplug(value: string): string | undefined {
  if (value === '0' || value === '1') return undefined;
  const bad = splitList(value).find((part) => !hotplugFeatures.has(part));
  return bad === undefined ? undefined : `invalid hotplug feature '${bad}'`;
}

const diskSlot = /^(?:ide[0-3]|sata[0-5]|scsi(?:[0-2]?\d|30)|virtio(?:\d|1[0-5])|efidisk0|tpmstate0)$/;
const bootDevice = new RegExp(`${diskSlot.source}|^(?:net|usb|hostpci)\\d+$`);

const cpuModels = new Set([
  'host',
  'max',
  'kvm32',
  'kvm64',
  'qemu32',
  'qemu64',
  'x86-64-v2',
  'x86-64-v2-AES',
  'x86-64-v3',
  'x86-64-v4',
  '486',
  'athlon',
  'phenom',
  'core2duo',
  'coreduo',
  'pentium',
  'pentium2',
  'pentium3',
  'Conroe',
  'Penryn',
  'KnightsMill',
  'GraniteRapids',
  'SapphireRapids',
  'SierraForest',
]);

/** Vendor families come in many versions; their names are taken by shape. */
function isCpuModel(value: string): boolean {
  const families =
    /^(?:Nehalem|Westmere|SandyBridge|IvyBridge|Haswell|Broadwell|Skylake-(?:Client|Server)|Cascadelake-Server|Cooperlake|Icelake-(?:Client|Server)|Opteron_G[1-5]|EPYC)(?:-[\w-]+)?$/;
  return cpuModels.has(value) || families.test(value) || value.startsWith('custom-');
}

function storageIdComplaint(value: string): string | undefined {
  if (value.length < 2) return `storage ID '${value}' cannot be shorter than 2 characters`;
  return /^[a-z][a-z0-9\-_.]*[a-z0-9]$/i.test(value) ? undefined : `storage ID '${value}' contains illegal characters`;
}

/** `source:target`, a target for everything, or 1 for the same on the other side. */
function storagePairComplaint(value: string): string | undefined {
  if (value === '1') return undefined;
  const [source = '', target, ...rest] = value.split(':');
  if (target !== undefined && rest.length === 0) {
    const complaint = storageIdComplaint(source) ?? storageIdComplaint(target);
    return complaint === undefined ? undefined : `entry '${value}' contains invalid ID - ${complaint}\n\n`;
  }
  const complaint = storageIdComplaint(value);
  return complaint === undefined ? undefined : `default target '${value}' is not a valid ID - ${complaint}\n\n`;
}

function startupComplaint(value: string): string | undefined {
  const parts = value.split(',').filter((part) => part.trim() !== '');
  const good = parts.every((part) => /^(?:(?:order=)?\d+|up=\d+|down=\d+)$/.test(part));
  return good ? undefined : 'unable to parse startup options';
}

function cpusetComplaint(value: string): string | undefined {
  const good = value.split(',').every((part) => {
    const [, first, last] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    return first !== undefined && (last === undefined || Number(first) <= Number(last));
  });
  return good ? undefined : 'unable to parse cpuset option';
}

function isAddress(value: string): boolean {
  return isIpv4(value) || isIpv6(value) || dnsName.test(value);
}

const userName = '[\\w+\\-~]+(?:\\.[\\w+\\-~]+)*';
const email = new RegExp(`^${userName}@[a-zA-Z0-9-]+(?:\\.[a-zA-Z0-9-]+)*$`);
const emailOrUserName = new RegExp(`${email.source}|^${userName}$`);

const weekdays = '(?:mon|tue|wed|thu|fri|sat|sun)(?:(?:,|\\.\\.)(?:mon|tue|wed|thu|fri|sat|sun))*';
const clockFields = '[\\d*][\\d*/,.]*(?::[\\d*][\\d*/,.]*){0,2}';
const date = '[\\d*][\\d*/,.]*(?:-[\\d*][\\d*/,.]*){1,2}';
const calendarShape = new RegExp(
  `^(?=\\S)(?:minutely|hourly|daily|weekly|monthly|yearly|quarterly|semiannually|(?:${weekdays})?(?:(?:^|\\s+)${date})?(?:(?:^|\\s+)${clockFields})?)$`,
  'i',
);

const identifier = /^[a-z][a-z0-9_-]+$/i;
const diskSize = /^\d+(\.\d+)?[KMGT]?$/;

const checks: Readonly<Record<string, Check>> = {
  'pve-node': matching(new RegExp(`^${dnsLabel}$`), () => 'value does not look like a valid node name'),
  'pve-vmid': (value) => (/^[1-9]\d{2,8}$/.test(value) ? undefined : 'value does not look like a valid VM ID'),
  'dns-name': matching(dnsName, () => 'value does not look like a valid DNS name'),
  'pve-storage-id': storageIdComplaint,
  'pve-configid': matching(identifier, (value) => `invalid configuration ID '${value}'`),
  'pve-poolid': matching(
    /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+){0,2}$/,
    (value) => `pool name '${value}' contains invalid characters`,
  ),
  'pve-volume-id': matching(/^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$/i, (value) => `unable to parse volume ID '${value}'`),
  'pve-volume-id-or-qm-path': (value) =>
    value === 'none' || value === 'cdrom' || value.startsWith('/') || /^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$/i.test(value)
      ? undefined
      : `unable to parse volume ID '${value}'`,
  'pve-volume-id-or-absolute-path': (value) =>
    value.startsWith('/') || /^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$/i.test(value)
      ? undefined
      : `unable to parse volume ID '${value}'`,
  'disk-size': matching(diskSize, (value) => `value does not look like a valid disk size: ${value}`),
  'pve-bridge-id': matching(/^[-_.\w\d]+$/, () => 'invalid bridge name'),
  'mac-addr': matching(
    /^[a-f0-9][02468ace](?::[a-f0-9]{2}){5}$/i,
    () => 'value does not look like a valid unicast MAC address',
  ),
  urlencoded: matching(/^[-%a-zA-Z0-9_.!~*'()]*$/, (value) => `invalid urlencoded string: ${value}`),
  ipv4: (value) => (isIpv4(value) ? undefined : 'value does not look like a valid IPv4 address'),
  ipv6: (value) => (isIpv6(value) ? undefined : 'value does not look like a valid IPv6 address'),
  'pve-ipv4-config': (value) =>
    value === 'dhcp' || (isIpv4(value.split('/')[0] ?? '') && isCidr(value))
      ? undefined
      : 'value does not look like a valid ipv4 network configuration',
  'pve-ipv6-config': (value) =>
    value === 'dhcp' || value === 'auto' || (isIpv6(value.split('/')[0] ?? '') && isCidr(value))
      ? undefined
      : 'value does not look like a valid ipv6 network configuration',
  CIDR: (value) => (isCidr(value) ? undefined : 'value does not look like a valid CIDR network'),
  'pve-hotplug-features': hotplug,
  'pve-boot-device': matching(bootDevice, (value) => `invalid boot device '${value}'`),
  'pve-tag': matching(/^[a-z0-9_][a-z0-9_\-+.]*$/i, () => 'invalid characters in tag'),
  'storage-pair': storagePairComplaint,
  'pve-storage-content': matching(
    /^(?:images|rootdir|vztmpl|iso|backup|snippets|import|none)$/,
    (value) => `invalid content type '${value}'`,
  ),
  'pve-startup-order': startupComplaint,
  'pve-cpuset': cpusetComplaint,
  'pve-qm-bootdisk': matching(diskSlot, (value) => `invalid boot disk '${value}'`),
  address: (value) => (isAddress(value) ? undefined : `value does not look like a valid address: ${value}`),
  email: matching(email, () => 'value does not look like a valid email address'),
  'email-or-username': matching(emailOrUserName, () => 'value does not look like a valid email address or user name'),
  'mac-prefix': matching(
    /^[a-f0-9][02468ace](?::[a-f0-9]{2}){0,2}:?$/i,
    () => 'value is not a valid unicast MAC address prefix',
  ),
  'pve-realm': matching(/^[A-Za-z][A-Za-z0-9.\-_]+$/, () => 'value does not look like a valid realm'),
  'pve-ha-resource-id': matching(/^[a-z]+:\S+$/, () => 'value does not look like a valid ha resource id'),
  'pve-ha-resource-or-vm-id': matching(
    /^(?:[a-z]+:\S+|\d+)$/,
    () => 'value does not look like a valid ha resource or vm id',
  ),
  'pve-ha-node': matching(new RegExp(`^${dnsLabel}(?::\\d+)?$`), () => 'value does not look like a valid ha node'),
  'pve-fw-addr-spec': addressListComplaint,
  'pve-fw-protocol-spec': protocolComplaint,
  'pve-fw-sport-spec': portsComplaint,
  'pve-fw-dport-spec': portsComplaint,
  'pve-fw-icmp-type-spec': icmpComplaint,
  IPorCIDRorAlias: (value) => addressComplaint(value, true),
  IPorCIDR: (value) => addressComplaint(value, false),
  'pve-cpu-type': (value) =>
    isCpuModel(value) ? undefined : `Built-in cputype '${value}' is not defined (missing 'custom-' prefix?)`,
  'pve-iface': matching(/^[a-z][a-z0-9_]{1,20}([:.]\d+)?$/i, () => 'invalid network interface name'),
  'pve-priv': matching(/^[A-Z][A-Za-z]*(?:\.[A-Z][A-Za-z]*)+$/, (value) => `invalid privilege '${value}'`),
  'pve-task-status-type': matching(/^(?:ok|error|warning|unknown)$/i, () => 'invalid status'),
  'pve-calendar-event': (value) =>
    calendarShape.test(value)
      ? undefined
      : `invalid calendar event '${value}' - unable to parse calendar event '${value}'\n`,
  'pve-day-of-week': matching(/^(?:mon|tue|wed|thu|fri|sat|sun)$/i, (value) => `invalid day '${value}'`),
};

/** Formats that accept a list; an empty element is skipped as Proxmox's list splitting does. */
const listSuffixes = ['-list', '-alist', '-opt'];

/** The complaint about a value of that format, or undefined when it is fine or the format is unknown here. */
export function complaintAbout(format: string, value: string): string | undefined {
  const check = checks[format];
  if (check !== undefined) return check(value);
  const suffix = listSuffixes.find((ending) => format.endsWith(ending));
  if (suffix === undefined) return undefined;
  if (suffix === '-opt' && value === '') return undefined;
  const element = checks[format.slice(0, -suffix.length)];
  if (element === undefined) return undefined;
  return splitList(value)
    .map((part) => element(part))
    .find((complaint) => complaint !== undefined);
}

/** Splits a list the way Proxmox does: by comma, semicolon, NUL or white space. */
export function splitList(value: string): string[] {
  return value.split(/[,;\0\s]+/).filter((part) => part !== '');
}
