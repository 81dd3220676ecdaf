import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ipPool } from '../api/ip-pool.ts';
import { parseSpec } from '../api/parse.ts';
import { parseAddress, printAddress } from './ip.ts';
import { parseLegacyAddresses, poolsOfLegacyAddresses } from './legacy-addresses.ts';
import { freeAddresses, networkServers, poolNetwork, poolProblems, poolTotal } from './pools.ts';

const NAMING = { clusterName: 'lab', namePrefix: 'zz-legacy' };

/** Lists without mistakes on few networks, so that many addresses are neighbours: gateway .1 or .2, DNS servers elsewhere. */
const rows = fc.uniqueArray(
  fc.record({
    bridge: fc.constantFrom('vmbr0', 'vmbr_0', 'vmbr-0', 'VMBR0', 'no'),
    vlan: fc.constantFrom(0, 1, 4094),
    ip: fc.integer({ min: 3, max: 40 }).map((last) => `10.0.0.${last}`),
    mask: fc.constantFrom(8, 24, 26, 32),
    gw: fc.constantFrom('10.0.0.1', '10.0.0.2'),
    dns: fc.constantFrom('', '198.51.100.1', '198.51.100.1,198.51.100.2'),
  }),
  { selector: ({ bridge, vlan, ip }) => `${bridge}|${vlan}|${ip}`, maxLength: 120 },
);

type Rows = typeof rows extends fc.Arbitrary<infer Value> ? Value : never;

function textOf(all: Rows): string {
  return all.map(({ bridge, vlan, ip, mask, gw, dns }) => [bridge, vlan, ip, mask, gw, dns].join('|')).join('\n');
}

function addressesOf(first: string, last: string): string[] {
  const [from, to] = [parseAddress(first), parseAddress(last)];
  if (from === undefined || to === undefined) throw new Error(`${first} or ${last} is no address`);
  return Array.from({ length: Number(to.value - from.value) + 1 }, (_, index) =>
    printAddress({ family: 'IPv4', value: from.value + BigInt(index) }),
  );
}

describe('any list', () => {
  const imported = (all: Rows) => {
    const { lines, problems } = parseLegacyAddresses(textOf(all));
    expect(problems).toEqual([]);
    return poolsOfLegacyAddresses(lines, NAMING);
  };

  test('every listed address is in exactly one pool, with its own settings, and nothing else is', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const covered = imported(all).flatMap(({ spec }) =>
          addressesOf(spec.first, spec.last).map((ip) =>
            [spec.bridge, spec.vlan, ip, spec.prefixLength, spec.gateway, (spec.nameservers ?? []).join(',')].join('|'),
          ),
        );
        expect(covered.toSorted()).toEqual(all.length === 0 ? [] : textOf(all).split('\n').toSorted());
      }),
    );
  });

  test('every listed address can be handed out', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const pools = imported(all);
        const given = pools.flatMap((pool) => {
          const servers = networkServers(pools, 'lab', poolNetwork(pool.spec));
          const free = [...freeAddresses(pool, (address) => servers.has(address))];
          expect(poolTotal(pool.spec, servers)).toBe(BigInt(free.length));
          return free.map((ip) => `${pool.spec.bridge}|${pool.spec.vlan}|${ip}`);
        });
        expect(given.toSorted()).toEqual(all.map(({ bridge, vlan, ip }) => `${bridge}|${vlan}|${ip}`).toSorted());
      }),
    );
  });

  test('pools pass the schema and have no problems, and their names are valid and differ', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const pools = imported(all);
        for (const { spec, metadata } of pools) {
          expect(parseSpec(ipPool, spec)).toEqual({ ok: true, value: spec });
          expect(poolProblems(spec)).toEqual([]);
          expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?$/);
        }
        expect(new Set(pools.map(({ metadata }) => metadata.name)).size).toBe(pools.length);
      }),
    );
  });

  test('as few pools as possible: no two with the same settings are neighbours', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const ends = imported(all).map(({ spec: { first, last, ...settings } }) => ({ first, last, settings }));
        const starts = new Set(ends.map(({ first, settings }) => JSON.stringify([first, settings])));
        for (const { last, settings } of ends) {
          const next = addressesOf(last, '10.0.0.255')[1];
          expect(starts.has(JSON.stringify([next, settings]))).toBe(false);
        }
      }),
    );
  });

  test('the order of the lines does not matter', () => {
    const shuffled = rows.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        expect(imported(other)).toEqual(imported(all));
      }),
    );
  });

  test('whatever the text, it is read without an exception and what is read makes pools without problems', () => {
    const field = fc.oneof(
      fc.constantFrom('vmbr0', '0', '10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3', '30', '31', '32', '', ' ', '#'),
      fc.string({ maxLength: 8 }),
    );
    const line = fc.oneof(
      { weight: 1, arbitrary: fc.array(field, { maxLength: 8 }) },
      {
        weight: 4,
        arbitrary: fc.tuple(
          fc.constantFrom('vmbr0', 'vmbr1', '0'),
          fc.constantFrom('0', '4095'),
          fc.constantFrom('10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3'),
          fc.constantFrom('1', '29', '30', '31', '32'),
          fc.constantFrom('10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3'),
          fc.constantFrom('', '10.0.0.1', '10.0.0.3'),
        ),
      },
    );
    const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.map((fields) => fields.join('|')).join('\n'));
    fc.assert(
      fc.property(text, (content) => {
        const { lines } = parseLegacyAddresses(content);
        const pools = poolsOfLegacyAddresses(lines, NAMING);
        expect(pools.flatMap(({ spec }) => poolProblems(spec))).toEqual([]);
        const total = pools.reduce(
          (sum, { spec }) => sum + poolTotal(spec, networkServers(pools, 'lab', poolNetwork(spec))),
          0n,
        );
        expect(total).toBe(BigInt(lines.length));
      }),
      { numRuns: 500 },
    );
  });
});
