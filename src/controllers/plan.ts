// Reconciles a Plan: keeps an unchangeable copy of each state of it, and removes copies that nobody needs.
import type { Plan, PlanRevision, PlanStatus } from '../api/plan.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import { type Context, INDEX } from './context.ts';
import { equalRevision, isRevisionOf, newRevision, outlivedRevisions, revisionsOf } from './plan-revisions.ts';
import { isReady, type Readiness, readinessConditions, report } from './readiness.ts';

/** The cluster's appearing wakes the plan; this is for a change that was missed. */
const RECHECK_MS = 60_000;
/** Names that a store which lags behind does not show yet, or that belong to a deleted plan of this name. */
const NUMBERS_TRIED = 32;

/** `key` is the plan's name. */
export async function reconcilePlan(key: string, context: Context, signal: AbortSignal): Promise<ReconcileResult> {
  const { stores } = context;
  const plan = stores.plans.get(key);
  // The garbage collector takes the revisions of a plan that is gone.
  if (plan === undefined || plan.metadata.deletionTimestamp !== undefined) return { kind: 'done' };
  const revisions = revisionsOf(plan, stores);
  const current = equalRevision(plan, revisions) ?? (await createRevision(plan, context, signal));
  if (current === undefined || signal.aborted) return { kind: 'retry' };
  const virtualMachines = stores.virtualMachines.byIndex(INDEX.plan, key);
  const clusterExists = stores.clusters.get(plan.spec.clusterRef.name) !== undefined;
  const status = planStatus({ plan, current, virtualMachines, clusterExists, now: context.now() });
  await report(context, { type: resources.plan, store: stores.plans }, plan, status);
  for (const revision of outlivedRevisions(revisions, current, virtualMachines)) await remove(revision, context);
  return isReady(status) ? { kind: 'done' } : { kind: 'after', ms: RECHECK_MS };
}

export interface PlanFacts {
  plan: Plan;
  current: PlanRevision;
  /** Those of this plan. */
  virtualMachines: readonly VirtualMachine[];
  /** Whether the ProxmoxCluster object exists. */
  clusterExists: boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

/** The status of a plan. */
export function planStatus({ plan, current, virtualMachines, clusterExists, now }: PlanFacts): PlanStatus {
  const clusterName = plan.spec.clusterRef.name;
  const readiness: Readiness = clusterExists
    ? { state: 'ready', reason: 'Ready', message: 'Virtual machines of this plan can be deployed.' }
    : {
        state: 'stalled',
        reason: 'ClusterNotFound',
        message: `ProxmoxCluster ${clusterName} does not exist. Create it, or make the plan anew for another cluster.`,
      };
  return {
    observedGeneration: plan.metadata.generation,
    currentRevision: current.metadata.name,
    virtualMachines: virtualMachines.length,
    conditions: readinessConditions(plan, readiness, now),
  };
}

/** The name is the lock: of two operators only one creates a number, and the other takes what is there if it is equal. */
async function createRevision(plan: Plan, context: Context, signal: AbortSignal): Promise<PlanRevision | undefined> {
  const { client, stores } = context;
  const known = stores.planRevisions.byIndex(INDEX.plan, plan.metadata.name).map(({ spec }) => spec.revision);
  const first = Math.max(0, ...known) + 1;
  for (let number = first; number < first + NUMBERS_TRIED && !signal.aborted; number += 1) {
    const wanted = newRevision(plan, number);
    const revision = await client.create(resources.planRevision, wanted).catch(async (error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
      return client.get(resources.planRevision, wanted.metadata.name);
    });
    if (!isRevisionOf(plan, revision)) continue;
    stores.planRevisions.observe(revision);
    return revision;
  }
  return undefined;
}

async function remove(revision: PlanRevision, { client, stores }: Context): Promise<void> {
  const { name, uid } = revision.metadata;
  try {
    await client.delete(resources.planRevision, name, undefined, { uid });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  stores.planRevisions.forget(revision);
}
