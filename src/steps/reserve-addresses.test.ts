// Which addresses are reserved, when none can be, and what is kept of those that are held.
import { describe, expect, test } from 'vitest';
import { aDesign, aFacts, aHeldAddress, type FactsShape } from '../../test/builders/facts.ts';
import { anIPv6Pool, aPool } from '../../test/builders/objects.ts';
import type { IPPool } from '../api/ip-pool.ts';
import type { Facts } from '../machine/facts.ts';
import { reserveAddresses } from './reserve-addresses.ts';

function facts(pools: readonly IPPool[], shape: FactsShape & { taken?: readonly string[] } = {}): Facts {
  const { taken = [], ...rest } = shape;
  return aFacts({ addresses: { pools, taken: (_network, address) => taken.includes(address) }, ...rest });
}

const held = (...addresses: ReturnType<typeof aHeldAddress>[]) => ({ held: { addresses } });
const dhcp = (families: Partial<{ dhcpIPv4: boolean; dhcpIPv6: boolean }>) => ({
  ...aDesign().plan,
  network: { ...aDesign().plan.network, ...families },
});
const sixth = { family: 'IPv6', address: '2001:db8::1000', poolName: 'ipv6', prefixLength: 64 } as const;

interface Row {
  name: string;
  facts: Facts;
  want: Record<string, unknown>;
}

const rows: Row[] = [
  {
    name: 'the first address of the pool, with what the pool says of it',
    facts: facts([aPool()]),
    want: {
      kind: 'act',
      action: {
        kind: 'reserveAddresses',
        choices: [
          {
            poolName: 'ipv4',
            bridge: 'vmbr0',
            vlan: 0,
            address: '192.0.2.10',
            family: 'IPv4',
            prefixLength: 24,
            gateway: '192.0.2.1',
            nameservers: ['192.0.2.2', '192.0.2.3'],
            order: 0,
          },
        ],
      },
      why: '192.0.2.10 is not reserved yet',
    },
  },
  {
    name: 'a VLAN that the pool does not name is none',
    facts: facts([aPool({ vlan: undefined })]),
    want: { kind: 'act', action: { choices: [{ vlan: 0 }] } },
  },
  {
    name: 'addresses that somebody holds are passed over',
    facts: facts([aPool()], { taken: ['192.0.2.10', '192.0.2.11'] }),
    want: { kind: 'act', action: { choices: [{ address: '192.0.2.12' }] } },
  },
  {
    name: 'only what is missing',
    facts: facts([aPool()], {
      ...held(aHeldAddress()),
      taken: ['192.0.2.10'],
      design: aDesign({ package: { ipv4Addresses: 2 } }),
    }),
    want: { kind: 'act', action: { choices: [{ address: '192.0.2.11', order: 1 }] } },
  },
  {
    name: 'both families on one network',
    facts: facts([aPool(), anIPv6Pool()], { design: aDesign({ package: { ipv6Addresses: 1 } }) }),
    want: { kind: 'act', action: { choices: [{ family: 'IPv4' }, { family: 'IPv6', address: '2001:db8::1000' }] } },
  },
  {
    name: 'the pool is empty',
    facts: facts([aPool({ last: '192.0.2.11' })], { taken: ['192.0.2.10', '192.0.2.11'] }),
    want: { kind: 'stall', reason: 'PoolEmpty' },
  },
  { name: 'there is no pool', facts: facts([]), want: { kind: 'stall', reason: 'NoMatchingPool' } },
  {
    name: 'a pool of another cluster is none of ours',
    facts: facts([aPool({ clusterRef: { name: 'other' } })]),
    want: { kind: 'stall', reason: 'NoMatchingPool' },
  },
  {
    name: 'a pool of other namespaces is not for us',
    facts: facts([aPool({ allowedNamespaces: { names: ['customer-2'] } })]),
    want: { kind: 'stall', reason: 'NoMatchingPool' },
  },
  { name: 'nothing was gathered', facts: aFacts(), want: { kind: 'stall', reason: 'NoMatchingPool' } },
  {
    name: 'a package without addresses takes its network from the plan',
    facts: facts([], { design: aDesign({ package: { ipv4Addresses: 0 } }) }),
    want: { kind: 'done', note: { status: { addresses: [], network: { bridge: 'vmbr0', vlan: 0 } } } },
  },
  {
    name: 'DHCP on v4: no v4 address from a pool',
    facts: facts([aPool()], { design: aDesign({ plan: dhcp({ dhcpIPv4: true }) }) }),
    want: { kind: 'done', note: { status: { addresses: [] } } },
  },
  {
    name: 'DHCP on v6 does not concern v4',
    facts: facts([aPool(), anIPv6Pool()], {
      design: aDesign({ plan: dhcp({ dhcpIPv6: true }), package: { ipv6Addresses: 1 } }),
    }),
    want: { kind: 'act', action: { choices: [{ family: 'IPv4' }] } },
  },
  {
    name: 'everything is held: listed by family and place, the first of a family is the main one',
    facts: facts([], {
      ...held(aHeldAddress(sixth), aHeldAddress({ address: '192.0.2.11', order: 1 }), aHeldAddress()),
      design: aDesign({ package: { ipv4Addresses: 2, ipv6Addresses: 1 } }),
    }),
    want: {
      kind: 'done',
      note: {
        status: {
          network: { bridge: 'vmbr0', vlan: 0 },
          addresses: [
            { address: '192.0.2.10', primary: true, pool: 'ipv4', gateway: '192.0.2.1', prefixLength: 24 },
            { address: '192.0.2.11', primary: false },
            { address: '2001:db8::1000', primary: true, prefixLength: 64 },
          ],
        },
      },
    },
  },
  {
    name: 'what is held decides on the network, not what the plan says now',
    facts: facts([], held(aHeldAddress({ bridge: 'vmbr9', vlan: 7 }))),
    want: { kind: 'done', note: { status: { network: { bridge: 'vmbr9', vlan: 7 } } } },
  },
];

describe('reserving addresses', () => {
  test.each(rows)('$name', ({ facts: given, want }) => {
    expect(reserveAddresses.plan(given)).toMatchObject(want);
  });

  test('looks at the pools and at nothing that costs a call to Proxmox VE', () => {
    expect(reserveAddresses.needs({})).toEqual(['addresses']);
  });
});
