// Cloning a VM: linked or full, onto other storage, onto another node.
import { failure, forbidden, messageOf, parameterError } from '../errors.ts';
import { isDriveName } from '../schema/drive-format.ts';
import {
  flag,
  formatted,
  integer,
  node,
  oneOf,
  required,
  snapshotName,
  storageId,
  text,
  vmid,
  optionalVmid,
} from '../schema/parameter.ts';
import { formatSize, isCdrom, isCloudInit, parseDrive, parseNet, printDrive, printNet } from '../state/drive.ts';
import type { Drive } from '../state/drive.ts';
import { allocateDisk, interruptedCopy, linkClone, requireVolume, suitedFormat } from '../state/disk-work.ts';
import { guestIsUp } from '../state/power.ts';
import { withStorageLock } from '../state/storage-lock.ts';
import { Vm } from '../state/vm.ts';
import type { Options } from '../state/vm.ts';
import { isFileBased, splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { copyMs, durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireBridgeAccess } from './bridge-access.ts';
import { logAllocated, logCopy } from './config/drive-params.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { may, optionalText, requireAny, textOf } from './route.ts';
import { requirePool } from './pools.ts';
import type { Call, Permission, Route } from './route.ts';
import { lockConfig } from './vm-lock.ts';

interface Plan {
  source: Vm;
  options: Options;
  newId: number;
  full: boolean;
  storage: string | undefined;
  format: string | undefined;
  target: string | undefined;
  name: string | undefined;
  description: string | undefined;
  pool: string | undefined;
  bytesPerSecond: number | undefined;
}

const permission: Permission = (call) => {
  requireAny(call, `/vms/${textOf(call.params['vmid'])}`, ['VM.Clone']);
  const { newid, pool } = call.params;
  const allowed =
    may(call, `/vms/${textOf(newid)}`, 'VM.Allocate') ||
    (pool !== undefined && may(call, `/pool/${textOf(pool)}`, 'VM.Allocate'));
  if (!allowed) throw forbidden();
};

async function clone(call: Call): Promise<string> {
  const { world, params } = call;
  const source = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  const target = optionalText(params['target']);
  requirePool(world, optionalText(params['pool']));
  requireTarget(call, target);
  if (world.vms.get(source.vmid)?.node !== source.node) {
    throw failure(`unable to find configuration file for VM ${source.vmid} on node '${source.node}'`);
  }
  const plan = makePlan(call, world.vm(source.vmid, source.node), target);
  world.requireQuorum();
  // Calls of the same moment have all passed the checks before the first worker makes its target.
  await Promise.resolve();
  const kind = { node: source.node, type: 'qmclone', id: String(source.vmid), caller: call.caller };
  const task = world.tasks.start(kind, (worker) => runClone(call, plan, worker));
  return task.upid;
}

function requireTarget(call: Call, target: string | undefined): void {
  const { world, params } = call;
  const storage = optionalText(params['storage']);
  if (target !== undefined && target !== params['node'] && !world.nodes.has(target))
    throw failure(`no such cluster node '${target}'`);
  if (storage === undefined) return;
  const definition = world.volumes.storage(storage, textOf(params['node']));
  if (target !== undefined && target !== params['node']) {
    world.volumes.storage(storage, target);
    if (!definition.shared) throw failure(`can't clone to non-shared storage '${storage}'`);
  }
}

function makePlan(call: Call, source: Vm, target: string | undefined): Plan {
  const { params } = call;
  requireUnlocked(source);
  const options = sourceOptions(source, optionalText(params['snapname']));
  const full = params['full'] === undefined ? !source.isTemplate : params['full'] === 1;
  const storage = optionalText(params['storage']);
  const format = optionalText(params['format']);
  if (!full && storage !== undefined) throw failure("parameter 'storage' not allowed for linked clones");
  if (!full && format !== undefined) throw failure("parameter 'format' not allowed for linked clones");
  const elsewhere = target === source.node ? undefined : target;
  requireCopyable(call, { source, options, storage, elsewhere, full });
  return {
    source,
    options,
    newId: Number(params['newid']),
    full,
    storage,
    format,
    target: elsewhere,
    name: optionalText(params['name']),
    description: optionalText(params['description']),
    pool: optionalText(params['pool']),
    bytesPerSecond: Number(params['bwlimit'] ?? 0) * 1024 || undefined,
  };
}

function sourceOptions(source: Vm, snapshot: string | undefined): Options {
  if (snapshot === undefined) return source.options;
  const section = source.snapshots.get(snapshot);
  if (section === undefined) throw failure(`snapshot '${snapshot}' does not exist`);
  return section.options;
}

interface CopyRequest {
  source: Vm;
  options: Options;
  storage: string | undefined;
  elsewhere: string | undefined;
  full: boolean;
}

function requireCopyable(call: Call, { source, options, storage, elsewhere, full }: CopyRequest): void {
  const shared = requireDriveStorages(call, options, storage);
  if (elsewhere !== undefined && !shared)
    throw failure(`can't clone VM to node '${elsewhere}' (VM uses local storage)`);
  requireBridgeAccess(call, options);
  const newId = Number(call.params['newid']);
  if (existsOnNode(call.world, newId, source.node))
    throw failure(`unable to create VM ${newId}: config file already exists`);
  if (!full) requireLinkable(call.world, options);
}

function existsOnNode(world: World, id: number, name: string): boolean {
  return world.vms.get(id)?.node === name;
}

/** Rights on the storages the copy will use; the answer says whether all of the source's disks are shared. */
function requireDriveStorages(call: Call, options: Options, storage: string | undefined): boolean {
  let shared = true;
  for (const drive of diskDrives(options)) {
    const id = splitVolumeId(drive.file)?.storage ?? '';
    const definition = call.world.volumes.storage(id);
    shared &&= definition.shared;
    const used = storage ?? id;
    requireAny(call, `/storage/${used}`, ['Datastore.AllocateSpace']);
    if (!call.world.volumes.storage(used).content.includes('images')) {
      throw parameterError({ storage: `storage '${used}' does not support vm images` });
    }
  }
  return shared;
}

function* diskDrives(options: Options): Iterable<Drive> {
  for (const [slot, value] of Object.entries(options)) {
    const drive = isDriveName(slot) ? parseDrive(slot, value) : undefined;
    if (drive !== undefined && (!isCdrom(drive) || isCloudInit(drive)) && splitVolumeId(drive.file) !== undefined)
      yield drive;
  }
}

function requireLinkable(world: World, options: Options): void {
  for (const [slot, value] of Object.entries(options)) {
    const drive = isDriveName(slot) ? parseDrive(slot, value) : undefined;
    if (drive === undefined || isCdrom(drive) || isBase(world, drive.file)) continue;
    throw failure(`Linked clone feature is not supported for '${drive.file}' (${slot})`);
  }
}

/** Whether the volume is a template's, on storage that can link to it. */
function isBase(world: World, volid: string): boolean {
  const parts = splitVolumeId(volid);
  if (parts === undefined || world.volumes.storages.get(parts.storage)?.type === 'lvm') return false;
  return /(?:^|\/)base-\d+-[^/]*$/.test(parts.name);
}

async function runClone(call: Call, plan: Plan, task: Task): Promise<void> {
  const { world } = call;
  const { source, newId } = plan;
  const owner = { vmid: newId, node: source.node };
  await lockConfig(
    world,
    source,
    // The clone's own wait for its lock is not in its log.
    () => lockConfig(world, owner, () => cloneLocked(call, plan, task), { timeoutMs: durations.configLockTimeout }),
    {
      shared: source.running === undefined,
      timeoutMs: source.running === undefined ? durations.cloneLockTimeout : durations.configLockTimeout,
    },
  );
}

async function cloneLocked(call: Call, plan: Plan, task: Task): Promise<void> {
  const { world } = call;
  const { source, newId } = plan;
  if (existsOnNode(world, newId, source.node))
    throw failure(`unable to create VM ${newId}: config file already exists`);
  if (world.vms.has(newId)) {
    const path = `/etc/pve/nodes/${source.node}/qemu-server/${newId}.conf`;
    throw failure(`close (rename) atomic file '${path}' failed: File exists`);
  }
  const placeholder = new Vm(newId, source.node, { lock: 'clone', description: ' qmclone temporary file' });
  world.vms.set(newId, placeholder);
  const firewall = world.firewall.get(source.vmid);
  if (firewall !== undefined) world.firewall.set(newId, firewall.copy());
  const made: Volume[] = [];
  try {
    task.print(`creating a clone of VM ${source.vmid} with ID ${newId}`);
    for (const drive of diskDrives(plan.options)) requireVolume(world, drive.file, source.node);
    const options = baseOptions(world, plan);
    await cloneDrives(world, plan, { options, made, task });
    finishClone(world, plan, placeholder, options);
  } catch (error) {
    for (const volume of made) world.volumes.remove(volume);
    world.vms.delete(newId);
    world.firewall.delete(newId);
    throw failure(`clone failed: ${messageOf(error)}`);
  }
}

const notCopied = /^(?:unused\d+|lock|parent|snaptime|vmstate|template|running.*)$/;

function baseOptions(world: World, plan: Plan): Options {
  const options: Options = {};
  for (const [key, value] of Object.entries(plan.options)) {
    if (notCopied.test(key)) continue;
    if (/^net\d+$/.test(key)) options[key] = printNet({ ...parseNet(value), macaddr: world.random.mac() });
    else if (key === 'smbios1') options[key] = value.replace(/uuid=[^,]+/, `uuid=${world.random.uuid()}`);
    else if (key === 'vmgenid') options[key] = world.random.uuid();
    else options[key] = value;
  }
  options['name'] = plan.name ?? `Copy-of-VM-${plan.options['name'] ?? plan.source.vmid}`;
  if (plan.description === undefined) delete options['description'];
  else options['description'] = plan.description.replace(/\n+$/, '');
  return options;
}

interface Copying {
  options: Options;
  made: Volume[];
  task: Task;
}

async function cloneDrives(world: World, plan: Plan, copying: Copying): Promise<void> {
  const slots = Object.keys(copying.options).filter(isDriveName).sort();
  for (const slot of slots) {
    const drive = parseDrive(slot, copying.options[slot] ?? '');
    if (drive === undefined || (isCdrom(drive) && !isCloudInit(drive))) continue;
    const made = await cloneDrive(world, plan, { slot, drive, task: copying.task, made: copying.made });
    copying.options[slot] = printDrive({ ...drive, file: volumeId(made), size: formatSize(made.sizeBytes) });
  }
}

interface DriveCopy {
  slot: string;
  drive: Drive;
  task: Task;
  made: Volume[];
}

async function cloneDrive(world: World, plan: Plan, copy: DriveCopy): Promise<Volume> {
  const { slot, drive, task } = copy;
  const { source, newId } = plan;
  const full = plan.full || isCloudInit(drive);
  task.print(`create ${full ? 'full' : 'linked'} clone of drive ${slot} (${drive.file})`);
  const original = requireVolume(world, drive.file, source.node);
  if (!full) {
    await task.wait(durations.linkedClone - durations.linkDisk);
    const storage = world.volumes.storage(original.storage, source.node);
    return withStorageLock(world, { storage, node: source.node, log: task }, async () => {
      await task.wait(durations.linkDisk);
      return remember(copy, linkClone(world, original, { node: source.node, vmid: newId }, task));
    });
  }
  const request = copyRequest(world, plan, drive, original);
  const storage = world.volumes.storage(request.storage, source.node);
  const made = await withStorageLock(world, { storage, node: source.node, log: task }, async () => {
    await task.wait(durations.createDisk);
    return remember(copy, allocateDisk(world, request, task));
  });
  logAllocated(task, made);
  if (!isCloudInit(drive)) await copyDisk(world, plan, { slot, original, made, task });
  return made;
}

/** The volume a drive is copied into; a linked clone keeps its cloud-init drive where it was. */
function copyRequest(world: World, plan: Plan, drive: Drive, original: Volume): Parameters<typeof allocateDisk>[1] {
  const { source, newId } = plan;
  const storageName = isCloudInit(drive) && !plan.full ? original.storage : (plan.storage ?? original.storage);
  const storage = world.volumes.storage(storageName, source.node);
  return {
    storage: storage.id,
    node: source.node,
    vmid: newId,
    format: suitedFormat(storage, plan.format ?? (isFileBased(storage) ? original.format : undefined)),
    sizeBytes: original.sizeBytes,
    bootable: original.bootable,
    ...(isCloudInit(drive) ? { plainName: `vm-${newId}-cloudinit` } : {}),
  };
}

async function copyDisk(
  world: World,
  plan: Plan,
  copy: { slot: string; original: Volume; made: Volume; task: Task },
): Promise<void> {
  const { original, made, task } = copy;
  const running = plan.source.running !== undefined;
  made.usedBytes = original.usedBytes;
  // The tool counts what it has read: with a limit it is through long before the last byte is written.
  const isThrottled = plan.bytesPerSecond !== undefined;
  if (!running) logCopy(task, made, 'begin');
  if (!running && isThrottled) logCopy(task, made, 'end');
  await copyData(world, plan, copy);
  if (running) logMirror(task, copy.slot, guestIsUp(world, plan.source));
  else if (!isThrottled) logCopy(task, made, 'end');
}

/** A running source is mirrored by QEMU instead of copied. */
function logMirror(task: Task, slot: string, frozen: boolean): void {
  task.print(
    `drive mirror is starting for drive-${slot}`,
    `mirror-${slot}: transferred 0.0 MiB of 100.0 MiB (0.00%) in 0 s`,
    `mirror-${slot}: transferred 100.0 MiB of 100.0 MiB (100.00%) in 1 s, ready`,
    "all 'mirror' jobs are ready",
    ...(frozen ? [] : ['skipping guest filesystem freeze - agent configured but not running?', 'suspend vm']),
    `mirror-${slot}: Cancelling block job`,
    `mirror-${slot}: Done.`,
    ...(frozen ? [] : ['resume vm']),
  );
}

function remember(copy: DriveCopy, volume: Volume): Volume {
  copy.made.push(volume);
  return volume;
}

async function copyData(world: World, plan: Plan, copy: { original: Volume; made: Volume; task: Task }): Promise<void> {
  const { original, made, task } = copy;
  const limited = plan.bytesPerSecond === undefined ? 0 : (original.usedBytes / plan.bytesPerSecond) * 1000;
  try {
    await task.wait(Math.max(limited, durations.fullCloneBase + copyMs(original.usedBytes) - 1000));
  } catch {
    throw interruptedCopy(world, original, made, plan.bytesPerSecond);
  }
}

function finishClone(world: World, plan: Plan, vm: Vm, options: Options): void {
  vm.options = options;
  if (plan.target !== undefined) vm.node = plan.target;
  vm.touch();
  const boot = world.guestBootMs.get(plan.source.vmid);
  if (boot !== undefined) world.guestBootMs.set(plan.newId, boot);
  if (plan.pool !== undefined) world.pools.get(plan.pool)?.vms.add(plan.newId);
}

export const cloneRoutes: Route[] = [
  {
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/clone',
    permission,
    proxied: true,
    parameters: {
      node,
      vmid,
      newid: required(optionalVmid),
      name: formatted('dns-name'),
      description: text(),
      pool: formatted('pve-poolid'),
      snapname: snapshotName,
      storage: storageId,
      format: oneOf('raw', 'qcow2', 'vmdk'),
      full: flag(),
      target: formatted('pve-node'),
      bwlimit: integer(0),
    },
    run: clone,
  },
];
