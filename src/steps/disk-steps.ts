// What the steps for the system disk and the additional disk share: growing a disk, and setting its limits.
import type { EffectivePackage } from '../api/virtual-machine-status.ts';
import { type DiskLimits, limitsDiffer, sizeChange } from '../domain/disks.ts';
import type { Facts, OwnVm } from '../machine/facts.ts';
import type { ConditionNote, Verdict } from '../machine/vocabulary.ts';
import { type Drive, isDriveKey, parseDrive, printDrive, withLimits } from '../pve/drive.ts';

export type DiskKind = 'system' | 'additional';

/** The drive that sits in a slot now. */
export function driveIn(vm: OwnVm, key: string | undefined): Drive | undefined {
  const text = key === undefined || !isDriveKey(key) ? undefined : vm.config.get(key);
  return text === undefined ? undefined : parseDrive(text);
}

/** Grows a disk to the size of the package. Never smaller: Proxmox VE cannot. */
export function planDiskSize(key: string, drive: Drive, sizeGiB: number): Verdict {
  if (sizeGiB === 0) return { kind: 'skip', why: 'the package keeps the size of the template' };
  switch (sizeChange(drive.sizeBytes ?? 0, sizeGiB)) {
    case 'grow':
      return {
        kind: 'act',
        action: { kind: 'resizeDisk', disk: key, sizeGiB },
        why: `${key} is smaller than ${sizeGiB} GiB`,
      };
    case 'shrink':
      return {
        kind: 'skip',
        why: 'shrink not allowed by Proxmox',
        note: { conditions: [shrinkRefused(key, sizeGiB)] },
      };
    default:
      return { kind: 'done' };
  }
}

function shrinkRefused(key: string, sizeGiB: number): ConditionNote {
  const message = `Disk ${key} is larger than the ${sizeGiB} GiB of the package. Proxmox VE cannot shrink a disk; it stays as it is.`;
  return { type: 'ShrinkRefused', reason: 'ShrinkRefused', message };
}

/**
 * Sets the limits of a disk. With nothing to limit there is no call at all: what the template has stays. Only limits that
 * the package had before (`previous`) are cleared when it has none any more.
 */
export function planDiskLimits(key: string, drive: Drive, limits: DiskLimits, previous?: DiskLimits): Verdict {
  if (!isLimited(limits) && !isLimited(previous)) return { kind: 'skip', why: 'the package has no limits' };
  if (!limitsDiffer(drive, limits)) return { kind: 'done' };
  const limited = withLimits(drive, {
    readMBps: limits.readMBps,
    writeMBps: limits.writeMBps,
    readIops: limits.readIOPS,
    writeIops: limits.writeIOPS,
  });
  return {
    kind: 'act',
    action: { kind: 'configure', set: { [key]: printDrive(limited) } },
    why: `the limits of ${key} differ from the package`,
  };
}

function isLimited(limits: DiskLimits | undefined): boolean {
  return limits !== undefined && Object.values(limits).some((limit) => limit > 0);
}

/** The limits of the package that the VM had before a change of it. */
export function previousLimits({ status }: Facts, disk: DiskKind): DiskLimits | undefined {
  const previous = status.operation?.previous;
  return previous === undefined ? undefined : limitsOfPackage(previous, disk);
}

export function limitsOfPackage(resources: EffectivePackage, disk: DiskKind): DiskLimits {
  if (disk === 'system') {
    return {
      readMBps: resources.systemDiskReadMBps,
      writeMBps: resources.systemDiskWriteMBps,
      readIOPS: resources.systemDiskReadIOPS,
      writeIOPS: resources.systemDiskWriteIOPS,
    };
  }
  return {
    readMBps: resources.additionalDiskReadMBps,
    writeMBps: resources.additionalDiskWriteMBps,
    readIOPS: resources.additionalDiskReadIOPS,
    writeIOPS: resources.additionalDiskWriteIOPS,
  };
}
