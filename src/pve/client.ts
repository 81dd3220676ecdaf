// Answers for talking to one Proxmox VE cluster: what can be asked of it, in types.
import { agentCalls } from './agent-calls.ts';
import type {
  Backup,
  ClusterResources,
  ClusterStatus,
  FirewallOptions,
  PendingEntry,
  Snapshot,
  TaskState,
  TaskSummary,
  VmConfig,
  VmPowerStatus,
} from './answer-types.ts';
import { backupCalls } from './backup-calls.ts';
import { clusterCalls } from './cluster-calls.ts';
import type { DriveKey } from './drive.ts';
import { firewallCalls } from './firewall-calls.ts';
import type { ConfigSet, ParametersOf } from './parameters.ts';
import { powerCalls } from './power-calls.ts';
import { createSender, type PveApiOptions } from './sender.ts';
import { snapshotCalls } from './snapshot-calls.ts';
import type { Upid } from './upid.ts';
import { vmCalls } from './vm-calls.ts';

/** Where a VM is. The node must be looked up before each call: after a move the old one says "does not exist". */
export interface VmRef {
  readonly node: string;
  readonly vmid: number;
}

type CloneParameters = ParametersOf<'POST /nodes/{node}/qemu/{vmid}/clone'> & {
  /** The template. */
  readonly source: VmRef;
};

export interface ConfigChange {
  readonly set: ConfigSet;
  readonly delete?: readonly string[];
  /**
   * Destroys the volumes of the drives in `delete` instead of leaving them as `unusedN`: what unlinkDisks does, and
   * guarded by the digest. Only together with `delete`.
   */
  readonly destroyVolumes?: true;
  /** Of the config that the change was made for: Proxmox refuses it (`conflict`) when it is another one now. */
  readonly digest?: string;
  /** Pending changes to be dropped. */
  readonly revert?: readonly string[];
}

type Resize = { readonly disk: DriveKey } & ({ readonly sizeGiB: number } | { readonly sizeBytes: number });

interface FirewallChange extends FirewallOptions {
  readonly delete?: readonly string[];
  readonly digest?: string;
}

/**
 * One cluster. Every method throws PveError; PveParameterError means that nothing was sent.
 *
 * What is `Recorded` was seen on a real cluster of two nodes with Proxmox VE 9.2; the words behind are the scenario's.
 */
