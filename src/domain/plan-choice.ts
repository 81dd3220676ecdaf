// Decides which form of its plan a VM is held against: the revision that it was built from, or the plan as it stands.
import type { Plan, PlanRevision, PlanSpec } from '../api/plan.ts';

export type PlanChoice =
  /** The revision that the VM was built from: an edit of the plan moves nobody by itself. */
  | { readonly kind: 'kept'; readonly revision: PlanRevision }
  /** The plan as it stands, because it rolls out by itself or somebody asks for the newest. */
  | { readonly kind: 'followed'; readonly plan: Plan }
  /** The plan as it stands, because no revision is kept (any more). */
  | { readonly kind: 'first'; readonly plan: Plan }
  /** The VM names another plan than the one that it was built from. */
  | { readonly kind: 'other'; readonly plan: Plan }
  /** There is neither the plan nor a revision of it that is kept. */
  | { readonly kind: 'missing' };

export interface PlanObjects {
  /** The plan that the VM names. */
  readonly plan: Plan | undefined;
  /** The revision that the status of the VM names. */
  readonly kept: PlanRevision | undefined;
}

/** `planName` is the plan that the VM names; `newest` asks for the plan as it stands. */
export function planChoice(
  planName: string,
  { plan, kept }: PlanObjects,
  { newest = false }: { newest?: boolean } = {},
): PlanChoice {
  const own = kept?.spec.planName === planName ? kept : undefined;
  if (plan === undefined) return keptOr(own, { kind: 'missing' });
  if (kept !== undefined && own === undefined) return { kind: 'other', plan };
  const isFollowed = newest || plan.spec.rollOut === 'Automatic';
  return isFollowed ? { kind: 'followed', plan } : keptOr(own, { kind: 'first', plan });
}

function keptOr(revision: PlanRevision | undefined, otherwise: PlanChoice): PlanChoice {
  return revision === undefined ? otherwise : { kind: 'kept', revision };
}

/** What the chosen form says; undefined where there is none. */
export function chosenSpec(choice: PlanChoice): PlanSpec | undefined {
  if (choice.kind === 'missing') return undefined;
  return choice.kind === 'kept' ? choice.revision.spec.plan : choice.plan.spec;
}
