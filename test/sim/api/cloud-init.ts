// Cloud-init of a VM: what is pending, writing the drive anew, and the documents it holds.
import { createHash } from 'node:crypto';
import { node, oneOf, required, vmid } from '../schema/parameter.ts';
import { regenerateCloudInit } from '../state/cloud-init.ts';
import { drivesOf, isCloudInit, parseNet } from '../state/drive.ts';
import type { Options, Vm } from '../state/vm.ts';
import { isCloudInitOption, requireUnlocked, shownValue } from './config/option-groups.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

function vmOf(call: Call): Vm {
  return call.world.vm(Number(call.params['vmid']), textOf(call.params['node']));
}

function hasDrive(vm: Vm): boolean {
  return drivesOf(vm.options).some(([, drive]) => isCloudInit(drive));
}

/** Options that are listed whether they changed or not. */
const listed = ['cicustom', 'cipassword', 'citype', 'ciupgrade', 'ciuser', 'nameserver', 'searchdomain', 'sshkeys'];

/**
 * What the drive was made of and what it would be made of now: first what was added since, then what is listed in any
 * case, last what is gone. A name or an address that merely changed is told nowhere.
 */
function pendingItems(call: Call): unknown {
  const vm = vmOf(call);
  const now = vm.options;
  const made: Options = hasDrive(vm) && vm.running !== undefined ? (vm.cloudInit ?? {}) : now;
  const added = Object.keys(now).filter((key) => isDriveInput(key) && made[key] === undefined);
  const kept = listed.filter((key) => isTrue(now[key]) && !added.includes(key));
  const gone = Object.keys(made).filter((key) => isDriveInput(key) && made[key] !== now[key] && !isTrue(now[key]));
  return [
    ...added.map((key) => ({ key, pending: shownValue(key, now[key] ?? '') })),
    ...kept.map((key) => keptItem(key, made[key] ?? '', now[key] ?? '')),
    ...gone.map((key) => ({ key, delete: 1 })),
  ];
}

function isDriveInput(key: string): boolean {
  return key === 'name' || isCloudInitOption(key);
}

/** Perl takes 0 for nothing. */
function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}

function keptItem(key: string, made: string, now: string): Record<string, unknown> {
  if (made === now) return { key, value: shownValue(key, now) };
  return { key, value: shownValue(key, made), pending: shownValue(key, now) };
}

function userData(vm: Vm): string {
  const { options } = vm;
  const host = options['name'] ?? `VM${vm.vmid}`;
  const lines = [
    '#cloud-config',
    `hostname: ${host.split('.')[0] ?? host}`,
    'manage_etc_hosts: true',
    `fqdn: ${fullName(host, options)}`,
  ];
  if (options['ciuser'] !== undefined) lines.push(`user: ${options['ciuser']}`);
  if (options['cipassword'] !== undefined) lines.push(`password: ${options['cipassword']}`);
  lines.push(...keyLines(options), 'chpasswd:', '  expire: False');
  if (options['ciuser'] !== 'root') lines.push('users:', '  - default');
  lines.push(`package_upgrade: ${options['ciupgrade'] === '0' ? 'false' : 'true'}`);
  return `${lines.join('\n')}\n`;
}

function fullName(host: string, options: Options): string {
  const domain = options['searchdomain']?.trim().split(/[\s,;]+/)[0] ?? '';
  return host.includes('.') || domain === '' ? host : `${host}.${domain}`;
}

function keyLines(options: Options): string[] {
  const keys = decodeURIComponent(options['sshkeys'] ?? '')
    .split('\n')
    .filter((key) => key.trim() !== '');
  return keys.length === 0 ? [] : ['ssh_authorized_keys:', ...keys.map((key) => `  - ${key}`)];
}

function netmask(prefix: number): string {
  const bits = (2 ** 32 - 2 ** (32 - prefix)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

function subnets(config: string): string[] {
  const given = new Map(config.split(',').map((part) => part.split('=') as [string, string]));
  const lines: string[] = [];
  const ip = given.get('ip');
  if (ip === 'dhcp') lines.push('      - type: dhcp4');
  else if (ip !== undefined) {
    const [address, prefix] = ip.split('/');
    lines.push(
      '      - type: static',
      `        address: '${address}'`,
      `        netmask: '${netmask(Number(prefix))}'`,
    );
    if (given.has('gw')) lines.push(`        gateway: '${given.get('gw')}'`);
  }
  const ip6 = given.get('ip6');
  if (ip6 === 'dhcp' || ip6 === 'auto') lines.push(`      - type: ${ip6 === 'dhcp' ? 'dhcp6' : 'ipv6_slaac'}`);
  else if (ip6 !== undefined) {
    lines.push('      - type: static6', `        address: '${ip6}'`);
    if (given.has('gw6')) lines.push(`        gateway: '${given.get('gw6')}'`);
  }
  return lines;
}

function resolverLines(options: Options): string[] {
  const words = (text: string | undefined): string[] => (text ?? '').split(/[\s,;]+/).filter((word) => word !== '');
  const servers = words(options['nameserver']).map((server) => `      - '${server}'`);
  const domains = words(options['searchdomain']).map((domain) => `      - '${domain}'`);
  if (servers.length + domains.length === 0) return [];
  const lines = ['    - type: nameserver'];
  if (servers.length > 0) lines.push('      address:', ...servers);
  if (domains.length > 0) lines.push('      search:', ...domains);
  return lines;
}

function networkData(vm: Vm): string {
  const lines = ['version: 1', 'config:'];
  for (const key of Object.keys(vm.options)
    .filter((option) => /^net\d+$/.test(option))
    .sort()) {
    const number = key.slice(3);
    const mac = parseNet(vm.options[key] ?? '')?.['macaddr']?.toLowerCase();
    lines.push('    - type: physical', `      name: eth${number}`, `      mac_address: '${mac}'`);
    const config = vm.options[`ipconfig${number}`];
    if (config !== undefined) lines.push('      subnets:', ...subnets(config));
  }
  lines.push(...resolverLines(vm.options));
  return `${lines.join('\n')}\n`;
}

function dump(call: Call): unknown {
  const vm = vmOf(call);
  const type = textOf(call.params['type']);
  if (type === 'user') return userData(vm);
  if (type === 'network') return networkData(vm);
  return `instance-id: ${createHash('sha1')
    .update(userData(vm) + networkData(vm))
    .digest('hex')}\n`;
}

export const cloudInitRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/cloudinit',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    proxied: true,
    parameters: { node, vmid },
    run: pendingItems,
  },
  {
    method: 'PUT',
    path: '/nodes/{node}/qemu/{vmid}/cloudinit',
    permission: needs('/vms/{vmid}', 'VM.Config.Cloudinit'),
    proxied: true,
    parameters: { node, vmid },
    run: (call) => {
      const vm = vmOf(call);
      requireUnlocked(vm);
      if (hasDrive(vm)) regenerateCloudInit(vm);
      return null;
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/cloudinit/dump',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    proxied: true,
    parameters: { node, vmid, type: required(oneOf('user', 'network', 'meta')) },
    run: dump,
  },
];
