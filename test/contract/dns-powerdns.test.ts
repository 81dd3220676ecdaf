// PowerDNS under the provider contract, with a real pdns_server and real DNS queries.
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPowerDns, type PowerDns } from '../../src/dns/powerdns.ts';
import type { DnsRecordKey } from '../../src/dns/provider.ts';
import { publishDns } from '../../src/dns/publish.ts';
import { CONTRACT_ZONES, describeDnsProvider, type DnsHarness, type ProviderVariant } from './dns-provider-contract.ts';
import { powerDnsUnavailable, startPowerDns, type PowerDnsServer } from './powerdns-server.ts';

const unavailable = powerDnsUnavailable();
if (unavailable !== undefined) console.warn(unavailable);

interface HangingServer extends AsyncDisposable {
  url: string;
}

// Answers of a resolver that mean "no such record".
const ABSENT: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

class PowerDnsHarness implements DnsHarness {
  readonly server: PowerDnsServer;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #resolver = new Resolver({ timeout: 2_000, tries: 2 });
  readonly #hanging: HangingServer;
  readonly #downUrl: string;

  private constructor(server: PowerDnsServer, hanging: HangingServer, downUrl: string) {
    this.server = server;
    this.#hanging = hanging;
    this.#downUrl = downUrl;
    this.#resolver.setServers([`127.0.0.1:${server.dnsPort}`]);
  }

  static async start(): Promise<PowerDnsHarness> {
    const server = await startPowerDns();
    if ('unavailable' in server) throw new Error(server.unavailable);
    for (const zone of CONTRACT_ZONES) await server.createZone(zone);
    const hanging = await hangingServer();
    const down = await hangingServer();
    await down[Symbol.asyncDispose]();
    return new PowerDnsHarness(server, hanging, down.url);
  }

  open(zone: string, variant: ProviderVariant = 'good'): PowerDns {
    const { apiUrl, apiKey } = this.server;
    const good = { url: apiUrl, apiKey, zone };
    const variants = {
      good,
      'wrong-credentials': { ...good, apiKey: 'wrong' },
      'server-down': { ...good, url: this.#downUrl },
      'server-hanging': { ...good, url: this.#hanging.url, timeoutMs: 100 },
    };
    const dns = createPowerDns(variants[variant]);
    this.#closers.push(() => dns.close());
    return dns;
  }

  async resolve({ name, type }: DnsRecordKey): Promise<string[]> {
    try {
      return (await this.#resolver.resolve(name, type)).sort();
    } catch (error) {
      if (error instanceof Error && 'code' in error && ABSENT.has(error.code)) return [];
      throw error;
    }
  }

  async reverse(address: string): Promise<string[]> {
    return this.#resolver.reverse(address);
  }

  async stop(): Promise<void> {
    for (const close of this.#closers) await close();
    await this.#hanging[Symbol.asyncDispose]();
    await this.server.stop();
  }
}

describeDnsProvider('PowerDNS', () => PowerDnsHarness.start(), unavailable);

describe.skipIf(unavailable !== undefined)('PowerDNS in particular', () => {
  let harness: PowerDnsHarness;
  beforeAll(async () => {
    harness = await PowerDnsHarness.start();
  });
  afterAll(async () => {
    await harness?.stop();
  });
  const signal = (): AbortSignal => new AbortController().signal;

  it('answers reverse queries as any program makes them', async () => {
    const { fqdn, address } = { fqdn: 'mail.contract.example', address: '192.0.2.99' };
    const record = { name: '99.2.0.192.in-addr.arpa', type: 'PTR' as const, ttlSeconds: 60, values: [fqdn] };
    await harness.open('2.0.192.in-addr.arpa').apply([{ kind: 'set', record }], signal());
    expect(await harness.reverse(address)).toEqual([fqdn]);
  });

  it('finds out that a zone is a copy of another server', async () => {
    await harness.server.createZone('copied.example', 'Slave');
    await expect(harness.open('copied.example').test(signal())).rejects.toMatchObject({ kind: 'refused' });
  });

  it('publishes into a classless reverse zone', async () => {
    const zone = '64/26.100.51.198.in-addr.arpa';
    await harness.server.createZone(zone);
    const outcome = await publishDns({
      zones: [{ ref: { name: zone, provider: 'PowerDNS' }, provider: harness.open(zone) }],
      desired: [{ name: '70.100.51.198.in-addr.arpa', type: 'PTR', ttlSeconds: 60, values: ['vm.example.com'] }],
      timeoutMs: 10_000,
      signal: signal(),
    });
    expect(outcome.reverse).toEqual({ ok: 1, failed: 0 });
    expect(await harness.resolve({ name: `70.${zone}`, type: 'PTR' })).toEqual(['vm.example.com']);
  });

  it('survives writes of other programs at the same time', async () => {
    const zones = ['one.example', 'two.example', 'three.example'];
    for (const zone of zones) await harness.server.createZone(zone);
    const record = (zone: string) => ({
      name: `vm.${zone}`,
      type: 'A' as const,
      ttlSeconds: 60,
      values: ['192.0.2.7'],
    });
    // Opened apart, they do not know of each other's writes.
    await Promise.all(zones.map((zone) => harness.open(zone).apply([{ kind: 'set', record: record(zone) }], signal())));
    for (const zone of zones) expect(await harness.resolve(record(zone))).toEqual(['192.0.2.7']);
  });

  it('tells why a record was refused, and publishes the others', async () => {
    const zone = 'alias.example';
    await harness.server.createZone(zone);
    await addAlias(harness.server, zone, 'vm.alias.example', 'elsewhere.example');
    const record = (name: string) => ({ name, type: 'A' as const, ttlSeconds: 60, values: ['192.0.2.7'] });
    const outcome = await publishDns({
      zones: [{ ref: { name: zone, provider: 'PowerDNS' }, provider: harness.open(zone) }],
      desired: [record('vm.alias.example'), record('free.alias.example')],
      timeoutMs: 10_000,
      signal: signal(),
    });
    expect(outcome.forward).toEqual({ ok: 1, failed: 1 });
    expect(outcome.zones[0]?.message).toMatch(/refused a record \(HTTP 422\): .*vm\.alias\.example/);
    expect(await harness.resolve(record('free.alias.example'))).toEqual(['192.0.2.7']);
  });
});

async function addAlias({ apiUrl, apiKey }: PowerDnsServer, zone: string, name: string, target: string): Promise<void> {
  const rrset = {
    name: `${name}.`,
    type: 'CNAME',
    ttl: 60,
    changetype: 'REPLACE',
    records: [{ content: `${target}.` }],
  };
  const response = await fetch(`${apiUrl}/api/v1/servers/localhost/zones/${zone}.`, {
    method: 'PATCH',
    headers: { 'X-API-Key': apiKey },
    body: JSON.stringify({ rrsets: [rrset] }),
  });
  expect(response.status).toBe(204);
}

/** Accepts connections and never says a word. */
async function hangingServer(): Promise<HangingServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
