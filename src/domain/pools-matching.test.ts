// Pools among others: which of them overlap, which serve a network, and the reverse zone of each.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IPPool, IPPoolSpec } from '../api/ip-pool.ts';
import {
  CLASSLESS_DELEGATION,
  freeAddresses,
  matchingPools,
  overlappedOlderPool,
  poolsOverlap,
  reverseZoneHint,
} from './pools.ts';

const V4: IPPoolSpec = {
  clusterRef: { name: 'main' },
  family: 'IPv4',
  bridge: 'vmbr0',
  gateway: '192.0.2.1',
  prefixLength: 24,
  first: '192.0.2.10',
  last: '192.0.2.20',
};

const V6: IPPoolSpec = {
  clusterRef: { name: 'main' },
  family: 'IPv6',
  bridge: 'vmbr0',
  gateway: '2001:db8::1',
  prefixLength: 64,
  first: '2001:db8::10',
  last: '2001:db8::ffff',
};

interface PoolOptions extends Partial<IPPoolSpec> {
  createdAt?: string;
  deleted?: boolean;
}

function aPool(name: string, { createdAt = '2026-01-01T00:00:00Z', deleted, ...spec }: PoolOptions = {}): IPPool {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'IPPool',
    metadata: {
      name,
      creationTimestamp: createdAt,
      ...(deleted === true ? { deletionTimestamp: '2026-02-01T00:00:00Z' } : {}),
    },
    spec: { ...V4, ...spec },
  };
}

function addressesOf(spec: IPPoolSpec): string[] {
  return [...freeAddresses({ spec }, () => false)];
}

describe('poolsOverlap', () => {
  it.each<{ name: string; other: Partial<IPPoolSpec>; want: boolean }>([
    { name: 'itself', other: {}, want: true },
    { name: 'one shared address', other: { first: '192.0.2.20', last: '192.0.2.30' }, want: true },
    { name: 'one inside of the other', other: { first: '192.0.2.12', last: '192.0.2.13' }, want: true },
    { name: 'ranges side by side', other: { first: '192.0.2.21', last: '192.0.2.30' }, want: false },
    { name: 'VLAN 0, said and unsaid', other: { vlan: 0 }, want: true },
    { name: 'another VLAN', other: { vlan: 7 }, want: false },
    { name: 'another bridge', other: { bridge: 'vmbr1' }, want: false },
    { name: 'another cluster', other: { clusterRef: { name: 'second' } }, want: false },
    { name: 'the other family', other: { family: 'IPv6', first: '::c000:20a', last: '::c000:214' }, want: false },
    { name: 'no address', other: { first: 'x' }, want: false },
  ])('$name: $want', ({ other, want }) => {
    expect(poolsOverlap(V4, { ...V4, ...other })).toBe(want);
    expect(poolsOverlap({ ...V4, ...other }, V4)).toBe(want);
  });

  it('is whether a common address could be handed out', () => {
    fc.assert(
      fc.property(fc.nat({ max: 40 }), fc.nat({ max: 9 }), fc.nat({ max: 40 }), fc.nat({ max: 9 }), (a, b, c, d) => {
        const range = (start: number, length: number): IPPoolSpec => ({
          ...V4,
          gateway: undefined,
          first: `192.0.2.${10 + start}`,
          last: `192.0.2.${10 + start + length}`,
        });
        const [left, right] = [range(a, b), range(c, d)];
        const common = addressesOf(left).filter((address) => addressesOf(right).includes(address));
        expect(poolsOverlap(left, right)).toBe(common.length > 0);
      }),
    );
  });
});

