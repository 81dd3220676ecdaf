// Finds the disks that a change of package would have to make smaller, against all that is known of their sizes.
import type { EffectivePackage, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { sizeChange } from './disks.ts';

const GIB = 1024 ** 3;

export const DISK_OPTIONS = ['systemDiskGiB', 'additionalDiskGiB'] as const;
export type DiskOption = (typeof DISK_OPTIONS)[number];

/** Words for a person. */
export const DISK_NAMES: Readonly<Record<DiskOption, string>> = {
  systemDiskGiB: 'system disk',
  additionalDiskGiB: 'additional disk',
};

/** Sizes that a disk has or is being given; the largest counts. */
export interface KnownSizes {
  readonly packages: readonly (Pick<EffectivePackage, DiskOption> | undefined)[];
  /** As Proxmox VE last showed it. */
  readonly observedBytes?: Readonly<Partial<Record<DiskOption, number>>>;
}

/** The sizes that the status of a VM tells. */
export function observedSizes(status: VirtualMachineStatus | undefined): NonNullable<KnownSizes['observedBytes']> {
  const { systemBytes, additionalBytes } = status?.disks?.observed ?? {};
  return { systemDiskGiB: systemBytes, additionalDiskGiB: additionalBytes };
}

export interface Shrink {
  readonly option: DiskOption;
  /** Size that the disk has, in whole GiB. */
  readonly fromGiB: number;
  readonly toGiB: number;
}

/** 0 GiB keeps a system disk as it is, and is a matter of consent for an additional one: neither is a shrink. */
export function shrinks(known: KnownSizes, wanted: Pick<EffectivePackage, DiskOption>): readonly Shrink[] {
  return DISK_OPTIONS.flatMap((option) => {
    const bytes = sizeBytes(known, option);
    if (sizeChange(bytes, wanted[option]) !== 'shrink') return [];
    return [{ option, fromGiB: Math.floor(bytes / GIB), toGiB: wanted[option] }];
  });
}

/** The largest size that is known of a disk, 0 when none is. */
export function sizeBytes({ packages, observedBytes = {} }: KnownSizes, option: DiskOption): number {
  const sizes = packages.map((one) => (one?.[option] ?? 0) * GIB);
  return Math.max(0, ...sizes, observedBytes[option] ?? 0);
}
