// Tables of what is published for a VM, into which zones, and by which changes.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  desiredRecords,
  matchingZones,
  recordChanges,
  recordProblem,
  withinValues,
  zonePlans,
  type PublishedHost,
} from './changes.ts';
import type { DnsChange, DnsRecord } from './provider.ts';

const a = (values: string[], name = 'vm.example.com', ttlSeconds = 300): DnsRecord => ({
  name,
  type: 'A',
  ttlSeconds,
  values,
});
const aaaa = (values: string[], name = 'vm.example.com', ttlSeconds = 300): DnsRecord => ({
  name,
  type: 'AAAA',
  ttlSeconds,
  values,
});
const ptr = (values: string[], name = '7.2.0.192.in-addr.arpa', ttlSeconds = 300): DnsRecord => ({
  name,
  type: 'PTR',
  ttlSeconds,
  values,
});
const V6_NAME = `7.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`;

describe('desiredRecords', () => {
  const table: { name: string; host: Omit<PublishedHost, 'ttlSeconds'>; want: DnsRecord[] }[] = [
    { name: 'no address', host: { fqdn: 'vm.example.com', addresses: [] }, want: [] },
    {
      name: 'both families',
      host: { fqdn: 'vm.example.com', addresses: [{ address: '192.0.2.7' }, { address: '2001:DB8::7' }] },
      want: [a(['192.0.2.7']), ptr(['vm.example.com']), aaaa(['2001:db8::7']), ptr(['vm.example.com'], V6_NAME)],
    },
    {
      name: 'several addresses make one sorted set, and a PTR each',
      host: { fqdn: 'VM.example.com.', addresses: [{ address: '192.0.2.8' }, { address: '192.0.2.7' }] },
      want: [a(['192.0.2.7', '192.0.2.8']), ptr(['vm.example.com'], '8.2.0.192.in-addr.arpa'), ptr(['vm.example.com'])],
    },
    {
      name: 'a reverse host name of its own',
      host: { fqdn: 'vm.example.com', addresses: [{ address: '192.0.2.7', reverseHostname: 'Mail.Example.com.' }] },
      want: [a(['192.0.2.7']), ptr(['mail.example.com'])],
    },
    {
      name: 'an address listed twice',
      host: {
        fqdn: 'vm.example.com',
        addresses: [{ address: '192.0.2.7', reverseHostname: 'x.example.com' }, { address: '192.0.2.7' }],
      },
      want: [a(['192.0.2.7']), ptr(['x.example.com'])],
    },
    {
      name: 'international names',
      host: { fqdn: 'bücher.example', addresses: [{ address: '192.0.2.7' }] },
      want: [a(['192.0.2.7'], 'xn--bcher-kva.example'), ptr(['xn--bcher-kva.example'])],
    },
    {
      name: 'an invalid name is kept for the report',
      host: { fqdn: 'My_VM.example.com', addresses: [{ address: '192.0.2.7' }] },
      want: [a(['192.0.2.7'], 'my_vm.example.com'), ptr(['my_vm.example.com'])],
    },
  ];
  it.each(table)('$name', ({ host, want }) => {
    expect(desiredRecords({ ...host, ttlSeconds: 300 })).toEqual(want);
  });

  it('refuses what is no address', () => {
    expect(() =>
      desiredRecords({ fqdn: 'vm.example.com', addresses: [{ address: '192.0.2.7/24' }], ttlSeconds: 60 }),
    ).toThrow(RangeError);
  });
});

describe('recordProblem', () => {
  const table: { name: string; record: DnsRecord; want: string | undefined }[] = [
    { name: 'good A', record: a(['192.0.2.7']), want: undefined },
    { name: 'good AAAA', record: aaaa(['2001:db8::1']), want: undefined },
    { name: 'good PTR', record: ptr(['vm.example.com']), want: undefined },
    {
      name: 'bad name',
      record: a(['192.0.2.7'], 'my_vm.example.com'),
      want: 'The name "my_vm.example.com" has the label "my_vm", which is not made of letters, digits and inner hyphens.',
    },
    { name: 'bad target', record: ptr(['vm']), want: 'The host name "vm" has no domain.' },
    { name: 'IPv6 in an A record', record: a(['2001:db8::1']), want: '"2001:db8::1" is no value of an A record.' },
    { name: 'IPv4 in an AAAA record', record: aaaa(['192.0.2.7']), want: '"192.0.2.7" is no value of an AAAA record.' },
  ];
  it.each(table)('$name', ({ record, want }) => {
    expect(recordProblem(record)).toBe(want);
  });
});

