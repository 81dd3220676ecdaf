// What a VM that exists is to become: its package as plan and options are declared now, against the one it was built from.
import type { Plan, PlanRevision } from '../api/plan.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { EffectivePackage } from '../api/virtual-machine-status.ts';
import { packageDifference, resolvePackage } from '../domain/package.ts';
import { planChoice } from '../domain/plan-choice.ts';
import type { Explanation } from '../errors.ts';
import type { Context } from './context.ts';
import { allowedPlan } from './design.ts';
import { currentRevision } from './plan-revisions.ts';
import { quotaRefusal } from './quota-slots.ts';

export type PackageWish =
  /** Nothing differs, or there is nothing to compare with. */
  | { kind: 'none' }
  | { kind: 'refused'; explanation: Explanation }
  | { kind: 'differs'; package: EffectivePackage; planRevision: string; changes: readonly string[] };

const NONE: PackageWish = { kind: 'none' };

/**
 * Compares with the revision that the VM keeps, unless it names another plan, the plan rolls out by itself, or `newest`
 * is asked for: then with the newest one.
 */
export function packageWish(
  vm: VirtualMachine,
  context: Pick<Context, 'stores'>,
  { newest = false }: { newest?: boolean } = {},
): PackageWish {
  const { effective } = vm.status ?? {};
  if (effective === undefined) return NONE;
  const chosen = revisionOf(vm, context, newest);
  if (chosen === undefined) return NONE;
  if ('explanation' in chosen) return refused(chosen.explanation);
  const { package: resolved, problems } = resolvePackage({ plan: chosen.spec.plan, spec: vm.spec });
  if (resolved === undefined) {
    const message = problems.map(({ path, message: text }) => `${path}: ${text}`).join(' ');
    return refused({ reason: 'OptionInvalid', message });
  }
  // Another operating system is a reinstallation, and nobody's disk is wiped by an option.
  const wanted = { ...resolved, operatingSystem: effective.operatingSystem };
  const changes = changesOf(vm, effective, { wanted, planRevision: chosen.metadata.name });
  if (changes.length === 0) return NONE;
  return { kind: 'differs', package: wanted, planRevision: chosen.metadata.name, changes };
}

function changesOf(
  vm: VirtualMachine,
  effective: EffectivePackage,
  { wanted, planRevision }: { wanted: EffectivePackage; planRevision: string },
): string[] {
  return [
    ...packageDifference(effective, wanted).map(({ option, from, to }) => `${option} ${from} → ${to}`),
    ...(planRevision === vm.status?.planRevision ? [] : [`plan revision ${planRevision}`]),
    ...(isNewlyConsented(vm, wanted) ? ['consent'] : []),
  ];
}

/** Why the plan that the VM names now cannot be the one that it is changed to; undefined where it can, or is the same. */
export function planRefusal(vm: VirtualMachine, context: Pick<Context, 'stores'>): Explanation | undefined {
  const chosen = revisionOf(vm, context, false);
  return chosen !== undefined && 'explanation' in chosen ? chosen.explanation : undefined;
}

function revisionOf(
  vm: VirtualMachine,
  { stores }: Pick<Context, 'stores'>,
  newest: boolean,
): PlanRevision | { explanation: Explanation } | undefined {
  const kept = stores.planRevisions.get(vm.status?.planRevision ?? '');
  const { name } = vm.spec.planRef;
  const choice = planChoice(name, { plan: stores.plans.get(name), kept }, { newest });
  switch (choice.kind) {
    case 'kept':
      return choice.revision;
    case 'followed':
      return currentRevision(choice.plan, stores);
    case 'other':
      return otherPlansRevision(vm, choice.plan, { stores });
    case 'missing':
      return kept && missingPlan(vm);
    default:
      return undefined;
  }
}

function otherPlansRevision(
  vm: VirtualMachine,
  plan: Plan,
  context: Pick<Context, 'stores'>,
): PlanRevision | { explanation: Explanation } | undefined {
  const explanation = otherPlanProblem(vm, plan, context);
  return explanation === undefined ? currentRevision(plan, context.stores) : { explanation };
}

function missingPlan(vm: VirtualMachine): { explanation: Explanation } {
  const message = `Plan ${vm.spec.planRef.name} does not exist. Create it or correct spec.planRef.`;
  return { explanation: { reason: 'PlanNotFound', message } };
}

function otherPlanProblem(vm: VirtualMachine, plan: Plan, context: Pick<Context, 'stores'>): Explanation | undefined {
  const { name } = plan.spec.clusterRef;
  if (vm.status?.clusterName !== undefined && name !== vm.status.clusterName) {
    const message = `Plan ${plan.metadata.name} is of cluster ${name}; this VM is on ${vm.status.clusterName}. Choose a plan of that cluster, or make the VM anew.`;
    return { reason: 'ClusterChanged', message };
  }
  try {
    allowedPlan(vm, context);
    return quotaRefusal(vm, plan.metadata.name, context.stores);
  } catch (error) {
    return error as Error & Explanation;
  }
}

// What was kept for want of consent goes as soon as there is one.
function isNewlyConsented(vm: VirtualMachine, wanted: EffectivePackage): boolean {
  return freesSnapshots(vm) || (wanted.additionalDiskGiB === 0 && freesDisk(vm));
}

function freesSnapshots({ spec, status }: VirtualMachine): boolean {
  const { snapshotsInTheWay: inTheWay = [] } = status ?? {};
  return inTheWay.length > 0 && inTheWay.every((name) => spec.consent?.deleteSnapshots?.includes(name));
}

function freesDisk({ spec, status }: VirtualMachine): boolean {
  const { kept } = status?.disks ?? {};
  return kept !== undefined && spec.consent?.destroyVolumes?.includes(kept) === true;
}

function refused(explanation: Explanation): PackageWish {
  return { kind: 'refused', explanation: { ...explanation, message: explanation.message.slice(0, 300) } };
}
