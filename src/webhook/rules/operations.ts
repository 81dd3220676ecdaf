// What may be asked of a VM by an operation.
import type { VirtualMachineOperation } from '../../api/virtual-machine-operation.ts';
import { deletionRefusal, powerRefusal, protectionRefusal } from '../../domain/operations-refusals.ts';
import { reinstallation } from '../../domain/reinstallation.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Review, Right, Rule } from '../rule.ts';
import { planSpecOf } from './change.ts';

type OperationReview = Review<VirtualMachineOperation>;

const kind = 'VirtualMachineOperation';
const TEMPLATE_PATH = 'spec.reinstall.template';

export const operationPossible: Rule<VirtualMachineOperation> = {
  id: 'operation-possible',
  kind,
  verbs: ['CREATE'],
  title:
    'The VM would not refuse the operation at once: it is neither being deleted nor suspended, and runStrategy leaves power to operations.',
  codes: ['OperationRefused'],
  example: 'Start is refused: the VM is suspended, and kept stopped until spec.suspension is gone.',
  check(review, facts) {
    const { object } = review;
    const vm = vmOf(review, facts);
    const refusal = deletionRefusal(object, vm) ?? (vm && powerRefusal(object.spec.type, vm));
    return refusal === undefined ? [] : [{ path: 'spec.type', code: 'OperationRefused', message: refusal.message }];
  },
};

export const machineUnprotected: Rule<VirtualMachineOperation> = {
  id: 'machine-unprotected',
  kind,
  verbs: ['CREATE'],
  title: 'No operation destroys what is on a VM, or ends it, while it is protected against deletion.',
  codes: ['DeletionProtected'],
  example:
    'Reinstall is refused: spec.deletionProtection is true, and the disks of the VM would be destroyed. Set it to false first.',
  check(review, facts) {
    const vm = vmOf(review, facts);
    const refusal = vm && protectionRefusal(review.object, vm);
    return refusal === undefined ? [] : [{ path: 'spec.type', code: 'DeletionProtected', message: refusal.message }];
  },
};

export const reinstallTemplate: Rule<VirtualMachineOperation> = {
  id: 'reinstall-template',
  kind,
  verbs: ['CREATE'],
  title: 'A reinstallation takes a template that the plan allows, and of the same family where the plan demands it.',
  codes: ['TemplateNotAllowed', 'FamilyMixed'],
  example: 'The template 666 is not one that the plan allows; choose 9000.',
  check(review, facts) {
    const vm = vmOf(review, facts);
    const plan = vm && planSpecOf(vm, facts);
    if (vm === undefined || plan === undefined || review.object.spec.type !== 'Reinstall') return [];
    const found = reinstallation(vm, plan, review.object.spec.reinstall?.template);
    if (found.kind !== 'refused') return [];
    const { reason, message } = found.refusal;
    return [{ path: TEMPLATE_PATH, code: reason === 'FamilyMixed' ? reason : 'TemplateNotAllowed', message }];
  },
};

export const operationRights: Rule<VirtualMachineOperation> = {
  id: 'operation-rights',
  kind,
  verbs: ['CREATE'],
  title: 'Adopt, and ResetStatus to `remove`, are for who has the right to.',
  codes: ['PermissionRequired'],
  rights: ['adopt', 'forceremove'],
  example:
    'spec.type Adopt needs the verb "adopt" on VirtualMachine web-1. Ask the platform team to make the operation.',
  check(review) {
    const { type, resetStatus } = review.object.spec;
    if (type === 'Adopt') return [rightNeeded(review, { path: 'spec.type', what: 'Adopt', verb: 'adopt' })];
    if (resetStatus?.state !== 'remove') return [];
    return [rightNeeded(review, { path: 'spec.resetStatus.state', what: 'remove', verb: 'forceremove' })];
  },
};

export const reinstallWarning: Rule<VirtualMachineOperation> = {
  id: 'reinstall-losses',
  kind,
  verbs: ['CREATE'],
  title: 'Warns that a reinstallation or redeployment destroys disks and snapshots.',
  codes: [],
  example: 'Everything on the disks of web-1 and its snapshots will be destroyed; backups stay.',
  warn({ object: { spec } }) {
    if (spec.type !== 'Reinstall' && spec.type !== 'Redeploy') return [];
    return [`Everything on the disks of ${spec.virtualMachineName} and its snapshots will be destroyed; backups stay.`];
  },
};

function vmOf({ object, namespace }: OperationReview, facts: AdmissionFacts) {
  return facts.virtualMachine(namespace, object.spec.virtualMachineName);
}

function rightNeeded(
  { object, namespace }: OperationReview,
  { path, what, verb }: { path: string; what: string; verb: Right },
): Reason {
  const { virtualMachineName: name } = object.spec;
  const message = `${path} ${what} needs the verb "${verb}" on VirtualMachine ${name}. Ask the platform team to make the operation.`;
  return { path, code: 'PermissionRequired', message, unless: { verb, resource: 'virtualmachines', namespace, name } };
}
