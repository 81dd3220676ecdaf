// Moving a disk: to another storage, or as it is to another VM.
import { failure, messageOf, parameterError } from '../errors.ts';
import { driveNames } from '../schema/drive-format.ts';
import { digest, flag, integer, node, oneOf, optionalVmid, required, storageId, vmid } from '../schema/parameter.ts';
import { allocateDisk, freeVolume, interruptedCopy, requireVolume, suitedFormat } from '../state/disk-work.ts';
import { formatSize, isCdrom, isCloudInit, parseDrive, printDrive } from '../state/drive.ts';
import type { Drive } from '../state/drive.ts';
import { isInSnapshot } from '../state/volume-features.ts';
import type { Vm } from '../state/vm.ts';
import { splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { copyMs, durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { logAllocated, logCopy } from './config/drive-params.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { addUnused } from './config/pending-section.ts';
import { requireFileDigest } from './firewall-options.ts';
import { reassignDisk } from './reassign-disk.ts';
import { needs, optionalText, requireAny, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { makeBase } from './template.ts';
import { lockConfig } from './vm-lock.ts';

function moveDisk(call: Call): string {
  const storage = optionalText(call.params['storage']);
  const target = call.params['target-vmid'];
  if (storage !== undefined && target !== undefined)
    throw aboutBoth("either set 'storage' or 'target-vmid', but not both");
  if (target !== undefined) return reassignDisk(call, Number(target));
  if (storage === undefined) throw aboutBoth("both 'storage' and 'target-vmid' missing, either needs to be set");
  return moveToStorage(call, storage);
}

function aboutBoth(complaint: string): Error {
  return parameterError({ storage: complaint, 'target-vmid': complaint });
}

function moveToStorage(call: Call, storage: string): string {
  const { world, params } = call;
  requireAny(call, `/storage/${storage}`, ['Datastore.AllocateSpace']);
  const owner = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  checkedMove(call, storage);
  const kind = { node: owner.node, type: 'qmmove', id: String(owner.vmid), caller: call.caller };
  return world.tasks.start(kind, (task) =>
    lockConfig(world, owner, () => runMove(world, checkedMove(call, storage), task), { task }),
  ).upid;
}

interface Move {
  vm: Vm;
  slot: string;
  drive: Drive;
  volume: Volume;
  storage: string;
  format: string;
  removeSource: boolean;
  /** Undefined without a limit. */
  bytesPerSecond: number | undefined;
}

/** What is to be moved; looked at before the task and once more when it has the lock. */
function checkedMove({ world, params }: Call, storage: string): Move {
  const vm = world.vm(Number(params['vmid']), textOf(params['node']));
  requireUnlocked(vm);
  requireFileDigest(vm, params['digest']);
  const slot = textOf(params['disk']);
  const drive = movableDrive(vm, slot);
  const asked = optionalText(params['format']);
  requireElsewhere(drive, storage, asked);
  const target = world.volumes.storage(storage, vm.node);
  if (!target.content.includes('images'))
    throw parameterError({ storage: `storage '${storage}' does not support vm images` });
  const removeSource = params['delete'] === 1;
  if (removeSource && isInSnapshot(vm, drive.file))
    throw failure("you can't move a disk with snapshots and delete the source");
  const volume = requireVolume(world, drive.file, vm.node);
  const bytesPerSecond = Number(params['bwlimit'] ?? 0) * 1024 || undefined;
  const format = suitedFormat(target, asked ?? volume.format);
  return { vm, slot, drive, volume, storage, format, removeSource, bytesPerSecond };
}

/** Volumes that are no files have no format to change. */
function requireElsewhere(drive: Drive, storage: string, asked: string | undefined): void {
  const source = splitVolumeId(drive.file);
  if (source?.storage !== storage) return;
  const current = /\.(raw|qcow2|vmdk)$/.exec(source.name)?.[1];
  if (asked === undefined || current === undefined || asked === current)
    throw failure("you can't move to the same storage with same format");
}

function movableDrive(vm: Vm, slot: string): Drive {
  const text = vm.options[slot];
  if (text === undefined) throw failure(`disk '${slot}' does not exist`);
  const drive = parseDrive(slot, text);
  if (drive === undefined) throw failure(`disk '${slot}' has no associated volume`);
  if (isCdrom(drive) && !isCloudInit(drive)) throw failure("you can't move a cdrom");
  return drive;
}

async function runMove(world: World, move: Move, task: Task): Promise<void> {
  const { vm, slot, drive, volume, storage, format } = move;
  const source = volumeId(volume);
  if (isInSnapshot(vm, source)) task.print('moving disk with snapshots, snapshots will not be moved!');
  task.print(
    `copying volume '${source}' from current storage '${volume.storage}' to target storage '${storage}'`,
    `create full clone of drive ${slot} (${source})`,
  );
  const { sizeBytes, bootable } = volume;
  const request = { storage, node: vm.node, vmid: vm.vmid, format, sizeBytes, bootable };
  const made = allocateDisk(
    world,
    isCloudInit(drive) ? { ...request, plainName: `vm-${vm.vmid}-cloudinit` } : request,
    task,
  );
  const limitedMs = move.bytesPerSecond === undefined ? 0 : (volume.usedBytes / move.bytesPerSecond) * 1000;
  try {
    await task.wait(Math.max(limitedMs, durations.moveDisk + copyMs(volume.usedBytes) - 1000));
  } catch {
    world.volumes.remove(made);
    const error = interruptedCopy(world, volume, made, move.bytesPerSecond);
    throw failure(`storage migration failed: ${error.message}`);
  }
  if (isCloudInit(drive)) task.print(`allocated target volume '${volumeId(made)}'`);
  else {
    logAllocated(task, made);
    logCopy(task, made, 'begin');
    logCopy(task, made, 'end');
  }
  made.usedBytes = volume.usedBytes;
  const moved = vm.isTemplate && !isCdrom(drive) ? makeBase(world, volumeId(made), vm.node) : made;
  vm.options[slot] = printDrive({ ...drive, file: volumeId(moved), size: formatSize(moved.sizeBytes) });
  releaseSource(world, move, task);
  vm.touch();
}

function releaseSource(world: World, move: Move, task: Task): void {
  const { vm } = move;
  const source = volumeId(move.volume);
  if (isCloudInit(move.drive)) {
    world.volumes.remove(move.volume);
    task.print(
      `found unused cloudinit disk '${source}', removing it`,
      'Use of uninitialized value $unused_key in concatenation (.) or string at /usr/share/perl5/PVE/API2/Qemu.pm line 4960.',
      `adding source volume '${source}' as '' to config`,
    );
  } else if (move.removeSource) {
    task.print(`removing source volume '${source}' after successful copy`);
    freeOrWarn(world, move.volume, task);
  } else task.print(`adding source volume '${source}' as '${addUnused(vm.options, source)}' to config`);
}

/** The move is done: a source that cannot go only leaves a line. */
function freeOrWarn(world: World, volume: Volume, task: Task): void {
  try {
    freeVolume(world, volume);
  } catch (error) {
    task.print(messageOf(error));
  }
}

const anyDisk = oneOf(...driveNames, ...Array.from({ length: 256 }, (_, index) => `unused${index}`));

export const moveDiskRoutes: Route[] = [
  {
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/move_disk',
    permission: needs('/vms/{vmid}', 'VM.Config.Disk'),
    proxied: true,
    parameters: {
      node,
      vmid,
      disk: required(anyDisk),
      storage: storageId,
      format: oneOf('raw', 'qcow2', 'vmdk'),
      delete: flag(),
      digest,
      bwlimit: integer(0),
      'target-vmid': optionalVmid,
      'target-disk': anyDisk,
      'target-digest': digest,
    },
    run: moveDisk,
  },
];
