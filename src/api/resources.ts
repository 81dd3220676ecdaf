// Names every kind the operator handles to the Kubernetes client, with the TypeScript type of its objects.
import { secretType } from '../kube/secrets.ts';
import type { KubeObject, ResourceType } from '../kube/types.ts';
import { type DNSZone, dnsZone } from './dns-zone.ts';
import { type IPPool, ipPool } from './ip-pool.ts';
import { GROUP, type Kind, VERSION } from './object.ts';
import { type Plan, type PlanRevision, plan, planRevision } from './plan.ts';
import { type ProxmoxCluster, proxmoxCluster } from './proxmox-cluster.ts';
import { type QuotaSlot, quotaSlot } from './quota-slot.ts';
import {
  type IPAddressReservation,
  ipAddressReservation,
  type VMIDReservation,
  vmidReservation,
} from './reservations.ts';
import { type VirtualMachineOperation, virtualMachineOperation } from './virtual-machine-operation.ts';
import { type VirtualMachineRun, virtualMachineRun } from './virtual-machine-run.ts';
import { type VirtualMachine, virtualMachine } from './virtual-machine.ts';

function ours<T extends KubeObject>(kind: Kind): ResourceType<T> {
  const { plural, scope } = kind;
  return { group: GROUP, version: VERSION, kind: kind.kind, plural, namespaced: scope === 'Namespaced' };
}

/** The client's names of our kinds and of the Secrets they refer to. */
export const resources = {
  proxmoxCluster: ours<ProxmoxCluster>(proxmoxCluster),
  ipPool: ours<IPPool>(ipPool),
  dnsZone: ours<DNSZone>(dnsZone),
  plan: ours<Plan>(plan),
  planRevision: ours<PlanRevision>(planRevision),
  virtualMachine: ours<VirtualMachine>(virtualMachine),
  virtualMachineOperation: ours<VirtualMachineOperation>(virtualMachineOperation),
  ipAddressReservation: ours<IPAddressReservation>(ipAddressReservation),
  vmidReservation: ours<VMIDReservation>(vmidReservation),
  quotaSlot: ours<QuotaSlot>(quotaSlot),
  virtualMachineRun: ours<VirtualMachineRun>(virtualMachineRun),
  secret: secretType,
} as const;
