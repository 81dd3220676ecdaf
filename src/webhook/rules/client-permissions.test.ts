import { aBuiltVm, aNewVm, created, holdRule, NAMESPACE, updated } from '../../../test/builders/admission.ts';
import { aPlan } from '../../../test/builders/objects.ts';
import { anOperation } from '../../../test/builders/operations.ts';
import { OPERATION_TYPES, type OperationType } from '../../api/virtual-machine-operation.ts';
import { operationPermitted, powerPermitted } from './client-permissions.ts';

const denying = (...deny: OperationType[]) => aPlan({ clientPermissions: { operations: { deny } } });
const denied = (path = 'spec.type') =>
  [{ path, code: 'AccessDenied', says: 'Access Denied: plan kvm', unless: 'bypass' }] as const;
const there = { virtualMachines: [aBuiltVm()] };

holdRule(operationPermitted, [
  ...OPERATION_TYPES.map((type) => ({
    name: `${type}, which is denied`,
    review: created(anOperation(type)),
    world: { ...there, plans: [denying(type)] },
    want: denied(),
  })),
  ...OPERATION_TYPES.map((type) => ({
    name: `${type}, and everything else is denied`,
    review: created(anOperation(type)),
    world: { ...there, plans: [denying(...OPERATION_TYPES.filter((one) => one !== type))] },
  })),
  { name: 'nothing is denied', review: created(anOperation('Reinstall')), world: there },
  { name: 'an empty list', review: created(anOperation('Reinstall')), world: { ...there, plans: [denying()] } },
  {
    name: 'no operations in what is denied',
    review: created(anOperation('Reinstall')),
    world: { ...there, plans: [aPlan({ clientPermissions: {} })] },
  },
  {
    name: 'the plan as it stands, not the revision that the VM keeps',
    review: created(anOperation('Stop')),
    world: { ...there, plans: [denying('Stop')], planRevisions: [] },
    want: denied(),
  },
  {
    name: 'another plan than the VM has denies it',
    review: created(anOperation('Stop')),
    world: { ...there, plans: [aPlan(), { ...denying('Stop'), metadata: { name: 'other' } }] },
  },
  { name: 'a VM whose plan is gone', review: created(anOperation('Stop')), world: { ...there, plans: [] } },
  {
    name: 'a VM that does not exist yet, and a plan that denies it',
    review: created(anOperation('Reinstall')),
    world: { plans: [denying('Reinstall')] },
    want: denied(),
  },
  {
    name: 'a VM that does not exist yet, and a plan of others that denies it',
    review: created(anOperation('Reinstall')),
    world: { plans: [aPlan({ ...denying('Reinstall').spec, allowedNamespaces: { names: ['customer-2'] } })] },
  },
  {
    name: 'a VM of another namespace is none',
    review: created(anOperation('Reinstall')),
    world: { plans: [], virtualMachines: [aNewVm({}, { namespace: `${NAMESPACE}1` })] },
  },
]);

const strategy = (from: 'Always' | 'Halted' | 'Manual' | undefined, to: 'Always' | 'Halted' | 'Manual' | undefined) =>
  updated(
    aBuiltVm(from === undefined ? {} : { runStrategy: from }),
    aBuiltVm(to === undefined ? {} : { runStrategy: to }),
  );
const both = { plans: [denying('Start', 'Stop')] };
const PATH = 'spec.runStrategy';

holdRule(powerPermitted, [
  { name: 'nothing denied: Halted', review: strategy(undefined, 'Halted') },
  { name: 'nothing denied: Always', review: strategy(undefined, 'Always') },
  {
    name: 'Stop denied: Halted',
    review: strategy('Manual', 'Halted'),
    world: { plans: [denying('Stop')] },
    want: denied(PATH),
  },
  {
    name: 'Stop denied: Always to Halted',
    review: strategy('Always', 'Halted'),
    world: { plans: [denying('Stop')] },
    want: denied(PATH),
  },
  { name: 'Stop denied: Always', review: strategy('Manual', 'Always'), world: { plans: [denying('Stop')] } },
  {
    name: 'Start denied: Always',
    review: strategy(undefined, 'Always'),
    world: { plans: [denying('Start')] },
    want: denied(PATH),
  },
  { name: 'Start denied: Halted', review: strategy(undefined, 'Halted'), world: { plans: [denying('Start')] } },
  { name: 'both denied: to Manual, which changes nothing', review: strategy('Halted', 'Manual'), world: both },
  { name: 'both denied: unset is Manual', review: strategy('Manual', undefined), world: both },
  { name: 'both denied: it stays Halted', review: strategy('Halted', 'Halted'), world: both },
  { name: 'both denied: it stays Always', review: strategy('Always', 'Always'), world: both },
  {
    name: 'both denied: a suspension is for who may suspend',
    review: updated(aBuiltVm(), aBuiltVm({ suspension: { reason: 'unpaid' } })),
    world: both,
  },
  { name: 'a plan that is gone', review: strategy(undefined, 'Halted'), world: { plans: [] } },
]);