describe('matchingZones', () => {
  const zone = (name: string, provider = 'one'): { name: string; provider: string } => ({ name, provider });
  const parent = zone('example.com');
  const child = zone('dev.example.com');
  const childElsewhere = zone('Dev.Example.com.', 'two');
  const reverse = zone('2.0.192.in-addr.arpa');
  const all = [parent, child, childElsewhere, reverse];
  const table: { name: string; record: string; want: unknown[] }[] = [
    { name: 'the only one', record: 'vm.example.com', want: [parent] },
    { name: 'the longest, on all its providers', record: 'vm.dev.example.com', want: [child, childElsewhere] },
    { name: 'the zone itself', record: 'dev.example.com', want: [child, childElsewhere] },
    { name: 'whatever the spelling', record: 'VM.DEV.example.com.', want: [child, childElsewhere] },
    { name: 'only at a label boundary', record: 'vm.otherexample.com', want: [] },
    { name: 'deep below', record: 'a.b.c.example.com', want: [parent] },
    { name: 'reverse', record: '7.2.0.192.in-addr.arpa', want: [reverse] },
    { name: 'reverse of another network', record: '7.12.0.192.in-addr.arpa', want: [] },
    { name: 'elsewhere', record: 'vm.example.org', want: [] },
  ];
  it.each(table)('$name', ({ record, want }) => {
    expect(matchingZones(record, all)).toEqual(want);
  });

  it('prefers a classless zone to the network it was delegated from', () => {
    const classless = zone('0/26.2.0.192.in-addr.arpa');
    expect(matchingZones('7.2.0.192.in-addr.arpa', [reverse, classless])).toEqual([classless]);
    expect(matchingZones('64.2.0.192.in-addr.arpa', [reverse, classless])).toEqual([reverse]);
  });

  it('takes the root for no zone', () => {
    expect(matchingZones('vm.example.com', [zone('.'), zone('')])).toEqual([]);
  });
});

describe('zonePlans', () => {
  const forward = { name: 'example.com', provider: 'one' };
  const twin = { name: 'example.com', provider: 'two' };
  const reverse = { name: '2.0.192.in-addr.arpa', provider: 'one' };
  const unused = { name: 'example.org', provider: 'one' };

  it('sorts records into all zones that hold them and reports the homeless', () => {
    const old = a(['192.0.2.9'], 'old.example.com');
    const desired = [
      a(['192.0.2.7']),
      ptr(['vm.example.com']),
      aaaa(['2001:db8::7'], 'vm.example.net'),
      ptr(['x.example.com'], V6_NAME),
    ];
    expect(zonePlans([forward, twin, reverse, unused], desired, [old])).toEqual({
      plans: [
        { zone: forward, desired: [desired[0]], remove: [old] },
        { zone: twin, desired: [desired[0]], remove: [old] },
        { zone: reverse, desired: [desired[1]], remove: [] },
      ],
      unmatched: ['vm.example.net', V6_NAME],
    });
  });

  it('gives PTR records the names they have in a classless zone', () => {
    const classless = { name: '0/26.2.0.192.in-addr.arpa.', provider: 'one' };
    const inside = ptr(['vm.example.com'], '7.0/26.2.0.192.in-addr.arpa');
    expect(
      zonePlans([classless], [ptr(['vm.example.com'])], [ptr(['vm.example.com'], '8.2.0.192.in-addr.arpa')]),
    ).toEqual({
      plans: [{ zone: classless, desired: [inside], remove: [{ ...inside, name: '8.0/26.2.0.192.in-addr.arpa' }] }],
      unmatched: [],
    });
  });

  it('does not report what is to be removed and has no zone', () => {
    expect(zonePlans([], [], [a(['192.0.2.7'])])).toEqual({ plans: [], unmatched: [] });
  });

  it('reports a name once', () => {
    expect(zonePlans([], [a(['192.0.2.7']), aaaa(['2001:db8::7'])], []).unmatched).toEqual(['vm.example.com']);
  });
});

