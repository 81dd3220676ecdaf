// Answers for the state of a cluster as its one poll sees it.
import type { NodeResource, StorageResource, VmResource } from './answer-types.ts';
import type { PveError, PveErrorKind } from './errors.ts';

export interface ClusterSnapshot {
  /** When the request behind it was sent, by our clock. Proxmox's own figures lag up to ten seconds behind. */
  readonly takenAt: number;
  readonly nodes: ReadonlyMap<string, NodeResource>;
  readonly vms: ReadonlyMap<number, VmResource>;
  readonly storages: readonly StorageResource[];
}

export interface InventoryHealth {
  /** The last poll's end: `reachable`, or what kind of error it was. */
  readonly state: 'unknown' | 'reachable' | PveErrorKind;
  readonly error?: PveError;
  /** Since when the state has been this one, by our clock. */
  readonly since: number;
}

export interface Inventory {
  start(signal: AbortSignal): void;
  /** The latest snapshot, also while the cluster cannot be reached: see `takenAt` and `health`. */
  snapshot(): ClusterSnapshot | undefined;
  readonly health: InventoryHealth;
  /** A snapshot whose request is sent after this call; concurrent callers share one. */
  refresh(): Promise<ClusterSnapshot>;
  /** Calls back after every poll, good or bad; the answer ends the subscription. */
  subscribe(listener: () => void): () => void;
}
