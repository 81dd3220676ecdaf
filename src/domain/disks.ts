// Decides about disks: where an additional one goes, in which format, with which limits, and whether one has to grow.
import {
  type Drive,
  driveKeys,
  type DriveKey,
  type DriveLimits,
  limitsOf,
  printDrive,
  withLimits,
} from '../pve/drive.ts';

const GIB = 1024 ** 3;

/** Limits of a disk as packages name them; 0 is unlimited. */
export interface DiskLimits {
  readonly readMBps: number;
  readonly writeMBps: number;
  readonly readIOPS: number;
  readonly writeIOPS: number;
}

export type DiskFormat = 'raw' | 'qcow2' | 'vmdk';

/** Storages that hold files; on all others a volume is a block device and has no format. */
const FILE_STORAGES = new Set(['dir', 'nfs', 'cifs', 'glusterfs', 'btrfs']);

// The limits in the words of the drive codec.
function driveLimits(limits: DiskLimits): DriveLimits {
  return {
    readMBps: limits.readMBps,
    writeMBps: limits.writeMBps,
    readIops: limits.readIOPS,
    writeIops: limits.writeIOPS,
  };
}

export function limitsDiffer(drive: Drive, limits: DiskLimits): boolean {
  const present = limitsOf(drive);
  const wanted = driveLimits(limits);
  return (Object.keys(present) as (keyof DriveLimits)[]).some((limit) => present[limit] !== wanted[limit]);
}

/**
 * The place for the additional disk: the next free one on the bus of the system disk, whose driver the guest has for
 * sure. When that bus is full (ide has four places): scsi before sata if the VM has a chosen SCSI controller, sata
 * before scsi if not, because few guests know the default one. Undefined when every place is taken.
 */
export function additionalDiskKey({
  systemKey,
  usedKeys,
  scsihw,
}: {
  systemKey: string;
  usedKeys: Iterable<string>;
  scsihw?: string;
}): DriveKey | undefined {
  const used = new Set([...usedKeys, systemKey]);
  const fallbacks = scsihw === undefined ? ['sata', 'scsi', 'virtio', 'ide'] : ['scsi', 'sata', 'virtio', 'ide'];
  for (const bus of [busOf(systemKey), ...fallbacks]) {
    const free = driveKeys.find((key) => busOf(key) === bus && !used.has(key));
    if (free !== undefined) return free;
  }
  return undefined;
}

/**
 * The format of a new additional disk: the system disk's, so that snapshots work alike on both. Without one Proxmox VE
 * would take raw on a directory, and the VM could not be snapshotted any more.
 */
export function additionalDiskFormat({
  systemVolume,
  storageType,
}: {
  systemVolume: string;
  storageType: string;
}): DiskFormat {
  if (!FILE_STORAGES.has(storageType)) return 'raw';
  const extension = /\.(raw|qcow2|vmdk)$/.exec(systemVolume)?.[1];
  return extension === 'qcow2' || extension === 'vmdk' ? extension : 'raw';
}

/** The drive string that makes a new disk, limits included: one config call does it all. */
export function newDiskValue({
  storage,
  sizeGiB,
  format,
  limits,
}: {
  storage: string;
  sizeGiB: number;
  format: DiskFormat;
  limits: DiskLimits;
}): string {
  const drive: Drive = { volume: `${storage}:${sizeGiB}`, storage, format, options: new Map([['format', format]]) };
  return printDrive(withLimits(drive, driveLimits(limits)));
}

/**
 * What a declared size means for a disk; 0 GiB means "as it is". Disks that Proxmox VE moved are a little larger than
 * their size in GiB: only a whole GiB less is a wish to shrink.
 */
export function sizeChange(currentBytes: number, wantedGiB: number): 'keep' | 'grow' | 'shrink' {
  if (wantedGiB === 0) return 'keep';
  if (wantedGiB * GIB > currentBytes) return 'grow';
  return wantedGiB < Math.floor(currentBytes / GIB) ? 'shrink' : 'keep';
}

function busOf(key: string): string {
  return key.replace(/\d+$/, '');
}
