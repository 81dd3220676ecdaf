// Answers for what the client's callers see of Proxmox VE's answers: typed, with units in the names.
import type { Upid } from './upid.ts';

export interface NodeResource {
  readonly name: string;
  /** `unknown` after the node's start, `offline` after its loss. */
  readonly status: 'online' | 'offline' | 'unknown';
  readonly cpuCount?: number;
  /** Fraction of all CPUs. */
  readonly cpuLoad?: number;
  /** Used memory; absent while the node is not online, and for a token without Sys.Audit. */
  readonly memoryBytes?: number;
  readonly maxMemoryBytes?: number;
  readonly uptimeSeconds?: number;
}

export interface VmResource {
  readonly vmid: number;
  readonly node: string;
  readonly type: 'qemu' | 'lxc';
  /** Up to ten seconds old. `unknown` until the node's statistics daemon has seen the VM. */
  readonly status: 'running' | 'stopped' | 'unknown';
  readonly name?: string;
  /** Undefined while the status is unknown: Proxmox does not say it then. */
  readonly template?: boolean;
  readonly lock?: string;
  readonly pool?: string;
  readonly tags: readonly string[];
  readonly cpuCount?: number;
  readonly cpuLoad?: number;
  readonly memoryBytes?: number;
  readonly maxMemoryBytes?: number;
  readonly diskBytes?: number;
  readonly maxDiskBytes?: number;
  readonly uptimeSeconds?: number;
}

export interface StorageResource {
  readonly storage: string;
  readonly node: string;
  readonly status: 'available' | 'unknown';
  readonly shared: boolean;
  /** For example `dir`, `lvmthin`. */
  readonly pluginType?: string;
  /** Sorted: Proxmox gives another order each time. */
  readonly content: readonly string[];
  readonly usedBytes?: number;
  readonly totalBytes?: number;
}

export interface ClusterResources {
  readonly nodes: readonly NodeResource[];
  readonly vms: readonly VmResource[];
  readonly storages: readonly StorageResource[];
}

export interface ClusterStatus {
  /** A single node without a cluster is quorate. */
  readonly quorate: boolean;
  readonly name?: string;
  readonly nodes: readonly { readonly name: string; readonly online: boolean; readonly ip?: string }[];
}

export type TaskState =
  | { readonly state: 'running' }
  | { readonly state: 'ok'; readonly warnings: number }
  | { readonly state: 'failed'; readonly exitstatus: string };

export interface TaskSummary {
  readonly upid: Upid;
  readonly node: string;
  readonly type: string;
  readonly id: string;
  /** Seconds since the epoch, by the node's clock. */
  readonly startTime: number;
  readonly endTime?: number;
  readonly state: TaskState;
}

export interface VmConfig {
  /** To be given back with a change: Proxmox refuses it when somebody else was faster. */
  readonly digest: string;
  /** Every option but the digest, as text. */
  readonly values: ReadonlyMap<string, string>;
}

export interface PendingEntry {
  readonly key: string;
  /** What is in force. */
  readonly value?: string;
  /** What comes into force with the next start or stop. */
  readonly pending?: string;
  /** The option is to be removed. */
  readonly deletion: boolean;
}

export interface VmPowerStatus {
  readonly status: 'running' | 'stopped';
  /** For example `paused` or `prelaunch`, while `status` still says running. */
  readonly qmpStatus: string;
  readonly lock?: string;
  readonly uptimeSeconds: number;
  readonly cpuCount?: number;
  readonly maxMemoryBytes?: number;
  readonly haManaged: boolean;
  readonly name?: string;
}

export interface Snapshot {
  readonly name: string;
  /** As its maker wrote it; Proxmox also answers an empty one. */
  readonly description?: string;
  /** Seconds since the epoch, by the node's clock. */
  readonly snaptime?: number;
  /** The snapshot before this one; deleting that one links this to the one before. */
  readonly parent?: string;
  /** It holds the machine's memory too. */
  readonly vmstate?: boolean;
}

export interface Backup {
  /** For example `backup:backup/vzdump-qemu-401-2026_11_22-05_58_42.vma.zst`. */
  readonly volid: string;
  readonly vmid?: number;
  /** The first line only: lists leave out the others. */
  readonly notes?: string;
  /** Seconds since the epoch. */
  readonly ctime: number;
  /** Proxmox VE 9.2 leaves it out where finding it out costs too much. */
  readonly sizeBytes?: number;
  /** Deleting it fails until somebody takes the protection off. */
  readonly protected?: boolean;
}

export interface FirewallOptions {
  readonly enable?: boolean;
  readonly dhcp?: boolean;
  readonly ipfilter?: boolean;
  readonly macfilter?: boolean;
  readonly ndp?: boolean;
  readonly radv?: boolean;
  readonly policy_in?: 'ACCEPT' | 'REJECT' | 'DROP';
  readonly policy_out?: 'ACCEPT' | 'REJECT' | 'DROP';
  readonly log_level_in?: string;
  readonly log_level_out?: string;
}
