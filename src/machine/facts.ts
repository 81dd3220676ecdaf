// Everything that a step may look at. Gathering is the only place where a reconcile reads.
import type { IPPool } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { EffectivePackage, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { ResolvedPlan } from '../domain/plan-defaults.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';

/** Facts that cost something to gather; a step names those it looks at. */
export type Need =
  | 'addresses'
  | 'template'
  | 'cloneSlot'
  | 'observed'
  | 'firewall'
  | 'power'
  | 'credentials'
  | 'guestAgent'
  | 'snapshots'
  | 'pending'
  | 'restartTask';

/** Plan and options, resolved, with the names that follow from them. */
export interface Design {
  plan: ResolvedPlan;
  planRevision: string;
  package: EffectivePackage;
  name: string;
  fqdn: string;
}

export interface ClusterFacts {
  name: string;
  /** The newest snapshot of `/cluster/resources`; absent until the first one. */
  snapshot: ClusterSnapshot | undefined;
  /** Memory in bytes that was promised to VMs per node and that the snapshot may not show yet. */
  placedMemoryBytes: ReadonlyMap<string, number>;
  times: ClusterTimes;
}

/** How long is waited for what a guest or a call does, in seconds. */
export interface ClusterTimes {
  /** Limit of a writing call. */
  writeSeconds: number;
  shutdownSeconds: number;
  forceStopSeconds: number;
  startSeconds: number;
}

export type TemplateFacts =
  | { kind: 'missing' }
  | { kind: 'notATemplate'; node: string }
  | { kind: 'offline'; node: string }
  | { kind: 'present'; node: string; config: ReadonlyMap<string, string> };

/**
 * What Proxmox VE shows under our VMID. `absent` is proven (no configuration file and not in the list of a quorate
 * cluster); a node that is down or an endpoint that does not answer never gets this far: gathering throws.
 */
export type ObservedVm =
  | { kind: 'absent' }
  | { kind: 'cloning'; node: string }
  | { kind: 'foreign'; node: string; stamped: boolean }
  | {
      kind: 'ours';
      node: string;
      config: ReadonlyMap<string, string>;
      digest: string;
      /** Proxmox VE's lock, for example `backup`. */
      lock?: string;
    };

export interface ObservedFirewall {
  options: Readonly<Record<string, unknown>>;
  /** Members of ipfilter-net0; undefined when there is no such set. */
  ipset: readonly string[] | undefined;
}

export interface Facts {
  /** Milliseconds since the epoch. */
  now: number;
  vm: VirtualMachine;
  status: VirtualMachineStatus;
  /** Absent only while an object is deleted whose plan is gone or was never valid. */
  design: Design | undefined;
  cluster: ClusterFacts;
  /** What this VM holds. Its VMID counts also while the reservation of it is missing; then nothing may be made under it. */
  held: { addresses: readonly IPAddressReservation[]; vmid?: number; vmidReserved?: boolean };
  addresses?: {
    pools: readonly IPPool[];
    /** Whether somebody else holds the address on that network. */
    taken(network: { bridge: string; vlan: number }, address: string): boolean;
  };
  template?: TemplateFacts;
  /** Absent: a slot is free. */
  cloneSlot?: { free: boolean; running: number; limit: number; where: string };
  observed?: ObservedVm;
  firewall?: ObservedFirewall;
  /** Live, not from the snapshot. */
  power?: 'running' | 'stopped';
  /** Whether the Secret with user and password was made. It is never read back: the password is derived. */
  credentials?: { kind: 'absent' } | { kind: 'present'; user: string; secretName: string };
  /** Whether a clone of the template runs on its node, whoever started it; looked at with a VM that is half cloned. */
  cloneTask?: { running: boolean };
  /** Whether the agent in the guest answers; absent while the VM is stopped. */
  guestAgent?: { answers: boolean };
  /** What became of a reboot or reset whose call got no answer, as the node's list of tasks tells. */
  restartTask?: 'none' | 'running' | 'ok' | 'failed';
  /** Options whose change waits for the next start of the VM. */
  pending?: readonly string[];
  /** Known together with `pending`: what is in force of those options; one that does not exist yet is not in it. */
  inForce?: ReadonlyMap<string, string>;
  /** Names of the snapshots of the VM, oldest first. */
  snapshots?: readonly string[];
  /** Zones that match a name or an address of this VM. */
  dnsZones: number;
}

/** The facts of a VM that is known to be ours; steps after the clone begin with it. */
export type OwnVm = Extract<ObservedVm, { kind: 'ours' }>;
