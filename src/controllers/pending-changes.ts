// Tells what plan, options and keys ask for and a VM was not built with. Nothing of it is applied to a VM by itself.
import type { Reason } from '../api/conditions.ts';
import type { PlanSpec } from '../api/plan.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { EffectivePackage, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { sshKeysDigest } from '../domain/cloud-init.ts';
import { packageDifference, resolvePackage } from '../domain/package.ts';
import { planDifference } from '../domain/plan-defaults.ts';
import { setCondition } from '../kube/conditions.ts';
import type { Context } from './context.ts';
import { planRefusal } from './package-wish.ts';

const LONGEST_MESSAGE = 300;

/** The status with PackageUpToDate as plan, options and keys stand now; as it was when there is nothing to compare with. */
export function withPackageCondition(
  vm: VirtualMachine,
  status: VirtualMachineStatus,
  context: Pick<Context, 'stores' | 'now'>,
): VirtualMachineStatus {
  const upToDate = packageCondition(vm, status, context);
  if (upToDate === undefined) return status;
  const condition = { ...upToDate, type: 'PackageUpToDate', observedGeneration: vm.metadata.generation ?? 0 };
  return { ...status, conditions: [...setCondition(status.conditions, condition, context.now())] };
}

interface UpToDate {
  status: 'True' | 'False';
  reason: Reason;
  message: string;
}

function packageCondition(
  vm: VirtualMachine,
  status: VirtualMachineStatus,
  { stores }: Pick<Context, 'stores'>,
): UpToDate | undefined {
  const refusal = planRefusal({ ...vm, status }, { stores });
  if (refusal !== undefined) return pending(refusal.reason, refusal.message);
  const plan = stores.plans.get(vm.spec.planRef.name)?.spec;
  const { effective } = status;
  return plan === undefined || effective === undefined
    ? undefined
    : comparison(vm, { ...status, effective }, { stores, plan });
}

function comparison(
  vm: VirtualMachine,
  status: VirtualMachineStatus & { effective: EffectivePackage },
  { stores, plan }: Pick<Context, 'stores'> & { plan: PlanSpec },
): UpToDate {
  const { package: wanted, problems } = resolvePackage({ plan, spec: vm.spec });
  if (wanted === undefined) {
    const texts = problems.map(({ path, message }) => `${path}: ${message}`);
    return pending('OptionInvalid', texts.join(' '));
  }
  const builtFrom = stores.planRevisions.get(status.planRevision ?? '')?.spec.plan;
  const differences = [
    ...packageDifference(status.effective, wanted).map(({ option, from, to }) => `${option} ${from} → ${to}`),
    ...(builtFrom === undefined ? [] : planDifference(builtFrom, plan).map((field) => `${field} of the plan`)),
    ...(keysDiffer(vm, status) ? ['sshAuthorizedKeys'] : []),
  ];
  if (differences.length > 0) return pending('ChangePending', `Not applied yet: ${differences.join(', ')}.`);
  const message = 'The VM was built from the current plan, options and SSH keys.';
  return { status: 'True', reason: 'Succeeded', message };
}

function pending(reason: Reason, message: string): UpToDate {
  return { status: 'False', reason, message: message.slice(0, LONGEST_MESSAGE) };
}

// Of a VM that was built before its keys were noted down nothing can be said.
function keysDiffer({ spec }: VirtualMachine, { sshKeysDigest: handedOver }: VirtualMachineStatus): boolean {
  return handedOver !== undefined && handedOver !== sshKeysDigest(spec.sshAuthorizedKeys ?? []);
}
