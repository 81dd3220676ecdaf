// What the steps for the system disk and the additional disk share: growing a disk, and setting its limits.
import type { EffectivePackage } from '../api/virtual-machine-status.ts';
import { type DiskLimits, limitsDiffer, sizeChange } from '../domain/disks.ts';
import { snapshotsBeforeResize } from '../domain/snapshots-and-resize.ts';
import type { Facts, Need, OwnVm } from '../machine/facts.ts';
import type { ConditionNote, Verdict } from '../machine/vocabulary.ts';
import { type Drive, isDriveKey, parseDrive, printDrive, withLimits } from '../pve/drive.ts';

export type DiskKind = 'system' | 'additional';

/** The drive that sits in a slot now. */
export function driveIn(vm: OwnVm, key: string | undefined): Drive | undefined {
  const text = key === undefined || !isDriveKey(key) ? undefined : vm.config.get(key);
  return text === undefined ? undefined : parseDrive(text);
}

/** What a step that grows a disk looks at: snapshots only after Proxmox VE refused because of them. */
export function growthNeeds({ operation }: Facts['status']): readonly Need[] {
  return operation?.blockedBySnapshots === true ? ['observed', 'snapshots'] : ['observed'];
}

/** Grows a disk to the size of the package. Never smaller: Proxmox VE cannot. */
export function planDiskSize(facts: Facts, key: string, drive: Drive, sizeGiB: number): Verdict {
  if (sizeGiB === 0) return { kind: 'skip', why: 'the package keeps the size of the template' };
  switch (sizeChange(drive.sizeBytes ?? 0, sizeGiB)) {
    case 'grow':
      return planGrowth(facts, key, sizeGiB);
    case 'shrink':
      return {
        kind: 'skip',
        why: 'the disk stays as it is: shrink not allowed by Proxmox',
        note: { conditions: [shrinkRefused(key, sizeGiB)] },
      };
    default:
      return { kind: 'done' };
  }
}

// Snapshots are in the way of few disks, and no call tells of which: the resize is tried first.
function planGrowth({ snapshots = [], status, vm }: Facts, key: string, sizeGiB: number): Verdict {
  const refused = status.operation?.blockedBySnapshots === true;
  const verdict = snapshotsBeforeResize({ refused, snapshots, consent: vm.spec.consent?.deleteSnapshots });
  switch (verdict.kind) {
    case 'keep':
      return {
        kind: 'act',
        action: { kind: 'resizeDisk', disk: key, sizeGiB },
        why: `${key} is smaller than ${sizeGiB} GiB`,
      };
    case 'delete': {
      const name = verdict.snapshots[0] ?? '';
      const why = `${key} cannot grow while there are snapshots, and ${name} may be deleted`;
      return { kind: 'act', action: { kind: 'deleteSnapshot', name }, why };
    }
    case 'ask':
      return keptForSnapshots(key, snapshots, verdict.missing);
    default:
      return verdict satisfies never;
  }
}

// The VM may have been stopped for other changes of the package: it is not left so until somebody consents.
function keptForSnapshots(key: string, snapshots: readonly string[], missing: readonly string[]): Verdict {
  const message = `Disk ${key} cannot grow while the VM has snapshots. It stays as it is until spec.consent.deleteSnapshots names them all; it lacks ${missing.join(', ')}.`;
  const condition: ConditionNote = {
    type: 'ConsentRequired',
    reason: 'ConsentRequired',
    message: message.slice(0, 300),
  };
  return {
    kind: 'skip',
    why: `nobody consented to deleting the snapshots ${missing.join(', ')}`.slice(0, 300),
    note: { status: { snapshotsInTheWay: snapshots.slice(0, 64) }, conditions: [condition] },
  };
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
