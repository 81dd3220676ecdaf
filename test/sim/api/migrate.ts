// Moving a VM to another node: the checks before, offline and live migration.
import { failure, messageOf, parameterError } from '../errors.ts';
import { isDriveName } from '../schema/drive-format.ts';
import { splitList } from '../schema/formats.ts';
import { callerOf, rootUser } from '../state/access.ts';
import { isHaManaged } from '../state/ha-services.ts';
import { flag, formatted, integer, node, oneOf, required, vmid } from '../schema/parameter.ts';
import { formatSize, parseDrive, printDrive } from '../state/drive.ts';
import { continueElsewhere } from '../state/power.ts';
import { memoryMiB } from '../state/vm-status.ts';
import type { Vm } from '../state/vm.ts';
import { splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { copyMs, durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { requestMigration } from './ha-requests.ts';
import { liveLines, finishLine } from './migrate-log.ts';
import { localVolumes, scanVolumes } from './migrate-scan.ts';
import { preconditions } from './migrate-preconditions.ts';
import { needs, optionalText, requireAny, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { lockConfig } from './vm-lock.ts';

/** Where a storage's volumes go: by name, or all to one. */
type StorageMap = (storage: string) => string;

function readStorageMap(text: string | undefined): StorageMap {
  if (text === undefined || text === '1') return (storage) => storage;
  const pairs = splitList(text).map((entry) => entry.split(':'));
  const single = pairs.find((pair) => pair.length === 1)?.[0];
  const map = new Map(pairs.filter((pair) => pair.length === 2).map(([from = '', to = '']) => [from, to]));
  return (storage) => map.get(storage) ?? single ?? storage;
}

function migrate(call: Call): string {
  const { world, params } = call;
  const target = textOf(params['target']);
  const owner = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  if (target === owner.node) throw parameterError({ target: 'target is local node.' });
  if (!world.nodes.has(target)) throw failure(`no such cluster node '${target}'`);
  for (const option of ['force', 'migration_type', 'migration_network']) {
    if (params[option] !== undefined) throw parameterError({ [option]: 'Only root may use this option.' });
  }
  const vm = world.vm(owner.vmid, owner.node);
  requireUnlocked(vm);
  const live = vm.running !== undefined;
  if (live && params['online'] !== 1) throw failure(`can't migrate running VM without --online`);
  const map = requireTargetStorages(call, vm, target);
  const plan: Plan = {
    target,
    live,
    map,
    withLocalDisks: params['with-local-disks'] === 1,
    bytesPerSecond:
      params['bwlimit'] === undefined || params['bwlimit'] === 0 ? undefined : Number(params['bwlimit']) * 1024,
  };
  world.requireQuorum();
  if (isHaManaged(world, vm.vmid)) return requestMigration(call, vm.vmid, target);
  const kind = { node: owner.node, type: 'qmigrate', id: String(owner.vmid), caller: call.caller };
  return world.tasks.start(kind, (task) => runMigration(world, vm, plan, task)).upid;
}

/** A move that a daemon of the node asks for: local disks come along, running VMs stay up. */
export function migrateByHost(world: World, vm: Vm, target: string): Task {
  const live = vm.running !== undefined;
  const plan: Plan = { target, live, map: (storage) => storage, withLocalDisks: true, bytesPerSecond: undefined };
  const kind = { node: vm.node, type: 'qmigrate', id: String(vm.vmid), caller: callerOf(rootUser) };
  return world.tasks.start(kind, (task) => {
    requireUnlocked(vm);
    requireSameStorages(world, vm, target);
    return runMigration(world, vm, plan, task);
  });
}

interface Plan {
  target: string;
  live: boolean;
  map: StorageMap;
  withLocalDisks: boolean;
  bytesPerSecond: number | undefined;
}

function requireTargetStorages(call: Call, vm: Vm, target: string): StorageMap {
  const { world } = call;
  const text = optionalText(call.params['targetstorage']);
  const map = readStorageMap(text);
  if (text === undefined) {
    requireSameStorages(world, vm, target);
    return map;
  }
  requireAny(call, `/vms/${vm.vmid}`, ['VM.Config.Disk']);
  for (const entry of splitList(text)) {
    const id = entry.split(':').at(-1) ?? '';
    if (id === '1') continue;
    requireAny(call, `/storage/${id}`, ['Datastore.AllocateSpace']);
    const storage = world.volumes.storage(id, target);
    if (!storage.content.includes('images')) throw failure(`storage '${id}' does not support vm images`);
  }
  return map;
}

/** Without a map every storage must exist on the target too. */
function requireSameStorages(world: World, vm: Vm, target: string): void {
  for (const [slot, value] of Object.entries(vm.options)) {
    const drive = isDriveName(slot) ? parseDrive(slot, value) : undefined;
    const storage = drive === undefined ? undefined : splitVolumeId(drive.file)?.storage;
    if (storage !== undefined) world.volumes.storage(storage, target);
  }
}

async function runMigration(world: World, vm: Vm, plan: Plan, task: Task): Promise<void> {
  const startedAt = world.clock.now();
  const stamp = (line: string): void => task.print(`${timestamp(world)} ${line}`);
  await lockConfig(world, vm, () => {
    vm.options['lock'] = 'migrate';
    vm.touch();
  });
  try {
    if (plan.live) stamp('conntrack state migration not supported or disabled, active connections might get dropped');
    stamp(`starting migration of VM ${vm.vmid} to node '${plan.target}' (${world.nodes.get(plan.target)?.ip})`);
    scanVolumes(world, vm, { live: plan.live, withLocalDisks: plan.withLocalDisks, stamp });
    if (plan.live) await moveLive(world, vm, plan, { task, stamp });
    else await moveOffline(world, vm, plan, { task, stamp });
  } catch (error) {
    delete vm.options['lock'];
    vm.touch();
    stamp(`ERROR: ${messageOf(error)}`);
    stamp('aborting phase 1 - cleanup resources');
    stamp(`${finishLine('ERROR: migration aborted', world.clock.now() - startedAt)}: ${messageOf(error)}`);
    throw failure('migration aborted');
  }
  delete vm.options['lock'];
  vm.node = plan.target;
  if (plan.live) continueElsewhere(world, vm);
  vm.touch();
  stamp(finishLine('migration finished successfully', world.clock.now() - startedAt));
}

function timestamp(world: World): string {
  return new Date(world.clock.now()).toISOString().slice(0, 19).replace('T', ' ');
}

interface Progress {
  task: Task;
  stamp: (line: string) => void;
}

async function moveOffline(world: World, vm: Vm, plan: Plan, { task, stamp }: Progress): Promise<void> {
  const local = localVolumes(world, vm);
  if (local.length > 0) stamp('copying local disk images');
  for (const volume of local) {
    await task.wait(copyMs(volume.usedBytes));
    const from = volumeId(volume);
    moveVolume(world, vm, plan, volume);
    stamp(`volume '${from}' is '${volumeId(volume)}' on the target`);
  }
  await task.wait(durations.migrateOffline);
}

/** Puts a volume on the target node, under a new name when the old one is taken there. */
function moveVolume(world: World, vm: Vm, plan: Plan, volume: Volume): void {
  const before = volumeId(volume);
  const storage = plan.map(volume.storage);
  const taken = world.volumes.find(`${storage}:${volume.name}`, plan.target) !== undefined;
  const name = taken ? world.volumes.freeDiskName(storage, plan.target, vm.vmid, volume.format) : volume.name;
  const shared = world.volumes.storages.get(storage)?.shared === true;
  world.volumes.remove(volume);
  Object.assign(volume, { storage, name, node: shared ? undefined : plan.target });
  world.volumes.move(volume, {});
  renameVolume(vm, before, volumeId(volume));
}

function renameVolume(vm: Vm, before: string, after: string): void {
  for (const options of [vm.options, vm.pending, ...[...vm.snapshots.values()].map((section) => section.options)]) {
    for (const [key, value] of Object.entries(options)) {
      if (value.split(',')[0] !== before) continue;
      const drive = isDriveName(key) ? parseDrive(key, value) : undefined;
      options[key] = drive === undefined ? after : printDrive({ ...drive, file: after });
    }
  }
}

async function moveLive(world: World, vm: Vm, plan: Plan, { task, stamp }: Progress): Promise<void> {
  const root = { id: 'root@pam', user: 'root@pam', tokenName: undefined };
  stamp(`starting VM ${vm.vmid} on remote node '${plan.target}'`);
  const remote = world.tasks.start({ node: plan.target, type: 'qmstart', id: String(vm.vmid), caller: root }, (other) =>
    other.wait(durations.migrateOnlineStart),
  );
  await remote.done;
  const mirrored = localVolumes(world, vm).flatMap((volume) => slotOf(vm, volumeId(volume)) ?? []);
  for (const volume of localVolumes(world, vm)) {
    const from = volumeId(volume);
    moveVolume(world, vm, plan, volume);
    stamp(`volume '${from}' is '${volumeId(volume)}' on the target`);
  }
  const lines = liveLines(vm, {
    limited: plan.bytesPerSecond !== undefined,
    mirrored,
    stamp,
    print: (line) => task.print(line),
  });
  lines.before();
  await task.wait(memoryMs(vm, plan));
  lines.after();
  await task.wait(durations.migrateOnlineFinish);
  for (const slot of mirrored) afterMirror(world, vm, plan, slot);
}

function slotOf(vm: Vm, volid: string): string | undefined {
  return Object.keys(vm.options).find((key) => isDriveName(key) && vm.options[key]?.split(',')[0] === volid);
}

/** About a third of the memory is sent, at the limit or at the network's speed. */
function memoryMs(vm: Vm, plan: Plan): number {
  const bytes = memoryMiB(vm.options) * 0.36 * 1024 ** 2;
  return Math.max(durations.migrateOnlineStart, (bytes / (plan.bytesPerSecond ?? 100 * 1024 ** 2)) * 1000);
}

/** A mirrored raw disk is rounded up to whole KiB and keeps its format in the drive string. */
function afterMirror(world: World, vm: Vm, plan: Plan, slot: string): void {
  const drive = parseDrive(slot, vm.options[slot] ?? '');
  const volume = drive === undefined ? undefined : world.volumes.find(drive.file, plan.target);
  if (drive === undefined || volume === undefined || volume.format !== 'raw') return;
  volume.sizeBytes = (Math.floor(volume.sizeBytes / 1024) + (volume.sizeBytes % 1048576 === 0 ? 0 : 1)) * 1024;
  vm.options[slot] = printDrive({ ...drive, format: 'raw', size: formatSize(volume.sizeBytes) });
}

export const migrateRoutes: Route[] = [
  {
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/migrate',
    permission: needs('/vms/{vmid}', 'VM.Migrate'),
    proxied: true,
    parameters: {
      node,
      vmid,
      target: required(formatted('pve-node')),
      online: flag(),
      force: flag(),
      migration_type: oneOf('secure', 'insecure'),
      migration_network: formatted('CIDR'),
      'with-local-disks': flag(),
      'with-conntrack-state': flag(),
      targetstorage: formatted('storage-pair-list'),
      bwlimit: integer(0),
    },
    run: migrate,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/migrate',
    permission: needs('/vms/{vmid}', 'VM.Migrate'),
    proxied: true,
    parameters: { node, vmid, target: formatted('pve-node') },
    run: preconditions,
  },
];
