// Tests that informers survive what happens to connections and API servers, against a real one.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { KubeClient } from '../../src/kube/client.ts';
import { createInformer, type Informer, type InformerOptions } from '../../src/kube/informer.ts';
import { type Cluster, type ConfigMap, configMaps, startCluster } from './cluster.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** Quick attempts, so that outages last no longer than they must. */
const backoff = { baseDelayMs: 50, maxDelayMs: 500, jitter: 0.5 };

function put(namespace: string, name: string, value = '1'): Promise<ConfigMap> {
  return cluster.client.create(configMaps, { metadata: { name, namespace }, data: { value } });
}

async function following(client: KubeClient, namespace: string, options: Partial<InformerOptions<ConfigMap>> = {}) {
  const abort = new AbortController();
  const informer = createInformer<ConfigMap>({ client, type: configMaps, namespace, backoff, ...options });
  const changes: string[] = [];
  informer.subscribe((change) => changes.push(`${change.type} ${change.object.metadata.name}`));
  informer.start(abort.signal);
  onTestFinished(async () => {
    abort.abort();
    await informer.stopped();
  });
  await informer.synced(AbortSignal.timeout(30_000));
  return { informer, changes };
}

function has(informer: Informer<ConfigMap>, namespace: string, name: string): Promise<ConfigMap> {
  return until(`${name} arrives`, () => informer.get(`${namespace}/${name}`));
}

test('follows, and forgets managedFields', async () => {
  const namespace = await cluster.newNamespace('plain');
  await put(namespace, 'before');
  const { informer, changes } = await following(cluster.client, namespace);
  await put(namespace, 'after');
  const object = await has(informer, namespace, 'after');
  expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { value: '1' } });
  expect(object.metadata).not.toHaveProperty('managedFields');
  await cluster.client.delete(configMaps, 'before', namespace);
  await until('the delete arrives', () => changes.at(-1) === 'deleted before');
  expect(changes).toEqual(['added before', 'added after', 'deleted before']);
});

test('an own write is in the store before the watch has shown it', async () => {
  const namespace = await cluster.newNamespace('observe');
  const { informer, changes } = await following(cluster.client, namespace);
  for (let count = 0; count < 20; count += 1) {
    const written = await put(namespace, `own-${count}`);
    informer.observe(written);
    expect(informer.get(`${namespace}/own-${count}`)?.metadata.resourceVersion).toBe(written.metadata.resourceVersion);
  }
  await put(namespace, 'last');
  await has(informer, namespace, 'last');
  expect(changes).toHaveLength(21);
});

test('5,000 objects arrive in pages', async () => {
  const namespace = await cluster.newNamespace('many');
  const names = Array.from({ length: 5_000 }, (_, index) => `object-${index}`);
  const todo = names.values();
  const workers = Array.from({ length: 24 }, async () => {
    for (const name of todo) await put(namespace, name);
  });
  await Promise.all(workers);
  const client = cluster.newClient();
  const { informer } = await following(client, namespace, {
    indexes: { value: (object) => [object.data?.['value'] ?? ''] },
  });
  expect(informer.list()).toHaveLength(5_000);
  expect(informer.byIndex('value', '1')).toHaveLength(5_000);
  expect(client.requestCounts()).toMatchObject({ 'list configmaps': 10 });
});

test('the API server restarts', async () => {
  const namespace = await cluster.newNamespace('restart');
  await put(namespace, 'before');
  const { informer } = await following(cluster.client, namespace);
  await cluster.plane.restartApiServer();
  await put(namespace, 'after');
  await has(informer, namespace, 'after');
  expect(informer.get(`${namespace}/before`)).toBeDefined();
  expect(informer.health).toMatchObject({ synced: true, stale: false });
});

test('the API server is killed, and objects change before the watch is back', async () => {
  const namespace = await cluster.newNamespace('kill');
  await put(namespace, 'vanishes');
  const proxy = await startTcpProxy(addressOf(cluster.plane.url));
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const { informer, changes } = await following(cluster.newClient(`https://127.0.0.1:${proxy.port}`), namespace);
  proxy.blackholeNew(true);
  await cluster.plane.killApiServer();
  await cluster.plane.startApiServer();
  await until('the API server answers', () =>
    cluster.client.delete(configMaps, 'vanishes', namespace).then(
      () => true,
      () => false,
    ),
  );
  await put(namespace, 'appears');
  proxy.blackholeNew(false);
  proxy.resetAll();
  await has(informer, namespace, 'appears');
  expect(informer.get(`${namespace}/vanishes`)).toBeUndefined();
  expect(changes).toContain('deleted vanishes');
});

