// The PowerDNS provider against a scripted server: what it sends, and how every kind of failure is told apart.
import type { RequestListener } from 'node:http';
import { Agent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import {
  startLoopback,
  startScripted,
  type Reply,
  type Script,
  type Seen,
} from '../../test/contract/scripted-server.ts';
import { createPowerDns, type PowerDns, type PowerDnsOptions } from './powerdns.ts';
import { DnsError, type DnsChange, type DnsRecord } from './provider.ts';

const API_KEY = 'hunter2';
const A_RECORD: DnsRecord = { name: 'vm.example.com', type: 'A', ttlSeconds: 300, values: ['192.0.2.7'] };
const PTR_RECORD: DnsRecord = {
  name: '7.2.0.192.in-addr.arpa',
  type: 'PTR',
  ttlSeconds: 60,
  values: ['vm.example.com'],
};

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A provider on a server that answers from a script, both ended after the test. */
async function scripted(
  script: Script,
  options: Partial<PowerDnsOptions> = {},
): Promise<{ dns: PowerDns; seen: Seen[]; host: string }> {
  const { seen, host, stop } = await startScripted(script);
  cleanups.push(stop);
  return { dns: opened(host, options), seen, host };
}

function opened(host: string, options: Partial<PowerDnsOptions> = {}): PowerDns {
  const dns = createPowerDns({ url: `http://${host}`, apiKey: API_KEY, zone: 'example.com', ...options });
  cleanups.push(() => dns.close());
  return dns;
}

async function listening(listener: RequestListener): Promise<string> {
  const server = await startLoopback(listener);
  cleanups.push(server.stop);
  return server.host;
}

const signal = (): AbortSignal => new AbortController().signal;
const zoneWith = (rrsets: unknown[], kind = 'Native'): Reply => ({ body: { name: 'example.com.', kind, rrsets } });
const rrset = (name: string, type: string, ...contents: string[]): unknown => ({
  name,
  type,
  ttl: 300,
  records: contents.map((content) => ({ content, disabled: false })),
});

async function failureOf(promise: Promise<unknown>): Promise<DnsError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DnsError)) throw new Error(`Expected a DnsError, got ${String(error)}.`);
  return error;
}

describe('read', () => {
  it('asks once per name, with the key, and takes only what was asked for', async () => {
    const { dns, seen } = await scripted(() =>
      zoneWith([
        rrset('VM.example.com.', 'A', '192.0.2.7'),
        rrset('vm.example.com.', 'TXT', '"words"'),
        rrset('vm.example.com.', 'AAAA', '2001:db8::7'),
        rrset('example.com.', 'A', '192.0.2.1'),
      ]),
    );
    const keys = [A_RECORD, { name: 'vm.example.com.', type: 'A' as const }];
    expect(await dns.read(keys, signal())).toEqual([A_RECORD]);
    expect(seen).toEqual([
      {
        method: 'GET',
        url: '/api/v1/servers/localhost/zones/example.com.?rrset_name=vm.example.com.',
        apiKey: API_KEY,
        body: undefined,
      },
    ]);
  });

  it('copes with a server that ignores the filter and always answers with the whole zone', async () => {
    const whole = zoneWith([rrset('a.example.com.', 'A', '192.0.2.1'), rrset('b.example.com.', 'A', '192.0.2.2')]);
    const { dns } = await scripted(() => whole);
    const found = await dns.read(
      [
        { name: 'a.example.com', type: 'A' },
        { name: 'b.example.com', type: 'A' },
      ],
      signal(),
    );
    expect(found.map((record) => record.name)).toEqual(['a.example.com', 'b.example.com']);
  });

  it('takes the dot off PTR values', async () => {
    const { dns } = await scripted(() =>
      zoneWith([{ ...(rrset('7.2.0.192.in-addr.arpa.', 'PTR', 'VM.example.com.') as object), ttl: 60 }]),
    );
    expect(await dns.read([PTR_RECORD], signal())).toEqual([PTR_RECORD]);
  });

  it('does not see disabled records', async () => {
    const records = [{ content: '192.0.2.7', disabled: true }];
    const { dns } = await scripted(() => zoneWith([{ name: 'vm.example.com.', type: 'A', ttl: 300, records }]));
    expect(await dns.read([A_RECORD], signal())).toEqual([]);
  });
});

