// What the rules on VirtualMachines share: what a request changes, and which plan the VM is held against.
import { isDeepStrictEqual } from 'node:util';
import type { PlanSpec } from '../../api/plan.ts';
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Review } from '../rule.ts';

/**
 * Whether the request makes the object or changes a part of it. Rules look at what changes only: a label, a finalizer or
 * an owner must be able to change whatever else has become wrong meanwhile.
 */
export function changes<T extends KubeObject>({ old, object }: Review<T>, part: (object: T) => unknown): boolean {
  return old === undefined || !isDeepStrictEqual(part(old), part(object));
}

/** Whether the request says something about what the VM is made of. */
export function changesPackage(review: Review<VirtualMachine>): boolean {
  return changes(review, ({ spec }) => [spec.planRef, spec.options ?? {}, spec.configurableOptions ?? {}]);
}

/** The plan as the VM is or will be built from it: the revision that it keeps, unless it follows the newest or names another plan. */
export function planSpecOf(vm: VirtualMachine, facts: AdmissionFacts): PlanSpec | undefined {
  const { name } = vm.spec.planRef;
  const plan = facts.plan(name);
  const kept = facts.planRevision(vm.status?.planRevision ?? '');
  const isKept = kept?.spec.planName === name && plan?.spec.rollOut !== 'Automatic';
  return isKept ? kept.spec.plan : (plan?.spec ?? keptSpec(kept, name));
}

function keptSpec(kept: ReturnType<AdmissionFacts['planRevision']>, planName: string): PlanSpec | undefined {
  return kept?.spec.planName === planName ? kept.spec.plan : undefined;
}
