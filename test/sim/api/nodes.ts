// Nodes: the list, status, version, networks, and the VMs of a node.
import { flag, node, oneOf } from '../schema/parameter.ts';
import { liveStatus } from '../state/vm-status.ts';
import type { ClusterNode } from '../state/world.ts';
import { nodeItem, usedMemory } from './node-item.ts';
import { may, needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { statusItem } from './status-item.ts';

function listNodes(call: Call): unknown {
  return [...call.world.nodes.values()].map((one) => {
    const { 'cgroup-mode': _, ...item } = nodeItem(call, one);
    return { ...item, ssl_fingerprint: one.fingerprint };
  });
}

function self(call: Call): ClusterNode {
  return call.world.nodes.get(textOf(call.params['node'])) as ClusterNode;
}

function nodeStatus(call: Call): unknown {
  const one = self(call);
  const used = usedMemory(call, one);
  const release = { machine: 'x86_64', release: '6.17.2-1-pve', sysname: 'Linux', version: '#1 SMP PREEMPT_DYNAMIC' };
  return {
    'boot-info': { mode: 'efi', secureboot: 0 },
    cpu: 0.05,
    cpuinfo: {
      cores: one.cpus,
      cpus: one.cpus,
      flags: '',
      hvm: '1',
      mhz: '2000',
      model: 'simulated',
      sockets: 1,
      user_hz: 100,
    },
    'current-kernel': release,
    idle: 0,
    ksm: { shared: 0 },
    kversion: `${release.sysname} ${release.release} ${release.version}`,
    loadavg: ['0.10', '0.10', '0.10'],
    memory: { available: one.memoryBytes - used, free: one.memoryBytes - used, total: one.memoryBytes, used },
    pveversion: `pve-manager/${call.world.topology.version.version}/${call.world.topology.version.repoid}`,
    rootfs: {
      avail: Math.floor(one.rootBytes * 0.9),
      free: Math.floor(one.rootBytes * 0.9),
      total: one.rootBytes,
      used: Math.floor(one.rootBytes * 0.1),
    },
    swap: { free: 0, total: 0, used: 0 },
    uptime: Math.floor((call.world.clock.now() - one.bootedAt) / 1000),
    wait: 0,
  };
}

const networkTypes = [
  'bridge',
  'bond',
  'eth',
  'alias',
  'vlan',
  'fabric',
  'OVSBridge',
  'OVSBond',
  'OVSPort',
  'OVSIntPort',
  'vnet',
  'any_bridge',
  'any_local_bridge',
  'include_sdn',
];

function networks(call: Call): unknown {
  const name = textOf(call.params['node']);
  const type = optionalText(call.params['type']);
  const isBridgeType = type === undefined || ['bridge', 'any_bridge', 'any_local_bridge', 'include_sdn'].includes(type);
  const here = call.world.topology.bridges.filter(
    (bridge) => bridge.nodes === undefined || bridge.nodes.includes(name),
  );
  const visible = here.filter((bridge) => mayUse(call, bridge.name));
  return [
    ...(isBridgeType ? visible.map(bridgeItem) : []),
    ...(type === undefined || type === 'eth' ? portItems(here) : []),
  ];
}

function mayUse(call: Call, bridge: string): boolean {
  return may(call, `/sdn/zones/localnetwork/${bridge}`, 'SDN.Audit', 'SDN.Use');
}

type Bridge = Call['world']['topology']['bridges'][number];

function bridgeItem(bridge: Bridge): Record<string, unknown> {
  const address =
    bridge.cidr === undefined
      ? { method: 'manual' }
      : { method: 'static', cidr: bridge.cidr, address: bridge.cidr.split('/')[0], netmask: bridge.cidr.split('/')[1] };
  return {
    active: 1,
    autostart: 1,
    bridge_fd: '0',
    bridge_ports: bridge.port,
    bridge_stp: 'off',
    families: ['inet'],
    iface: bridge.name,
    method6: 'manual',
    priority: 3,
    type: 'bridge',
    ...address,
  };
}

/** Physical cards; everyone sees them. */
function portItems(bridges: readonly Bridge[]): Record<string, unknown>[] {
  const ports = bridges.map((bridge) => bridge.port).filter((port) => port !== '');
  return ports.map((iface) => ({
    active: 1,
    families: ['inet'],
    iface,
    method: 'manual',
    method6: 'manual',
    priority: 3,
    type: 'eth',
  }));
}

function qmpStatus(call: Call, vmid: number): string {
  return call.world.vms.get(vmid)?.running?.qmpStatus ?? 'stopped';
}

function listVms(call: Call): unknown {
  const name = textOf(call.params['node']);
  return [...call.world.vms.values()]
    .filter((vm) => vm.node === name && may(call, `/vms/${vm.vmid}`, 'VM.Audit'))
    .map((vm) => statusItem(call.world, vm, liveStatus(call.world, vm), 'list'))
    .map((item) => (call.params['full'] === 1 ? { ...item, qmpstatus: qmpStatus(call, Number(item['vmid'])) } : item));
}

export const nodeRoutes: Route[] = [
  { method: 'GET', path: '/nodes', permission: 'all', parameters: {}, run: listNodes },
  {
    method: 'GET',
    path: '/nodes/{node}/status',
    permission: needs('/nodes/{node}', 'Sys.Audit'),
    proxied: true,
    parameters: { node },
    run: nodeStatus,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/version',
    permission: 'all',
    proxied: true,
    parameters: { node },
    run: ({ world }) => world.topology.version,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/network',
    permission: 'all',
    proxied: true,
    parameters: { node, type: oneOf(...networkTypes) },
    run: networks,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu',
    permission: 'all',
    proxied: true,
    parameters: { node, full: flag() },
    run: listVms,
  },
];