describe('recordChanges', () => {
  const set = (record: DnsRecord): DnsChange => ({ kind: 'set', record });
  const table: {
    name: string;
    desired?: DnsRecord[];
    existing?: DnsRecord[];
    remove?: DnsRecord[];
    want: DnsChange[];
  }[] = [
    { name: 'nothing', want: [] },
    { name: 'new', desired: [a(['192.0.2.7'])], want: [set(a(['192.0.2.7']))] },
    {
      name: 'as it should be',
      desired: [a(['192.0.2.7', '192.0.2.8'])],
      existing: [a(['192.0.2.8', '192.0.2.7'])],
      want: [],
    },
    {
      name: 'other spelling of an address',
      desired: [aaaa(['2001:db8::7'])],
      existing: [aaaa(['2001:DB8:0::7'])],
      want: [],
    },
    {
      name: 'other spelling of a name',
      desired: [ptr(['vm.example.com'])],
      existing: [ptr(['VM.example.com.'])],
      want: [],
    },
    { name: 'other address', desired: [a(['192.0.2.7'])], existing: [a(['192.0.2.9'])], want: [set(a(['192.0.2.7']))] },
    {
      name: 'a value too many',
      desired: [a(['192.0.2.7'])],
      existing: [a(['192.0.2.7', '192.0.2.9'])],
      want: [set(a(['192.0.2.7']))],
    },
    {
      name: 'a value too few',
      desired: [a(['192.0.2.7', '192.0.2.9'])],
      existing: [a(['192.0.2.7'])],
      want: [set(a(['192.0.2.7', '192.0.2.9']))],
    },
    {
      name: 'other time to live',
      desired: [a(['192.0.2.7'])],
      existing: [a(['192.0.2.7'], 'vm.example.com', 60)],
      want: [set(a(['192.0.2.7']))],
    },
    {
      name: 'other type of the same name stays',
      desired: [a(['192.0.2.7'])],
      existing: [a(['192.0.2.7']), aaaa(['2001:db8::9'])],
      want: [],
    },
    { name: 'removal of what is gone', remove: [a(['192.0.2.7'])], want: [] },
    {
      name: 'removal',
      existing: [a(['192.0.2.7'])],
      remove: [a(['192.0.2.7'])],
      want: [{ kind: 'delete', name: 'vm.example.com', type: 'A', onlyIfValues: ['192.0.2.7'] }],
    },
    {
      name: 'removal of more than is there',
      existing: [a(['192.0.2.7'])],
      remove: [a(['192.0.2.7', '192.0.2.8'])],
      want: [{ kind: 'delete', name: 'vm.example.com', type: 'A', onlyIfValues: ['192.0.2.7', '192.0.2.8'] }],
    },
    {
      name: 'removal where a person wrote something else',
      existing: [ptr(['shop.example.org'])],
      remove: [ptr(['vm.example.com'])],
      want: [],
    },
    {
      name: 'removal where a person added something',
      existing: [a(['192.0.2.7', '198.51.100.1'], 'vm.example.com', 60)],
      remove: [a(['192.0.2.7'])],
      want: [set(a(['198.51.100.1'], 'vm.example.com', 60))],
    },
    {
      name: 'removal of what is desired',
      desired: [a(['192.0.2.8'])],
      existing: [a(['192.0.2.7'])],
      remove: [a(['192.0.2.7'], 'VM.example.com.')],
      want: [set(a(['192.0.2.8']))],
    },
  ];
  it.each(table)('$name', ({ desired = [], existing = [], remove, want }) => {
    expect(recordChanges(desired, existing, remove)).toEqual(want);
  });

  it('changes nothing the second time', () => {
    const address = fc.ipV4().map((value) => ({ address: value }));
    fc.assert(
      fc.property(fc.array(address, { maxLength: 5 }), fc.array(address, { maxLength: 5 }), (now, before) => {
        const host = { fqdn: 'vm.example.com', ttlSeconds: 300 };
        const desired = desiredRecords({ ...host, addresses: now });
        const existing = desiredRecords({ ...host, addresses: before });
        const after = applied(existing, recordChanges(desired, existing, existing));
        expect(recordChanges(desired, after, existing)).toEqual([]);
        expect(new Set(after.map((record) => record.name))).toEqual(new Set(desired.map((record) => record.name)));
      }),
    );
  });
});

describe('withinValues', () => {
  it.each([
    { name: 'the same', record: a(['192.0.2.7']), values: ['192.0.2.7'], want: true },
    { name: 'fewer', record: a(['192.0.2.7']), values: ['192.0.2.8', '192.0.2.7'], want: true },
    { name: 'more', record: a(['192.0.2.7', '192.0.2.8']), values: ['192.0.2.7'], want: false },
    { name: 'another spelling', record: ptr(['VM.example.com.']), values: ['vm.example.com'], want: true },
    { name: 'a value that is no address', record: a(['broken']), values: ['broken'], want: true },
  ])('$name', ({ record, values, want }) => {
    expect(withinValues(record, values)).toBe(want);
  });
});

function applied(records: readonly DnsRecord[], changes: readonly DnsChange[]): DnsRecord[] {
  const key = ({ name, type }: { name: string; type: string }): string => `${name} ${type}`;
  const state = new Map(records.map((record) => [key(record), record]));
  for (const change of changes) {
    if (change.kind === 'set') state.set(key(change.record), change.record);
    else state.delete(key(change));
  }
  return [...state.values()];
}
