// Tables for the addresses of a VM that is taken over: where they come from, which is the main one, what a pool adds.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aHeldAddress } from '../../test/builders/facts.ts';
import { anIPv6Pool, aPool, CLUSTER } from '../../test/builders/objects.ts';
import { adoptedAddresses, type AddressSources } from './adoption-addresses.ts';

const NETWORK = { bridge: 'vmbr0', vlan: 0 };
const SERVERS = ['192.0.2.2', '192.0.2.3'];

function adopted(sources: Partial<AddressSources>) {
  return adoptedAddresses({
    clusterName: CLUSTER,
    network: NETWORK,
    reservations: [],
    remembered: [],
    ipconfig0: undefined,
    ipset: [],
    pools: [aPool(), anIPv6Pool()],
    ...sources,
  });
}

/** `address/prefix via gateway of pool`, in order. */
function texts(sources: Partial<AddressSources>): string[] {
  return adopted(sources).map(
    ({ address, prefixLength, gateway, poolName }) => `${address}/${prefixLength} via ${gateway ?? '-'} of ${poolName}`,
  );
}

interface Row {
  name: string;
  sources: Partial<AddressSources>;
  want: string[];
}

describe('where an address comes from', () => {
  const rows: Row[] = [
    { name: 'nowhere', sources: {}, want: [] },
    {
      name: 'the cloud-init line',
      sources: { ipconfig0: 'ip=192.0.2.20/25,gw=192.0.2.126' },
      want: ['192.0.2.20/25 via 192.0.2.126 of ipv4'],
    },
    {
      name: 'the cloud-init line without a gateway takes that of its pool',
      sources: { ipconfig0: 'ip=192.0.2.20/24' },
      want: ['192.0.2.20/24 via 192.0.2.1 of ipv4'],
    },
    {
      name: 'the cloud-init line, outside of every pool',
      sources: { ipconfig0: 'ip=198.51.100.7/24,gw=198.51.100.1' },
      want: ['198.51.100.7/24 via 198.51.100.1 of unknown'],
    },
    {
      name: 'the cloud-init line in both families, IPv4 first',
      sources: { ipconfig0: 'ip6=2001:db8::1001/64,ip=192.0.2.20/24' },
      want: ['192.0.2.20/24 via 192.0.2.1 of ipv4', '2001:db8::1001/64 via 2001:db8::1 of ipv6'],
    },
    {
      name: 'a line with a mask of 0 has that of the pool',
      sources: { ipconfig0: 'ip=192.0.2.20/0' },
      want: ['192.0.2.20/24 via 192.0.2.1 of ipv4'],
    },
    { name: 'a line that says DHCP', sources: { ipconfig0: 'ip=dhcp,ip6=auto' }, want: [] },
    { name: 'a line that cannot be read', sources: { ipconfig0: 'ip=somewhere' }, want: [] },
    {
      name: 'the address set',
      sources: { ipset: ['192.0.2.21', '192.0.2.22/32'] },
      want: ['192.0.2.21/24 via 192.0.2.1 of ipv4', '192.0.2.22/24 via 192.0.2.1 of ipv4'],
    },
    {
      name: 'the address set, which may name whole networks and nonsense',
      sources: { ipset: ['192.0.2.0/24', '2001:db8::/64', 'dc/servers', ''] },
      want: [],
    },
    {
      name: 'the address set, outside of every pool, has the mask of the main address',
      sources: { ipconfig0: 'ip=198.51.100.7/26', ipset: ['198.51.100.9'] },
      want: ['198.51.100.7/26 via - of unknown', '198.51.100.9/26 via - of unknown'],
    },
    {
      name: 'the address set alone, outside of every pool',
      sources: { ipset: ['198.51.100.9', '2001:db9::9'] },
      want: ['198.51.100.9/32 via - of unknown', '2001:db9::9/128 via - of unknown'],
    },
    {
      name: 'a reservation, which knows best',
      sources: {
        reservations: [
          aHeldAddress({ address: '192.0.2.30', prefixLength: 28, gateway: '192.0.2.17', poolName: 'old' }),
        ],
        ipset: ['192.0.2.30'],
      },
      want: ['192.0.2.30/28 via 192.0.2.17 of old'],
    },
    {
      name: 'what an interrupted attempt remembers',
      sources: {
        remembered: [{ address: '192.0.2.31', prefixLength: 24, gateway: '192.0.2.9', pool: 'ipv4', primary: true }],
      },
      want: ['192.0.2.31/24 via 192.0.2.9 of ipv4'],
    },
    {
      name: 'the same in several spellings is one',
      sources: { ipconfig0: 'ip6=2001:db8::1001/64', ipset: ['2001:0db8:0::1001', '2001:DB8::1001/128'] },
      want: ['2001:db8::1001/64 via 2001:db8::1 of ipv6'],
    },
    {
      name: 'a pool of another network or cluster gives nothing',
      sources: {
        ipconfig0: 'ip=192.0.2.20/24',
        pools: [aPool({ vlan: 7 }), aPool({ clusterRef: { name: 'other' } }), aPool({ bridge: 'vmbr1' })],
      },
      want: ['192.0.2.20/24 via - of unknown'],
    },
  ];
  test.each(rows)('$name', ({ sources, want }) => {
    expect(texts(sources)).toEqual(want);
  });
});