test('connections are reset', async () => {
  const namespace = await cluster.newNamespace('reset');
  const proxy = await startTcpProxy(addressOf(cluster.plane.url));
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const { informer } = await following(cluster.newClient(`https://127.0.0.1:${proxy.port}`), namespace);
  for (const name of ['a', 'b', 'c']) {
    proxy.resetAll();
    await put(namespace, name);
    await has(informer, namespace, name);
  }
  expect(informer.health.restarts).toBeGreaterThanOrEqual(1);
});

test('a connection goes silent without being closed', async () => {
  const namespace = await cluster.newNamespace('half-open');
  const proxy = await startTcpProxy(addressOf(cluster.plane.url));
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const client = cluster.newClient(`https://127.0.0.1:${proxy.port}`);
  const { informer } = await following(client, namespace, { staleAfterMs: 3_000 });
  const startedAt = performance.now();
  proxy.blackholeOpen();
  await put(namespace, 'unseen');
  await has(informer, namespace, 'unseen');
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});

test('the whole network is gone for a while: stale, and then not', async () => {
  const namespace = await cluster.newNamespace('outage');
  const proxy = await startTcpProxy(addressOf(cluster.plane.url));
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const client = cluster.newClient(`https://127.0.0.1:${proxy.port}`, { requestTimeoutMs: 500 });
  const { informer } = await following(client, namespace, { staleAfterMs: 1_000 });
  proxy.blackholeNew(true);
  proxy.blackholeOpen();
  await until('the copy is stale', () => informer.health.stale);
  await put(namespace, 'meanwhile');
  proxy.blackholeNew(false);
  await has(informer, namespace, 'meanwhile');
  expect(informer.health.stale).toBe(false);
});

test.each([
  { name: '429 with Retry-After', status: 429, headers: { 'retry-after': '1' } },
  { name: '500', status: 500, headers: undefined },
  { name: '503 of a load balancer', status: 503, headers: undefined },
])('lists and watches are refused with $name for a while', async ({ status, headers }) => {
  const namespace = await cluster.newNamespace(`refused-${status}`);
  const proxy = await startFaultProxy(cluster.kubeConfig);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const list = { matches: `/namespaces/${namespace}/configmaps?limit`, status, headers };
  const watch = { matches: 'watch=true', status, headers };
  proxy.inject(list, list, watch, watch);
  await put(namespace, 'before');
  const { informer } = await following(cluster.newClient(proxy.url), namespace);
  await put(namespace, 'after');
  await has(informer, namespace, 'after');
  expect(informer.list()).toHaveLength(2);
  expect(proxy.requests.filter((request) => request.includes('watch=true'))).toHaveLength(3);
});

test.each([
  { name: 'as the answer', inStream: false },
  { name: 'inside the stream', inStream: true },
])('410 $name leads to a new list', async ({ inStream }) => {
  const namespace = await cluster.newNamespace('gone');
  const proxy = await startFaultProxy(cluster.kubeConfig);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const status = JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' });
  await put(namespace, 'vanishes');
  const { informer, changes } = await following(cluster.newClient(proxy.url), namespace);
  await until('the watch is open', () => proxy.requests.some((request) => request.includes('watch=true')));
  if (!inStream) proxy.inject({ matches: 'watch=true', status: 410, body: status });
  proxy.endWatchesWith(inStream ? `{"type":"ERROR","object":${status}}` : '');
  await cluster.client.delete(configMaps, 'vanishes', namespace);
  await put(namespace, 'appears');
  await has(informer, namespace, 'appears');
  await until('the delete is known', () => changes.includes('deleted vanishes'));
  expect(informer.list()).toHaveLength(1);
});

test('a version from before the server remembers is answered with 410', async () => {
  const namespace = await cluster.newNamespace('old');
  const watching = cluster.client.watch(
    configMaps,
    { namespace, resourceVersion: '1', signal: AbortSignal.timeout(30_000) },
    () => undefined,
  );
  await expect(watching).rejects.toMatchObject({ status: 410 });
});

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
