// What every controller is given: the API server, the stores of what is known, the clusters, and the operator's own settings.
import type { IPPool } from '../api/ip-pool.ts';
import type { DNSZone } from '../api/dns-zone.ts';
import type { Plan, PlanRevision } from '../api/plan.ts';
import type { ProxmoxCluster } from '../api/proxmox-cluster.ts';
import type { QuotaSlot } from '../api/quota-slot.ts';
import type { IPAddressReservation, VMIDReservation } from '../api/reservations.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachineRun } from '../api/virtual-machine-run.ts';
import type { DnsProvider } from '../dns/provider.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Informer } from '../kube/informer.ts';
import type { Log } from '../kube/log.ts';
import type { Secret } from '../kube/secrets.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ClusterRegistry } from './clusters.ts';
import type { Metrics } from '../metrics.ts';
import type { Sightings } from './sweep-sightings.ts';

/** The part of an informer that reconciles read; tests hand in plain maps. */
export type Store<T extends KubeObject> = Pick<Informer<T>, 'get' | 'list' | 'byIndex' | 'observe' | 'forget'>;

export interface Stores {
  virtualMachines: Store<VirtualMachine>;
  virtualMachineOperations: Store<VirtualMachineOperation>;
  virtualMachineRuns: Store<VirtualMachineRun>;
  plans: Store<Plan>;
  planRevisions: Store<PlanRevision>;
  clusters: Store<ProxmoxCluster>;
  pools: Store<IPPool>;
  zones: Store<DNSZone>;
  addressReservations: Store<IPAddressReservation>;
  vmidReservations: Store<VMIDReservation>;
  quotaSlots: Store<QuotaSlot>;
  /** Secrets of the operator's own namespace; no other Secret is ever watched. */
  secrets: Store<Secret>;
}

/** Names of the indexes that the stores are built with. */
export const INDEX = {
  /** Reservations and quota slots by the UID of the VirtualMachine that holds them, runs by that of their VM; operations by the VM's `namespace/name`, because it may not exist yet. */
  virtualMachine: 'virtualMachine',
  cluster: 'cluster',
  plan: 'plan',
  /** Quota slots by `namespace/plan`. */
  quota: 'quota',
  /** VirtualMachines by the host name that they have or ask for, in lower case. */
  hostname: 'hostname',
} as const;

export interface Context {
  client: KubeClient;
  stores: Stores;
  clusters: ClusterRegistry;
  /** What the sweeps have seen and no reconcile has taken in yet. */
  sightings: Sightings;
  events: Pick<EventRecorder, 'emit'>;
  log: Log;
  metrics: Metrics;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Whether no other operator can be acting; asked right before an effect, it also covers a process that was frozen. */
  leads(): boolean;
  openDnsZone(zone: DNSZone, apiKey: string): DnsProvider;
  /** Time limit of one DNS publication: it must not hold a VM up. */
  dnsTimeoutMs: number;
  /** Namespace that the Secrets of clusters and zones live in. */
  operatorNamespace: string;
}
