// Answers what an edit of a pool would do to addresses that VMs have.
import type { IPPoolSpec } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import { canonicalAddress, parseAddress } from './ip.ts';
import { poolNetwork, sameNetwork } from './pools.ts';

/** The addresses that came from the pool and are not within it any more. */
export function addressesLeftOut(
  spec: IPPoolSpec,
  poolName: string,
  reservations: readonly IPAddressReservation[],
): readonly string[] {
  return reservations
    .filter((reservation) => reservation.spec.poolName === poolName && !isWithin(spec, reservation.spec.address))
    .map((reservation) => reservation.spec.address);
}

function isWithin({ first, last }: IPPoolSpec, text: string): boolean {
  const [low, high, address] = [parseAddress(first), parseAddress(last), parseAddress(text)];
  if (low === undefined || high === undefined || address === undefined) return false;
  return address.family === low.family && address.value >= low.value && address.value <= high.value;
}

/** A gateway or name server of a pool that is the address of a VM on the same network. */
export interface TakenServer {
  /** `spec.gateway` or `spec.nameservers[0]`. */
  readonly path: string;
  readonly address: string;
}

/** `reservations` are those of the pool's cluster at least. */
export function takenServers(spec: IPPoolSpec, reservations: readonly IPAddressReservation[]): readonly TakenServer[] {
  const network = poolNetwork(spec);
  const taken = new Set(
    reservations
      .filter((one) => one.spec.clusterRef.name === spec.clusterRef.name && sameNetwork(one.spec, network))
      .map((one) => canonicalAddress(one.spec.address)),
  );
  const servers = [
    ...(spec.gateway === undefined ? [] : [{ path: 'spec.gateway', address: spec.gateway }]),
    ...(spec.nameservers ?? []).map((address, index) => ({ path: `spec.nameservers[${index}]`, address })),
  ];
  return servers.filter(({ address }) => taken.has(canonicalAddress(address) ?? ''));
}
