// Tests the whole runtime together: objects are worked on exactly as often as needed, and a stop is graceful and short.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createController } from '../../src/kube/controller.ts';
import { createInformer } from '../../src/kube/informer.ts';
import { leaseType, runWithLease } from '../../src/kube/lease.ts';
import type { Log } from '../../src/kube/log.ts';
import { keyOf, splitKey } from '../../src/kube/types.ts';
import { createWorkQueue } from '../../src/kube/work-queue.ts';
import { type Cluster, type ConfigMap, configMaps, startCluster } from './cluster.ts';
import { until } from './until.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** A small operator: gives every ConfigMap with `wanted` the same value as `actual`. */
function anOperator(namespace: string, onVisit: (key: string) => Promise<void> = () => Promise.resolve()) {
  const client = cluster.newClient();
  const stop = new AbortController();
  const problems: string[] = [];
  const note = (_fields: object, message: string): void => void problems.push(message);
  const log: Log = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  const queue = createWorkQueue({ baseDelayMs: 20 });
  const informer = createInformer<ConfigMap>({ client, type: configMaps, namespace });
  informer.subscribe((change) => queue.add(keyOf(change.object), change.initial ? 'restart' : 'user'));
  const visits: string[] = [];
  const controller = createController({
    name: 'copy',
    queue,
    workers: 4,
    log,
    async reconcile(key) {
      visits.push(key);
      await onVisit(key);
      const object = informer.get(key);
      const wanted = object?.data?.['wanted'];
      if (object === undefined || wanted === undefined || object.data?.['actual'] === wanted) return { kind: 'done' };
      const { resourceVersion } = object.metadata;
      const body = { metadata: { resourceVersion }, data: { actual: wanted } };
      informer.observe(await client.patch(configMaps, object.metadata, body, { kind: 'merge' }));
      return { kind: 'done' };
    },
  });
  const ended = runWithLease({
    client,
    namespace,
    name: 'operator',
    identity: 'only',
    signal: stop.signal,
    async onStarted(signal) {
      informer.start(signal);
      await informer.synced(signal);
      await controller.run(signal);
      await informer.stopped();
    },
  }).then(async (end) => {
    await client.close();
    return end;
  });
  return { client, stop, ended, informer, visits, problems };
}

test('objects converge, two visits each, conflicts included', async () => {
  const namespace = await cluster.newNamespace('converge');
  const operator = anOperator(namespace);
  const names = Array.from({ length: 50 }, (_, index) => `object-${index}`);
  for (const name of names) {
    await cluster.client.create(configMaps, { metadata: { name, namespace }, data: { wanted: name } });
  }
  await until('all have what they want', () =>
    names.every((name) => operator.informer.get(`${namespace}/${name}`)?.data?.['actual'] === name),
  );
  operator.stop.abort();
  expect(await operator.ended).toBe('stopped');
  expect(operator.problems).toEqual([]);
  expect(operator.client.requestCounts()['patch configmaps']).toBeLessThanOrEqual(55);
  expect(operator.visits.length).toBeLessThanOrEqual(110);
});

test('a stop lets the running call finish, starts no other, gives the lease up and ends soon', async () => {
  const namespace = await cluster.newNamespace('stop');
  let finish = (): void => undefined;
  const operator = anOperator(namespace, () => new Promise((resolve) => (finish = resolve)));
  await cluster.client.create(configMaps, { metadata: { name: 'a', namespace }, data: { wanted: 'x' } });
  await until('the call runs', () => operator.visits.length > 0);
  operator.stop.abort();
  await cluster.client.create(configMaps, { metadata: { name: 'b', namespace }, data: { wanted: 'x' } });
  const held = await cluster.client.get(leaseType, 'operator', namespace);
  expect(held.spec?.holderIdentity).toBe('only');
  const finishedAt = performance.now();
  finish();
  expect(await operator.ended).toBe('stopped');
  expect(performance.now() - finishedAt).toBeLessThan(1_000);
  expect(operator.visits.map((key) => splitKey(key).name)).toEqual(['a']);
  expect((await cluster.client.get(configMaps, 'a', namespace)).data?.['actual']).toBe('x');
  expect((await cluster.client.get(leaseType, 'operator', namespace)).spec?.holderIdentity).toBe('');
});
