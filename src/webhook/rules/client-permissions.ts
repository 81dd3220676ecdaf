// What a plan denies to the clients that have VMs of it: a table that each feature adds its actions to.
import type { Plan, PlanSpec } from '../../api/plan.ts';
import {
  OPERATION_TYPES,
  type OperationType,
  type VirtualMachineOperation,
} from '../../api/virtual-machine-operation.ts';
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { namespaceAllowed } from '../../domain/namespaces.ts';
import { declaredPower } from '../../domain/power.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Review, Rule } from '../rule.ts';

type ClientPermissions = NonNullable<PlanSpec['clientPermissions']>;

/** Something that a client may be denied. */
interface ClientAction<T extends KubeObject> {
  /** As a message names it. */
  readonly action: string;
  /** Field that asks for it. */
  readonly path: string;
  /** Whether a request asks for it. */
  of(review: Review<T>): boolean;
  denied(permissions: ClientPermissions): boolean;
}

const OPERATIONS: readonly ClientAction<VirtualMachineOperation>[] = OPERATION_TYPES.map((type) => ({
  action: type,
  path: 'spec.type',
  of: ({ object }) => object.spec.type === type,
  denied: (permissions) => deniesOperation(permissions, type),
}));

/** A declaration about power does what an operation would. */
const POWER: readonly ClientAction<VirtualMachine>[] = [
  {
    action: 'Start',
    path: 'spec.runStrategy',
    of: (review) => declares(review, 'Running'),
    denied: (permissions) => deniesOperation(permissions, 'Start'),
  },
  {
    action: 'Stop',
    path: 'spec.runStrategy',
    of: (review) => declares(review, 'Stopped'),
    denied: (permissions) => deniesOperation(permissions, 'Stop'),
  },
];

export const operationPermitted: Rule<VirtualMachineOperation> = {
  id: 'operation-permitted',
  kind: 'VirtualMachineOperation',
  verbs: ['CREATE'],
  title:
    'The plan of the VM does not deny the operation to clients. For a VM that does not exist yet no plan that the namespace may use does.',
  codes: ['AccessDenied'],
  rights: ['bypass'],
  example: 'Access Denied: plan kvm does not permit Reinstall to clients. Ask the platform team to do it.',
  check(review, facts) {
    const { object, namespace } = review;
    const vm = facts.virtualMachine(namespace, object.spec.virtualMachineName);
    const plans = vm === undefined ? usablePlans(namespace, facts) : planOf(vm, facts);
    return plans.flatMap((plan) => denials(review, OPERATIONS, plan));
  },
};

export const powerPermitted: Rule<VirtualMachine> = {
  id: 'power-permitted',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title: 'A change of runStrategy starts or stops nothing that the plan denies to clients.',
  codes: ['AccessDenied'],
  rights: ['bypass'],
  example: 'Access Denied: plan kvm does not permit Stop to clients. Ask the platform team to do it.',
  check(review, facts) {
    return planOf(review.object, facts).flatMap((plan) => denials(review, POWER, plan));
  },
};

/** Permissions are those of the plan as it stands: they are no part of what the VM is built from. */
function planOf({ spec }: VirtualMachine, facts: AdmissionFacts): readonly Plan[] {
  const plan = facts.plan(spec.planRef.name);
  return plan === undefined ? [] : [plan];
}

// The operation would wait for the VM and then be carried out: making it first must not be a way around the plan.
function usablePlans(namespace: string, facts: AdmissionFacts): readonly Plan[] {
  return facts.plans().filter(({ spec }) => namespaceAllowed(spec.allowedNamespaces, namespace));
}

function denials<T extends KubeObject>(
  review: Review<T>,
  actions: readonly ClientAction<T>[],
  { metadata: { name }, spec: { clientPermissions = {} } }: Plan,
): readonly Reason[] {
  return actions
    .filter((one) => one.of(review) && one.denied(clientPermissions))
    .map(({ action, path }) => ({
      path,
      code: 'AccessDenied',
      message: `Access Denied: plan ${name} does not permit ${action} to clients. Ask the platform team to do it.`,
      unless: { verb: 'bypass', resource: 'plans', name },
    }));
}

function deniesOperation({ operations }: ClientPermissions, type: OperationType): boolean {
  return operations?.deny.includes(type) === true;
}

function declares({ old, object }: Review<VirtualMachine>, power: 'Running' | 'Stopped'): boolean {
  const declared = (vm: VirtualMachine | undefined) => vm && declaredPower({ runStrategy: vm.spec.runStrategy })?.power;
  return declared(object) === power && declared(old) !== power;
}
