import { describe, expect, test } from 'vitest';
import { parseAddress } from './ip.ts';
import { parseLegacyAddresses, poolsOfLegacyAddresses } from './legacy-addresses.ts';
import { matchingPools } from './pools.ts';

const NAMING = { clusterName: 'lab', namePrefix: 'zz-legacy' };

const LINE = 'vmbr0|0|192.0.2.10|24|192.0.2.1|192.0.2.2,192.0.2.3';

/** A line for 192.0.2.10 on vmbr0 with some fields replaced. */
function lineWith(
  fields: { bridge?: string; vlan?: string; ip?: string; mask?: string; gw?: string; dns?: string } = {},
): string {
  const all = { bridge: 'vmbr0', vlan: '0', ip: '192.0.2.10', mask: '24', gw: '192.0.2.1', dns: '', ...fields };
  return [all.bridge, all.vlan, all.ip, all.mask, all.gw, all.dns].join('|');
}

function list(...lines: string[]): string {
  return lines.join('\n');
}

describe('a line that is right', () => {
  test('is read field by field', () => {
    expect(parseLegacyAddresses(LINE)).toEqual({
      lines: [
        {
          line: 1,
          bridge: 'vmbr0',
          vlan: 0,
          address: parseAddress('192.0.2.10'),
          prefixLength: 24,
          gateway: parseAddress('192.0.2.1'),
          nameservers: [parseAddress('192.0.2.2'), parseAddress('192.0.2.3')],
        },
      ],
      problems: [],
    });
  });

  test.each<{ name: string; text: string; want: number[] }>([
    { name: 'nothing', text: '', want: [] },
    { name: 'blank lines and comments', text: list('', '  ', '# vmbr0', `  #${LINE}`, LINE), want: [5] },
    { name: 'Windows line ends', text: `${LINE}\r\n\r\n${lineWith({ ip: '192.0.2.11' })}\r\n`, want: [1, 3] },
    { name: 'a byte order mark', text: `\uFEFF${LINE}`, want: [1] },
    {
      name: 'blanks around fields',
      text: ' vmbr0 | 0 |\t192.0.2.10 | 24 | 192.0.2.1 | 192.0.2.2 , 192.0.2.3 ',
      want: [1],
    },
    { name: 'no DNS server', text: lineWith({ dns: '' }), want: [1] },
    { name: 'one DNS server', text: lineWith({ dns: '192.0.2.2' }), want: [1] },
    { name: 'one DNS server and a comma', text: lineWith({ dns: '192.0.2.2,' }), want: [1] },
    { name: 'the last VLAN', text: lineWith({ vlan: '4094' }), want: [1] },
    { name: 'the longest name of a bridge', text: lineWith({ bridge: 'a23456789012345' }), want: [1] },
    { name: 'the shortest mask', text: lineWith({ mask: '1' }), want: [1] },
    { name: 'a pair of addresses', text: lineWith({ ip: '192.0.2.0', mask: '31' }), want: [1] },
    { name: 'a routed address', text: lineWith({ mask: '32', gw: '198.51.100.1' }), want: [1] },
    {
      name: 'one address on two networks',
      text: list(lineWith(), lineWith({ vlan: '7' }), lineWith({ bridge: 'vmbr1' })),
      want: [1, 2, 3],
    },
    {
      name: 'an address that is the gateway of another network',
      text: list(lineWith(), lineWith({ vlan: '7', ip: '192.0.2.1', gw: '192.0.2.254' })),
      want: [1, 2],
    },
  ])('$name', ({ text, want }) => {
    const { lines, problems } = parseLegacyAddresses(text);
    expect(problems).toEqual([]);
    expect(lines.map(({ line }) => line)).toEqual(want);
  });
});

