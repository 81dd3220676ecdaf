// Tests of the whole simulator over TLS: logins and refusals as a client meets them, every node's port, trust, and connections that are kept.
import { connect } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from './http/certificate.ts';
import { Simulator } from './simulator.ts';
import type { Listening } from './simulator.ts';
import { demoTopology, operatorToken } from './testing.ts';
import { TlsClient } from './tls-client.ts';
import type { WireAnswer } from './tls-client.ts';

/** Ten times as fast, so that the three seconds of a refusal take 300 ms. */
const speed = 10;
let simulator: Simulator;
let listening: Listening;
let client: TlsClient;

beforeAll(async () => {
  simulator = new Simulator({ topology: demoTopology(), speed });
  listening = await simulator.listen();
  client = new TlsClient(listening, 4);
});

afterAll(async () => {
  client.close();
  await simulator.close();
});

describe('a login', () => {
  const rows: { name: string; authorization: string; status: number; reason: string }[] = [
    { name: 'with the token', authorization: operatorToken, status: 200, reason: 'OK' },
    {
      name: 'with a blank for the equals sign',
      authorization: operatorToken.replace('PVEAPIToken=', 'PVEAPIToken '),
      status: 200,
      reason: 'OK',
    },
    { name: 'with nothing', authorization: '', status: 401, reason: 'No ticket' },
    { name: 'with another scheme', authorization: 'Bearer abc', status: 401, reason: 'No ticket' },
    {
      name: 'with a wrong secret',
      authorization: 'PVEAPIToken=operator@pve!k8s=00000000-0000-0000-0000-000000000000',
      status: 401,
      reason: 'Authentication failed!',
    },
    {
      name: 'with a token that is not there',
      authorization: 'PVEAPIToken=operator@pve!nope=00000000-0000-0000-0000-000000000000',
      status: 401,
      reason: 'Authentication failed!',
    },
    {
      name: 'with half a token',
      authorization: 'PVEAPIToken=operator@pve',
      status: 401,
      reason: 'Authentication failed!',
    },
  ];
  it.each(rows)('$name', async ({ authorization, status, reason }) => {
    const before = performance.now();
    const answer = await client.send({ path: '/version', authorization });
    expect([answer.status, answer.reason]).toEqual([status, reason]);
    if (status === 200) return;
    expect(answer.body).toBe('');
    expect(answer.headers.connection).toBe('close');
    expect((performance.now() - before) * speed).toBeGreaterThanOrEqual(2900);
  });

  it('is asked for before anything is told, of paths that are not there too', async () => {
    const answer = await client.send({ path: '/no/such/path', authorization: '' });
    expect([answer.status, answer.body]).toEqual([401, '']);
  });
});

