// Turning a VM into a template, asking what its disks can do, and moving a disk to another storage.
import { failure, parameterError } from '../errors.ts';
import { driveNames } from '../schema/drive-format.ts';
import {
  digest,
  flag,
  integer,
  node,
  oneOf,
  optionalVmid,
  required,
  snapshotName,
  storageId,
  vmid,
} from '../schema/parameter.ts';
import { allocateDisk, requireVolume, suitedFormat } from '../state/disk-work.ts';
import { drivesOf, formatSize, isCdrom, isCloudInit, parseDrive, printDrive } from '../state/drive.ts';
import type { Drive } from '../state/drive.ts';
import { linkedClonesAvailable, snapshotsAvailable } from '../state/volume-features.ts';
import type { Vm } from '../state/vm.ts';
import { splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { copyMs, durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { logAllocated, logCopy } from './config/drive-params.ts';
import { requireDigest, requireUnlocked } from './config/option-groups.ts';
import { addUnused } from './config/pending-section.ts';
import { needs, optionalText, requireAny, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { lockConfig } from './vm-lock.ts';

async function toTemplate(call: Call): Promise<string> {
  const { world, params } = call;
  const vm = world.vm(Number(params['vmid']), textOf(params['node']));
  return lockConfig(world, vm, () => {
    requireUnlocked(vm);
    if (vm.snapshots.size > 0) throw failure('unable to create template, because VM contains snapshots');
    if (vm.isTemplate && params['disk'] === undefined) throw failure("you can't convert a template to a template");
    if (vm.running !== undefined) throw failure("you can't convert a VM to template if VM is running");
    const kind = { node: vm.node, type: 'qmtemplate', id: String(vm.vmid), caller: call.caller };
    return world.tasks.start(kind, (task) =>
      lockConfig(world, vm, () => convert(world, vm, optionalText(params['disk']), task)),
    ).upid;
  });
}

async function convert(world: World, vm: Vm, only: string | undefined, task: Task): Promise<void> {
  await task.wait(durations.template);
  vm.options['template'] = '1';
  for (const [slot, drive] of drivesOf(vm.options)) {
    if (isCdrom(drive) || (only !== undefined && slot !== only)) continue;
    const volume = requireVolume(world, drive.file, vm.node);
    const name = volume.name.replace(/vm-(\d+-disk-\d+)/, 'base-$1');
    world.volumes.move(volume, { name });
    vm.options[slot] = printDrive({ ...drive, file: volumeId(volume) });
  }
  vm.touch();
}

function feature(call: Call): unknown {
  const { world, params } = call;
  const owner = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  const vm = world.vms.get(owner.vmid);
  if (vm === undefined || vm.node !== owner.node)
    throw failure(`unable to find configuration file for VM ${owner.vmid} on node '${owner.node}'`);
  const able = { snapshot: snapshotsAvailable(world, vm), clone: linkedClonesAvailable(world, vm), copy: true };
  const shared = drivesOf(vm.options).every(
    ([, drive]) => world.volumes.storages.get(splitVolumeId(drive.file)?.storage ?? '')?.shared !== false,
  );
  return {
    hasFeature: able[textOf(params['feature']) as keyof typeof able] ? 1 : 0,
    nodes: shared ? [...world.nodes.keys()] : [vm.node],
  };
}

function movableDrive(vm: Vm, slot: string): Drive {
  const drive = parseDrive(slot, vm.options[slot] ?? '');
  if (drive === undefined) throw failure(`disk '${slot}' does not exist`);
  if (isCdrom(drive) && !isCloudInit(drive)) throw failure("you can't move a cdrom");
  return drive;
}

function moveDisk(call: Call): string | Promise<string> {
  const { world, params } = call;
  const vm = world.vm(Number(params['vmid']), textOf(params['node']));
  const slot = textOf(params['disk']);
  const storage = optionalText(params['storage']);
  if (storage === undefined) {
    const complaint = "both 'storage' and 'target-vmid' missing, either needs to be set";
    throw parameterError({ storage: complaint, 'target-vmid': complaint });
  }
  return lockConfig(world, vm, () => {
    requireAny(call, `/storage/${storage}`, ['Datastore.AllocateSpace']);
    requireUnlocked(vm);
    requireDigest(vm, params['digest']);
    const drive = movableDrive(vm, slot);
    const target = world.volumes.storage(storage, vm.node);
    const volume = requireVolume(world, drive.file, vm.node);
    const format = suitedFormat(target, optionalText(params['format']) ?? volume.format);
    if (volume.storage === storage && format === volume.format)
      throw failure("you can't move to the same storage with same format");
    if (vm.snapshots.size > 0 && params['delete'] === 1)
      throw failure("you can't move a disk with snapshots and delete the source");
    const kind = { node: vm.node, type: 'qmmove', id: String(vm.vmid), caller: call.caller };
    const move = { slot, drive, volume, storage, format, removeSource: params['delete'] === 1 };
    return world.tasks.start(kind, (task) => lockConfig(world, vm, () => runMove(world, vm, move, task))).upid;
  });
}

interface Move {
  slot: string;
  drive: Drive;
  volume: Volume;
  storage: string;
  format: string;
  removeSource: boolean;
}

async function runMove(world: World, vm: Vm, move: Move, task: Task): Promise<void> {
  const { slot, drive, volume, storage, format } = move;
  const source = volumeId(volume);
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
  try {
    await task.wait(durations.moveDisk + copyMs(volume.usedBytes) - 1000);
  } catch (error) {
    world.volumes.remove(made);
    throw failure(`storage migration failed: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (isCloudInit(drive)) task.print(`allocated target volume '${volumeId(made)}'`);
  else {
    logAllocated(task, made);
    logCopy(task, made, 'begin');
    logCopy(task, made, 'end');
  }
  made.usedBytes = volume.usedBytes;
  vm.options[slot] = printDrive({ ...drive, file: volumeId(made), size: formatSize(made.sizeBytes) });
  releaseSource(world, vm, move, task);
  vm.touch();
}

function releaseSource(world: World, vm: Vm, move: Move, task: Task): void {
  const source = volumeId(move.volume);
  if (isCloudInit(move.drive)) {
    world.volumes.remove(move.volume);
    task.print(
      `found unused cloudinit disk '${source}', removing it`,
      'Use of uninitialized value $unused_key in concatenation (.) or string at /usr/share/perl5/PVE/API2/Qemu.pm line 4960.',
      `adding source volume '${source}' as '' to config`,
    );
  } else if (move.removeSource) {
    world.volumes.remove(move.volume);
    task.print(`removing source volume '${source}' after successful copy`);
  } else task.print(`adding source volume '${source}' as '${addUnused(vm.options, source)}' to config`);
}

const drive = oneOf(...driveNames);
const anyDisk = oneOf(...driveNames, ...Array.from({ length: 256 }, (_, index) => `unused${index}`));

export const templateRoutes: Route[] = [
  {
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/template',
    permission: needs('/vms/{vmid}', 'VM.Allocate'),
    proxied: true,
    parameters: { node, vmid, disk: drive },
    run: toTemplate,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/feature',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    proxied: true,
    parameters: { node, vmid, feature: required(oneOf('snapshot', 'clone', 'copy')), snapname: snapshotName },
    run: feature,
  },
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