describe('matchingPools', () => {
  const QUERY = { clusterName: 'main', family: 'IPv4' as const, namespace: 'team' };

  it.each<{ name: string; pool: PoolOptions; query?: object; want: boolean }>([
    { name: 'a pool of the network', pool: {}, query: { bridge: 'vmbr0', vlan: 0 }, want: true },
    { name: 'any network when none is said', pool: { bridge: 'vmbr9', vlan: 12 }, want: true },
    { name: 'a tagged pool', pool: { vlan: 7 }, query: { bridge: 'vmbr0', vlan: 7 }, want: true },
    { name: 'a tagged pool for an untagged card', pool: { vlan: 7 }, query: { bridge: 'vmbr0', vlan: 0 }, want: false },
    { name: 'an untagged pool for a tagged card', pool: {}, query: { bridge: 'vmbr0', vlan: 7 }, want: false },
    { name: 'another bridge', pool: { bridge: 'vmbr1' }, query: { bridge: 'vmbr0' }, want: false },
    { name: 'another cluster', pool: { clusterRef: { name: 'second' } }, want: false },
    { name: 'the other family', pool: V6, want: false },
    { name: 'a pool for the namespace', pool: { allowedNamespaces: { names: ['team'] } }, want: true },
    { name: 'a pool for others', pool: { allowedNamespaces: { names: ['teams'] } }, want: false },
    { name: 'a pool for nobody', pool: { allowedNamespaces: { names: [] } }, want: false },
    { name: 'a pool that is being deleted', pool: { deleted: true }, want: false },
    { name: 'a pool with a problem', pool: { gateway: '198.51.100.1' }, want: false },
  ])('$name: $want', ({ pool, query, want }) => {
    expect(matchingPools({ ...QUERY, ...query, pools: [aPool('a', pool)] })).toHaveLength(want ? 1 : 0);
  });

  it('goes by name, whatever order the pools come in', () => {
    const pools = ['c', 'a', 'B'].map((name, index) => aPool(name, { vlan: index }));
    expect(matchingPools({ ...QUERY, pools }).map(({ metadata }) => metadata.name)).toEqual(['B', 'a', 'c']);
  });

  it('leaves out the younger of two pools that overlap', () => {
    const young = aPool('a', { createdAt: '2026-01-02T00:00:00Z' });
    const old = aPool('b');
    expect(matchingPools({ ...QUERY, pools: [young, old] })).toEqual([old]);
    expect(overlappedOlderPool(young, [young, old])).toBe(old);
    expect(overlappedOlderPool(old, [young, old])).toBeUndefined();
  });

  it('leaves it out also where the older one is not allowed', () => {
    const young = aPool('a', { createdAt: '2026-01-02T00:00:00Z' });
    const old = aPool('b', { allowedNamespaces: { names: ['other'] } });
    expect(matchingPools({ ...QUERY, pools: [young, old] })).toEqual([]);
  });

  it('leaves it out also while the older one is being deleted: machines still have its addresses', () => {
    const young = aPool('a', { createdAt: '2026-01-02T00:00:00Z' });
    expect(matchingPools({ ...QUERY, pools: [young, aPool('b', { deleted: true })] })).toEqual([]);
  });

  it('lets the name decide between pools of one second', () => {
    const pools = [aPool('b'), aPool('a')];
    expect(matchingPools({ ...QUERY, pools }).map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  it('does not give way to an older pool that cannot be used', () => {
    const young = aPool('a', { createdAt: '2026-01-02T00:00:00Z' });
    const old = aPool('b', { gateway: '198.51.100.1' });
    expect(matchingPools({ ...QUERY, pools: [young, old] })).toEqual([young]);
  });
});

describe('reverseZoneHint', () => {
  it.each([
    { first: '10.1.2.3', prefixLength: 8, want: '10.in-addr.arpa' },
    { first: '10.1.2.3', prefixLength: 16, want: '1.10.in-addr.arpa' },
    { first: '192.0.2.3', prefixLength: 24, want: '2.0.192.in-addr.arpa' },
    { first: '192.0.2.3', prefixLength: 25, want: CLASSLESS_DELEGATION },
    { first: '192.0.2.3', prefixLength: 32, want: CLASSLESS_DELEGATION },
    { first: '192.0.2.3', prefixLength: 7, want: CLASSLESS_DELEGATION },
    { first: 'x', prefixLength: 24, want: CLASSLESS_DELEGATION },
  ])('IPv4 $first/$prefixLength → $want', ({ first, prefixLength, want }) => {
    expect(reverseZoneHint({ ...V4, first, prefixLength })).toBe(want);
  });

  it.each([
    { first: '2001:db8::7', prefixLength: 32, want: '8.b.d.0.1.0.0.2.ip6.arpa' },
    { first: '2001:db8::7', prefixLength: 36, want: '0.8.b.d.0.1.0.0.2.ip6.arpa' },
    { first: '2001:db8:1:2::7', prefixLength: 64, want: '2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa' },
    { first: '2001:db8::7', prefixLength: 120, want: `${'0.'.repeat(22)}8.b.d.0.1.0.0.2.ip6.arpa` },
    { first: '2001:db8::7', prefixLength: 63, want: CLASSLESS_DELEGATION },
    { first: '2001:db8::7', prefixLength: 1, want: CLASSLESS_DELEGATION },
  ])('IPv6 $first/$prefixLength → $want', ({ first, prefixLength, want }) => {
    expect(reverseZoneHint({ ...V6, first, prefixLength })).toBe(want);
  });
});
