// Tests for the HTTPS transport against servers that misbehave.
import { createServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { PveError } from './errors.ts';
import { testCa, type TestCa, type TestCertificate } from './testing/certificates.ts';
import { answerWith, tlsServer, type Handler, type TestServer } from './testing/tls-server.ts';
import { normalFingerprint } from './tls.ts';
import { httpsTransport, type HttpsTransport, type HttpsTransportOptions, type PveRequest } from './transport.ts';

const token = { id: 'operator@pve!k8s', secret: 'f3a1c0de-0000-4000-8000-5ec7e75ec7e7' };

let ca: TestCa;
let leaf: TestCertificate;

beforeAll(async () => {
  ca = await testCa('Test CA');
  leaf = await ca.issue(['127.0.0.1', 'localhost']);
});

async function server(handler?: Handler, certificate = leaf): Promise<TestServer> {
  const started = await tlsServer(certificate, handler);
  onTestFinished(async () => started.close());
  return started;
}

function transport(endpoints: string[], options: Partial<HttpsTransportOptions> = {}): HttpsTransport {
  const made = httpsTransport({ endpoints, tls: { caBundle: ca.certificate }, token, ...options });
  onTestFinished(async () => made.close());
  return made;
}

const read: PveRequest = { method: 'GET', path: '/version', timeoutMs: 5_000, call: 'GET /version' };
const write: PveRequest = {
  method: 'POST',
  path: '/nodes/pve1/qemu/1/status/start',
  form: {},
  timeoutMs: 5_000,
  call: 'POST /start',
};

async function failure(promise: Promise<unknown>): Promise<PveError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PveError);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token.secret);
  return error as PveError;
}

async function closedPort(): Promise<string> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return `https://127.0.0.1:${port}`;
}

describe('requests', () => {
  it('carry the token, the query and the form as Proxmox reads them', async () => {
    const pve = await server(answerWith('x'));
    const send = transport([pve.url]);
    await send({ ...read, path: '/nodes/pve1/x', query: { a: 'b c+d', current: '1' } });
    await send({ ...write, form: { name: 'a b', sshkeys: 'ssh%20x', note: 'ü&=' } });
    const [first, second] = pve.requests;
    expect(first).toMatchObject({ method: 'GET', url: '/api2/json/nodes/pve1/x?a=b%20c%2Bd&current=1', body: '' });
    expect(first?.headers.authorization).toBe(`PVEAPIToken=${token.id}=${token.secret}`);
    expect(second).toMatchObject({ method: 'POST', url: '/api2/json/nodes/pve1/qemu/1/status/start' });
    expect(second?.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(second?.body.length),
    });
    expect(second?.headers['transfer-encoding']).toBeUndefined();
    expect(new URLSearchParams(second?.body).get('sshkeys')).toBe('ssh%20x');
  });

  it('have no body when they delete, and an empty one when they post nothing', async () => {
    const pve = await server();
    const send = transport([pve.url]);
    await send({ method: 'DELETE', path: '/nodes/pve1/qemu/1', query: { purge: '1' }, timeoutMs: 5_000 });
    await send(write);
    expect(pve.requests[0]?.headers['content-length']).toBeUndefined();
    expect(pve.requests[0]?.url).toBe('/api2/json/nodes/pve1/qemu/1?purge=1');
    expect(pve.requests[1]?.headers['content-length']).toBe('0');
  });

  it('keep the path of a proxy in front', async () => {
    const pve = await server();
    await transport([`${pve.url}/site-a/`])(read);
    expect(pve.requests[0]?.url).toBe('/site-a/api2/json/version');
  });

  it('bring back the status line, which is all that a 401 has', async () => {
    const pve = await server((_, response) => {
      response.writeHead(401, 'Authentication failed!').end();
    });
    await expect(transport([pve.url])(read)).resolves.toEqual({
      status: 401,
      reason: 'Authentication failed!',
      body: '',
    });
  });

  it('share connections', async () => {
    const pve = await server();
    const send = transport([pve.url], { maxConnections: 2 });
    for (let round = 0; round < 20; round += 1) await send(read);
    expect(pve.connections).toBeLessThanOrEqual(2);
    await Promise.all(Array.from({ length: 20 }, async () => send(read)));
    expect(pve.connections).toBeLessThanOrEqual(2);
    expect(pve.requests).toHaveLength(40);
  });
});

