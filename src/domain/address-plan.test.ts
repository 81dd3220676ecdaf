// Which addresses a VM gets: all on one network, held ones kept, and a message that names the pools when there are too few.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IPPool, IPPoolSpec } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import { type AddressRequest, chooseAddresses } from './address-plan.ts';

function pool(name: string, spec: Partial<IPPoolSpec> = {}): IPPool {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'IPPool',
    metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      clusterRef: { name: 'main' },
      family: 'IPv4',
      bridge: 'vmbr0',
      gateway: '192.0.2.1',
      prefixLength: 24,
      first: '192.0.2.10',
      last: '192.0.2.12',
      ...spec,
    },
  };
}

function pool6(name: string, spec: Partial<IPPoolSpec> = {}): IPPool {
  return pool(name, {
    family: 'IPv6',
    gateway: 'fe80::1',
    prefixLength: 64,
    first: '2001:db8::10',
    last: '2001:db8::ffff',
    ...spec,
  });
}

function going(name: string): IPPool {
  const { metadata, ...rest } = pool(name);
  return { ...rest, metadata: { ...metadata, deletionTimestamp: '2026-02-01T00:00:00Z' } };
}

function held(address: string, spec: Partial<IPAddressReservation['spec']> = {}): IPAddressReservation {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'IPAddressReservation',
    metadata: { name: address },
    spec: {
      clusterRef: { name: 'main' },
      bridge: 'vmbr0',
      vlan: 0,
      address,
      family: address.includes(':') ? 'IPv6' : 'IPv4',
      prefixLength: 24,
      poolName: 'a',
      order: 0,
      virtualMachine: { namespace: 'team', name: 'web', uid: 'u' },
      ...spec,
    },
  };
}

const REQUEST: AddressRequest = {
  wanted: { ipv4: 1, ipv6: 0 },
  held: [],
  pools: [pool('a')],
  clusterName: 'main',
  namespace: 'team',
  network: { auto: true, bridge: 'vmbr0', vlan: 0 },
  taken: () => false,
};

const FIXED = { auto: false, bridge: 'vmbr0', vlan: 0 };

function outcome(request: Partial<AddressRequest>) {
  const decision = chooseAddresses({ ...REQUEST, ...request });
  if (decision.problem !== undefined) return decision.problem.reason;
  const { bridge, vlan } = decision.network;
  const choices = decision.reserve.map((choice) => `${choice.pool.metadata.name} ${choice.address} ${choice.order}`);
  return [`${bridge}/${vlan}`, ...choices];
}

