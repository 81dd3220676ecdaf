// Pools one by one: what is wrong with one, and what it can hand out.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IPPoolSpec } from '../api/ip-pool.ts';
import { addressBits, inNetwork, parseAddress, printAddress } from './ip.ts';
import { freeAddresses, networkServers, poolNetwork, poolProblems, poolTotal } from './pools.ts';

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

function listOf(spec: IPPoolSpec, taken: (address: string) => boolean = () => false): string[] {
  return [...freeAddresses({ spec }, taken)];
}

/** A pool of up to 64 addresses somewhere in its network, with a gateway in that network. */
const anyPool = fc
  .record({
    family: fc.constantFrom('IPv4' as const, 'IPv6' as const),
    base: fc.bigInt({ min: 2n ** 24n, max: 2n ** 31n }),
    hostBits: fc.integer({ min: 0, max: 16 }),
    start: fc.nat(),
    length: fc.integer({ min: 0, max: 63 }),
    gateway: fc.option(fc.nat()),
  })
  .map(({ family, base, hostBits, start, length, gateway }): IPPoolSpec => {
    const size = 2n ** BigInt(hostBits);
    const network = (base / size) * size;
    const first = network + (BigInt(start) % size);
    const end = network + size - 1n;
    const last = first + BigInt(length) > end ? end : first + BigInt(length);
    const text = (value: bigint): string => printAddress({ family, value });
    return {
      clusterRef: { name: 'main' },
      family,
      bridge: 'vmbr0',
      prefixLength: addressBits(family) - hostBits,
      first: text(first),
      last: text(last),
      ...(gateway === null ? {} : { gateway: text(network + (BigInt(gateway) % size)) }),
    };
  });

describe('poolProblems', () => {
  it.each<{ name: string; spec: IPPoolSpec }>([
    { name: 'an IPv4 pool', spec: V4 },
    { name: 'an IPv6 pool', spec: V6 },
    { name: 'no gateway', spec: { ...V4, gateway: undefined } },
    { name: 'the gateway inside the range', spec: { ...V4, gateway: '192.0.2.15' } },
    { name: 'a range of one address', spec: { ...V4, first: '192.0.2.10', last: '192.0.2.10' } },
    { name: 'the whole network', spec: { ...V4, first: '192.0.2.0', last: '192.0.2.255' } },
    { name: 'a link-local IPv6 gateway', spec: { ...V6, gateway: 'fe80::1' } },
    { name: 'the IPv6 network address as gateway', spec: { ...V6, gateway: '2001:db8::' } },
    { name: 'routed addresses with a gateway elsewhere', spec: { ...V4, prefixLength: 32, gateway: '198.51.100.1' } },
    {
      name: 'a pair of addresses',
      spec: { ...V4, prefixLength: 31, gateway: '192.0.2.10', first: '192.0.2.11', last: '192.0.2.11' },
    },
    { name: 'name servers of both families', spec: { ...V4, nameservers: ['1.1.1.1', '2606:4700:4700::1111'] } },
  ])('has nothing against $name', ({ spec }) => {
    expect(poolProblems(spec)).toEqual([]);
  });

  it.each<{ name: string; spec: IPPoolSpec; path: string; text: string }>([
    {
      name: 'first is no address',
      spec: { ...V4, first: '192.0.2.300' },
      path: 'spec.first',
      text: '"192.0.2.300" is no IP address',
    },
    { name: 'last has a mask', spec: { ...V4, last: '192.0.2.20/24' }, path: 'spec.last', text: 'without mask' },
    {
      name: 'last is of the other family',
      spec: { ...V4, last: '2001:db8::1' },
      path: 'spec.last',
      text: 'is an IPv6 address in an IPv4 pool',
    },
    {
      name: 'the gateway is of the other family',
      spec: { ...V6, gateway: '192.0.2.1' },
      path: 'spec.gateway',
      text: 'write an IPv6 address',
    },
    {
      name: 'a name server is none',
      spec: { ...V4, nameservers: ['1.1.1.1', 'dns'] },
      path: 'spec.nameservers[1]',
      text: '"dns"',
    },
    {
      name: 'the mask is too long',
      spec: { ...V4, prefixLength: 33 },
      path: 'spec.prefixLength',
      text: 'from 1 to 32',
    },
    { name: 'the mask is missing', spec: { ...V6, prefixLength: 0 }, path: 'spec.prefixLength', text: 'from 1 to 128' },
    {
      name: 'first is after last',
      spec: { ...V4, first: '192.0.2.20', last: '192.0.2.10' },
      path: 'spec.last',
      text: 'swap them',
    },
    {
      name: 'last is in another network',
      spec: { ...V4, last: '192.0.3.20' },
      path: 'spec.last',
      text: '192.0.2.0/24',
    },
    {
      name: 'the gateway is outside',
      spec: { ...V4, gateway: '198.51.100.1' },
      path: 'spec.gateway',
      text: 'The gateway 198.51.100.1 is outside of the network 192.0.2.0/24',
    },
    {
      name: 'an IPv6 gateway is outside',
      spec: { ...V6, gateway: '2001:db9::1' },
      path: 'spec.gateway',
      text: 'outside of the network 2001:db8::/64',
    },
    {
      name: 'the gateway is the network address',
      spec: { ...V4, gateway: '192.0.2.0' },
      path: 'spec.gateway',
      text: 'network or broadcast',
    },
    {
      name: 'the gateway is the broadcast address',
      spec: { ...V4, gateway: '192.0.2.255' },
      path: 'spec.gateway',
      text: 'network or broadcast',
    },
    {
      name: 'the range is the gateway only',
      spec: { ...V4, first: '192.0.2.1', last: '192.0.2.1' },
      path: 'spec.first',
      text: 'No address from 192.0.2.1',
    },
    {
      name: 'the range is network address and gateway',
      spec: { ...V4, first: '192.0.2.0', last: '192.0.2.1' },
      path: 'spec.first',
      text: 'widen the range',
    },
    {
      name: 'the range is the name server only',
      spec: { ...V4, first: '192.0.2.10', last: '192.0.2.10', nameservers: ['192.0.2.10'] },
      path: 'spec.first',
      text: 'name server',
    },
    {
      name: 'every address of the network is taken by itself',
      spec: { ...V4, first: '192.0.2.0', last: '192.0.2.3', prefixLength: 30, nameservers: ['192.0.2.2'] },
      path: 'spec.first',
      text: 'widen the range',
    },
    {
      name: 'the gateway is the network address of four',
      spec: { ...V4, first: '192.0.2.9', last: '192.0.2.10', prefixLength: 30, gateway: '192.0.2.8' },
      path: 'spec.gateway',
      text: 'network or broadcast',
    },
    {
      name: 'the range is the broadcast address',
      spec: { ...V4, first: '192.0.2.255', last: '192.0.2.255' },
      path: 'spec.first',
      text: 'widen the range',
    },
  ])('says when $name', ({ spec, path, text }) => {
    const problems = poolProblems(spec);
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    expect(problems[0]?.message).toContain(text);
    expect(problems[0]?.message.length).toBeLessThanOrEqual(300);
  });

  it('names every field that cannot be read', () => {
    const spec = { ...V4, first: 'a', last: 'b', gateway: 'c', nameservers: ['d'], prefixLength: 99 };
    expect(poolProblems(spec).map(({ path }) => path)).toEqual([
      'spec.first',
      'spec.last',
      'spec.gateway',
      'spec.nameservers[0]',
      'spec.prefixLength',
    ]);
  });
});

