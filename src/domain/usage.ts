// Answers how full a pool is.
import type { IPPool } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import { networkServers, poolNetwork, poolTotal } from './pools.ts';

export interface PoolUsage {
  /** Decimal text: an IPv6 pool holds more than a number can. */
  readonly total: string;
  readonly allocated: number;
  /** Decimal text; "0" also for a pool that was made smaller than what it has given. */
  readonly free: string;
}

/** Counts by the pool that an address came from: an edited pool keeps answering for what it gave before. */
export function poolUsage({
  pool,
  pools = [pool],
  reservations,
}: {
  pool: IPPool;
  /** Those of its cluster at least: their gateways and name servers are not handed out either. */
  pools?: readonly IPPool[];
  reservations: readonly IPAddressReservation[];
}): PoolUsage {
  const allocated = reservations.filter(
    ({ spec }) => spec.poolName === pool.metadata.name && spec.clusterRef.name === pool.spec.clusterRef.name,
  ).length;
  const servers = networkServers(pools, pool.spec.clusterRef.name, poolNetwork(pool.spec));
  const total = poolTotal(pool.spec, servers);
  const free = total - BigInt(allocated);
  return { total: String(total), allocated, free: String(free < 0n ? 0n : free) };
}
