import { expect, test } from 'vitest';
import {
  aBuiltVm,
  aCluster,
  aNewVm,
  aReservation,
  aReview,
  aRevision,
  deleted,
  holdRule,
  NAMESPACE,
  OPERATOR_USER,
} from '../../../test/builders/admission.ts';
import { aPlan, aPool, aZone } from '../../../test/builders/objects.ts';
import { API_VERSION } from '../../api/object.ts';
import type { VMIDReservation } from '../../api/reservations.ts';
import type { VirtualMachineStatus } from '../../api/virtual-machine-status.ts';
import { FORCE_REMOVE_ANNOTATION } from '../../controllers/reset-status.ts';
import {
  addressHeld,
  clusterInUse,
  counted,
  planInUse,
  poolInUse,
  protectedVm,
  revisionInUse,
  vmidHeld,
  zoneInUse,
} from './in-use.ts';

const used = [{ path: 'metadata.name', code: 'InUse' }] as const;
const vm = aBuiltVm();

const protectedBy = (deletionProtection?: boolean, forced?: string) => {
  const spec = deletionProtection === undefined ? {} : { deletionProtection };
  return deleted(aNewVm(spec, forced === undefined ? {} : { annotations: { [FORCE_REMOVE_ANNOTATION]: forced } }));
};
const held = [{ path: 'spec.deletionProtection', code: 'DeletionProtected' }] as const;

holdRule(protectedVm, [
  { name: 'nothing said', review: protectedBy() },
  { name: 'false', review: protectedBy(false) },
  { name: 'true', review: protectedBy(true), want: held },
  { name: 'true, and removed by force', review: protectedBy(true, 'true') },
  { name: 'true, and a removal by force that is none', review: protectedBy(true, 'false'), want: held },
]);

holdRule(planInUse, [
  { name: 'nobody', review: deleted(aPlan()) },
  {
    name: 'VMs of another plan',
    review: deleted(aPlan()),
    world: { virtualMachines: [aNewVm({ planRef: { name: 'other' } })] },
  },
  { name: 'a VM', review: deleted(aPlan()), world: { virtualMachines: [vm] }, want: used },
  {
    name: 'a VM that is being deleted, which needs its revision still',
    review: deleted(aPlan()),
    world: { virtualMachines: [{ ...vm, metadata: { ...vm.metadata, deletionTimestamp: '2026-03-01T11:00:00Z' } }] },
    want: used,
  },
  {
    name: 'five VMs, three of them by name',
    review: deleted(aPlan()),
    world: { virtualMachines: ['e', 'd', 'c', 'b', 'a'].map((name) => aNewVm({}, { name })) },
    want: [
      { ...used[0], says: '5 VirtualMachines (customer-1/a, customer-1/b, customer-1/c, …). Move or delete them' },
    ],
  },
]);

holdRule(revisionInUse, [
  { name: 'nobody', review: deleted(aRevision(aPlan(), 2)), world: { virtualMachines: [vm] } },
  { name: 'a VM', review: deleted(aRevision(aPlan())), world: { virtualMachines: [vm] }, want: used },
]);

holdRule(clusterInUse, [
  { name: 'nobody', review: deleted(aCluster()), world: { plans: [] } },
  { name: 'others', review: deleted(aCluster({}, 'east')), world: { virtualMachines: [vm], pools: [aPool()] } },
  { name: 'a plan', review: deleted(aCluster()), want: used },
  {
    name: 'a pool',
    review: deleted(aCluster()),
    world: { plans: [], pools: [aPool()] },
    want: [{ ...used[0], says: '1 IPPool (ipv4)' }],
  },
  {
    name: 'a VM',
    review: deleted(aCluster()),
    world: { plans: [], virtualMachines: [vm] },
    want: [{ ...used[0], says: '1 VirtualMachine (customer-1/web-1)' }],
  },
  {
    name: 'all three',
    review: deleted(aCluster()),
    world: { virtualMachines: [vm], pools: [aPool()] },
    want: [...used, ...used, ...used],
  },
]);

holdRule(poolInUse, [
  { name: 'nobody', review: deleted(aPool()) },
  {
    name: 'addresses of another pool',
    review: deleted(aPool()),
    world: { reservations: [aReservation('192.0.2.10', { poolName: 'other' })] },
  },
  {
    name: 'a pool of the name on another cluster',
    review: deleted(aPool()),
    world: { reservations: [aReservation('192.0.2.10', { clusterRef: { name: 'east' } })] },
  },
  { name: 'an address', review: deleted(aPool()), world: { reservations: [aReservation('192.0.2.10')] }, want: used },
  {
    name: 'two addresses',
    review: deleted(aPool()),
    world: { reservations: [aReservation('192.0.2.11'), aReservation('192.0.2.10')] },
    want: [{ ...used[0], says: '2 addresses of a VM (192.0.2.10, 192.0.2.11). Move or delete them' }],
  },
]);

