// Cloud-init of a VM: what is pending, writing the drive anew, and the documents it holds.
import { createHash } from 'node:crypto';
import { node, oneOf, required, vmid } from '../schema/parameter.ts';
import { regenerateCloudInit } from '../state/cloud-init.ts';
import { drivesOf, isCloudInit, parseNet } from '../state/drive.ts';
import type { Options, Vm } from '../state/vm.ts';
import { isCloudInitOption, shownValue } from './config/option-groups.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

function vmOf(call: Call): Vm {
  return call.world.vm(Number(call.params['vmid']), textOf(call.params['node']));
}

function hasDrive(vm: Vm): boolean {
  return drivesOf(vm.options).some(([, drive]) => isCloudInit(drive));
}

const listed = new Set([
  'cicustom',
  'cipassword',
  'citype',
  'ciupgrade',
  'ciuser',
  'nameserver',
  'searchdomain',
  'sshkeys',
  'name',
]);

function pendingItems(call: Call): unknown {
  const vm = vmOf(call);
  const generated: Options = hasDrive(vm) && vm.running !== undefined ? (vm.cloudInit ?? {}) : vm.options;
  const keys = new Set(
    [...Object.keys(vm.options), ...Object.keys(generated)].filter((key) => isCloudInitOption(key) || listed.has(key)),
  );
  const items: Record<string, unknown>[] = [];
  for (const key of keys) {
    const now = vm.options[key];
    const old = generated[key];
    if (now === old && (key === 'name' || /^ipconfig/.test(key))) continue;
    if (now === old) items.push({ key, value: shownValue(key, now ?? '') });
    else if (now === undefined) items.push({ key, value: shownValue(key, old ?? ''), delete: 1 });
    else
      items.push({ key, ...(old === undefined ? {} : { value: shownValue(key, old) }), pending: shownValue(key, now) });
  }
  return items;
}

function userData(vm: Vm): string {
  const { options } = vm;
  const domain = options['searchdomain']?.trim().split(/[\s,;]+/)[0];
  const host = options['name'] ?? `VM${vm.vmid}`;
  const short = host.split('.')[0] ?? host;
  const lines = ['#cloud-config', `hostname: ${short}`, 'manage_etc_hosts: true'];
  lines.push(`fqdn: ${host.includes('.') ? host : domain === undefined || domain === '' ? host : `${host}.${domain}`}`);
  if (options['ciuser'] !== undefined) lines.push(`user: ${options['ciuser']}`);
  if (options['cipassword'] !== undefined) lines.push(`password: ${options['cipassword']}`);
  const keys = decodeURIComponent(options['sshkeys'] ?? '')
    .split('\n')
    .filter((key) => key.trim() !== '');
  if (keys.length > 0) lines.push('ssh_authorized_keys:', ...keys.map((key) => `  - ${key}`));
  lines.push('chpasswd:', '  expire: False');
  if (options['ciuser'] !== 'root') lines.push('users:', '  - default');
  lines.push(`package_upgrade: ${options['ciupgrade'] === '0' ? 'false' : 'true'}`);
  return `${lines.join('\n')}\n`;
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
  const servers = (vm.options['nameserver'] ?? '').split(/[\s,;]+/).filter((server) => server !== '');
  const domains = (vm.options['searchdomain'] ?? '').split(/[\s,;]+/).filter((domain) => domain !== '');
  if (servers.length > 0 || domains.length > 0) {
    lines.push('    - type: nameserver');
    if (servers.length > 0) lines.push('      address:', ...servers.map((server) => `      - '${server}'`));
    if (domains.length > 0) lines.push('      search:', ...domains.map((domain) => `      - '${domain}'`));
  }
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
