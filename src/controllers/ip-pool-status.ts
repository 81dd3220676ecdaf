// Decides what the status of an IPPool says: how full it is, and whether addresses can be handed out.
import type { IPPool, IPPoolStatus } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import { networkPools, overlappedOlderPool, poolNetwork, poolProblems, reverseZoneHint } from '../domain/pools.ts';
import { poolUsage, type PoolUsage } from '../domain/usage.ts';
import { type Readiness, readinessConditions } from './readiness.ts';

export interface IPPoolFacts {
  pool: IPPool;
  /** Those of the same cluster at least, this one included or not. */
  pools: readonly IPPool[];
  reservations: readonly IPAddressReservation[];
  /** Whether the ProxmoxCluster object exists. */
  clusterExists: boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

/** The status of a pool. */
export function ipPoolStatus(facts: IPPoolFacts): IPPoolStatus {
  const { pool, pools, reservations, now } = facts;
  const usage = poolUsage({ pool, pools, reservations });
  return {
    observedGeneration: pool.metadata.generation,
    total: usage.total,
    allocated: usage.allocated,
    reverseZone: poolProblems(pool.spec).length === 0 ? reverseZoneHint(pool.spec) : undefined,
    conditions: readinessConditions(pool, readinessOf(facts, usage), now),
  };
}

function readinessOf(facts: IPPoolFacts, usage: PoolUsage): Readiness {
  return deletion(facts, usage) ?? mistake(facts) ?? exhaustion(usage) ?? READY;
}

const READY: Readiness = { state: 'ready', reason: 'Ready', message: 'Addresses can be handed out.' };

function deletion({ pool }: IPPoolFacts, { allocated }: PoolUsage): Readiness | undefined {
  if (pool.metadata.deletionTimestamp === undefined || allocated === 0) return undefined;
  const message = `The pool is being deleted and waits for the VirtualMachines that hold ${allocated} of its addresses.`;
  return { state: 'waiting', reason: 'InUse', message };
}

function mistake({ pool, pools, clusterExists }: IPPoolFacts): Readiness | undefined {
  const { spec } = pool;
  const problems = poolProblems(spec);
  if (problems.length > 0) {
    const message = problems.map((problem) => `${problem.path}: ${problem.message}`).join(' ');
    return { state: 'stalled', reason: 'AddressRangeInvalid', message };
  }
  const clusterName = spec.clusterRef.name;
  const network = { ...poolNetwork(spec), clusterName, family: spec.family };
  const older = overlappedOlderPool(pool, networkPools({ ...network, pools }));
  if (older !== undefined) {
    const message = `spec.first to spec.last overlaps IPPool ${older.metadata.name} of the same network. That one is older and is used, this one is not; correct one of the two.`;
    return { state: 'stalled', reason: 'Overlapping', message };
  }
  if (clusterExists) return undefined;
  const message = `ProxmoxCluster ${clusterName} does not exist. Create it, or make the pool anew for another cluster.`;
  return { state: 'stalled', reason: 'ClusterNotFound', message };
}

function exhaustion({ free, total }: PoolUsage): Readiness | undefined {
  if (free !== '0') return undefined;
  const message = `All ${total} addresses of the pool are allocated. Grow it or add another one.`;
  return { state: 'stalled', reason: 'PoolEmpty', message };
}
