// Edits that the API server must refuse by itself: immutable fields and sizes that only grow.
import { valid } from './manifests.ts';
import type { Refusal } from './refusal.ts';

const pool4 = ['IPPool', 'lab-ipv4'] as const;
const pool6 = ['IPPool', 'lab-ipv6'] as const;
const zone = ['DNSZone', 'example-com'] as const;
const plan = ['Plan', 'kvm-small'] as const;
const vm = ['VirtualMachine', 'web-1'] as const;
const bill = ['VirtualMachine', 'service-5546'] as const;
const address = ['IPAddressReservation', 'lab.vmbr0.0.192-0-2-10'] as const;

/** Refused when the object exists as the valid manifest says. */
export const UPDATE_REFUSALS: readonly Refusal[] = [
  {
    name: 'system disk shrinks',
    of: vm,
    set: 'spec.options.systemDiskGiB',
    to: 19,
    field: 'spec.options.systemDiskGiB',
    says: /can only grow/,
  },
  {
    name: 'system disk back to the template',
    of: vm,
    set: 'spec.options.systemDiskGiB',
    to: 0,
    field: 'spec.options.systemDiskGiB',
    says: /can only grow/,
  },
  {
    name: 'other host name',
    of: vm,
    set: 'spec.hostname',
    to: 'web-2.example.com',
    field: 'spec.hostname',
    says: /cannot be changed/,
  },
  { name: 'host name removed', of: vm, set: 'spec.hostname', field: 'spec.hostname', says: /cannot be changed/ },
  {
    name: 'host name set later',
    of: bill,
    set: 'spec.hostname',
    to: 'web-9.example.com',
    field: 'spec.hostname',
    says: /cannot be changed/,
  },
  {
    name: 'billing set later',
    of: vm,
    set: 'spec.billing',
    to: { clientID: '1', serviceID: '2' },
    field: 'spec.billing',
    says: /cannot be changed/,
  },
  {
    name: 'other service',
    of: bill,
    set: 'spec.billing.serviceID',
    to: '5547',
    field: 'spec.billing',
    says: /cannot be changed/,
  },
  {
    name: 'other cluster of a plan',
    of: plan,
    set: 'spec.clusterRef.name',
    to: 'other',
    field: 'spec.clusterRef',
    says: /make a new Plan/,
  },
  {
    name: 'other cluster of a pool',
    of: pool4,
    set: 'spec.clusterRef.name',
    to: 'other',
    field: 'spec.clusterRef',
    says: /make a new IPPool/,
  },
  {
    name: 'other family of a pool',
    of: pool4,
    set: 'spec',
    to: { ...valid(...pool6).spec, vlan: 0 },
    field: 'spec.family',
    says: /make a new IPPool/,
  },
  { name: 'other zone', of: zone, set: 'spec.zone', to: 'example.org', field: 'spec.zone', says: /make a new DNSZone/ },
  { name: 'reservation edited', of: address, set: 'spec.order', to: 1, field: 'spec', says: /cannot be changed/ },
  {
    name: 'VMID edited',
    of: ['VMIDReservation', 'lab.2000'],
    set: 'spec.vmid',
    to: 2001,
    field: 'spec',
    says: /cannot be changed/,
  },
  {
    name: 'place in a quota edited',
    of: ['QuotaSlot', 'kvm-small.1'],
    set: 'spec.virtualMachine.uid',
    to: 'another',
    field: 'spec',
    says: /cannot be changed/,
  },
  {
    name: 'revision edited',
    of: ['PlanRevision', 'kvm-small-1'],
    set: 'spec.plan.cpuCores',
    to: 4,
    field: 'spec',
    says: /edit the Plan/,
  },
  {
    name: 'run edited',
    of: ['VirtualMachineRun', 'web-1-1'],
    set: 'spec.trigger',
    to: 'by hand',
    field: 'spec',
    says: /cannot be changed/,
  },
  {
    name: 'slot edited',
    of: ['QuotaSlot', 'kvm-small.1'],
    set: 'spec.number',
    to: 2,
    field: 'spec',
    says: /cannot be changed/,
  },
  {
    name: 'operation edited',
    of: ['VirtualMachineOperation', 'web-1-start'],
    set: 'spec.deadlineSeconds',
    to: 60,
    field: 'spec',
    says: /make a new one/,
  },
  {
    name: 'additional disk shrinks, with a consent to the loss of it',
    of: ['VirtualMachine', 'full'],
    set: 'spec.options.additionalDiskGiB',
    to: 9,
    field: 'spec.options.additionalDiskGiB',
    says: /can only grow/,
  },
];

/** Refused of a machine that says no size in its options, and was built with 30 and 10 GiB. */
export const BUILT_REFUSALS: readonly Refusal[] = [
  { systemDiskGiB: 29 },
  { systemDiskGiB: 0 },
  { additionalDiskGiB: 9, systemDiskGiB: 30 },
  { additionalDiskGiB: 0 },
].map((to) => {
  const [field = ''] = Object.keys(to).map((option) => `spec.options.${option}`);
  return {
    name: `less than was built: ${JSON.stringify(to)}`,
    of: bill,
    set: 'spec.options',
    to,
    field,
    says: /status\.effective/,
  };
});