describe('poolTotal and freeAddresses', () => {
  it.each<{ name: string; spec: IPPoolSpec; want: bigint }>([
    { name: 'a range', spec: V4, want: 11n },
    { name: 'a range with the gateway in it', spec: { ...V4, gateway: '192.0.2.15' }, want: 10n },
    { name: 'a whole /24 with gateway', spec: { ...V4, first: '192.0.2.0', last: '192.0.2.255' }, want: 253n },
    {
      name: 'a whole /24 without',
      spec: { ...V4, gateway: undefined, first: '192.0.2.0', last: '192.0.2.255' },
      want: 254n,
    },
    {
      name: 'a /31',
      spec: { ...V4, gateway: undefined, prefixLength: 31, first: '192.0.2.10', last: '192.0.2.11' },
      want: 2n,
    },
    {
      name: 'a /30',
      spec: { ...V4, gateway: undefined, prefixLength: 30, first: '192.0.2.8', last: '192.0.2.11' },
      want: 2n,
    },
    {
      name: 'routed addresses',
      spec: { ...V4, prefixLength: 32, first: '192.0.2.0', last: '192.0.2.255' },
      want: 255n,
    },
    {
      name: 'a whole /64 without its first and its gateway',
      spec: { ...V6, first: '2001:db8::', last: '2001:db8::ffff:ffff:ffff:ffff' },
      want: 2n ** 64n - 2n,
    },
    {
      name: 'an IPv6 pair',
      spec: { ...V6, gateway: undefined, prefixLength: 127, first: '2001:db8::', last: '2001:db8::1' },
      want: 2n,
    },
    { name: 'a link-local gateway takes nothing away', spec: { ...V6, gateway: 'fe80::1' }, want: 0xfff0n },
    { name: 'a pool with a problem', spec: { ...V4, gateway: '198.51.100.1' }, want: 0n },
    { name: 'a pool that cannot be read', spec: { ...V4, first: 'x' }, want: 0n },
  ])('counts $name', ({ spec, want }) => {
    expect(poolTotal(spec)).toBe(want);
    if (want < 1000n) expect(BigInt(listOf(spec).length)).toBe(want);
  });

  it('never hands out a name server, also without a gateway', () => {
    const spec = { ...V4, gateway: undefined, last: '192.0.2.11', nameservers: ['192.0.2.10'] };
    expect(listOf(spec)).toEqual(['192.0.2.11']);
  });

  it('never hands out a name server of its own', () => {
    const spec = { ...V4, last: '192.0.2.12', nameservers: ['192.0.2.10', '2001:db8::11', '1.1.1.1'] };
    expect(listOf(spec)).toEqual(['192.0.2.11', '192.0.2.12']);
    expect(poolTotal(spec)).toBe(2n);
  });

  it('does not count servers of other pools of the network, each once', () => {
    const servers = new Set(['192.0.2.10', '192.0.2.15', '192.0.2.99', '2001:db8::15']);
    expect(poolTotal({ ...V4, gateway: '192.0.2.15' }, servers)).toBe(9n);
  });

  it('hands out from the first on, without the gateway and without what is taken', () => {
    const spec = { ...V4, gateway: '192.0.2.11', last: '192.0.2.14' };
    expect(listOf(spec, (address) => address === '192.0.2.12')).toEqual(['192.0.2.10', '192.0.2.13', '192.0.2.14']);
  });

  it('does not walk an IPv6 network', () => {
    const asked: string[] = [];
    const addresses = freeAddresses({ spec: { ...V6, last: '2001:db8::ffff:ffff:ffff:ffff' } }, (address) => {
      asked.push(address);
      return address === '2001:db8::10';
    });
    expect(addresses.next().value).toBe('2001:db8::11');
    expect(addresses.next().value).toBe('2001:db8::12');
    expect(asked).toEqual(['2001:db8::10', '2001:db8::11', '2001:db8::12']);
  });

  it('hands out exactly the total, each once, inside of range and network, never the gateway', () => {
    fc.assert(
      fc.property(anyPool, (spec) => {
        const addresses = listOf(spec);
        expect(BigInt(addresses.length)).toBe(poolTotal(spec));
        expect(new Set(addresses).size).toBe(addresses.length);
        expect(addresses).not.toContain(spec.gateway);
        const [first, last] = [parseAddress(spec.first), parseAddress(spec.last)];
        for (const address of addresses.map((text) => parseAddress(text))) {
          if (address === undefined || first === undefined || last === undefined) throw new TypeError('no address');
          expect(address.value >= first.value && address.value <= last.value).toBe(true);
          expect(inNetwork(address, first, spec.prefixLength)).toBe(true);
        }
      }),
    );
  });

  it('never hands out the first or last address of a larger IPv4 network', () => {
    fc.assert(
      fc.property(anyPool, (spec) => {
        fc.pre(spec.family === 'IPv4' && spec.prefixLength < 31);
        const hostBits = BigInt(32 - spec.prefixLength);
        for (const text of listOf(spec)) {
          const host = (parseAddress(text)?.value ?? 0n) % 2n ** hostBits;
          expect(host).not.toBe(0n);
          expect(host).not.toBe(2n ** hostBits - 1n);
        }
      }),
    );
  });

  it('leaves out exactly what is taken', () => {
    fc.assert(
      fc.property(anyPool, fc.array(fc.nat({ max: 63 })), (spec, indexes) => {
        const all = listOf(spec);
        const taken = new Set(indexes.map((index) => all[index]));
        expect(listOf(spec, (address) => taken.has(address))).toEqual(all.filter((address) => !taken.has(address)));
      }),
    );
  });
});

describe('networkServers', () => {
  const pool = (spec: Partial<IPPoolSpec>) => ({
    apiVersion: '',
    kind: 'IPPool',
    metadata: { name: 'p' },
    spec: { ...V4, ...spec },
  });
  const own = pool({ nameservers: ['192.0.2.2', '2001:DB8:0::2'] });
  const serversOf = (...pools: ReturnType<typeof pool>[]) => [...networkServers(pools, 'main', poolNetwork(V4))];

  it('has gateways and name servers, each once and in one spelling', () => {
    const other = pool({ gateway: '192.0.2.3', nameservers: ['192.0.2.2'] });
    expect(serversOf(own, other)).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::2', '192.0.2.3']);
  });

  it('has nothing of other clusters, bridges and VLANs, and nothing that cannot be read', () => {
    const others = [{ clusterRef: { name: 'other' } }, { bridge: 'vmbr1' }, { vlan: 7 }].map(pool);
    expect(serversOf(...others)).toEqual([]);
    expect(serversOf(pool({ gateway: undefined, nameservers: ['x'] }))).toEqual([]);
  });
});
