// Decides what snapshots mean for a disk that has to grow, and which of them may be deleted for it.

/** What is known of a disk before it is resized. */
export interface DiskWithSnapshots {
  /** Of the volume; undefined on block storages. */
  readonly format: string | undefined;
  /** As Proxmox VE names the kind of storage: `dir`, `lvmthin`, … */
  readonly storageType: string;
  readonly hasSnapshots: boolean;
}

/** Storages whose own snapshots leave the volume free to grow. */
const GROWS_UNDER_SNAPSHOTS: ReadonlySet<string> = new Set(['lvmthin', 'zfspool', 'zfs', 'rbd', 'btrfs']);

/**
 * Whether Proxmox VE could refuse to resize the disk because of its snapshots. `false` is certain for what Proxmox VE
 * brings along. `true` is only a possibility: 8.0.2 and later resize qcow2 images with snapshots (recorded on 9.2),
 * but QEMU refuses to if the image is of qcow2 version 2, as some vendors' cloud images are, and no call of the API
 * tells an image's version. Storages of other vendors have rules of their own. So the resize is tried first.
 */
export function snapshotsMayBlockResize({ format, storageType, hasSnapshots }: DiskWithSnapshots): boolean {
  if (!hasSnapshots) return false;
  return format === 'qcow2' || !GROWS_UNDER_SNAPSHOTS.has(storageType);
}

export interface SnapshotsAndConsent {
  /** True when Proxmox VE refused a resize because of the snapshots. */
  readonly refused: boolean;
  /** Names of the VM's snapshots. */
  readonly snapshots: readonly string[];
  /** The names that may be deleted for a resize; undefined: none. */
  readonly consent: readonly string[] | undefined;
}

/** What to do about the snapshots before the next try. */
export type SnapshotsVerdict =
  | { readonly kind: 'keep' }
  | { readonly kind: 'delete'; readonly snapshots: readonly string[] }
  /** `missing`: the snapshots that the consent does not name. */
  | { readonly kind: 'ask'; readonly missing: readonly string[] };

/**
 * Snapshots go only after a refusal, and only if the consent names every one: with a single one left the resize would
 * be refused again, and the others would be gone for nothing.
 */
export function snapshotsBeforeResize({ refused, snapshots, consent = [] }: SnapshotsAndConsent): SnapshotsVerdict {
  if (!refused || snapshots.length === 0) return { kind: 'keep' };
  const missing = snapshots.filter((name) => !consent.includes(name));
  return missing.length === 0 ? { kind: 'delete', snapshots } : { kind: 'ask', missing };
}