describe('the main address', () => {
  const held = (address: string, order: number) => aHeldAddress({ address, order });
  const rows: Row[] = [
    {
      name: 'is that of the card, although another was reserved as such',
      sources: {
        ipconfig0: 'ip=192.0.2.12/24',
        reservations: [held('192.0.2.11', 0), held('192.0.2.12', 1), held('192.0.2.13', 2)],
      },
      want: ['192.0.2.12', '192.0.2.11', '192.0.2.13'],
    },
    {
      name: 'without a line is the first that was reserved',
      sources: { reservations: [held('192.0.2.13', 2), held('192.0.2.11', 0)], ipset: ['192.0.2.9'] },
      want: ['192.0.2.11', '192.0.2.13', '192.0.2.9'],
    },
    {
      name: 'and the others are in the order that was written down, whatever was moved since',
      sources: {
        reservations: [held('192.0.2.11', 0), held('192.0.2.13', 2)],
        remembered: ['192.0.2.11', '192.0.2.12', '192.0.2.13'].map((address, index) => ({
          address,
          prefixLength: 24,
          primary: index === 0,
        })),
      },
      want: ['192.0.2.11', '192.0.2.12', '192.0.2.13'],
    },
    {
      name: 'comes before what is remembered',
      sources: {
        ipconfig0: 'ip=192.0.2.14/24',
        remembered: [{ address: '192.0.2.15', prefixLength: 24, primary: true }],
      },
      want: ['192.0.2.14', '192.0.2.15'],
    },
  ];
  test.each(rows)('$name', ({ sources, want }) => {
    const addresses = adopted(sources);
    expect(addresses.map(({ address }) => address)).toEqual(want);
    expect(addresses.map(({ order }) => order)).toEqual(want.map((_, index) => index));
  });
});

test('a reservation keeps its network, everything else is on that of the card', () => {
  const addresses = adopted({
    network: { bridge: 'vmbr1', vlan: 7 },
    reservations: [aHeldAddress()],
    ipset: ['192.0.2.40'],
  });
  expect(addresses.map(({ bridge, vlan }) => `${bridge}.${vlan}`)).toEqual(['vmbr0.0', 'vmbr1.7']);
  expect(addresses[0]?.nameservers).toEqual(SERVERS);
});

test('no more are taken over than the status has room for, and the main ones among them', () => {
  const ipset = Array.from({ length: 200 }, (_, index) => `192.0.2.${index + 1}`);
  const found = adopted({ ipset, ipconfig0: 'ip=198.51.100.7/24,ip6=2001:db8::1001/64' });
  expect(found).toHaveLength(128);
  expect(found.filter(({ order }) => order === 0).map(({ address }) => address)).toEqual([
    '198.51.100.7',
    '2001:db8::1001',
  ]);
});

test('whatever is found, every address is there once, and each family counts from 0', () => {
  const address = fc.integer({ min: 1, max: 60 }).map((last) => `192.0.2.${last}`);
  const sources = fc.record({
    ipset: fc.array(address, { maxLength: 12 }),
    ipconfig0: fc.option(
      address.map((text) => `ip=${text}/24`),
      { nil: undefined },
    ),
    reservations: fc.array(
      fc.tuple(address, fc.nat(9)).map(([text, order]) => aHeldAddress({ address: text, order })),
      { maxLength: 6 },
    ),
  });
  fc.assert(
    fc.property(sources, (given) => {
      const found = adopted(given);
      const all = [
        ...given.ipset,
        ...given.reservations.map(({ spec }) => spec.address),
        ...(given.ipconfig0 === undefined ? [] : [given.ipconfig0.slice(3, -3)]),
      ];
      expect(found.map((one) => one.address).sort()).toEqual([...new Set(all)].sort());
      expect(found.map(({ order }) => order)).toEqual(found.map((_, index) => index));
    }),
  );
});
