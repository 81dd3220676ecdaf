// Moving a VM to another node: the checks before, offline and live migration.
import { failure, messageOf, parameterError } from '../errors.ts';
import { isDriveName } from '../schema/drive-format.ts';
import { splitList } from '../schema/formats.ts';
import { flag, formatted, integer, node, oneOf, required, vmid } from '../schema/parameter.ts';
import { isCdrom, isCloudInit, parseDrive, printDrive } from '../state/drive.ts';
import type { Vm } from '../state/vm.ts';
import { splitVolumeId, volumeId, isFileBased } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { copyMs, durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { referencedVolumes } from './destroy.ts';
import { liveLines, finishLine } from './migrate-log.ts';
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
    mapped: params['targetstorage'] !== undefined,
  };
  world.requireQuorum();
  const kind = { node: owner.node, type: 'qmigrate', id: String(owner.vmid), caller: call.caller };
  return world.tasks.start(kind, (task) =>
    lockConfig(world, owner, () => runMigration(world, vm, plan, task), { task }),
  ).upid;
}

interface Plan {
  target: string;
  live: boolean;
  map: StorageMap;
  withLocalDisks: boolean;
  mapped: boolean;
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
  vm.options['lock'] = 'migrate';
  vm.touch();
  try {
    if (plan.live) stamp('conntrack state migration not supported or disabled, active connections might get dropped');
    stamp(`starting migration of VM ${vm.vmid} to node '${plan.target}' (${world.nodes.get(plan.target)?.ip})`);
    requireMovable(world, vm, plan, stamp);
    if (plan.live) await moveLive(world, vm, plan, { task, stamp });
    else await moveOffline(world, vm, plan, { task, stamp });
  } catch (error) {
    delete vm.options['lock'];
    vm.touch();
    stamp(`ERROR: ${messageOf(error)}`);
    stamp(`aborting phase 1 - cleanup resources`);
    stamp(finishLine('ERROR: migration aborted', world.clock.now() - startedAt));
    throw failure('migration aborted');
  }
  delete vm.options['lock'];
  vm.node = plan.target;
  vm.touch();
  stamp(finishLine('migration finished successfully', world.clock.now() - startedAt));
}

function timestamp(world: World): string {
  return new Date(world.clock.now()).toISOString().slice(0, 19).replace('T', ' ');
}

/** Local volumes of the VM: they must be copied. */
function localVolumes(world: World, vm: Vm): Volume[] {
  return [...referencedVolumes(world, vm)].filter((volume) => volume.node !== undefined);
}

function requireMovable(world: World, vm: Vm, plan: Plan, stamp: (line: string) => void): void {
  const problems: string[] = [];
  for (const [slot, value] of Object.entries(vm.options)) {
    const drive = isDriveName(slot) ? parseDrive(slot, value) : undefined;
    if (drive === undefined || !isCdrom(drive) || isCloudInit(drive)) continue;
    const storage = world.volumes.storages.get(splitVolumeId(drive.file)?.storage ?? '');
    if (storage !== undefined && !storage.shared) problems.push(`can't migrate local cdrom drive: ${drive.file}`);
  }
  if (problems.length > 0) {
    for (const problem of problems) stamp(`ERROR: ${problem}`);
    throw failure("can't migrate VM - check log");
  }
  for (const volume of localVolumes(world, vm)) requireCopyable(world, vm, plan, volume);
}

function requireCopyable(world: World, vm: Vm, plan: Plan, volume: Volume): void {
  const storage = world.volumes.storages.get(volume.storage);
  if (volume.base !== undefined && (storage === undefined || isFileBased(storage) || storage.type === 'zfspool')) {
    const base = `${volume.storage}:${volume.base}`;
    throw failure(`can't migrate '${volumeId(volume)}' as it's a clone of '${base}'`);
  }
  if (plan.live && !plan.withLocalDisks)
    throw failure(`can't live migrate attached local disks without with-local-disks option`);
  const hasSnapshots =
    volume.snapshots.length > 0 ||
    [...vm.snapshots.values()].some((section) =>
      Object.values(section.options).some((text) => text.startsWith(volumeId(volume))),
    );
  if (hasSnapshots && volume.format === 'raw' && storage?.type !== 'zfspool')
    throw failure(`can't migrate snapshot of local volume '${volumeId(volume)}'`);
}

interface Progress {
  task: Task;
  stamp: (line: string) => void;
}

async function moveOffline(world: World, vm: Vm, plan: Plan, { task, stamp }: Progress): Promise<void> {
  const local = localVolumes(world, vm);
  for (const volume of local) {
    stamp(`found local disk '${volumeId(volume)}' (${kindOf(vm, volume)})`);
  }
  if (local.length > 0) stamp('copying local disk images');
  for (const volume of local) {
    await task.wait(copyMs(volume.usedBytes));
    const from = volumeId(volume);
    moveVolume(world, vm, plan, volume);
    stamp(`volume '${from}' is '${volumeId(volume)}' on the target`);
  }
  await task.wait(durations.migrateOffline);
}

function kindOf(vm: Vm, volume: Volume): string {
  const attached = Object.entries(vm.options).some(
    ([key, text]) => isDriveName(key) && text.startsWith(volumeId(volume)),
  );
  return attached ? 'attached' : 'unused';
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
  const lines = liveLines(vm);
  for (const line of lines.before) stamp(line);
  for (const volume of localVolumes(world, vm)) {
    await task.wait(copyMs(volume.usedBytes));
    moveVolume(world, vm, plan, volume);
  }
  await task.wait(durations.migrateOnlineStart);
  for (const line of lines.after) stamp(line);
  await task.wait(durations.migrateOnlineFinish);
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
