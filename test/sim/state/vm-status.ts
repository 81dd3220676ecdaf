// The status of a VM as it is right now: what status/current, the node's list and the broadcasts are made of.
import { drivesOf, isCdrom, parseSize } from './drive.ts';
import type { Vm } from './vm.ts';
import type { World } from './world.ts';

/** Live figures of a VM. Sizes in bytes, cpu as a fraction of its cores. */
export interface VmStatus {
  vmid: number;
  name: string;
  status: 'running' | 'stopped';
  qmpStatus: string;
  template: boolean;
  cpus: number;
  maxDisk: number;
  maxMem: number;
  cpu: number;
  mem: number;
  uptime: number;
  netIn: number;
  netOut: number;
  diskRead: number;
  diskWrite: number;
  tags: string | undefined;
  serial: boolean;
  pid: number | undefined;
}

/** Megabytes of memory an options table asks for. */
export function memoryMiB(options: Record<string, string>): number {
  const text = options['memory'] ?? '512';
  return Number(text.replace(/^current=/, '').split(',')[0]);
}

function bootDiskSize(options: Record<string, string>): number {
  const drives = drivesOf(options).filter(([, drive]) => !isCdrom(drive));
  const order = (options['boot'] ?? '').replace(/^.*order=/, '').split(';');
  const first = order.find((device) => drives.some(([slot]) => slot === device)) ?? options['bootdisk'];
  const boot =
    drives.find(([slot]) => slot === first) ?? (options['boot']?.includes('order=') === true ? undefined : drives[0]);
  return parseSize(boot?.[1]['size'] ?? '0') ?? 0;
}

type ConfiguredFigures = Pick<VmStatus, 'name' | 'template' | 'maxDisk' | 'maxMem' | 'tags' | 'serial'> & {
  vcpus: number;
};

/** Every broadcast asks for all VMs, and hardly any has been changed since the last one. */
const configured = new WeakMap<Vm, { revision: number; figures: ConfiguredFigures }>();

function configuredFigures(vm: Vm): ConfiguredFigures {
  const before = configured.get(vm);
  if (before?.revision === vm.revision) return before.figures;
  const { options } = vm;
  const cores = Number(options['cores'] ?? 1) * Number(options['sockets'] ?? 1);
  const figures = {
    name: vm.name,
    template: vm.isTemplate,
    vcpus: Number(options['vcpus'] ?? cores),
    maxDisk: bootDiskSize(options),
    maxMem: memoryMiB(options) * 1024 ** 2,
    tags: options['tags'],
    serial: Object.keys(options).some((key) => /^serial\d$/.test(key)),
  };
  configured.set(vm, { revision: vm.revision, figures });
  return figures;
}

/** The VM's figures now. */
export function liveStatus(world: World, vm: Vm): VmStatus {
  const { vcpus, ...figures } = configuredFigures(vm);
  return {
    vmid: vm.vmid,
    cpus: Math.min(vcpus, world.nodes.get(vm.node)?.cpus ?? vcpus),
    ...figures,
    ...processFigures(world, vm, figures.maxMem),
  };
}

type ProcessFigures = Pick<
  VmStatus,
  'status' | 'qmpStatus' | 'cpu' | 'mem' | 'uptime' | 'netIn' | 'netOut' | 'diskRead' | 'diskWrite' | 'pid'
>;

/** What a card has received when its guest has not even booted. */
const firstPacketBytes = 42;

const stopped: ProcessFigures = {
  status: 'stopped',
  qmpStatus: 'stopped',
  cpu: 0,
  mem: 0,
  uptime: 0,
  netIn: 0,
  netOut: 0,
  diskRead: 0,
  diskWrite: 0,
  pid: undefined,
};

function processFigures(world: World, vm: Vm, maxMem: number): ProcessFigures {
  const { running } = vm;
  if (running === undefined) return stopped;
  const now = world.clock.now() / 1000;
  const span = { from: running.startedAt / 1000, to: now };
  return {
    status: 'running',
    qmpStatus: running.qmpStatus,
    cpu: world.load.cpu(vm.vmid, now),
    mem: Math.floor(maxMem * world.load.memory(vm.vmid, now)),
    uptime: Math.max(0, Math.floor(span.to - span.from)),
    netIn: firstPacketBytes + Math.floor(world.load.traffic(vm.vmid, 'in', span)),
    netOut: Math.floor(world.load.traffic(vm.vmid, 'out', span)),
    diskRead: Math.floor(world.load.disk(vm.vmid, 'read', span)),
    diskWrite: Math.floor(world.load.disk(vm.vmid, 'write', span)),
    pid: running.pid,
  };
}
