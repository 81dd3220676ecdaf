// What can be done with the volumes of a VM: snapshots, linked clones, copies.
import { isDriveName } from '../schema/drive-format.ts';
import { drivesOf, isCdrom, parseDrive } from './drive.ts';
import type { Vm } from './vm.ts';
import { isFileBased } from './volumes.ts';
import type { Volume } from './volumes.ts';
import type { World } from './world.ts';

function disks(world: World, vm: Vm): (Volume | undefined)[] {
  return drivesOf(vm.options)
    .filter(([, drive]) => !isCdrom(drive))
    .map(([, drive]) => world.volumes.find(drive.file, vm.node));
}

function canSnapshot(world: World, volume: Volume | undefined): boolean {
  if (volume === undefined) return false;
  const storage = world.volumes.storages.get(volume.storage);
  if (storage === undefined) return false;
  return isFileBased(storage) ? volume.format === 'qcow2' : storage.type !== 'lvm';
}

/** Whether every disk of the VM can be snapshotted. */
export function snapshotsAvailable(world: World, vm: Vm): boolean {
  return disks(world, vm).every((volume) => canSnapshot(world, volume));
}

/** Whether every disk is a base that clones can link to. */
export function linkedClonesAvailable(world: World, vm: Vm): boolean {
  return disks(world, vm).every((volume) => volume !== undefined && isBase(volume));
}

function isBase(volume: Volume): boolean {
  return /^base-\d+-/.test(volume.name.split('/').at(-1) ?? '');
}

/** Whether a snapshot of the VM has the volume in any slot. */
export function isInSnapshot(vm: Vm, volid: string): boolean {
  return [...vm.snapshots.values()].some(({ options }) =>
    Object.entries(options).some(([slot, text]) => isDriveName(slot) && parseDrive(slot, text)?.file === volid),
  );
}

/** Whether the volume can be given to another VM: bases cannot, clones link to them by their name. */
export function canBeRenamed(volume: Volume): boolean {
  return !isBase(volume);
}
