import {
  aBuiltVm,
  aNewVm,
  created,
  holdRule,
  NAMESPACE,
  updated,
  type World,
} from '../../../test/builders/admission.ts';
import { aPlan } from '../../../test/builders/objects.ts';
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { PAUSE_ANNOTATION } from '../../domain/operations.ts';
import { quotaLeft, quotaLowered } from './vm-quota.ts';

const PATH = 'spec.planRef.name';
const REFUSED = [{ path: PATH, code: 'QuotaExceeded' }] as const;
const PAUSED = { [PAUSE_ANNOTATION]: 'true' };

const planOf = (limit: number | undefined, name = 'kvm') =>
  aPlan(limit === undefined ? {} : { quota: { virtualMachinesPerNamespace: limit } }, name);
const other = (name: string, metadata: Partial<VirtualMachine['metadata']> = {}) =>
  aNewVm({}, { name, uid: `uid-${name}`, ...metadata });
const world = (limit: number | undefined, ...virtualMachines: VirtualMachine[]): World => ({
  plans: [planOf(limit)],
  virtualMachines,
});
const adopted = { ...aBuiltVm(), metadata: other('other', { annotations: PAUSED }).metadata };

holdRule(quotaLeft, [
  { name: 'a plan without a quota', review: created(aNewVm()), world: world(undefined, other('a'), other('b')) },
  { name: 'a quota without a number', review: created(aNewVm()), world: { plans: [aPlan({ quota: {} })] } },
  { name: 'the first', review: created(aNewVm()), world: world(1) },
  { name: 'the last', review: created(aNewVm()), world: world(3, other('a'), other('b')) },
  {
    name: 'one too many',
    review: created(aNewVm()),
    world: world(1, other('a')),
    want: [{ ...REFUSED[0], says: `Namespace ${NAMESPACE} has as many` }],
  },
  {
    name: 'one more than too many, after the quota was lowered',
    review: created(aNewVm()),
    world: world(1, other('a'), other('b')),
    want: REFUSED,
  },
  {
    name: 'a quota of nothing',
    review: created(aNewVm()),
    world: world(0),
    want: [{ ...REFUSED[0], says: 'takes no new virtual machines' }],
  },
  {
    name: 'those of other namespaces',
    review: created(aNewVm()),
    world: world(1, other('a', { namespace: 'customer-2' }), other('web-1', { namespace: 'customer-3' })),
  },
  {
    name: 'those of other plans',
    review: created(aNewVm()),
    world: world(1, { ...other('a'), spec: { planRef: { name: 'big' } } }),
  },
  {
    name: 'one that is being deleted makes room',
    review: created(aNewVm()),
    world: world(1, other('a', { deletionTimestamp: '2026-03-01T10:00:00Z' })),
  },
  {
    name: 'one that is paused and was never made takes none',
    review: created(aNewVm()),
    world: world(1, other('a', { annotations: PAUSED })),
  },
  {
    name: 'one that is paused and has a machine does',
    review: created(aNewVm()),
    world: world(1, adopted),
    want: REFUSED,
  },
  {
    name: 'one that is to be paused needs no room: it adopts what is there',
    review: created(aNewVm({}, { annotations: PAUSED })),
    world: world(1, other('a')),
  },
  {
    name: 'an object of the same name that the watch shows already is the one that asks',
    review: created(aNewVm()),
    world: world(1, aNewVm()),
  },
  { name: 'a plan that does not exist, which is said elsewhere', review: created(aNewVm()), world: { plans: [] } },
  {
    name: 'something else that changes',
    review: updated(aBuiltVm(), aBuiltVm({ runStrategy: 'Always' })),
    world: world(0, other('a')),
  },
  {
    name: 'a pause that ends: what is stored is for the operator to decide',
    review: updated(aNewVm({}, { annotations: PAUSED }), aNewVm()),
    world: world(1, other('a')),
  },
  {
    name: 'a change to a plan with room',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'big' } })),
    world: { plans: [planOf(0), planOf(1, 'big')], virtualMachines: [aBuiltVm()] },
  },
  {
    name: 'a change to a plan without room',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'big' } })),
    world: {
      plans: [planOf(undefined), planOf(1, 'big')],
      virtualMachines: [aBuiltVm(), { ...other('a'), spec: { planRef: { name: 'big' } } }],
    },
    want: [{ ...REFUSED[0], says: 'of plan big' }],
  },
  {
    name: 'a change of an object that is being deleted',
    review: updated(
      aNewVm({}, { deletionTimestamp: '2026-03-01T10:00:00Z' }),
      aNewVm({ planRef: { name: 'big' } }, { deletionTimestamp: '2026-03-01T10:00:00Z' }),
    ),
    world: { plans: [planOf(undefined), planOf(0, 'big')] },
  },
]);

holdRule(quotaLowered, [
  { name: 'no quota', review: updated(planOf(1), planOf(undefined)), world: world(undefined, other('a'), other('b')) },
  { name: 'enough', review: updated(planOf(undefined), planOf(2)), world: world(2, other('a'), other('b')) },
  {
    name: 'fewer than there are',
    review: updated(planOf(2), planOf(1)),
    world: world(1, other('a'), other('b'), other('c', { namespace: 'customer-2' })),
    warns: ['than its quota of 1 allows: 2 in customer-1. They stay'],
  },
  {
    name: 'a quota that is set for the first time',
    review: updated(planOf(undefined), planOf(1)),
    world: world(1, other('a'), other('b')),
    warns: ['2 in customer-1'],
  },
  {
    name: 'a plan that is made anew under the name of one that VMs still have',
    review: created(planOf(0)),
    world: world(0, other('a')),
    warns: ['1 in customer-1'],
  },
  {
    name: 'two namespaces, which are both named',
    review: updated(planOf(1), planOf(0)),
    world: world(0, other('a', { namespace: 'customer-2' }), other('b')),
    warns: ['1 in customer-1, 1 in customer-2. They stay'],
  },
  {
    name: 'many namespaces, of which some are named in their order',
    review: updated(planOf(1), planOf(0)),
    world: world(0, ...[4, 2, 1, 3].map((number) => other(`vm-${number}`, { namespace: `customer-${number}` }))),
    warns: ['1 in customer-1, 1 in customer-2, …'],
  },
  {
    name: 'something else that changes',
    review: updated(planOf(1), aPlan({ quota: { virtualMachinesPerNamespace: 1 }, cpuCores: 2 })),
    world: world(1, other('a'), other('b')),
  },
]);