describe('an answer', () => {
  const rows: {
    name: string;
    path: string;
    method?: string;
    form?: Record<string, string>;
    want: object;
    body: object;
  }[] = [
    {
      name: 'of a VM that is not there is no 404',
      path: '/nodes/pve1/qemu/999/config',
      want: { status: 500, reason: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist" },
      body: { data: null, message: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist\n" },
    },
    {
      name: 'of a path that is not there is no 404 either',
      path: '/nodes/pve1/nope',
      want: { status: 501, reason: "Method 'GET /nodes/pve1/nope' not implemented" },
      body: { data: null, message: "Method 'GET /nodes/pve1/nope' not implemented" },
    },
    {
      name: 'to an unknown parameter names it',
      path: '/version?x=1',
      want: { status: 400, reason: 'Parameter verification failed.' },
      body: {
        data: null,
        message: 'Parameter verification failed.\n',
        errors: { x: 'property is not defined in schema and the schema does not allow additional properties' },
      },
    },
    {
      name: 'to a write that gives nothing back is null',
      path: '/nodes/pve1/qemu/9000/config',
      method: 'PUT',
      form: { description: 'x' },
      want: { status: 200, reason: 'OK' },
      body: { data: null },
    },
    {
      name: 'of a list with a total has it beside the data',
      path: '/nodes/pve1/tasks/UPID:pve1:00001001:00001001:69000000:qmstart:1:root@pam:/log',
      want: { status: 200 },
      body: { data: [{ n: 1, t: 'unable to open file - No such file or directory' }], total: 1 },
    },
  ];
  it.each(rows)('$name', async ({ path, method = 'GET', form, want, body }) => {
    const answer = await client.send({ path, method, ...(form === undefined ? {} : { form }) });
    expect(answer).toMatchObject(want);
    expect(JSON.parse(answer.body)).toEqual(body);
    expect(answer.headers['content-type']).toBe('application/json;charset=UTF-8');
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.body)));
  });

  it('of a verb that is none has no body', async () => {
    expect(await client.send({ path: '/version', method: 'PATCH' })).toMatchObject({
      status: 501,
      reason: "method 'PATCH' not available",
      body: '',
    });
  });

  it('is the same from every node', async () => {
    const answers: WireAnswer[] = [];
    for (const url of Object.values(listening.nodeUrls)) {
      const other = new TlsClient({ ...listening, url });
      answers.push(await other.send({ path: '/nodes/pve1/qemu/9000/config' }));
      other.close();
    }
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe('trust', () => {
  it('is in an authority of its own: nobody else’s is taken', async () => {
    const { caPem } = await makeCertificate(['other']);
    const stranger = new TlsClient({ url: listening.url, caPem });
    await expect(stranger.send({ path: '/version' })).rejects.toThrow(/certificate|signature/);
    stranger.close();
  });

  it('may be in the fingerprint', async () => {
    const port = Number(new URL(listening.url).port);
    const fingerprint = await new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca: listening.caPem }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
    });
    expect(fingerprint).toBe(listening.fingerprint);
    const nodes = JSON.parse((await client.send({ path: '/nodes' })).body) as { data: { ssl_fingerprint: string }[] };
    expect(nodes.data.map((node) => node.ssl_fingerprint)).toEqual([fingerprint, fingerprint, fingerprint]);
  });

  it('covers the address, localhost and the names of the nodes', async () => {
    const { certPem, caPem } = await makeCertificate(['pve1', 'pve2']);
    const leaf = new X509Certificate(certPem);
    const authority = new X509Certificate(caPem);
    for (const name of ['localhost', 'pve1', 'pve2']) expect(leaf.checkHost(name)).toBe(name);
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkHost('pve3')).toBeUndefined();
    expect([leaf.ca, authority.ca, leaf.verify(authority.publicKey)]).toEqual([false, true, true]);
    expect(Date.parse(leaf.validTo) - Date.now()).toBeGreaterThan(300 * 24 * 3600 * 1000);
  });
});

describe('connections', () => {
  it('are kept after answers and not after errors', async () => {
    const single = new TlsClient(listening);
    const ports: number[] = [];
    single.agent.on(
      'free',
      ({ localPort }: { localPort?: number }) => localPort !== undefined && ports.push(localPort),
    );
    for (let count = 0; count < 5; count += 1) await single.send({ path: '/version' });
    expect(new Set(ports).size).toBe(1);
    const failed = await single.send({ path: '/nope' });
    expect(failed.headers.connection).toBe('close');
    await single.send({ path: '/version' });
    expect(new Set(ports).size).toBe(2);
    single.close();
  });

  it('to a node that is powered off are reset', async () => {
    const other = new TlsClient({ ...listening, url: listening.nodeUrls['pve3'] ?? '' });
    simulator.nodeDown('pve3');
    await expect(other.send({ path: '/version' })).rejects.toThrow(/hang up|ECONNRESET/);
    simulator.nodeUp('pve3');
    expect(await other.send({ path: '/version' })).toMatchObject({ status: 200 });
    other.close();
  });

  it('to a paused node stay open until it goes on', async () => {
    const other = new TlsClient({ ...listening, url: listening.nodeUrls['pve3'] ?? '' });
    simulator.pauseNode('pve3');
    let answered = false;
    const sent = other.send({ path: '/version' }).finally(() => (answered = true));
    await client.send({ path: '/version' });
    expect(answered).toBe(false);
    simulator.nodeUp('pve3');
    expect(await sent).toMatchObject({ status: 200 });
    other.close();
  });

  it('end with the simulator', async () => {
    const other = new Simulator({ topology: demoTopology(), speed: 'instant' });
    const there = await other.listen();
    const kept = new TlsClient(there);
    await kept.send({ path: '/version' });
    await other.close();
    await expect(kept.send({ path: '/version' })).rejects.toThrow(/ECONNREFUSED|ECONNRESET|hang up/);
    kept.close();
  });
});
