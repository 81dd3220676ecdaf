// Tests the wire against real sockets: pooling, time limits, streams, half-open peers, and closing.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { createTransport, type Transport, TransportTimeoutError } from './transport.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Served {
  transport: Transport;
  sockets: Set<Socket>;
  connections: () => number;
  requests: IncomingMessage[];
}

async function serving(handler: RequestListener, basePath = '', user: object = {}): Promise<Served> {
  const sockets = new Set<Socket>();
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'c', server: `http://127.0.0.1:${port}${basePath}`, skipTLSVerify: true },
    { name: 'u', ...user },
  );
  const transport = createTransport({ kubeConfig, userAgent: 'tests/1', clock: systemClock });
  cleanups.push(async () => {
    await transport.close(0);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { transport, sockets, connections: () => connections, requests };
}

const echo = (_request: IncomingMessage, response: ServerResponse): void => void response.end('{"ok":true}');
const get = { method: 'GET' as const, path: '/api', timeoutMs: 5_000 };

test('many requests share few connections', async () => {
  const { transport, connections } = await serving(echo);
  for (let count = 0; count < 50; count += 1) await transport.request(get);
  expect(connections()).toBeLessThanOrEqual(2);
  await Promise.all(Array.from({ length: 200 }, () => transport.request(get)));
  expect(connections()).toBeLessThanOrEqual(32);
});

test('path, headers, body and token arrive', async () => {
  const bodies: string[] = [];
  const { transport, requests } = await serving(
    (request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => bodies.push(text));
      request.on('end', () => response.writeHead(201, { warning: 'careful' }).end('made'));
    },
    '/k8s/clusters/c-1/',
    { token: 'secret' },
  );
  const headers = { 'content-type': 'application/json' };
  const answer = await transport.request({
    method: 'POST',
    path: '/api/v1/x?a=b',
    headers,
    body: '{"ż":1}',
    timeoutMs: 5_000,
  });
  expect(answer).toMatchObject({ status: 201, text: 'made', headers: { warning: 'careful' } });
  expect(bodies).toEqual(['{"ż":1}']);
  expect(requests[0]).toMatchObject({ method: 'POST', url: '/k8s/clusters/c-1/api/v1/x?a=b' });
  expect(requests[0]?.headers).toMatchObject({
    authorization: 'Bearer secret',
    'content-type': 'application/json',
    'user-agent': 'tests/1',
    accept: 'application/json',
  });
});

test.each<{ name: string; handler: RequestListener }>([
  { name: 'never answers', handler: () => undefined },
  { name: 'stops in the middle of the answer', handler: (_request, response) => void response.write('{"ok"') },
])('a server that $name is given up after the time limit', async ({ handler }) => {
  const { transport } = await serving(handler);
  await expect(transport.request({ ...get, timeoutMs: 50 })).rejects.toBeInstanceOf(TransportTimeoutError);
});

