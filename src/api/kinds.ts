// All kinds of the API group, in the order in which they are installed.
import { dnsZone } from './dns-zone.ts';
import { ipPool } from './ip-pool.ts';
import type { Kind } from './object.ts';
import { plan, planRevision } from './plan.ts';
import { proxmoxCluster } from './proxmox-cluster.ts';
import { quotaSlot } from './quota-slot.ts';
import { ipAddressReservation, vmidReservation } from './reservations.ts';
import { virtualMachine } from './virtual-machine.ts';
import { virtualMachineOperation } from './virtual-machine-operation.ts';
import { virtualMachineRun } from './virtual-machine-run.ts';

export const KINDS: readonly Kind[] = [
  proxmoxCluster,
  ipPool,
  dnsZone,
  plan,
  planRevision,
  virtualMachine,
  virtualMachineOperation,
  ipAddressReservation,
  vmidReservation,
  quotaSlot,
  virtualMachineRun,
];