export interface PveApi {
  version(): Promise<{ version: string; release: string; major: number }>;
  /** The token's own privileges by path. */
  permissions(): Promise<Map<string, Set<string>>>;
  resources(): Promise<ClusterResources>;
  clusterStatus(): Promise<ClusterStatus>;
  /** The running and latest tasks of all nodes, at most 25 a node. */
  clusterTasks(): Promise<TaskSummary[]>;
  /** The latest tasks of this type about the VM on its node, running ones first, the newest before the older. */
  vmTasks(vm: VmRef, type: string): Promise<TaskSummary[]>;
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
  /**
   * Takes the drives out of the config and destroys their volumes, which nothing brings back. Only drives: Proxmox
   * would take `net0` here too and remove the card. A drive that is not there is passed over. There is no digest, so
   * nothing guards against a slot that holds another volume by now; updateConfig with `destroyVolumes` has one.
   *
   * Stopped VM: at once. A volume that a snapshot still holds, and every volume of a VM with `protection`, is refused.
   * Running VM, scsi and virtio: taken out of the guest and destroyed at once. Refused (`hotplug problem`) for a disk
   * in the boot order, and after 6 s (17 s with virtio-scsi-single) when the guest does not let go. Running VM, ide and
   * sata: answered well, but nothing happens before the next stop or start.
   *
   * A refusal and the wait alike leave the deletion behind as pending, with its `force`: the next stop or start
   * DESTROYS the volume unless updateConfig reverts it. So look at `pending` afterwards in any case. A drive that was
   * itself only pending keeps its volume as `unusedN` in spite of `force`.
   *
   * Recorded: config-protection, hotplug-boot-disk-delete, hotplug-net-mac-change; in Proxmox's own API code
   * unlink-force, delete-disk-force-running. Ide and sata as read in PVE::QemuServer.
   */
  unlinkDisks(vm: VmRef, options: { readonly disks: readonly string[]; readonly force: true }): Promise<void>;
  /** In no promised order, without the entry `current` that stands for the VM as it is. VM.Audit suffices. */
  snapshots(vm: VmRef): Promise<Snapshot[]>;
  /**
   * Every refusal comes from the task: a missing snapshot (`not-found`), a lock. Also of a running VM; children are
   * linked to the parent. Recorded: snapshot-lifecycle, snapshot-missing-and-double.
   */
  deleteSnapshot(vm: VmRef, name: string): Promise<Upid>;
  start(vm: VmRef): Promise<Upid>;
  /**
   * Asks the guest, by its agent when that answers, else by ACPI. The task holds the config's lock to its end: until
   * then config calls fail and a stop waits, unless it overrules. When the time is over it fails with `VM
   * quit/powerdown failed - got timeout` (`timeout`) and the VM runs on; with `forceStop` it is ended the hard way
   * within another 10 s, and the task ends well. Well too for a stopped VM, even a locked one. A paused VM is refused
   * at once without `forceStop`. Recorded: power-shutdown-guest, lock-running-backup; the rest as read in PVE::QemuServer.
   */
  shutdown(vm: VmRef, options: { readonly timeoutSeconds: number; readonly forceStop?: boolean }): Promise<Upid>;
  /**
   * A shutdown and a start, with which pending changes come into force. The task ends well while the VM is still
   * STOPPED: a daemon of the node starts it about a second later, so `status` right afterwards misleads, and a DELETE in
   * that second is accepted. A stopped VM is refused at once (`conflict`), a guest that does not end within the time
   * (60 s unless given) fails the task and runs on. Recorded: config-pending-reboot, power-reboot-timeout,
   * power-stop-during-reboot-window.
   */
  reboot(vm: VmRef, options?: { readonly timeoutSeconds?: number }): Promise<Upid>;
  /**
   * The reset button: the guest is not asked, and nothing pending comes into force. A stopped VM is refused at once
   * (`conflict`), a lock fails the task. Recorded: power-reset-running, config-pending-reboot, lock-running-backup.
   */
  reset(vm: VmRef): Promise<Upid>;
  stop(vm: VmRef, options?: { readonly overruleShutdown?: boolean }): Promise<Upid>;
  destroy(vm: VmRef, options: { readonly purge: true }): Promise<Upid>;
  /**
   * Whether the guest agent answers. False when none is configured, the VM does not run, or the agent is away. To find
   * that out takes Proxmox 3 s, and 5 s more when the agent falls silent in between: so sent once and never repeated.
   * That the config has an agent says nothing of it. Recorded: agent-not-configured, agent-not-running,
   * agent-after-pause; the times of PVE::QMPClient.
   */
  agentPing(vm: VmRef): Promise<boolean>;
  /**
   * Sets the password of an account of the running guest, by its agent. Without one it is a `conflict`: look again with
   * agentPing. An account that is not there, or a password that the guest does not like, is `refused` with the guest's
   * own words, never with the password in them. May be sent again: it is the same password. Recorded:
   * agent-set-user-password, agent-not-running.
   */
  setUserPassword(vm: VmRef, account: { readonly username: string; readonly password: string }): Promise<void>;
  /**
   * The backups of the VM with that id on a storage, a former owner's of the same id included, in no promised order.
   * Without VM.Backup on the VM Proxmox answers an EMPTY list, not a refusal. Recorded: backup-protected-and-notes,
   * auth-limited-without-vm-backup.
   */
  backups(node: string, storage: string, vmid: number): Promise<Backup[]>;
  /**
   * null when Proxmox was done within ten seconds, as nearly always; its refusals come at once then, and later only in
   * the task. A protected backup and the base of linked clones are refused. A volume that is not there ends well. A
   * volume that a VM still USES is deleted all the same. Recorded: backup-protected-and-notes, storage-volume; the
   * delay in Proxmox's own API code (backup-delete-delay).
   */
  deleteVolume(node: string, storage: string, volid: string): Promise<Upid | null>;
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
  return {
    ...clusterCalls(send),
    ...vmCalls(send),
    ...snapshotCalls(send),
    ...powerCalls(send),
    ...agentCalls(send),
    ...backupCalls(send),
    ...firewallCalls(send),
  };
}
