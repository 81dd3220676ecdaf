// What the rules on VirtualMachines share: what a request changes, and which plan the VM is held against.
import { isDeepStrictEqual } from 'node:util';
import type { PlanSpec } from '../../api/plan.ts';
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { chosenSpec, planChoice } from '../../domain/plan-choice.ts';
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

/** The plan as the VM is or will be built from it. */
export function planSpecOf({ spec, status }: VirtualMachine, facts: AdmissionFacts): PlanSpec | undefined {
  const { name } = spec.planRef;
  const kept = facts.planRevision(status?.planRevision ?? '');
  return chosenSpec(planChoice(name, { plan: facts.plan(name), kept }));
}