describe('reads', () => {
  it('do not wait behind writes that take long', async () => {
    const held: (() => void)[] = [];
    const pve = await server((request, response) => {
      if (request.method === 'GET') response.end('{"data":null}');
      else held.push(() => response.end('{"data":null}'));
    });
    const send = transport([pve.url], { maxConnections: 1 });
    const slow = send(write);
    await expect.poll(() => held.length).toBe(1);
    await expect(send(read)).resolves.toMatchObject({ status: 200 });
    held[0]?.();
    await expect(slow).resolves.toMatchObject({ status: 200 });
  });
});

describe('the server is checked before the token is sent', () => {
  it('by the CA', async () => {
    const pve = await server();
    await expect(transport([pve.url])(read)).resolves.toMatchObject({ status: 200 });
  });

  it('by the fingerprint, however it is written', async () => {
    const pve = await server();
    for (const fingerprint of [
      leaf.fingerprint,
      leaf.fingerprint.toLowerCase(),
      leaf.fingerprint.replaceAll(':', ''),
    ]) {
      await expect(transport([pve.url], { tls: { fingerprint } })(read)).resolves.toMatchObject({ status: 200 });
    }
  });

  it('by both', async () => {
    const pve = await server();
    const tls = { caBundle: ca.certificate, fingerprint: leaf.fingerprint };
    await expect(transport([pve.url], { tls })(read)).resolves.toMatchObject({ status: 200 });
  });

  it('by a bundle with several CAs', async () => {
    const pve = await server();
    const other = await testCa('Other CA');
    const tls = { caBundle: `${other.certificate}\n${ca.certificate}` };
    await expect(transport([pve.url], { tls })(read)).resolves.toMatchObject({ status: 200 });
  });

  const rejected: { name: string; tls: () => Promise<HttpsTransportOptions['tls']>; names?: string[]; says: RegExp }[] =
    [
      {
        name: 'another CA',
        tls: async () => ({ caBundle: (await testCa('Other CA')).certificate }),
        says: /not trusted by the given CA/,
      },
      { name: "the system's CAs", tls: async () => ({}), says: /not trusted by the system's CAs/ },
      {
        name: 'another name',
        tls: async () => ({ caBundle: ca.certificate }),
        names: ['pve9.example.com'],
        says: /ERR_TLS_CERT_ALTNAME_INVALID/,
      },
      {
        name: 'another fingerprint',
        tls: async () => ({ fingerprint: `${'AB:'.repeat(31)}AB` }),
        says: /expected is AB:AB/,
      },
      {
        name: 'the right fingerprint and another CA',
        tls: async () => ({ caBundle: (await testCa('Other CA')).certificate, fingerprint: leaf.fingerprint }),
        says: /not trusted/,
      },
      {
        name: 'the right CA and another fingerprint',
        tls: async () => ({ caBundle: ca.certificate, fingerprint: `${'AB:'.repeat(31)}AB` }),
        says: /expected/,
      },
    ];
  it.each(rejected)('and refused with $name', async ({ tls, names, says }) => {
    const certificate = names === undefined ? leaf : await ca.issue(names);
    const pve = await server(undefined, certificate);
    const error = await failure(transport([pve.url], { tls: await tls() })(write));
    expect(error).toMatchObject({ kind: 'certificate', maybeApplied: false, call: 'POST /start' });
    expect(error.detail).toMatch(says);
    expect(error.detail).toContain(certificate.fingerprint);
    expect(pve.requests).toHaveLength(0);
  });

  it('on every new connection', async () => {
    const pve = await server((_, response) => {
      response.setHeader('connection', 'close');
      response.end('{"data":null}');
    });
    const send = transport([pve.url]);
    await send(read);
    await send(read);
    expect(pve.connections).toBe(2);
  });

  it.each(['', 'AB', 'zz'.repeat(32), 'AB:'.repeat(32) + 'AB'])('with a real SHA-256 only, not %j', (fingerprint) => {
    expect(normalFingerprint(fingerprint)).toBeUndefined();
    expect(() => transport(['https://127.0.0.1:1'], { tls: { fingerprint } })).toThrow('SHA-256');
  });

  it('and a server that speaks no TLS is told apart', async () => {
    const plain = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void plain.close());
    const { port } = plain.address() as AddressInfo;
    const error = await failure(transport([`https://127.0.0.1:${port}`])(write));
    expect(error).toMatchObject({ kind: 'certificate', maybeApplied: false });
  });
});

