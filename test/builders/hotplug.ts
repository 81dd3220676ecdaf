// Builds the running VM on which the rules of hot-plug are tried, with one row per rule, and applies a row to a simulated one.
import type { ConfigChange } from '../../src/domain/hotplug.ts';
import { VirtualClock } from '../sim/clock.ts';
import { Simulator } from '../sim/simulator.ts';
import { Lab } from '../sim/testing.ts';
import { aTopology } from './topology.ts';

export const DISK = 'shared:300/vm-300-disk-0.qcow2';
export const MAC = 'BC:24:11:22:23:53';

/** The running VM of every row. */
export const BASE: Readonly<Record<string, string>> = {
  agent: '1',
  boot: 'order=scsi0;ide2;net0',
  cores: '2',
  ide2: 'shared:300/vm-300-cloudinit.qcow2,media=cdrom,size=4M',
  memory: '1024',
  name: 'web-1',
  net0: `virtio=${MAC},bridge=vmbr0,firewall=1,tag=5`,
  ostype: 'l26',
  scsi0: `${DISK},iops_rd=100,size=2G`,
  scsi1: 'shared:300/vm-300-disk-1.qcow2,size=1G',
  scsihw: 'virtio-scsi-single',
};

/** One rule of hot-plug. */
export interface HotplugRow {
  name: string;
  /** Lines that differ from the base; null removes one. */
  config?: Record<string, string | null>;
  set?: Record<string, string | number>;
  remove?: string[];
  /** The only sentence; absent when the change takes effect at once. */
  want?: string;
  source: string;
  /** Why the simulator does otherwise. */
  notSimulated?: string;
}

/** Where each rule can be seen: in recorded exchanges, or in a function of qemu-server 9.2 (src/PVE). */
export const SEEN = {
  api: 'recorded-api/running.json',
  apiExtra: 'recorded-api/running-extra.json',
  iso: 'scenarios/iso-mount-running.json',
  card: 'scenarios/hotplug-net-rate-and-bridge.json',
  mac: 'scenarios/hotplug-net-mac-change.json',
  off: 'scenarios/hotplug-cpu-memory-off.json',
  bootDisk: 'scenarios/hotplug-boot-disk-delete.json',
  update: 'update_vm_api',
  pending: 'vmconfig_hotplug_pending',
  updateNet: 'vmconfig_update_net',
  updateDisk: 'vmconfig_update_disk',
  plug: 'vm_deviceplug, vm_deviceunplug',
  memory: 'qemu_memory_hotplug, foreach_dimm',
  cpu: 'qemu_cpu_hotplug',
} as const;

export const atStart = (key: string): string => `${key} is read only when the VM starts.`;
export const off = (key: string, feature: string): string =>
  `${key} cannot change while the VM runs: its hotplug option does not have ${feature}.`;

function configOf({ config = {} }: HotplugRow): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ ...BASE, ...config }).filter((line): line is [string, string] => line[1] !== null),
  );
}

/** The row's change, of the row's VM. */
export function changeOf(row: HotplugRow): ConfigChange {
  return { config: new Map(Object.entries(configOf(row))), set: row.set ?? {}, remove: row.remove ?? [] };
}

/** The row's VM, running, with a guest that lets go of nothing. */
function labOf(row: HotplugRow): Lab {
  const options = configOf(row);
  const volumes = Object.values(options)
    .map((value) => /^shared:(300\/[^,]+)/.exec(value)?.[1])
    .filter((name) => name !== undefined)
    .map((name) => ({ storage: 'shared', name, format: 'qcow2' as const, sizeBytes: 1024 ** 3 }));
  const base = aTopology();
  const topology = aTopology([], {
    vms: [...base.vms, { vmid: 300, node: 'pve1', options, volumes, running: true }],
  });
  const clock = new VirtualClock();
  const simulator = new Simulator({ topology, clock, seed: 1 });
  simulator.world.vms.get(300)!.running!.agentReadyAt = undefined;
  return new Lab(1, { clock, simulator });
}

/** What comes of the row's change on the simulated VM: refusals by option, and what waits for a restart. */
export async function appliedToSimulator(row: HotplugRow): Promise<{ refused: string[]; waiting: string[] }> {
  const lab = labOf(row);
  const { set = {}, remove = [] } = row;
  const params = { ...set, ...(remove.length === 0 ? {} : { delete: remove.join(',') }) };
  const answer = await lab.call('PUT', '/nodes/pve1/qemu/300/config', params);
  if (answer.status !== 200 && answer.errors === undefined) throw new Error(`${answer.status} ${answer.reason}`);
  const { data } = await lab.call('GET', '/nodes/pve1/qemu/300/pending');
  const lines = data as { key: string; pending?: unknown; delete?: unknown }[];
  const waiting = lines.filter((line) => line.pending !== undefined || line.delete !== undefined);
  return { refused: Object.keys(answer.errors ?? {}), waiting: waiting.map(({ key }) => key) };
}
