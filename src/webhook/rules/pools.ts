// What an IPPool must be: right by itself, beside the others of its network, and for those that have addresses of it.
import type { IPPool } from '../../api/ip-pool.ts';
import { addressesLeftOut, takenServers } from '../../domain/pool-edits.ts';
import { poolProblems, poolsOverlap } from '../../domain/pools.ts';
import type { Reason, Rule } from '../rule.ts';
import { changes } from './change.ts';
import { counted } from './in-use.ts';

const kind = 'IPPool';
const WRITES = ['CREATE', 'UPDATE'] as const;

const whole = ({ spec }: IPPool) => spec;

export const poolValid: Rule<IPPool> = {
  id: 'pool-valid',
  kind,
  verbs: WRITES,
  title:
    'Addresses are of the family of the pool, first is not after last, all of the range and the gateway are in the network that the mask makes, and at least one address can be handed out.',
  codes: ['PoolInvalid'],
  example: 'The last address 192.0.2.10 is before the first one, 192.0.2.50; swap them.',
  check(review) {
    if (!changes(review, whole)) return [];
    return poolProblems(review.object.spec).map(({ path, message }): Reason => ({
      path,
      code: 'PoolInvalid',
      message,
    }));
  },
};

export const poolAlone: Rule<IPPool> = {
  id: 'pool-alone',
  kind,
  verbs: WRITES,
  title: 'No address is also in another pool of the same cluster, bridge and VLAN.',
  codes: ['PoolOverlap'],
  example:
    'spec.first to spec.last, 192.0.2.10 to 192.0.2.50, overlaps IPPool other of the same network (192.0.2.40 to 192.0.2.60). Choose a range that it does not have.',
  check(review, facts) {
    const { metadata, spec } = review.object;
    if (!changes(review, whole)) return [];
    return facts
      .pools()
      .filter((other) => other.metadata.name !== metadata.name && poolsOverlap(other.spec, spec))
      .map((other): Reason => {
        const message = `spec.first to spec.last, ${spec.first} to ${spec.last}, overlaps IPPool ${other.metadata.name} of the same network (${other.spec.first} to ${other.spec.last}). Choose a range that it does not have.`;
        return { path: 'spec.first', code: 'PoolOverlap', message };
      });
  },
};

export const poolKeepsAllocated: Rule<IPPool> = {
  id: 'pool-keeps-allocated',
  kind,
  verbs: ['UPDATE'],
  title: 'A pool does not become so small that an address which a VM has is outside of it.',
  codes: ['AddressAllocated'],
  example:
    'spec.first to spec.last leaves out 1 address of a VM (192.0.2.50). Keep it in the range, or let go of it first.',
  check(review, facts) {
    if (!changes(review, ({ spec }) => [spec.first, spec.last])) return [];
    const { metadata, spec } = review.object;
    const lost = addressesLeftOut(spec, metadata.name, facts.addressReservations(spec.clusterRef.name));
    if (lost.length === 0) return [];
    const message = `spec.first to spec.last leaves out ${counted('address of a VM', lost)}. Keep it in the range, or let go of it first.`;
    return [{ path: 'spec.first', code: 'AddressAllocated', message }];
  },
};

export const poolServersFree: Rule<IPPool> = {
  id: 'pool-servers-free',
  kind,
  verbs: WRITES,
  title: 'Gateway and name servers are not addresses that VMs of the network have.',
  codes: ['AddressTaken'],
  example:
    'spec.gateway 192.0.2.10 is the address of a VM on this network. Correct it, or let go of the address first.',
  check(review, facts) {
    if (!changes(review, whole)) return [];
    const { spec } = review.object;
    return takenServers(spec, facts.addressReservations(spec.clusterRef.name)).map(({ path, address }): Reason => {
      const message = `${path} ${address} is the address of a VM on this network. Correct it, or let go of the address first.`;
      return { path, code: 'AddressTaken', message };
    });
  },
};