describe('failures', () => {
  it('of connecting leave a write undone', async () => {
    const error = await failure(transport([await closedPort()])(write));
    expect(error).toMatchObject({ kind: 'unreachable', maybeApplied: false });
    expect(error.detail).toContain('ECONNREFUSED');
  });

  it('of a name are told', async () => {
    const error = await failure(transport(['https://no-such-host.invalid:8006'])(read));
    expect(error).toMatchObject({ kind: 'unreachable' });
  });

  it('to answer in time leave a write in doubt', async () => {
    const pve = await server(() => undefined);
    const send = transport([pve.url]);
    expect(await failure(send({ ...write, timeoutMs: 150 }))).toMatchObject({ kind: 'timeout', maybeApplied: true });
    expect(await failure(send({ ...read, timeoutMs: 150 }))).toMatchObject({ kind: 'timeout', maybeApplied: false });
  });

  it('in the middle of an answer are time-outs too', async () => {
    const pve = await server((_, response) => void response.write('{"data":'));
    expect(await failure(transport([pve.url])({ ...read, timeoutMs: 150 }))).toMatchObject({ kind: 'timeout' });
  });

  it('of a connection after sending leave a write in doubt, and it is not sent again', async () => {
    const pve = await server((_, __, socket) => void socket.destroy());
    expect(await failure(transport([pve.url])(write))).toMatchObject({ kind: 'unreachable', maybeApplied: true });
    expect(pve.requests).toHaveLength(1);
  });

  it('of a connection that was kept open do not hurt a read', async () => {
    let handled = 0;
    const pve = await server((_, response, socket) => {
      handled += 1;
      if (handled === 2) socket.destroy();
      else response.end('{"data":null}');
    });
    const send = transport([pve.url]);
    await send(read);
    await expect(send(read)).resolves.toMatchObject({ status: 200 });
    expect(pve.connections).toBe(2);
  });

  it('of every connection end', async () => {
    const pve = await server((_, __, socket) => void socket.destroy());
    expect(await failure(transport([pve.url])(read))).toMatchObject({ kind: 'unreachable' });
    expect(pve.requests).toHaveLength(2);
  });

  it('by redirect: the token does not go elsewhere', async () => {
    const elsewhere = await server();
    const pve = await server(
      (_, response) => void response.writeHead(302, { location: `${elsewhere.url}/api2/json/version` }).end(),
    );
    const error = await failure(transport([pve.url])(read));
    expect(error).toMatchObject({ kind: 'refused', status: 302 });
    expect(elsewhere.requests).toHaveLength(0);
  });

  it("by the caller's will keep the caller's reason", async () => {
    const pve = await server(() => abort.abort(new Error('shutting down')));
    const abort = new AbortController();
    await expect(transport([pve.url])({ ...write, signal: abort.signal })).rejects.toThrow('shutting down');
  });

  it('never show the secret, even if the server repeats it', async () => {
    const pve = await server(
      (request, response) => void response.writeHead(302, { location: request.headers.authorization ?? '' }).end(),
    );
    await failure(transport([pve.url])(read));
  });
});

