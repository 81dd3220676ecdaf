// How full a pool is.
import { describe, expect, it } from 'vitest';
import type { IPPool } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import { poolUsage } from './usage.ts';

const POOL: IPPool = {
  apiVersion: 'pve-operator.io/v1alpha1',
  kind: 'IPPool',
  metadata: { name: 'public' },
  spec: {
    clusterRef: { name: 'main' },
    family: 'IPv4',
    bridge: 'vmbr0',
    prefixLength: 24,
    first: '192.0.2.10',
    last: '192.0.2.12',
  },
};

function held(address: string, poolName = 'public', clusterName = 'main'): IPAddressReservation {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'IPAddressReservation',
    metadata: { name: address },
    spec: {
      clusterRef: { name: clusterName },
      bridge: 'vmbr0',
      vlan: 0,
      address,
      family: 'IPv4',
      prefixLength: 24,
      poolName,
      order: 0,
      virtualMachine: { namespace: 'team', name: 'web', uid: 'u' },
    },
  };
}

describe('poolUsage', () => {
  it.each([
    { name: 'an empty pool', pool: POOL, reservations: [], want: { total: '3', allocated: 0, free: '3' } },
    {
      name: 'a used pool, others left out',
      pool: POOL,
      reservations: [held('192.0.2.10'), held('192.0.2.11', 'private'), held('192.0.2.12', 'public', 'second')],
      want: { total: '3', allocated: 1, free: '2' },
    },
    {
      name: 'a pool that became smaller',
      pool: { ...POOL, spec: { ...POOL.spec, last: '192.0.2.10' } },
      reservations: [held('192.0.2.10'), held('192.0.2.11')],
      want: { total: '1', allocated: 2, free: '0' },
    },
    {
      name: 'a pool that a number cannot count',
      pool: {
        ...POOL,
        spec: {
          ...POOL.spec,
          family: 'IPv6' as const,
          prefixLength: 32,
          first: '2001:db8::1',
          last: '2001:db8:ffff::',
        },
      },
      reservations: [],
      want: { total: '79226953588444722964369244160', allocated: 0, free: '79226953588444722964369244160' },
    },
  ])('counts $name', ({ pool, reservations, want }) => {
    expect(poolUsage({ pool, reservations })).toEqual(want);
  });
});
