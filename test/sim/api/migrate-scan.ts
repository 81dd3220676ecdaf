// Looks through a VM's volumes before a migration: what must be copied and what cannot be.
import { failure } from '../errors.ts';
import { isDriveName } from '../schema/drive-format.ts';
import { isCdrom, isCloudInit, parseDrive } from '../state/drive.ts';
import type { Vm } from '../state/vm.ts';
import { isFileBased, splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Storage, Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { referencedVolumes } from './destroy.ts';

/** How the migration goes about local disks. */
export interface ScanOptions {
  live: boolean;
  withLocalDisks: boolean;
  stamp(line: string): void;
}

/** Local volumes of the VM: they must be copied. */
export function localVolumes(world: World, vm: Vm): Volume[] {
  return [...referencedVolumes(world, vm)].filter((volume) => volume.node !== undefined);
}

/** Names every local disk in the log; fails when one of them, or a local ISO, cannot go along. */
export function scanVolumes(world: World, vm: Vm, options: ScanOptions): void {
  const problems: string[] = localIsos(world, vm).map(
    (file) => `can't migrate local disk '${file}': local cdrom image`,
  );
  for (const volume of localVolumes(world, vm)) {
    options.stamp(`found local disk '${volumeId(volume)}' (${isAttached(vm, volume) ? 'attached' : 'unused'})`);
    const problem = problemOf(world, vm, volume, options);
    if (problem !== undefined) problems.push(`can't migrate local disk '${volumeId(volume)}': ${problem}`);
  }
  for (const problem of problems) options.stamp(problem);
  if (problems.length > 0) throw failure("Problem found while scanning volumes - can't migrate VM - check log");
}

function localIsos(world: World, vm: Vm): string[] {
  return Object.entries(vm.options).flatMap(([slot, value]) => {
    const drive = isDriveName(slot) ? parseDrive(slot, value) : undefined;
    if (drive === undefined || !isCdrom(drive) || isCloudInit(drive)) return [];
    const storage = world.volumes.storages.get(splitVolumeId(drive.file)?.storage ?? '');
    return storage === undefined || storage.shared ? [] : [drive.file];
  });
}

function isAttached(vm: Vm, volume: Volume): boolean {
  return Object.entries(vm.options).some(([key, text]) => isDriveName(key) && text.split(',')[0] === volumeId(volume));
}

/** Whether a linked clone on the storage cannot leave its base behind. */
function keepsClonesTogether(storage: Storage | undefined): boolean {
  return storage === undefined || isFileBased(storage) || storage.type === 'zfspool';
}

function losesSnapshot(vm: Vm, volume: Volume, storage: Storage | undefined): boolean {
  return volume.format === 'raw' && storage?.type !== 'zfspool' && isInSnapshot(vm, volumeId(volume));
}

function problemOf(world: World, vm: Vm, volume: Volume, options: ScanOptions): string | undefined {
  const storage = world.volumes.storages.get(volume.storage);
  if (volume.base !== undefined && keepsClonesTogether(storage)) {
    return `can't migrate '${volumeId(volume)}' as it's a clone of '${volume.storage}:${volume.base}'`;
  }
  if (options.live && !options.withLocalDisks && isAttached(vm, volume)) {
    return "can't live migrate attached local disks without with-local-disks option";
  }
  return losesSnapshot(vm, volume, storage) ? 'non-migratable snapshot exists' : undefined;
}

function isInSnapshot(vm: Vm, volid: string): boolean {
  return [...vm.snapshots.values()].some((section) =>
    Object.values(section.options).some((text) => text.split(',')[0] === volid),
  );
}