test.each(['request', 'stream'] as const)(
  'the time limit of a %s holds while the TLS handshake hangs',
  async (kind) => {
    const server = createTcpServer((socket) => void socket.resume().on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const kubeConfig = new KubeConfig();
    const { port } = server.address() as AddressInfo;
    kubeConfig.loadFromClusterAndUser(
      { name: 'c', server: `https://127.0.0.1:${port}`, skipTLSVerify: true },
      { name: 'u' },
    );
    const transport = createTransport({ kubeConfig, userAgent: 'tests/1', clock: systemClock });
    cleanups.push(
      () => transport.close(0),
      () => void server.close(),
    );
    const startedAt = performance.now();
    await expect(transport[kind]({ ...get, timeoutMs: 50 })).rejects.toBeInstanceOf(TransportTimeoutError);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  },
);

test('after a time-out the next request takes a new connection', async () => {
  let silent = true;
  const { transport, connections } = await serving((request, response) => {
    if (!silent) echo(request, response);
  });
  await transport.request({ ...get, timeoutMs: 50 }).catch(() => undefined);
  silent = false;
  expect((await transport.request(get)).status).toBe(200);
  expect(connections()).toBe(2);
});

test("an abort rejects with the signal's reason, before and during the request", async () => {
  const { transport } = await serving(() => undefined);
  const abort = new AbortController();
  const running = transport.request({ ...get, signal: abort.signal });
  abort.abort(new Error('stopping'));
  await expect(running).rejects.toThrow('stopping');
  await expect(transport.request({ ...get, signal: abort.signal })).rejects.toThrow('stopping');
  await expect(transport.stream({ ...get, signal: abort.signal })).rejects.toThrow('stopping');
});

test('a cut connection rejects', async () => {
  const { transport } = await serving((request) => void request.socket.destroy());
  await expect(transport.request(get)).rejects.toThrow();
});

test('a stream stays open beyond the time limit of its headers, and has its own connection', async () => {
  let stream: ServerResponse | undefined;
  const { transport, connections, sockets } = await serving((request, response) => {
    if (request.url !== '/watch') return echo(request, response);
    stream = response.writeHead(200);
    stream.flushHeaders();
  });
  const opened = await transport.stream({ method: 'GET', path: '/watch', timeoutMs: 100 });
  const requested = Array.from({ length: 5 }, () => transport.request(get));
  await Promise.all(requested);
  await new Promise((resolve) => setTimeout(resolve, 120));
  stream?.write('late\n');
  for await (const chunk of opened.body) {
    expect(new TextDecoder().decode(chunk)).toBe('late\n');
    break;
  }
  const before = connections();
  opened.close();
  await untilEmpty(sockets, before - 1);
  expect(connections()).toBe(before);
});

test('an abort ends a stream that is silent', async () => {
  const { transport, sockets } = await serving((_request, response) => response.writeHead(200).flushHeaders());
  const abort = new AbortController();
  const opened = await transport.stream({ ...get, signal: abort.signal });
  const reading = (async () => {
    for await (const _chunk of opened.body) expect.unreachable();
  })();
  abort.abort(new Error('stopping'));
  await expect(reading).rejects.toThrow();
  opened.close();
  await untilEmpty(sockets, 0);
});

test('closing with an idle keep-alive connection and an open stream does not wait', async () => {
  const { transport, sockets } = await serving((request, response) => {
    if (request.url === '/api') echo(request, response);
    else response.writeHead(200).flushHeaders();
  });
  await transport.request(get);
  await transport.stream({ ...get, path: '/watch' });
  expect(sockets.size).toBe(2);
  const startedAt = performance.now();
  await transport.close(10_000);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await untilEmpty(sockets, 0);
  await expect(transport.request(get)).rejects.toThrow('closed');
});

test('closing lets a running request finish within the grace period, and cuts it afterwards', async () => {
  const pending = new Map<string | undefined, ServerResponse>();
  const { transport } = await serving((request, response) => void pending.set(request.url, response));
  const finished = transport.request(get);
  const stuck = transport.request({ ...get, path: '/stuck' }).catch((error: unknown) => error);
  while (pending.size < 2) await new Promise((resolve) => setImmediate(resolve));
  const closed = transport.close(100);
  pending.get('/api')?.end('done');
  expect((await finished).text).toBe('done');
  await closed;
  expect(await stuck).toBeInstanceOf(Error);
});

test('new credentials are used after a refresh', async () => {
  const user = { token: 'old' };
  const { transport, requests } = await serving(echo, '', user);
  await transport.request(get);
  transport.refreshCredentials();
  await transport.request(get);
  expect(requests.map((request) => request.headers.authorization)).toEqual(['Bearer old', 'Bearer old']);
});

async function untilEmpty(sockets: Set<Socket>, left: number): Promise<void> {
  while (sockets.size > left) await new Promise((resolve) => setImmediate(resolve));
}
