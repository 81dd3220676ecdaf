// Snapshots of a VM: list, create, describe, roll back, delete.
import { failure } from '../errors.ts';
import { flag, node, required, snapshotName, text, vmid } from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import { allocateDisk } from '../state/disk-work.ts';
import { drivesOf, formatSize, isCdrom, parseDrive, printDrive } from '../state/drive.ts';
import { agentEnabled, endProcess, guestIsUp, startProcess } from '../state/power.ts';
import { snapshotsAvailable } from '../state/volume-features.ts';
import type { Options, SnapshotSection, Vm } from '../state/vm.ts';
import { volumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { addUnused } from './config/pending-section.ts';
import { snapshotOptions, shown } from './config/show.ts';
import { needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { stateBytes, stateStorage } from './suspend.ts';
import { lockConfig } from './vm-lock.ts';

function vmOf(call: Call): Vm {
  return call.world.vm(Number(call.params['vmid']), textOf(call.params['node']));
}

function list(call: Call): unknown {
  const vm = vmOf(call);
  const items: Record<string, unknown>[] = [...vm.snapshots].map(([name, section]) => ({
    name,
    description: section.description,
    snaptime: section.snaptime,
    vmstate: section.vmstate === undefined ? 0 : 1,
    ...(section.parent === undefined ? {} : { parent: section.parent }),
  }));
  const now: Record<string, unknown> = {
    name: 'current',
    description: 'You are here!',
    digest: vm.digest,
    running: vm.running === undefined ? 0 : 1,
  };
  if (vm.options['parent'] !== undefined) now['parent'] = vm.options['parent'];
  return [...items, now];
}

/** Disks that take part in snapshots. */
function snapshotDisks(world: World, vm: Vm, options: Options): [string, Volume][] {
  return drivesOf(options)
    .filter(([, drive]) => !isCdrom(drive))
    .flatMap(([slot, drive]) => {
      const volume = world.volumes.find(drive.file, vm.node);
      return volume === undefined ? [] : [[slot, volume] as [string, Volume]];
    });
}

function create(call: Call): string {
  const { world, params } = call;
  const name = textOf(params['snapname']);
  for (const reserved of ['current', 'pending']) {
    if (name === reserved) throw failure(`unable to use snapshot name '${reserved}' (reserved name)`);
  }
  const vm = vmOf(call);
  return startTask(call, 'qmsnapshot', (task) =>
    createInTask(
      world,
      vm,
      { name, description: optionalText(params['description']) ?? '', withRam: params['vmstate'] === 1 },
      task,
    ),
  );
}

interface Wanted {
  name: string;
  description: string;
  withRam: boolean;
}

/** An agent that should be there and is not costs a time-out. */
async function freezeGuest(world: World, vm: Vm, task: Task): Promise<void> {
  if (vm.running === undefined || !agentEnabled(vm.options) || guestIsUp(world, vm)) return;
  await task.wait(durations.agentTimeout);
  task.print('skipping guest filesystem freeze - agent configured but not running?');
}

function snapshotVolumes(world: World, vm: Vm, name: string, task: Task): void {
  for (const [slot, volume] of snapshotDisks(world, vm, vm.options)) {
    task.print(`snapshotting 'drive-${slot}' (${volumeId(volume)})`);
    if (vm.running !== undefined && volume.format === 'qcow2') task.print('internal qemu snapshot');
    volume.snapshots.push({ name, sizeBytes: volume.sizeBytes });
  }
}

async function createInTask(world: World, vm: Vm, wanted: Wanted, task: Task): Promise<void> {
  await lockConfig(world, vm, () => prepare(world, vm, wanted, task), { task });
  try {
    if (!wanted.withRam) await freezeGuest(world, vm, task);
    const section = vm.snapshots.get(wanted.name);
    if (section?.vmstate !== undefined) task.print(`completed saving the VM state in 1 s, saved 8.79 KiB`);
    snapshotVolumes(world, vm, wanted.name, task);
    await task.wait(durations.snapshot);
    vm.options['parent'] = wanted.name;
  } catch (error) {
    dropSnapshot(world, vm, wanted.name);
    throw error;
  } finally {
    delete vm.options['lock'];
    vm.touch();
  }
}

function prepare(world: World, vm: Vm, wanted: Wanted, task: Task): void {
  if (vm.isTemplate) throw failure("you can't take a snapshot if it's a template");
  requireUnlocked(vm);
  if (vm.snapshots.has(wanted.name)) throw failure(`snapshot name '${wanted.name}' already used`);
  if (!snapshotsAvailable(world, vm)) throw failure('snapshot feature is not available');
  requireWritable(world, vm, task);
  const { parent, lock: _, ...options } = vm.options;
  const section: SnapshotSection = {
    options,
    snaptime: world.nowSeconds(),
    description: wanted.description,
    parent,
    vmstate: undefined,
  };
  if (wanted.withRam && vm.running !== undefined) saveRam(world, vm, wanted.name, { section, task });
  vm.snapshots.set(wanted.name, section);
  vm.options['lock'] = 'snapshot';
  vm.touch();
}

function saveRam(
  world: World,
  vm: Vm,
  name: string,
  { section, task }: { section: SnapshotSection; task: Task },
): void {
  const storage = stateStorage(vm, undefined);
  const volume = allocateDisk(
    world,
    {
      storage,
      node: vm.node,
      vmid: vm.vmid,
      format: 'raw',
      sizeBytes: stateBytes(vm),
      plainName: `vm-${vm.vmid}-state-${name}`,
    },
    task,
  );
  section.vmstate = volumeId(volume);
  Object.assign(section.options, {
    'running-nets-host-mtu': 'net0=1500',
    runningcpu: vm.options['cpu'] ?? 'kvm64',
    runningmachine: 'pc-i440fx-11.1',
  });
  task.print(`saving VM state and RAM using storage '${storage}'`);
}

/** Removes a snapshot's section and data, and re-links what followed it. */
function dropSnapshot(world: World, vm: Vm, name: string): void {
  const section = vm.snapshots.get(name);
  if (section === undefined) return;
  for (const other of vm.snapshots.values()) if (other.parent === name) other.parent = section.parent;
  if (vm.options['parent'] === name) {
    if (section.parent === undefined) delete vm.options['parent'];
    else vm.options['parent'] = section.parent;
  }
  for (const [, volume] of snapshotDisks(world, vm, section.options))
    volume.snapshots = volume.snapshots.filter((one) => one.name !== name);
  const state = world.volumes.find(section.vmstate ?? '', vm.node);
  if (state !== undefined) world.volumes.remove(state);
  vm.snapshots.delete(name);
  vm.touch();
}

function startTask(call: Call, type: string, worker: (task: Task) => Promise<void>): string {
  const kind = { node: textOf(call.params['node']), type, id: textOf(call.params['vmid']), caller: call.caller };
  return call.world.tasks.start(kind, worker).upid;
}

function remove(call: Call): string {
  const { world, params } = call;
  const name = textOf(params['snapname']);
  return startTask(call, 'qmdelsnapshot', async (task) => {
    const vm = vmOf(call);
    if (!vm.snapshots.has(name)) throw failure(`snapshot '${name}' does not exist`);
    await lockConfig(world, vm, () => writeLock(world, vm, 'snapshot-delete', task), { task });
    // The lock stays when the worker is stopped here, until somebody unlocks the VM.
    await task.wait(durations.deleteSnapshot);
    dropSnapshot(world, vm, name);
    delete vm.options['lock'];
    vm.touch();
  });
}

/** Other calls are told of the lock at once while the disks are worked on. */
function writeLock(world: World, vm: Vm, lock: string, task: Task): void {
  requireUnlocked(vm);
  requireWritable(world, vm, task);
  vm.options['lock'] = lock;
  vm.touch();
}

/** Fails as writing the configuration file does without quorum. */
function requireWritable(world: World, vm: Vm, task: Task): void {
  if (world.quorate) return;
  throw failure(
    `unable to open file '/etc/pve/nodes/${vm.node}/qemu-server/${vm.vmid}.conf.tmp.${task.pid}' - Permission denied`,
  );
}

function rollback(call: Call): string {
  const { world, params } = call;
  const name = textOf(params['snapname']);
  return startTask(call, 'qmrollback', async (task) => {
    const vm = vmOf(call);
    const withRam = await lockConfig(world, vm, () => rollBack(world, vm, name, task), { task });
    if (withRam) return lockConfig(world, vm, () => startFromState(world, vm, task), { task });
    if (params['start'] === 1) startLater(call, vm);
  });
}

async function startFromState(world: World, vm: Vm, task: Task): Promise<void> {
  await startProcess(world, vm, task);
  task.print("netdev net0: using 'host_mtu=1500' for migration compat");
}

/** `start=1` starts a task of its own. */
function startLater(call: Call, vm: Vm): void {
  const kind = { node: vm.node, type: 'qmstart', id: String(vm.vmid), caller: call.caller };
  call.world.tasks.start(kind, (task) =>
    lockConfig(call.world, vm, () => startProcess(call.world, vm, task), { task }),
  );
}

async function rollBack(world: World, vm: Vm, name: string, task: Task): Promise<boolean> {
  if (vm.isTemplate) throw failure("you can't rollback if vm is a template");
  const section = vm.snapshots.get(name);
  if (section === undefined) throw failure(`snapshot '${name}' does not exist`);
  requireUnlocked(vm);
  requireWritable(world, vm, task);
  if (vm.running !== undefined) {
    await task.wait(durations.stop);
    endProcess(world, vm);
  }
  vm.options['lock'] = 'rollback';
  vm.touch();
  await task.wait(durations.rollback);
  restoreSection(world, vm, name, section);
  return section.vmstate !== undefined;
}

/** The configuration becomes the snapshot's; disks added later stay as unused ones. */
function restoreSection(world: World, vm: Vm, name: string, section: SnapshotSection): void {
  const before = vm.options;
  const { runningcpu: _cpu, runningmachine: _machine, 'running-nets-host-mtu': _mtu, ...kept } = section.options;
  const options: Options = { ...kept, parent: name };
  if (before['description'] === undefined) delete options['description'];
  else options['description'] = before['description'];
  if (options['vmgenid'] !== undefined) options['vmgenid'] = world.random.uuid();
  for (const [key, value] of Object.entries(before)) if (/^unused\d+$/.test(key)) options[key] = value;
  vm.options = options;
  vm.pending = {};
  vm.pendingDelete.clear();
  for (const [slot, volume] of snapshotDisks(world, vm, options)) {
    const saved = volume.snapshots.find((one) => one.name === name);
    if (saved !== undefined) volume.sizeBytes = saved.sizeBytes;
    const drive = parseDrive(slot, options[slot] ?? '');
    if (drive !== undefined) options[slot] = printDrive({ ...drive, size: formatSize(volume.sizeBytes) });
  }
  keepLaterDisks(world, vm, before);
  dropAttached(vm);
}

function keepLaterDisks(world: World, vm: Vm, before: Options): void {
  const now = new Set(drivesOf(vm.options).map(([, drive]) => drive.file));
  for (const [, drive] of drivesOf(before)) {
    if (!isCdrom(drive) && !now.has(drive.file) && world.volumes.find(drive.file, vm.node)?.vmid === vm.vmid)
      addUnused(vm.options, drive.file);
  }
}

function dropAttached(vm: Vm): void {
  const attached = new Set(drivesOf(vm.options).map(([, drive]) => drive.file));
  for (const [key, value] of Object.entries(vm.options))
    if (/^unused\d+$/.test(key) && attached.has(value)) delete vm.options[key];
  vm.touch();
}

function sectionOf(call: Call): { vm: Vm; section: SnapshotSection; name: string } {
  const vm = vmOf(call);
  const name = textOf(call.params['snapname']);
  const section = vm.snapshots.get(name);
  if (section === undefined) throw failure(`snapshot '${name}' does not exist`);
  return { vm, section, name };
}

function describe(call: Call): Promise<null> {
  return lockConfig(call.world, vmOf(call), () => {
    const { vm, section } = sectionOf(call);
    requireUnlocked(vm);
    section.description = optionalText(call.params['description']) ?? section.description;
    vm.touch();
    return null;
  });
}

const base = '/nodes/{node}/qemu/{vmid}/snapshot';
const named: ParameterTable = { node, vmid, snapname: required(snapshotName) };
const mayRead = needs('/vms/{vmid}', 'VM.Snapshot', 'VM.Snapshot.Rollback', 'VM.Audit');
const maySnapshot = needs('/vms/{vmid}', 'VM.Snapshot');

export const snapshotRoutes: Route[] = [
  {
    method: 'GET',
    path: base,
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    proxied: true,
    parameters: { node, vmid },
    run: list,
  },
  {
    method: 'POST',
    path: base,
    permission: maySnapshot,
    proxied: true,
    parameters: { ...named, vmstate: flag(), description: text() },
    run: create,
  },
  {
    method: 'GET',
    path: `${base}/{snapname}`,
    permission: 'all',
    proxied: true,
    parameters: named,
    run: () => [{ cmd: 'rollback' }, { cmd: 'config' }],
  },
  {
    method: 'DELETE',
    path: `${base}/{snapname}`,
    permission: maySnapshot,
    proxied: true,
    parameters: { ...named, force: flag() },
    run: remove,
  },
  {
    method: 'GET',
    path: `${base}/{snapname}/config`,
    permission: mayRead,
    proxied: true,
    parameters: named,
    run: (call) => {
      const { vm, name } = sectionOf(call);
      return shown(snapshotOptions(vm, name));
    },
  },
  {
    method: 'PUT',
    path: `${base}/{snapname}/config`,
    permission: maySnapshot,
    proxied: true,
    parameters: { ...named, description: text() },
    run: describe,
  },
  {
    method: 'POST',
    path: `${base}/{snapname}/rollback`,
    permission: needs('/vms/{vmid}', 'VM.Snapshot', 'VM.Snapshot.Rollback'),
    proxied: true,
    parameters: { ...named, start: flag() },
    run: rollback,
  },
];
