// A VM's figures in the shapes of status/current, the node's VM list and /cluster/resources.
import { isHaManaged, resourceOf } from '../state/ha-services.ts';
import { agentEnabled } from '../state/power.ts';
import type { Vm } from '../state/vm.ts';
import type { VmStatus } from '../state/vm-status.ts';
import type { World } from '../state/world.ts';

const pressures = {
  pressurecpufull: 0,
  pressurecpusome: 0,
  pressureiofull: 0,
  pressureiosome: 0,
  pressurememoryfull: 0,
  pressurememorysome: 0,
};

function counters(status: VmStatus): Record<string, unknown> {
  return {
    cpu: status.cpu,
    disk: 0,
    maxdisk: status.maxDisk,
    maxmem: status.maxMem,
    mem: status.mem,
    memhost: status.mem,
    name: status.name,
    netin: status.netIn,
    netout: status.netOut,
    uptime: status.uptime,
    vmid: status.vmid,
  };
}

function live(vm: Vm, status: VmStatus): Record<string, unknown> {
  const item: Record<string, unknown> = { ...counters(status), cpus: status.cpus, status: status.status };
  if (vm.lock !== undefined) item['lock'] = vm.lock;
  if (status.tags !== undefined) item['tags'] = status.tags;
  if (status.template) item['template'] = 1;
  if (status.serial) item['serial'] = 1;
  if (status.pid !== undefined) Object.assign(item, { pid: status.pid, ...pressures });
  return item;
}

/** An entry of the node's list, or the longer one of status/current. */
export function statusItem(world: World, vm: Vm, status: VmStatus, kind: 'list' | 'current'): Record<string, unknown> {
  const item = live(vm, status);
  if (kind === 'list') return item;
  item['qmpstatus'] = status.qmpStatus;
  item['ha'] = haStatus(world, vm);
  if (agentEnabled(vm.options)) item['agent'] = 1;
  if (vm.running !== undefined) item['nics'] = nics(vm, status);
  return item;
}

function haStatus(world: World, { vmid }: Vm): Record<string, unknown> {
  if (!isHaManaged(world, vmid)) return { managed: 0 };
  const group = world.haResources.get(resourceOf(vmid))?.['group'] ?? null;
  return { managed: 1, group, state: world.haServices.get(resourceOf(vmid))?.state ?? null };
}

/** What the managers say of a VM, or before their first look what is wanted of them. */
export function haState(world: World, vmid: number): string | undefined {
  const sid = resourceOf(vmid);
  const state = world.haServices.get(sid)?.state ?? world.haResources.get(sid)?.['state'];
  return state === undefined ? undefined : String(state);
}

function nics(vm: Vm, status: VmStatus): Record<string, unknown> {
  const slots = Object.keys(vm.options).filter((key) => /^net\d+$/.test(key));
  return Object.fromEntries(
    slots.map((slot) => [`tap${vm.vmid}i${slot.slice(3)}`, { netin: status.netIn, netout: status.netOut }]),
  );
}

/** An entry of /cluster/resources; before the first broadcast only where it is. */
export function resourceItem(world: World, vm: Vm, detailed: boolean): Record<string, unknown> {
  const item: Record<string, unknown> = { id: `qemu/${vm.vmid}`, node: vm.node, type: 'qemu', vmid: vm.vmid };
  const pool = world.poolOf(vm.vmid);
  if (pool !== undefined && detailed) item['pool'] = pool;
  if (vm.lock !== undefined) item['lock'] = vm.lock;
  if (vm.options['tags'] !== undefined) item['tags'] = vm.options['tags'];
  const ha = haState(world, vm.vmid);
  if (ha !== undefined) item['hastate'] = ha;
  const seen = world.view.of(vm.vmid);
  if (seen === undefined) return { ...item, status: 'unknown' };
  Object.assign(item, counters(seen), { maxcpu: seen.cpus, diskread: seen.diskRead, diskwrite: seen.diskWrite });
  item['status'] = seen.qmpStatus === 'paused' ? 'paused' : seen.status;
  item['template'] = seen.template ? 1 : 0;
  return item;
}