describe('a line with a mistake', () => {
  test.each<{ name: string; text: string; want: [line: number, words: RegExp][] }>([
    { name: 'too few fields', text: 'vmbr0|0|192.0.2.10|24|192.0.2.1', want: [[1, /has 5 fields .*not 6/]] },
    { name: 'too many fields', text: `${LINE}|x`, want: [[1, /has 7 fields/]] },
    { name: 'no separator', text: '192.0.2.10', want: [[1, /"192.0.2.10" has 1 fields/]] },
    { name: 'no bridge', text: lineWith({ bridge: '' }), want: [[1, /bridge ""/]] },
    { name: 'a bridge with a comma', text: lineWith({ bridge: 'vmbr0,x' }), want: [[1, /bridge "vmbr0,x"/]] },
    { name: 'a long bridge', text: lineWith({ bridge: 'a234567890123456' }), want: [[1, /at most 15/]] },
    { name: 'no VLAN', text: lineWith({ vlan: '' }), want: [[1, /VLAN "" .* 0 to 4094/]] },
    { name: 'the reserved VLAN', text: lineWith({ vlan: '4095' }), want: [[1, /VLAN "4095" .* 0 to 4094/]] },
    { name: 'a negative VLAN', text: lineWith({ vlan: '-1' }), want: [[1, /VLAN "-1"/]] },
    { name: 'a VLAN in words', text: lineWith({ vlan: 'none' }), want: [[1, /VLAN "none"/]] },
    { name: 'a VLAN in another notation', text: lineWith({ vlan: '0x10' }), want: [[1, /VLAN "0x10"/]] },
    { name: 'no address', text: lineWith({ ip: '' }), want: [[1, /address "" is no IPv4 address/]] },
    { name: 'three numbers', text: lineWith({ ip: '192.0.2' }), want: [[1, /address "192.0.2"/]] },
    { name: 'a number that is too large', text: lineWith({ ip: '192.0.2.256' }), want: [[1, /from 0 to 255/]] },
    { name: 'leading zeros', text: lineWith({ ip: '192.0.2.010' }), want: [[1, /address "192.0.2.010"/]] },
    { name: 'an address with mask', text: lineWith({ ip: '192.0.2.10/24' }), want: [[1, /address "192.0.2.10\/24"/]] },
    { name: 'an IPv6 address', text: lineWith({ ip: '2001:db8::1' }), want: [[1, /"2001:db8::1" is no IPv4/]] },
    { name: 'a mask of 0', text: lineWith({ mask: '0' }), want: [[1, /mask "0" .* 1 to 32/]] },
    { name: 'a mask of 33', text: lineWith({ mask: '33' }), want: [[1, /mask "33" .* 1 to 32/]] },
    { name: 'a dotted mask', text: lineWith({ mask: '255.255.255.0' }), want: [[1, /mask "255.255.255.0"/]] },
    { name: 'no gateway', text: lineWith({ gw: '' }), want: [[1, /gateway "" is no IPv4/]] },
    {
      name: 'a gateway elsewhere',
      text: lineWith({ gw: '192.0.3.1' }),
      want: [[1, /gateway 192.0.3.1 .*192.0.2.0\/24/]],
    },
    { name: 'the address as gateway', text: lineWith({ gw: '192.0.2.10' }), want: [[1, /own gateway/]] },
    {
      name: 'a routed address as gateway',
      text: lineWith({ mask: '32', gw: '192.0.2.10' }),
      want: [[1, /own gateway/]],
    },
    {
      name: 'the network as gateway',
      text: lineWith({ gw: '192.0.2.0' }),
      want: [[1, /gateway 192.0.2.0 is the network or/]],
    },
    {
      name: 'the broadcast address as gateway',
      text: lineWith({ gw: '192.0.2.255' }),
      want: [[1, /gateway 192.0.2.255/]],
    },
    {
      name: 'the network address',
      text: lineWith({ ip: '192.0.2.0' }),
      want: [[1, /address 192.0.2.0 is the network or/]],
    },
    { name: 'the broadcast address', text: lineWith({ ip: '192.0.2.255' }), want: [[1, /address 192.0.2.255/]] },
    { name: 'a DNS server that is none', text: lineWith({ dns: 'ns1.example.com' }), want: [[1, /DNS server "ns1/]] },
    {
      name: 'three DNS servers',
      text: lineWith({ dns: '192.0.2.2,192.0.2.3,192.0.2.4' }),
      want: [[1, /"192.0.2.2,192.0.2.3,192.0.2.4" are 3 DNS servers; at most 2/]],
    },
    {
      name: 'the address as DNS server',
      text: lineWith({ dns: '192.0.2.2,192.0.2.10' }),
      want: [[1, /own DNS server/]],
    },
    {
      name: 'several mistakes in one line',
      text: lineWith({ bridge: '0', vlan: '5000', mask: '64' }),
      want: [
        [1, /bridge "0"/],
        [1, /VLAN "5000"/],
        [1, /mask "64"/],
      ],
    },
    {
      name: 'duplicates, whatever their mask',
      text: list(lineWith(), '', lineWith(), lineWith({ mask: '25' })),
      want: [
        [3, /192.0.2.10 on vmbr0, VLAN 0, is a duplicate of line 1/],
        [4, /duplicate of line 1/],
      ],
    },
    {
      name: "another line's gateway",
      text: list(lineWith({ ip: '192.0.2.1', gw: '192.0.2.254' }), lineWith()),
      want: [[1, /192.0.2.1 is the gateway of line 2/]],
    },
    {
      name: "another line's DNS server",
      text: list(lineWith({ dns: '192.0.2.11' }), lineWith({ ip: '192.0.2.11' })),
      want: [[2, /192.0.2.11 is the DNS server of line 1/]],
    },
    {
      name: 'mistakes of both sorts are told by line',
      text: list(lineWith(), lineWith(), 'x'),
      want: [
        [2, /duplicate/],
        [3, /fields/],
      ],
    },
  ])('$name', ({ text, want }) => {
    const { problems } = parseLegacyAddresses(text);
    expect(problems).toEqual(want.map(([line, words]) => ({ line, message: expect.stringMatching(words) })));
    for (const { message } of problems) expect(message).toMatch(/^["A-Z].*\.$/s);
  });

  test('is left out, the others are kept', () => {
    const { lines } = parseLegacyAddresses(list(lineWith(), 'x', lineWith(), lineWith({ ip: '192.0.2.11' })));
    expect(lines.map(({ line }) => line)).toEqual([1, 4]);
  });

  test('is quoted without control characters and cut when long', () => {
    const [problem] = parseLegacyAddresses(`\u001B[31m${'x'.repeat(5000)}`).problems;
    expect(problem?.message).toMatch(/^"\\u001b\[31mx+\.\.\."/);
    expect(problem?.message.length).toBeLessThan(300);
  });
});

function poolsOf(...lines: string[]) {
  const { lines: read, problems } = parseLegacyAddresses(list(...lines));
  expect(problems).toEqual([]);
  return poolsOfLegacyAddresses(read, NAMING);
}

describe('pools', () => {
  test('carry all that the lines say', () => {
    expect(poolsOf(LINE)).toEqual([
      {
        apiVersion: 'pve-operator.io/v1alpha1',
        kind: 'IPPool',
        metadata: { name: 'zz-legacy-vmbr0-0-192-0-2-10' },
        spec: {
          clusterRef: { name: 'lab' },
          family: 'IPv4',
          bridge: 'vmbr0',
          vlan: 0,
          first: '192.0.2.10',
          last: '192.0.2.10',
          prefixLength: 24,
          gateway: '192.0.2.1',
          nameservers: ['192.0.2.2', '192.0.2.3'],
        },
      },
    ]);
  });

  test('have no name servers where the lines have none', () => {
    expect(poolsOf(lineWith({ dns: '' }))[0]?.spec).not.toHaveProperty('nameservers');
  });

  const at = (last: number, fields: Parameters<typeof lineWith>[0] = {}): string =>
    lineWith({ ...fields, ip: `192.0.2.${last}` });

  test.each<{ name: string; lines: string[]; want: string[] }>([
    { name: 'no lines', lines: [], want: [] },
    { name: 'consecutive addresses', lines: [at(10), at(11), at(12)], want: ['vmbr0/0 10-12'] },
    { name: 'in another order', lines: [at(12), at(10), at(11)], want: ['vmbr0/0 10-12'] },
    { name: 'a gap', lines: [at(10), at(12), at(13)], want: ['vmbr0/0 10-10', 'vmbr0/0 12-13'] },
    { name: 'across a text order', lines: [at(9), at(10), at(99), at(100)], want: ['vmbr0/0 9-10', 'vmbr0/0 99-100'] },
    { name: 'another bridge', lines: [at(10, { bridge: 'vmbr1' }), at(11)], want: ['vmbr0/0 11-11', 'vmbr1/0 10-10'] },
    {
      name: 'another VLAN',
      lines: [at(10, { vlan: '10' }), at(11, { vlan: '9' })],
      want: ['vmbr0/9 11-11', 'vmbr0/10 10-10'],
    },
    { name: 'another mask', lines: [at(10, { mask: '25' }), at(11)], want: ['vmbr0/0 10-10', 'vmbr0/0 11-11'] },
    {
      name: 'another gateway',
      lines: [at(10, { gw: '192.0.2.254' }), at(11)],
      want: ['vmbr0/0 10-10', 'vmbr0/0 11-11'],
    },
    {
      name: 'another DNS server',
      lines: [at(10, { dns: '192.0.2.2' }), at(11)],
      want: ['vmbr0/0 10-10', 'vmbr0/0 11-11'],
    },
    {
      name: 'an address with other settings in the middle',
      lines: [at(10), at(11, { dns: '192.0.2.2' }), at(12)],
      want: ['vmbr0/0 10-10', 'vmbr0/0 11-11', 'vmbr0/0 12-12'],
    },
    {
      name: 'routed addresses across a boundary',
      lines: ['vmbr0|0|192.0.2.255|32|198.51.100.1|', 'vmbr0|0|192.0.3.0|32|198.51.100.1|'],
      want: ['vmbr0/0 255-0'],
    },
  ])('$name', ({ lines, want }) => {
    const end = (address: string): string => address.split('.').at(-1) ?? '';
    expect(
      poolsOf(...lines).map(({ spec }) => `${spec.bridge}/${spec.vlan} ${end(spec.first)}-${end(spec.last)}`),
    ).toEqual(want);
  });

  test('of bridges that differ in what a name cannot say have different names', () => {
    const names = poolsOf(...['vmbr-0', 'vmbr_0', 'vmbr.0', 'VMBR-0'].map((bridge) => lineWith({ bridge }))).map(
      ({ metadata }) => metadata.name,
    );
    expect(new Set(names).size).toBe(4);
    expect(names).toContain('zz-legacy-vmbr-0-0-192-0-2-10');
    for (const name of names) expect(name).toMatch(/^zz-legacy-vmbr-0(-[0-9a-f]{6})?-0-192-0-2-10$/);
  });

  test('come after pools with ordinary names, which are used up first', () => {
    const [imported] = poolsOf(lineWith());
    if (imported === undefined) throw new Error('no pool');
    const pools = ['lab-ipv4', 'vmbr0', 'zone-a'].map((name, index) => {
      const address = `192.0.2.${100 + index}`;
      return { ...imported, metadata: { name }, spec: { ...imported.spec, first: address, last: address } };
    });
    const query = { pools: [imported, ...pools], clusterName: 'lab', family: 'IPv4', namespace: 'customer-1' } as const;
    expect(matchingPools(query).map(({ metadata }) => metadata.name)).toEqual([
      'lab-ipv4',
      'vmbr0',
      'zone-a',
      imported.metadata.name,
    ]);
  });
});