describe('chooseAddresses', () => {
  it.each<{ name: string; request: Partial<AddressRequest>; want: string | string[] }>([
    { name: 'the first free address', request: {}, want: ['vmbr0/0', 'a 192.0.2.10 0'] },
    {
      name: 'the next one when the first is taken on this network',
      request: { taken: ({ bridge, vlan }, address) => bridge === 'vmbr0' && vlan === 0 && address === '192.0.2.10' },
      want: ['vmbr0/0', 'a 192.0.2.11 0'],
    },
    {
      name: 'an address that is taken on another network only',
      request: { taken: ({ vlan }) => vlan === 5 },
      want: ['vmbr0/0', 'a 192.0.2.10 0'],
    },
    {
      name: 'several of both families, the main one first',
      request: { wanted: { ipv4: 2, ipv6: 2 }, pools: [pool6('six'), pool('a')] },
      want: ['vmbr0/0', 'a 192.0.2.10 0', 'a 192.0.2.11 1', 'six 2001:db8::10 0', 'six 2001:db8::11 1'],
    },
    {
      name: 'addresses from several pools of the network',
      request: {
        wanted: { ipv4: 4, ipv6: 0 },
        pools: [pool('b', { first: '192.0.2.50', last: '192.0.2.59' }), pool('a')],
      },
      want: ['vmbr0/0', 'a 192.0.2.10 0', 'a 192.0.2.11 1', 'a 192.0.2.12 2', 'b 192.0.2.50 3'],
    },
    {
      name: 'no gateway or name server that a sibling pool of the network names, whoever may use that one',
      request: {
        wanted: { ipv4: 2, ipv6: 0 },
        pools: [
          pool('a', { last: '192.0.2.14' }),
          pool('b', { first: '192.0.2.50', last: '192.0.2.59', gateway: '192.0.2.10', nameservers: ['192.0.2.12'] }),
          pool('c', { first: '192.0.2.70', last: 'x', gateway: '192.0.2.11', allowedNamespaces: { names: [] } }),
        ],
      },
      want: ['vmbr0/0', 'a 192.0.2.13 0', 'a 192.0.2.14 1'],
    },
    {
      name: 'no IPv6 gateway of a sibling pool, in whatever spelling',
      request: {
        wanted: { ipv4: 0, ipv6: 1 },
        pools: [pool6('a'), pool6('b', { first: '2001:db8::1:0', last: '2001:db8::1:9', gateway: '2001:DB8:0::10' })],
      },
      want: ['vmbr0/0', 'a 2001:db8::11 0'],
    },
    {
      name: 'an address that is a gateway on another network or cluster only',
      request: {
        network: FIXED,
        pools: [
          pool('a'),
          pool('b', { vlan: 5, gateway: '192.0.2.10', first: '192.0.2.50', last: '192.0.2.59' }),
          pool('c', { clusterRef: { name: 'second' }, gateway: '192.0.2.10', first: '192.0.2.60', last: '192.0.2.69' }),
        ],
      },
      want: ['vmbr0/0', 'a 192.0.2.10 0'],
    },
    { name: 'nothing when nothing is wanted', request: { wanted: { ipv4: 0, ipv6: 0 }, pools: [] }, want: ['vmbr0/0'] },
    {
      name: 'the network of the pool with auto',
      request: { pools: [pool('a', { bridge: 'vmbr7', vlan: 42 })] },
      want: ['vmbr7/42', 'a 192.0.2.10 0'],
    },
    {
      name: 'the plan’s network without auto',
      request: { network: { ...FIXED, vlan: 42 }, pools: [pool('a'), pool('b', { vlan: 42 })] },
      want: ['vmbr0/42', 'b 192.0.2.10 0'],
    },
    {
      name: 'the first network that can give all, not the first that can give some',
      request: {
        wanted: { ipv4: 1, ipv6: 1 },
        pools: [pool('a', { vlan: 1 }), pool('b', { vlan: 2 }), pool6('six', { vlan: 2 })],
      },
      want: ['vmbr0/2', 'b 192.0.2.10 0', 'six 2001:db8::10 0'],
    },
    {
      name: 'the next network when the first is full',
      request: { pools: [pool('a', { vlan: 1 }), pool('b', { vlan: 2 })], taken: ({ vlan }) => vlan === 1 },
      want: ['vmbr0/2', 'b 192.0.2.10 0'],
    },
    {
      name: 'the network of the IPv6 pool when no IPv4 is wanted',
      request: { wanted: { ipv4: 0, ipv6: 1 }, pools: [pool('a'), pool6('six', { vlan: 9 })] },
      want: ['vmbr0/9', 'six 2001:db8::10 0'],
    },
    {
      name: 'nothing more when all is held',
      request: { held: [held('192.0.2.77', { vlan: 5 })], pools: [] },
      want: ['vmbr0/5'],
    },
    {
      name: 'the rest on the network of what is held, whatever the plan says',
      request: {
        wanted: { ipv4: 2, ipv6: 1 },
        held: [held('192.0.2.10', { vlan: 5 })],
        pools: [pool('a'), pool('b', { vlan: 5 }), pool6('six', { vlan: 5 })],
        network: FIXED,
      },
      want: ['vmbr0/5', 'b 192.0.2.11 1', 'six 2001:db8::10 0'],
    },
    {
      name: 'the main address again when only another one is held',
      request: { wanted: { ipv4: 2, ipv6: 0 }, held: [held('192.0.2.11', { order: 1 })] },
      want: ['vmbr0/0', 'a 192.0.2.10 0'],
    },
    {
      name: 'more held than wanted is not its business',
      request: { held: [held('192.0.2.10'), held('192.0.2.11', { order: 1 })] },
      want: ['vmbr0/0'],
    },
    {
      name: 'IPv4 decides on the network when both families are held',
      request: {
        wanted: { ipv4: 2, ipv6: 1 },
        held: [held('2001:db8::10', { vlan: 6 }), held('192.0.2.10', { vlan: 5 })],
        pools: [pool('b', { vlan: 5 })],
      },
      want: ['vmbr0/5', 'b 192.0.2.11 1'],
    },
  ])('chooses $name', ({ request, want }) => {
    expect(outcome(request)).toEqual(want);
  });

  it.each<{ name: string; request: Partial<AddressRequest>; reason: string; text: string[] }>([
    {
      name: 'no pool at all',
      request: { pools: [] },
      reason: 'NoMatchingPool',
      text: ['No IPv4 pool of the cluster main serves the namespace team', 'Create an IPPool'],
    },
    {
      name: 'no pool on the plan’s network',
      request: { pools: [pool('a')], network: { ...FIXED, vlan: 7 } },
      reason: 'NoMatchingPool',
      text: ['on bridge vmbr0 VLAN 7'],
    },
    {
      name: 'no pool on the untagged network',
      request: { pools: [pool('a', { vlan: 7 })], network: FIXED },
      reason: 'NoMatchingPool',
      text: ['on bridge vmbr0 untagged'],
    },
    {
      name: 'a pool that does not allow the namespace',
      request: { pools: [pool('a', { allowedNamespaces: { names: ['other'] } })] },
      reason: 'NoMatchingPool',
      text: ['One pool does not allow it', 'allowedNamespaces'],
    },
    {
      name: 'a pool that overlaps an older one of others',
      request: { pools: [pool('a', { allowedNamespaces: { names: ['other'] } }), pool('b')] },
      reason: 'NoMatchingPool',
      text: ['One pool does not allow it', 'allowedNamespaces'],
    },
    {
      name: 'a pool that overlaps one that is being deleted',
      request: { pools: [going('a'), pool('b')] },
      reason: 'NoMatchingPool',
      text: ['The IPPool b has a mistake'],
    },
    {
      name: 'only a pool that is being deleted',
      request: { pools: [going('a')] },
      reason: 'NoMatchingPool',
      text: ['Create an IPPool'],
    },
    {
      name: 'a pool of others with a mistake, whose name is none of their business',
      request: { pools: [pool('a', { gateway: '198.51.100.1', allowedNamespaces: { names: ['other'] } })] },
      reason: 'NoMatchingPool',
      text: ['Create an IPPool'],
    },
    {
      name: 'a pool with a mistake',
      request: { pools: [pool('a', { gateway: '198.51.100.1' })] },
      reason: 'NoMatchingPool',
      text: ['The IPPool a has a mistake'],
    },
    {
      name: 'a pool with a mistake on another network',
      request: { pools: [pool('a', { gateway: '198.51.100.1' })], network: { ...FIXED, vlan: 7 } },
      reason: 'NoMatchingPool',
      text: ['Create an IPPool'],
    },
    {
      name: 'no IPv6 pool beside the IPv4 one',
      request: { wanted: { ipv4: 1, ipv6: 1 } },
      reason: 'NoMatchingPool',
      text: ['No IPv6 pool'],
    },
    {
      name: 'families on different networks',
      request: { wanted: { ipv4: 1, ipv6: 1 }, pools: [pool('a'), pool6('six', { vlan: 9 })] },
      reason: 'NoMatchingPool',
      text: ['all addresses of a VM are on one network'],
    },
    {
      name: 'an empty pool',
      request: { taken: () => true },
      reason: 'PoolEmpty',
      text: ['1 IPv4 needed', 'a 0', 'Grow a pool'],
    },
    {
      name: 'a pool whose last free address is the gateway of a sibling',
      request: {
        pools: [pool('a', { last: '192.0.2.10' }), pool('b', { vlan: 0, first: 'x', gateway: '192.0.2.10' })],
      },
      reason: 'PoolEmpty',
      text: ['a 0'],
    },
    {
      name: 'too few addresses',
      request: { wanted: { ipv4: 4, ipv6: 1 }, pools: [pool('a'), pool6('six')] },
      reason: 'PoolEmpty',
      text: ['4 IPv4 and 1 IPv6 needed', 'a 3', 'six enough'],
    },
    {
      name: 'too few on each network',
      request: {
        wanted: { ipv4: 2, ipv6: 0 },
        pools: [pool('a', { last: '192.0.2.10' }), pool('b', { vlan: 2, last: '192.0.2.10' })],
      },
      reason: 'PoolEmpty',
      text: ['2 IPv4 needed on one network', 'a 1, b 1'],
    },
  ])('says $reason for $name', ({ request, reason, text }) => {
    const { problem } = chooseAddresses({ ...REQUEST, ...request });
    expect(problem?.reason).toBe(reason);
    for (const part of text) expect(problem?.message).toContain(part);
    expect(problem?.message.length).toBeLessThanOrEqual(300);
  });

  it('keeps the message short with many pools', () => {
    const pools = Array.from({ length: 40 }, (_, index) => pool(`pool-of-customer-${index}`, { vlan: index }));
    const { problem } = chooseAddresses({ ...REQUEST, pools, taken: () => true });
    expect(problem?.message).toContain('and 36 more');
    expect(problem?.message.length).toBeLessThanOrEqual(300);
  });

  it('does not give one address twice when its own reservations are not in the caller’s view yet', () => {
    const request = { wanted: { ipv4: 2, ipv6: 0 }, held: [held('192.0.2.10')], taken: () => false };
    expect(outcome(request)).toEqual(['vmbr0/0', 'a 192.0.2.11 1']);
  });

  it('gives each VM what it wants on one network, nobody the same, until the pools are empty', () => {
    const wish = fc.record({ ipv4: fc.integer({ min: 0, max: 3 }), ipv6: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.array(wish, { minLength: 1, maxLength: 12 }), (wishes) => {
        const pools = [1, 2].flatMap((vlan) => [
          pool(`a${vlan}`, { vlan }),
          pool6(`b${vlan}`, { vlan, last: '2001:db8::13' }),
        ]);
        const given = new Set<string>();
        for (const wanted of wishes) {
          const decision = chooseAddresses({
            ...REQUEST,
            wanted,
            pools,
            taken: ({ bridge, vlan }, address) => given.has(`${bridge}/${vlan}/${address}`),
          });
          if (decision.problem !== undefined) continue;
          expect(decision.reserve).toHaveLength(wanted.ipv4 + wanted.ipv6);
          for (const { pool: source, address } of decision.reserve) {
            expect(source.spec.vlan).toBe(decision.network.vlan);
            const key = `${decision.network.bridge}/${decision.network.vlan}/${address}`;
            expect(given.has(key)).toBe(false);
            given.add(key);
          }
        }
      }),
    );
  });
});