describe('apply', () => {
  it('sends all changes in one request, with trailing dots', async () => {
    const { dns, seen } = await scripted(() => ({ status: 204, body: '' }));
    await dns.apply(
      [
        { kind: 'set', record: A_RECORD },
        { kind: 'set', record: PTR_RECORD },
        { kind: 'delete', name: 'old.example.com', type: 'AAAA' },
      ],
      signal(),
    );
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      method: 'PATCH',
      url: '/api/v1/servers/localhost/zones/example.com.',
      apiKey: API_KEY,
    });
    expect(seen[0]?.body).toEqual({
      rrsets: [
        {
          name: 'vm.example.com.',
          type: 'A',
          ttl: 300,
          changetype: 'REPLACE',
          records: [{ content: '192.0.2.7', disabled: false }],
        },
        {
          name: '7.2.0.192.in-addr.arpa.',
          type: 'PTR',
          ttl: 60,
          changetype: 'REPLACE',
          records: [{ content: 'vm.example.com.', disabled: false }],
        },
        { name: 'old.example.com.', type: 'AAAA', changetype: 'DELETE' },
      ],
    });
  });

  it('sends nothing for no changes', async () => {
    const { dns, seen } = await scripted(() => ({ status: 500 }));
    await dns.apply([], signal());
    expect(seen).toEqual([]);
  });

  const guarded: DnsChange = { kind: 'delete', name: 'vm.example.com', type: 'A', onlyIfValues: ['192.0.2.7'] };
  it.each([
    { name: 'ours', values: ['192.0.2.7'], want: ['GET', 'PATCH'] },
    { name: "somebody else's", values: ['198.51.100.1'], want: ['GET'] },
    { name: 'ours and somebody else’s', values: ['192.0.2.7', '198.51.100.1'], want: ['GET'] },
    { name: 'none', values: [], want: ['GET'] },
  ])('deletes with a guard when the values are $name', async ({ values, want }) => {
    const { dns, seen } = await scripted((call) =>
      call.method === 'GET' ? zoneWith([rrset('vm.example.com.', 'A', ...values)]) : { status: 204, body: '' },
    );
    await dns.apply([guarded], signal());
    expect(seen.map((call) => call.method)).toEqual(want);
  });
});

describe('overlapping writes', () => {
  const set: DnsChange = { kind: 'set', record: A_RECORD };

  it('repeats a write that the server could not make at the moment', async () => {
    let refusals = 2;
    const script: Script = () =>
      refusals-- > 0 ? { status: 500, body: 'Internal Server Error' } : { status: 204, body: '' };
    const { dns, seen } = await scripted(script, { random: () => 0 });
    await dns.apply([set], signal());
    expect(seen.map((call) => call.method)).toEqual(['PATCH', 'PATCH', 'PATCH']);
  });

  it('gives up after a few times', async () => {
    const { dns, seen } = await scripted(() => ({ status: 500, body: '' }), { random: () => 0 });
    expect(await failureOf(dns.apply([set], signal()))).toMatchObject({ kind: 'unreachable' });
    expect(seen).toHaveLength(6);
  });

  it('stops repeating with its signal', async () => {
    const stop = new AbortController();
    const { dns, seen } = await scripted(() => {
      stop.abort();
      return { status: 500, body: '' };
    });
    expect((await failureOf(dns.apply([set], stop.signal))).kind).toBe('timeout');
    expect(seen).toHaveLength(1);
  });

  it('does not repeat what was refused', async () => {
    const { dns, seen } = await scripted(() => ({ status: 422, body: { error: 'no' } }));
    expect((await failureOf(dns.apply([set], signal()))).kind).toBe('refused');
    expect(seen).toHaveLength(1);
  });
});

describe('test', () => {
  it('reads the zone without its records', async () => {
    const { dns, seen } = await scripted(() => zoneWith([]));
    await dns.test(signal());
    expect(seen.map((call) => call.url)).toEqual(['/api/v1/servers/localhost/zones/example.com.?rrsets=false']);
  });

  it.each(['Slave', 'Secondary', 'Consumer'])('refuses a zone that is a copy (%s)', async (kind) => {
    const { dns } = await scripted(() => zoneWith([], kind));
    expect(await failureOf(dns.test(signal()))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('copy'),
    });
  });
});

