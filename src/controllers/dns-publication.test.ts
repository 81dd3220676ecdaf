// Which zones a VM's names go to, with which key, and that nothing of it is ever thrown.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aDesign, anOwner } from '../../test/builders/facts.ts';
import { aZone, DNS_SECRET } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext, OPERATOR_NAMESPACE } from '../../test/fakes/context.ts';
import type { DNSZoneSpec } from '../api/dns-zone.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { DnsError, type DnsProvider } from '../dns/provider.ts';
import { changeDns, matchingDnsZones } from './dns-publication.ts';

let fake: FakeContext;
/** Zone, key and changes of every call. */
let calls: string[];
let failing: Set<string>;
/** The address that a zone shows for any name once it was written. */
let held: string;

function provider(name: string, apiKey: string): DnsProvider {
  return {
    read: async (keys) =>
      calls.some((call) => call.startsWith(`${name} `))
        ? keys.filter(({ type }) => type === 'A').map((one) => ({ ...one, ttlSeconds: 60, values: [held] }))
        : [],
    apply: async (changes) => {
      for (const change of changes) {
        const text =
          change.kind === 'set'
            ? `set ${change.record.name} ${change.record.type} ${change.record.ttlSeconds}`
            : `delete ${change.name} ${change.type}`;
        calls.push(`${name} ${apiKey} ${text}`);
      }
      if (failing.has(name)) throw new DnsError('unreachable', `${name} does not answer.`);
    },
    test: async () => undefined,
  };
}

beforeEach(() => {
  calls = [];
  failing = new Set();
  held = '192.0.2.10';
  fake = createFakeContext({
    openDnsZone: ({ spec }, apiKey) => {
      if (spec.zone === 'broken.example') throw new Error('The URL is none.');
      return provider(spec.zone, apiKey);
    },
  });
});
afterEach(() => fake[Symbol.asyncDispose]());

function zone(name: string, spec: Partial<DNSZoneSpec> = {}): void {
  fake.kube.seed(resources.dnsZone, aZone(name, 'http://dns', spec));
}

function key(value = ' key\n'): void {
  const data = { apiKey: Buffer.from(value).toString('base64') };
  fake.kube.seed(resources.secret, { metadata: { name: DNS_SECRET, namespace: OPERATOR_NAMESPACE }, data });
}

const address = { address: '192.0.2.10', prefixLength: 24, pool: 'ipv4', primary: true };
const vm = (fqdn = 'web-1.example.com'): VirtualMachine => ({ ...anOwner(), status: { fqdn, addresses: [address] } });
const matching = (machine = vm(), design = undefined as Parameters<typeof matchingDnsZones>[2]) =>
  matchingDnsZones(fake.context, machine, design).map(({ spec }) => spec.zone);

describe('matching zones', () => {
  test.each<{ name: string; zone: string; spec?: Partial<DNSZoneSpec>; want: boolean }>([
    { name: 'of the host name', zone: 'example.com', want: true },
    { name: 'of an address', zone: '2.0.192.in-addr.arpa', want: true },
    { name: 'of another name', zone: 'example.org', want: false },
    { name: 'for others', zone: 'example.com', spec: { allowedNamespaces: { names: ['customer-2'] } }, want: false },
    {
      name: 'for this namespace',
      zone: 'example.com',
      spec: { allowedNamespaces: { names: ['customer-1'] } },
      want: true,
    },
  ])('$name', ({ zone: name, spec, want }) => {
    zone(name, spec);
    expect(matching()).toEqual(want ? [name] : []);
  });

  test('before the status has a name: that of the design', () => {
    zone('example.com');
    const machine = { ...vm(), status: { addresses: [address] } };
    expect(matching(machine)).toEqual([]);
    expect(matching(machine, aDesign())).toEqual(['example.com']);
  });

  test('of one name are all of them', () => {
    zone('example.com');
    fake.kube.seed(resources.dnsZone, { ...aZone('example.com', 'http://other'), metadata: { name: 'second' } });
    expect(matching()).toEqual(['example.com', 'example.com']);
  });
});

const publish = (one: VirtualMachine) =>
  changeDns(fake.context, one, undefined, { publish: one.status?.addresses ?? [] });

describe('publishing', () => {
  test('writes forward and reverse records and counts them', async () => {
    key();
    zone('example.com');
    zone('2.0.192.in-addr.arpa');
    expect(await publish(vm())).toEqual({
      forward: { ok: 1, failed: 0 },
      reverse: { ok: 1, failed: 0 },
      zones: [
        { zone: 'example.com', provider: 'PowerDNS', ok: true },
        { zone: '2.0.192.in-addr.arpa', provider: 'PowerDNS', ok: true },
      ],
    });
    expect(calls.toSorted()).toEqual([
      '2.0.192.in-addr.arpa key set 10.2.0.192.in-addr.arpa PTR 300',
      'example.com key set web-1.example.com A 300',
    ]);
  });

  test('gives each zone its time to live', async () => {
    key();
    zone('example.com', { ttlSeconds: 60 });
    zone('2.0.192.in-addr.arpa');
    await publish(vm());
    expect(calls.toSorted().map((call) => call.split(' ').at(-1))).toEqual(['300', '60']);
  });

  test('of one zone that fails does not touch the other', async () => {
    key();
    zone('example.com');
    zone('2.0.192.in-addr.arpa');
    failing.add('example.com');
    expect(await publish(vm())).toMatchObject({
      forward: { ok: 0, failed: 1 },
      reverse: { ok: 1, failed: 0 },
      zones: expect.arrayContaining([
        expect.objectContaining({ zone: 'example.com', ok: false, message: 'example.com does not answer.' }),
      ]) as never,
    });
  });

  test('without the key says which Secret is missing', async () => {
    zone('example.com');
    const { zones } = await publish(vm());
    expect(zones).toEqual([
      {
        zone: 'example.com',
        provider: 'PowerDNS',
        ok: false,
        message: 'Secret dns-key with the key apiKey is missing.',
      },
    ]);
  });

  test('leaves a name alone that somebody else has taken meanwhile', async () => {
    key();
    zone('example.com');
    await publish(vm());
    held = '198.51.100.9';
    expect(await publish(vm())).toMatchObject({
      forward: { ok: 0, failed: 1 },
      zones: [{ zone: 'example.com', ok: false, message: expect.stringContaining('somebody else') as string }],
    });
    expect(calls).toHaveLength(1);
  });

  test('to a zone that cannot be opened says why', async () => {
    key();
    zone('broken.example');
    const { zones } = await publish(vm('web-1.broken.example'));
    expect(zones).toMatchObject([{ ok: false, message: 'The URL is none.' }]);
  });

  test('without a zone is nothing', async () => {
    expect(await publish(vm())).toEqual({
      forward: { ok: 0, failed: 0 },
      reverse: { ok: 0, failed: 0 },
      zones: [],
    });
  });
});

test('withdrawing deletes what was published', async () => {
  key();
  zone('example.com');
  await publish(vm());
  expect(await changeDns(fake.context, vm(), undefined, { remove: vm().status?.addresses ?? [] })).toMatchObject({
    zones: [{ ok: true }],
  });
  expect(calls.at(-1)).toBe('example.com key delete web-1.example.com A');
});
