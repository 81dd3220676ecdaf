// Answers for talking to one Proxmox VE cluster: what can be asked of it, in types.
import type {
  ClusterResources,
  ClusterStatus,
  FirewallOptions,
  PendingEntry,
  TaskState,
  TaskSummary,
  VmConfig,
  VmPowerStatus,
} from './answer-types.ts';
import { clusterCalls } from './cluster-calls.ts';
import type { DriveKey } from './drive.ts';
import { firewallCalls } from './firewall-calls.ts';
import type { ConfigSet, ParametersOf } from './parameters.ts';
import { powerCalls } from './power-calls.ts';
import { createSender, type PveApiOptions } from './sender.ts';
import type { Upid } from './upid.ts';
import { vmCalls } from './vm-calls.ts';

/** Where a VM is. The node must be looked up before each call: after a move the old one says "does not exist". */
export interface VmRef {
  readonly node: string;
  readonly vmid: number;
}

export type CloneParameters = ParametersOf<'POST /nodes/{node}/qemu/{vmid}/clone'> & {
  /** The template. */
  readonly source: VmRef;
};

export interface ConfigChange {
  readonly set: ConfigSet;
  readonly delete?: readonly string[];
  /** Of the config that the change was made for: Proxmox refuses it (`conflict`) when it is another one now. */
  readonly digest?: string;
  /** Pending changes to be dropped. */
  readonly revert?: readonly string[];
}

export type Resize = { readonly disk: DriveKey } & ({ readonly sizeGiB: number } | { readonly sizeBytes: number });

export interface FirewallChange extends FirewallOptions {
  readonly delete?: readonly string[];
  readonly digest?: string;
}

/** One cluster. Every method throws PveError; PveParameterError means that nothing was sent. */
export interface PveApi {
  version(): Promise<{ version: string; release: string; major: number }>;
  /** The token's own privileges by path. */
  permissions(): Promise<Map<string, Set<string>>>;
  resources(): Promise<ClusterResources>;
  clusterStatus(): Promise<ClusterStatus>;
  /** The running and latest tasks of all nodes, at most 25 a node. */
  clusterTasks(): Promise<TaskSummary[]>;
  taskStatus(upid: Upid): Promise<TaskState>;
  /** The last lines of a task's log. */
  taskLog(upid: Upid, options: { readonly tail: number }): Promise<string[]>;
  /** With pending changes as if in force, unless `current`. A missing VM is a PveError of kind `not-found`. */
  config(vm: VmRef, options?: { readonly current?: boolean }): Promise<VmConfig>;
  pending(vm: VmRef): Promise<PendingEntry[]>;
  status(vm: VmRef): Promise<VmPowerStatus>;
  clone(parameters: CloneParameters): Promise<Upid>;
  /** null when Proxmox was done within ten seconds; a refusal can leave a part of the change behind as pending. */
  updateConfig(vm: VmRef, change: ConfigChange): Promise<Upid | null>;
  /** Grows to this size; every refusal comes from the task. */
  resize(vm: VmRef, resize: Resize): Promise<Upid>;
  /** Offline, with local disks. */
  migrate(vm: VmRef, options: { readonly target: string; readonly targetStorage?: string }): Promise<Upid>;
  start(vm: VmRef): Promise<Upid>;
  stop(vm: VmRef, options?: { readonly overruleShutdown?: boolean }): Promise<Upid>;
  destroy(vm: VmRef, options: { readonly purge: true }): Promise<Upid>;
  firewallOptions(vm: VmRef): Promise<FirewallOptions & { digest: string }>;
  setFirewallOptions(vm: VmRef, change: FirewallChange): Promise<void>;
  /** The set's members, null when there is no such set. */
  ipset(vm: VmRef, name: string): Promise<string[] | null>;
  createIpset(vm: VmRef, name: string): Promise<void>;
  /** With its members. */
  deleteIpset(vm: VmRef, name: string): Promise<void>;
  addToIpset(vm: VmRef, name: string, cidr: string): Promise<void>;
  removeFromIpset(vm: VmRef, name: string, cidr: string): Promise<void>;
}

export function createPveApi(options: PveApiOptions): PveApi {
  const send = createSender(options);
  return { ...clusterCalls(send), ...vmCalls(send), ...powerCalls(send), ...firewallCalls(send) };
}