describe('several endpoints', () => {
  it('stay with one that answers', async () => {
    const [first, second] = [await server(), await server()];
    const send = transport([first.url, second.url]);
    for (let round = 0; round < 5; round += 1) await send(read);
    expect([first.requests.length, second.requests.length]).toEqual([5, 0]);
  });

  it('move reads at once, and stay there', async () => {
    const second = await server();
    const warnings: string[] = [];
    const warn = (_: unknown, message: string): void => void warnings.push(message);
    const log = { warn, info: warn };
    const send = transport([await closedPort(), second.url], { log });
    await send(read);
    await send(read);
    await send(write);
    expect(second.requests).toHaveLength(3);
    expect(warnings).toEqual(['Switching to another endpoint']);
  });

  it('move past one with a wrong certificate without giving it the token', async () => {
    const stranger = await server(undefined, await (await testCa('Other CA')).issue(['127.0.0.1']));
    const second = await server();
    await transport([stranger.url, second.url])(read);
    expect(stranger.requests).toHaveLength(0);
    expect(second.requests).toHaveLength(1);
  });

  it('never get a write that another one may have got; the next call goes to the next', async () => {
    const first = await server((_, __, socket) => void socket.destroy());
    const second = await server();
    const send = transport([first.url, second.url]);
    expect(await failure(send(write))).toMatchObject({ maybeApplied: true });
    expect([first.requests.length, second.requests.length]).toEqual([1, 0]);
    await send(write);
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  });

  it('are each tried once by a read', async () => {
    const error = await failure(transport([await closedPort(), await closedPort(), await closedPort()])(read));
    expect(error.kind).toBe('unreachable');
  });

  it('come round again', async () => {
    let dead = false;
    const first = await server((_, response, socket) => {
      if (dead) socket.destroy();
      else response.end('{"data":1}');
    });
    const second = await server((_, response) => {
      response.end('{"data":2}');
    });
    const send = transport([first.url, second.url]);
    await expect(send(read)).resolves.toMatchObject({ body: '{"data":1}' });
    dead = true;
    await expect(send(read)).resolves.toMatchObject({ body: '{"data":2}' });
    dead = false;
    await second.close();
    await expect(send(read)).resolves.toMatchObject({ body: '{"data":1}' });
  });

  it('are left when they hang, for the call after', async () => {
    const first = await server(() => undefined);
    const second = await server();
    const send = transport([first.url, second.url]);
    expect(await failure(send({ ...read, timeoutMs: 150 }))).toMatchObject({ kind: 'timeout' });
    await send(read);
    expect(second.requests).toHaveLength(1);
  });
});

describe('settings', () => {
  const bad: { name: string; options: Partial<HttpsTransportOptions> }[] = [
    { name: 'no endpoint', options: { endpoints: [] } },
    { name: 'plain HTTP', options: { endpoints: ['http://pve1:8006'] } },
    { name: 'a password in the address', options: { endpoints: ['https://root:secret@pve1:8006'] } },
    { name: 'a query', options: { endpoints: ['https://pve1:8006/?a=b'] } },
    { name: 'no address', options: { endpoints: ['https://'] } },
    { name: 'a token id without a name', options: { token: { id: 'root@pam', secret: 'x' } } },
    { name: 'a token id with the secret in it', options: { token: { id: 'root@pam!op=secret', secret: 'x' } } },
    { name: 'a secret with a line break', options: { token: { id: token.id, secret: 'x\n' } } },
    { name: 'no secret', options: { token: { id: token.id, secret: '' } } },
  ];
  it.each(bad)('refuse $name', ({ options }) => {
    expect(() => transport(['https://127.0.0.1:8006'], options)).toThrow(TypeError);
  });

  it('take a bare host for HTTPS on port 8006', async () => {
    // Port 8006 of the test machine may be in use or not: what matters is where the call went.
    const pve = await server();
    await transport([pve.url.replace('https://', '')])(read);
    expect(pve.requests).toHaveLength(1);
    const error = await failure(transport(['no-such-host.invalid'])(read));
    expect(error.detail).toContain('no-such-host.invalid');
  });
});