const dns = (change: Partial<NonNullable<VirtualMachineStatus['dns']>> = {}) => ({
  virtualMachines: [
    aBuiltVm(
      {},
      {
        dns: {
          forward: { ok: 1, failed: 0 },
          reverse: { ok: 0, failed: 0 },
          zones: [{ zone: 'example.com', provider: 'PowerDNS', ok: true }],
          ...change,
        },
      },
    ),
  ],
});
const URL = 'https://pdns.example.net';
const example = aZone('example.com', URL);
const twin = { ...example, metadata: { name: 'twin' } };

holdRule(zoneInUse, [
  { name: 'nobody', review: deleted(example) },
  { name: 'a VM without records', review: deleted(example), world: { virtualMachines: [vm] } },
  { name: 'a VM with records', review: deleted(example), world: { ...dns(), zones: [example] }, want: used },
  {
    name: 'a VM with records, the zone with a dot',
    review: deleted({ ...example, spec: { ...example.spec, zone: 'example.com.' } }),
    world: dns(),
    want: used,
  },
  {
    name: 'records in another zone',
    review: deleted(example),
    world: dns({ zones: [{ zone: 'example.org', provider: 'PowerDNS', ok: true }] }),
  },
  {
    name: 'records that were never written',
    review: deleted(example),
    world: dns({ zones: [{ zone: 'example.com', provider: 'PowerDNS', ok: false }] }),
  },
  {
    name: 'records in this zone and in another',
    review: deleted(example),
    world: dns({
      zones: [
        { zone: 'example.org', provider: 'PowerDNS', ok: true },
        { zone: 'example.com', provider: 'PowerDNS', ok: true },
      ],
    }),
    want: used,
  },
  { name: 'records that were withdrawn', review: deleted(example), world: dns({ withdrawn: true }) },
  {
    name: 'another object for the same zone on the same server',
    review: deleted(example),
    world: { ...dns(), zones: [example, twin] },
  },
  {
    name: 'another object for the same zone on another server',
    review: deleted(example),
    world: {
      ...dns(),
      zones: [example, { ...aZone('example.com', 'https://other.example.net'), metadata: { name: 'twin' } }],
    },
    want: used,
  },
  {
    name: 'an object for another zone on the same server',
    review: deleted(example),
    world: { ...dns(), zones: [aZone('example.org', URL)] },
    want: used,
  },
]);

const vmid: VMIDReservation = {
  apiVersion: API_VERSION,
  kind: 'VMIDReservation',
  metadata: { name: 'r-1' },
  spec: { clusterRef: { name: 'lab' }, vmid: 2000, virtualMachine: aReservation('192.0.2.10').spec.virtualMachine },
};
const operator = { name: OPERATOR_USER, groups: [] };
const reborn = aNewVm({}, { uid: 'uid-other' });

holdRule(addressHeld, [
  { name: 'its VM exists', review: deleted(aReservation('192.0.2.10')), world: { virtualMachines: [vm] }, want: used },
  {
    name: 'the operator releases it',
    review: aReview({ verb: 'DELETE', object: aReservation('192.0.2.10'), user: operator }),
    world: { virtualMachines: [vm] },
  },
  { name: 'its VM is gone', review: deleted(aReservation('192.0.2.10')) },
  {
    name: 'another VM has its name by now',
    review: deleted(aReservation('192.0.2.10')),
    world: { virtualMachines: [reborn] },
  },
  {
    name: 'a VM of its name in another namespace',
    review: deleted(aReservation('192.0.2.10')),
    world: { virtualMachines: [aNewVm({}, { namespace: `${NAMESPACE}1` })] },
  },
]);

holdRule(vmidHeld, [
  { name: 'its VM exists', review: deleted(vmid), world: { virtualMachines: [vm] }, want: used },
  {
    name: 'the operator releases it',
    review: aReview({ verb: 'DELETE', object: vmid, user: operator }),
    world: { virtualMachines: [vm] },
  },
  { name: 'its VM is gone', review: deleted(vmid) },
]);

test.each([
  { what: 'Plan', names: ['b'], want: '1 Plan (b)' },
  { what: 'Plan', names: ['b', 'a', 'c'], want: '3 Plans (a, b, c)' },
  { what: 'Plan', names: ['d', 'b', 'a', 'c'], want: '4 Plans (a, b, c, …)' },
  { what: 'address of a VM', names: ['::1', '::2'], want: '2 addresses of a VM (::1, ::2)' },
])('$want', ({ what, names, want }) => {
  expect(counted(what, names)).toBe(want);
});
