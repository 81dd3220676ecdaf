// What rules may look at besides the request: objects that the operator knows. What Proxmox VE has they tell in their status.
import type { DNSZone } from '../api/dns-zone.ts';
import type { IPPool } from '../api/ip-pool.ts';
import type { Plan, PlanRevision } from '../api/plan.ts';
import type { ProxmoxCluster } from '../api/proxmox-cluster.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { Access } from './rule.ts';

/** Answers at once: what a request names is fetched before its rules run, if the stores do not have it yet. */
export interface AdmissionFacts {
  plan(name: string): Plan | undefined;
  planRevision(name: string): PlanRevision | undefined;
  cluster(name: string): ProxmoxCluster | undefined;
  virtualMachine(namespace: string, name: string): VirtualMachine | undefined;
  plans(): readonly Plan[];
  clusters(): readonly ProxmoxCluster[];
  pools(): readonly IPPool[];
  zones(): readonly DNSZone[];
  virtualMachines(): readonly VirtualMachine[];
  /** Those whose spec names the plan. */
  virtualMachinesOfPlan(plan: string): readonly VirtualMachine[];
  /** Those that have or ask for the host name, which is in lower case. */
  virtualMachinesWithHostname(hostname: string): readonly VirtualMachine[];
  /** Those of the cluster. */
  addressReservations(cluster: string): readonly IPAddressReservation[];
  /** Name of the operator's own user: `system:serviceaccount:NAMESPACE:NAME`. */
  readonly operatorUser: string;
  /** Whether URLs may lead to loopback and link-local addresses, as the operator's configuration says. */
  readonly allowLocalTargets: boolean;
}

/** The one question that is not answered from memory. Asked only when a rule would refuse. */
export interface AccessControl {
  may(access: Access, user: { readonly name: string; readonly groups: readonly string[] }): Promise<boolean>;
}
