// Reconciles an IPPool: shows how full it is and what is wrong with it, and keeps it while addresses of it are allocated.
import { resources } from '../api/resources.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { type Context, INDEX } from './context.ts';
import { ipPoolStatus } from './ip-pool-status.ts';
import { isReady, keptWhileInUse, report } from './readiness.ts';

// What a pool waits for are objects whose changes wake it; this is for a change that was missed.
const RECHECK_MS = 60_000;

/** `key` is the pool's name. */
export async function reconcileIpPool(key: string, context: Context, signal: AbortSignal): Promise<ReconcileResult> {
  const { stores } = context;
  const known = stores.pools.get(key);
  if (known === undefined || signal.aborted) return { kind: 'done' };
  const kept = { type: resources.ipPool, store: stores.pools };
  const reservations = stores.addressReservations
    .byIndex(INDEX.cluster, known.spec.clusterRef.name)
    .filter(({ spec }) => spec.poolName === key);
  const pool = await keptWhileInUse(context, kept, known, reservations.length > 0);
  if (pool === undefined) return { kind: 'done' };
  const status = ipPoolStatus({
    pool,
    pools: stores.pools.byIndex(INDEX.cluster, known.spec.clusterRef.name),
    reservations,
    clusterExists: stores.clusters.get(pool.spec.clusterRef.name) !== undefined,
    now: context.now(),
  });
  await report(context, kept, pool, status);
  return isReady(status) ? { kind: 'done' } : { kind: 'after', ms: RECHECK_MS };
}