describe('addresses', () => {
  it.each([
    {
      name: 'a path',
      path: '/pdns/',
      serverId: undefined,
      zone: 'Example.COM.',
      want: '/pdns/api/v1/servers/localhost/zones/example.com.',
    },
    {
      name: 'the API path itself',
      path: '/api/v1',
      serverId: 'two',
      zone: 'example.com',
      want: '/api/v1/servers/two/zones/example.com.',
    },
    {
      name: 'a classless zone',
      path: '',
      serverId: undefined,
      zone: '0/25.2.0.192.in-addr.arpa',
      want: '/api/v1/servers/localhost/zones/0%2F25.2.0.192.in-addr.arpa.',
    },
  ])('$name', async ({ path, serverId, zone, want }) => {
    const { host, seen } = await scripted(() => zoneWith([]));
    const dispatcher = new Agent({ allowH2: false });
    cleanups.push(() => dispatcher.destroy());
    const dns = createPowerDns({ url: `http://${host}${path}`, apiKey: API_KEY, zone, serverId, dispatcher });
    await dns.test(signal());
    await dns.close();
    expect(seen[0]?.url).toBe(`${want}?rrsets=false`);
    expect(dispatcher.destroyed).toBe(false);
  });

  it.each(['', 'ns1.example.com:8081', 'file:///etc/pdns', 'http://'])('refuses the URL "%s"', (url) => {
    expect(() => createPowerDns({ url, apiKey: API_KEY, zone: 'example.com' })).toThrow(DnsError);
  });

  it('keeps a password in the URL out of messages', async () => {
    const { host } = await scripted(() => ({ status: 401, body: 'Unauthorized' }));
    const dns = createPowerDns({ url: `http://user:pass99@${host}`, apiKey: API_KEY, zone: 'example.com' });
    cleanups.push(() => dns.close());
    expect((await failureOf(dns.test(signal()))).message).toBe(
      `PowerDNS at ${host} does not accept the API key (HTTP 401).`,
    );
  });
});

describe('failures', () => {
  const table: { name: string; reply: Reply; kind: string; message: RegExp }[] = [
    {
      name: 'wrong key',
      reply: { status: 401, body: 'Unauthorized' },
      kind: 'unauthorized',
      message: /API key \(HTTP 401\)/,
    },
    { name: 'forbidden', reply: { status: 403, body: '' }, kind: 'unauthorized', message: /HTTP 403/ },
    {
      name: 'zone missing',
      reply: { status: 404, body: 'Not Found' },
      kind: 'zone-missing',
      message: /no zone example\.com on server "localhost"/,
    },
    {
      name: 'refused with a reason',
      reply: { status: 422, body: { error: 'RRset conflicts' } },
      kind: 'refused',
      message: /: RRset conflicts\.$/,
    },
    {
      name: 'refused without one',
      reply: { status: 400, body: '<html>' },
      kind: 'refused',
      message: /\(HTTP 400\)\.$/,
    },
    {
      name: 'server error',
      reply: { status: 500, body: { error: 'backend is gone' } },
      kind: 'unreachable',
      message: /backend is gone/,
    },
    { name: 'proxy error', reply: { status: 502, body: '<html>' }, kind: 'unreachable', message: /HTTP 502/ },
    {
      name: 'redirect',
      reply: { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' },
      kind: 'unreadable',
      message: /HTTP 302/,
    },
    { name: 'no JSON', reply: { body: '<html>welcome</html>' }, kind: 'unreadable', message: /no zone/ },
    { name: 'other JSON', reply: { body: { rrsets: 'none' } }, kind: 'unreadable', message: /no zone/ },
    {
      name: 'the key in the reason',
      reply: { status: 422, body: { error: `bad key ${API_KEY}` } },
      kind: 'refused',
      message: /\[redacted\]/,
    },
  ];
  it.each(table)('$name', async ({ reply, kind, message }) => {
    const { dns, seen } = await scripted(() => reply);
    const error = await failureOf(dns.read([A_RECORD], signal()));
    expect(error).toMatchObject({ kind, message: expect.stringMatching(message) });
    expect(error.message).not.toContain(API_KEY);
    expect(seen).toHaveLength(1);
  });

  it('server down', async () => {
    const { host, stop } = await startLoopback(() => {});
    await stop();
    expect(await failureOf(opened(host).test(signal()))).toMatchObject({
      kind: 'unreachable',
      message: `PowerDNS at ${host} cannot be reached (ECONNREFUSED).`,
    });
  });

  it('server hanging: ends after its own time limit', async () => {
    const { dns, host } = await scripted(() => undefined, { timeoutMs: 30 });
    const call = dns.apply([{ kind: 'set', record: A_RECORD }], signal());
    expect(await failureOf(call)).toMatchObject({
      kind: 'timeout',
      message: `PowerDNS at ${host} did not answer in time.`,
    });
  });

  it("server hanging: ends with the caller's signal", async () => {
    const stop = new AbortController();
    const { dns } = await scripted(() => {
      stop.abort();
      return undefined;
    });
    expect(await failureOf(dns.read([A_RECORD], stop.signal))).toMatchObject({ kind: 'timeout' });
  });

  it('server hanging in the middle of its answer', async () => {
    const host = await listening((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
    });
    expect((await failureOf(opened(host, { timeoutMs: 50 }).read([A_RECORD], signal()))).kind).toBe('timeout');
  });

  it('connection cut in the middle of the answer', async () => {
    const host = await listening((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => response.destroy());
    });
    expect((await failureOf(opened(host).read([A_RECORD], signal()))).kind).toBe('unreachable');
  });
});
