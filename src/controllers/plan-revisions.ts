// Decides which revision of a plan is current, what a new one looks like, and which old ones nobody needs.
import { API_VERSION, GROUP } from '../api/object.ts';
import type { FullPlanSpec, Plan, PlanRevision, PlanSpec } from '../api/plan.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { isEqualJson } from '../kube/status.ts';
import type { OwnerReference } from '../kube/types.ts';
import { INDEX, type Stores } from './context.ts';

/** Label on a revision: the plan's name. */
export const PLAN_LABEL = `${GROUP}/plan`;

const UNUSED_KEPT = 10;

/**
 * The revision that is the plan as it stands: the newest of this very Plan object with an equal spec. Undefined for
 * the moment between an edit and the plan's reconcile.
 */
export function currentRevision(plan: Plan, stores: Pick<Stores, 'planRevisions'>): PlanRevision | undefined {
  return equalRevision(plan, revisionsOf(plan, stores));
}

/** The revisions of this very Plan object, the newest first. */
export function revisionsOf(plan: Plan, { planRevisions }: Pick<Stores, 'planRevisions'>): PlanRevision[] {
  return planRevisions
    .byIndex(INDEX.plan, plan.metadata.name)
    .filter((revision) => belongsTo(plan, revision))
    .sort((a, b) => b.spec.revision - a.spec.revision);
}

export function equalRevision(plan: Plan, revisions: readonly PlanRevision[]): PlanRevision | undefined {
  return revisions.find((revision) => isRevisionOf(plan, revision));
}

/** Whether a revision belongs to this very Plan object and has its spec, as far as VMs are built from it. */
export function isRevisionOf(plan: Plan, revision: PlanRevision): boolean {
  return belongsTo(plan, revision) && isEqualJson(revision.spec.plan, builtFrom(plan.spec));
}

/** The revision of this number as it is created. */
export function newRevision(plan: Plan, number: number): PlanRevision {
  const { name, uid = '' } = plan.metadata;
  const owner: OwnerReference = { apiVersion: API_VERSION, kind: 'Plan', name, uid, controller: true };
  return {
    apiVersion: API_VERSION,
    kind: 'PlanRevision',
    metadata: { name: `${name}-${number}`, labels: { [PLAN_LABEL]: name }, ownerReferences: [owner] },
    spec: { planName: name, revision: number, plan: builtFrom(plan.spec) },
  };
}

/** Revisions that are neither current nor named by a VM, beyond the newest ten of them. */
export function outlivedRevisions(
  revisions: readonly PlanRevision[],
  current: PlanRevision,
  virtualMachines: readonly VirtualMachine[],
): PlanRevision[] {
  const named = new Set(virtualMachines.map(({ status }) => status?.planRevision));
  return revisions
    .filter(({ metadata }) => metadata.name !== current.metadata.name && !named.has(metadata.name))
    .sort((a, b) => b.spec.revision - a.spec.revision)
    .slice(UNUSED_KEPT);
}

// How many VMs there may be is no part of what they are built from.
function builtFrom({ quota: _quota, ...spec }: FullPlanSpec): PlanSpec {
  return spec;
}

// Revisions of a deleted plan of the same name stay until the garbage collector has taken them.
function belongsTo({ metadata }: Plan, revision: PlanRevision): boolean {
  const owners = revision.metadata.ownerReferences ?? [];
  return owners.length === 0 || owners.some(({ uid }) => uid === metadata.uid);
}
