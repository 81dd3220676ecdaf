// DNS of machines on a real PowerDNS server, asked with real queries; a zone that cannot be written never holds a machine up.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DNSZone } from '../../src/api/dns-zone.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { anIPv6Pool, aPlan, aPool, aSecret, aVirtualMachine, aZone, DNS_SECRET } from '../builders/objects.ts';
import { powerDnsUnavailable } from '../contract/powerdns-server.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';

const FORWARD = 'example.com';
const REVERSE_V4 = '2.0.192.in-addr.arpa';
const REVERSE_V6 = '8.b.d.0.1.0.0.2.ip6.arpa';
const PTR_V6 = `0.0.0.1.${'0.'.repeat(20)}${REVERSE_V6}`;

let bed: TestBed;
let world: World;

describe.skipIf(powerDnsUnavailable() !== undefined)('names of machines', () => {
  beforeAll(async () => {
    bed = await startTestBed();
  });

  beforeEach(async () => {
    world = await startWorld(bed, { powerDns: true });
    for (const zone of [FORWARD, REVERSE_V4, REVERSE_V6]) await world.powerDns.createZone(zone);
    await world.create(aPool(), anIPv6Pool(), aPlan({ network: { ipv4Addresses: 2, ipv6Addresses: 1 } }));
  });

  afterEach(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  afterAll(async () => {
    await bed?.[Symbol.asyncDispose]();
  });

  const zones = (...names: string[]): DNSZone[] => names.map((name) => aZone(name, world.powerDns.apiUrl));
  const web = (): VirtualMachine => aVirtualMachine('web', { hostname: 'web.example.com' });

  test('lead to all addresses and back, and are gone with the machine', async () => {
    await world.create(...zones(FORWARD, REVERSE_V4, REVERSE_V6), web());
    const vm = await world.untilReady('web');
    expect(vm.status?.dns).toMatchObject({ forward: { ok: 2, failed: 0 }, reverse: { ok: 3, failed: 0 } });
    expect(condition(vm, 'DNSPublished')).toMatchObject({ status: 'True', reason: 'Succeeded' });
    expect(await world.resolve('web.example.com', 'A')).toEqual(['192.0.2.10', '192.0.2.11']);
    expect(await world.resolve('web.example.com', 'AAAA')).toEqual(['2001:db8::1000']);
    expect(await world.resolve('10.2.0.192.in-addr.arpa', 'PTR')).toEqual(['web.example.com']);
    expect(await world.resolve('11.2.0.192.in-addr.arpa', 'PTR')).toEqual(['web.example.com']);
    expect(await world.resolve(PTR_V6, 'PTR')).toEqual(['web.example.com']);

    await world.deleteVm('web');
    expect(await world.resolve('web.example.com', 'A')).toEqual([]);
    expect(await world.resolve('web.example.com', 'AAAA')).toEqual([]);
    expect(await world.resolve('10.2.0.192.in-addr.arpa', 'PTR')).toEqual([]);
    expect(await world.resolve(PTR_V6, 'PTR')).toEqual([]);
    await world.stop();
  });

  test('a provider that is down does not hold the machine up: it is ready, and says which zone is missing', async () => {
    // Port 9 is discard: nobody listens there.
    await world.create(...zones(FORWARD), aZone(REVERSE_V4, 'http://127.0.0.1:9'), web());
    const vm = await world.untilReady('web');
    expect(condition(vm, 'DNSPublished')).toMatchObject({ status: 'False', reason: 'PartlyFailed' });
    expect(condition(vm, 'DNSPublished')?.message).toContain(REVERSE_V4);
    expect(vm.status).toMatchObject({ state: 'ready', dns: { forward: { ok: 2 }, reverse: { failed: 2 } } });
    expect(vm.status?.dns?.zones).toEqual([
      expect.objectContaining({ zone: FORWARD, ok: true }),
      expect.objectContaining({ zone: REVERSE_V4, ok: false, message: expect.any(String) }),
    ]);
    expect(await world.resolve('web.example.com', 'A')).toHaveLength(2);
    const isUnreachable = (zone: DNSZone): boolean => condition(zone, 'Ready')?.reason === 'ProviderUnreachable';
    await world.untilObject(resources.dnsZone, REVERSE_V4, 'says that its provider is down', { wanted: isUnreachable });

    // The provider is back: what is missing is written without anybody asking.
    await world.patch(resources.dnsZone, REVERSE_V4, { spec: { powerDNS: { url: world.powerDns.apiUrl } } });
    await world.untilVm('web', 'all zones are written', (seen) => condition(seen, 'DNSPublished')?.status === 'True');
    expect(await world.resolve('10.2.0.192.in-addr.arpa', 'PTR')).toEqual(['web.example.com']);
    await world.stop();
  });

  test('a wrong key is told on the zone and corrected in the Secret', async () => {
    await world.bed.client.delete(resources.secret, DNS_SECRET, 'pve-operator-system');
    await world.create(...zones(FORWARD), aSecret(DNS_SECRET, { apiKey: 'wrong' }), web());
    const vm = await world.untilReady('web');
    expect(condition(vm, 'DNSPublished')).toMatchObject({ status: 'False', reason: 'PartlyFailed' });
    const isRefused = (zone: DNSZone): boolean => condition(zone, 'Stalled')?.reason === 'ProviderRefused';
    await world.untilObject(resources.dnsZone, FORWARD, 'says that its key is refused', { wanted: isRefused });
    const stringData = { apiKey: world.powerDns.apiKey };
    await world.patch(resources.secret, DNS_SECRET, { stringData }, 'pve-operator-system');
    await until(
      'the name leads to the addresses',
      async () => (await world.resolve('web.example.com', 'A')).length === 2,
    );
    await world.stop();
  });

  test('a zone that is nobody else’s business: other namespaces are not written', async () => {
    await world.create(
      aZone(FORWARD, world.powerDns.apiUrl, { allowedNamespaces: { names: ['somebody-else'] } }),
      ...zones(REVERSE_V4),
      web(),
    );
    const vm = await world.untilReady('web');
    expect(vm.status?.dns?.zones.map(({ zone }) => zone)).toEqual([REVERSE_V4]);
    expect(await world.resolve('web.example.com', 'A')).toEqual([]);
    await world.stop();
  });
});
