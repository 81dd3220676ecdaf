// Tests that a real API server takes every call of the client, and the objects that events, Secrets and finalizers make.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { timestamp } from '../../src/kube/conditions.ts';
import { createEventRecorder, eventType, type KubeEvent } from '../../src/kube/events.ts';
import { addFinalizer, removeFinalizer } from '../../src/kube/finalizers.ts';
import { createSecret, readSecret } from '../../src/kube/secrets.ts';
import { patchStatus } from '../../src/kube/status.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import { type Cluster, type ConfigMap, configMaps, namespaces, startCluster } from './cluster.ts';

let cluster: Cluster;
let namespace: string;
beforeAll(async () => {
  cluster = await startCluster();
  namespace = await cluster.newNamespace('client');
});
afterAll(() => cluster[Symbol.asyncDispose]());

function aConfigMap(name: string): Promise<ConfigMap> {
  return cluster.client.create(configMaps, { metadata: { name, namespace }, data: { a: '1', b: '2' } });
}

test('create, read, change, delete', async () => {
  const { client } = cluster;
  const made = await aConfigMap('crud');
  expect(made).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { uid: expect.any(String) } });
  await expect(aConfigMap('crud')).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
  const merged = await client.patch(configMaps, made.metadata, { data: { a: null, c: '3' } }, { kind: 'merge' });
  expect(merged.data).toEqual({ b: '2', c: '3' });
  const patched = await client.patch(configMaps, made.metadata, [{ op: 'remove', path: '/data/b' }], { kind: 'json' });
  expect(patched.data).toEqual({ c: '3' });
  await expect(client.replace(configMaps, made)).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
  const replaced = await client.replace(configMaps, { ...patched, data: { d: '4' } });
  expect((await client.get(configMaps, 'crud', namespace)).data).toEqual({ d: '4' });
  const stale = { resourceVersion: made.metadata.resourceVersion };
  await expect(client.delete(configMaps, 'crud', namespace, stale)).rejects.toMatchObject({ reason: 'Conflict' });
  await client.delete(configMaps, 'crud', namespace, { uid: replaced.metadata.uid });
  await expect(client.get(configMaps, 'crud', namespace)).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
});

test('apply owns its fields and takes over others only by force', async () => {
  const { client } = cluster;
  const target = { name: 'applied', namespace };
  const applied = await client.patch(configMaps, target, { metadata: target, data: { a: '1' } }, { kind: 'apply' });
  expect(applied.data).toEqual({ a: '1' });
  const other = cluster.newClient(undefined, { fieldManager: 'other' });
  const body = { metadata: target, data: { a: '2' } };
  await expect(other.patch(configMaps, target, body, { kind: 'apply' })).rejects.toMatchObject({ status: 409 });
  expect((await other.patch(configMaps, target, body, { kind: 'apply', force: true })).data).toEqual({ a: '2' });
});

test('a dry run stores nothing', async () => {
  await cluster.client.create(configMaps, { metadata: { name: 'dry', namespace } }, { dryRun: true });
  await expect(cluster.client.get(configMaps, 'dry', namespace)).rejects.toMatchObject({ reason: 'NotFound' });
});

test('refusals carry the field', async () => {
  const invalid = cluster.client.create(configMaps, { metadata: { name: 'Not_Valid', namespace } });
  await expect(invalid).rejects.toMatchObject({
    status: 422,
    reason: 'Invalid',
    details: { causes: [{ field: 'metadata.name' }] },
  });
});

test('selectors and pages', async () => {
  for (const name of ['page-a', 'page-b', 'page-c']) {
    await cluster.client.create(configMaps, { metadata: { name, namespace, labels: { paged: 'yes' } } });
  }
  const selection = { namespace, labelSelector: 'paged=yes' };
  const first = await cluster.client.list(configMaps, { ...selection, limit: 2 });
  const second = await cluster.client.list(configMaps, { ...selection, limit: 2, continueToken: first.continueToken });
  expect([...first.items, ...second.items].map((item) => item.metadata.name)).toEqual(['page-a', 'page-b', 'page-c']);
  expect(second.continueToken).toBeUndefined();
  const byField = await cluster.client.list(configMaps, { namespace, fieldSelector: 'metadata.name=page-b' });
  expect(byField.items).toHaveLength(1);
});

interface Job extends KubeObject {
  spec: object;
  status?: { conditions?: object[] };
}
const jobs: ResourceType<Job> = { group: 'batch', version: 'v1', kind: 'Job', plural: 'jobs', namespaced: true };

test('status is written through its subresource, as a difference, on the version it was computed from', async () => {
  const container = { name: 'c', image: 'example.com/none' };
  const job = await cluster.client.create(jobs, {
    metadata: { name: 'status', namespace },
    spec: { suspend: true, template: { spec: { containers: [container], restartPolicy: 'Never' } } },
  });
  const at = timestamp(Date.now());
  const condition = {
    type: 'Checked',
    status: 'True',
    reason: 'Test',
    message: 'It was.',
    lastTransitionTime: at,
    lastProbeTime: at,
  };
  const next = { ...job.status, conditions: [condition] };
  const first = await patchStatus(cluster.client, jobs, job, next);
  expect(first.written).toBe(true);
  expect(first.object.status?.conditions).toEqual([condition]);
  expect(await patchStatus(cluster.client, jobs, first.object, next)).toEqual({ written: false, object: first.object });
  await expect(patchStatus(cluster.client, jobs, job, { conditions: [] })).rejects.toMatchObject({
    reason: 'Conflict',
  });
});

test('finalizers keep an object until they are removed', async () => {
  const plain = await aConfigMap('finalized');
  const guarded = await addFinalizer(cluster.client, configMaps, plain, 'example.io/guard');
  await expect(addFinalizer(cluster.client, configMaps, plain, 'example.io/guard')).rejects.toMatchObject({
    reason: 'Conflict',
  });
  await cluster.client.delete(configMaps, 'finalized', namespace);
  const deleted = await cluster.client.get(configMaps, 'finalized', namespace);
  expect(deleted.metadata.deletionTimestamp).toBeDefined();
  expect(guarded.metadata.finalizers).toEqual(['example.io/guard']);
  await removeFinalizer(cluster.client, configMaps, deleted, 'example.io/guard');
  await expect(cluster.client.get(configMaps, 'finalized', namespace)).rejects.toMatchObject({ reason: 'NotFound' });
  expect(await removeFinalizer(cluster.client, configMaps, deleted, 'example.io/guard')).toBeUndefined();
});

test('Secrets', async () => {
  const secret = { metadata: { name: 'credentials', namespace }, values: { password: 'zażółć' }, immutable: true };
  await createSecret(cluster.client, secret);
  expect(await readSecret(cluster.client, namespace, 'credentials')).toEqual({ password: 'zażółć' });
  await expect(createSecret(cluster.client, secret)).rejects.toMatchObject({ reason: 'AlreadyExists' });
});

test('events, their counts, and events about cluster-scoped objects', async () => {
  const errors: unknown[] = [];
  const recorder = createEventRecorder({
    client: cluster.client,
    component: 'example.io/operator',
    instance: 'pod-1',
    onError: (error) => errors.push(error),
  });
  const regarding = await aConfigMap('regarded');
  const event = { type: 'Warning' as const, reason: 'PoolEmpty', message: 'No address is free.' };
  recorder.emit(regarding, event);
  await recorder.flush();
  recorder.emit(regarding, event);
  recorder.emit(regarding, event);
  recorder.emit(await cluster.client.get(namespaces, namespace), { ...event, message: 'x'.repeat(3_000) });
  await recorder.flush();
  expect(errors).toEqual([]);
  const about = async (inNamespace: string, name: string): Promise<KubeEvent[]> => {
    const { items } = await cluster.client.list(eventType, { namespace: inNamespace });
    return items.filter((item) => item.regarding.name === name);
  };
  const counted = await about(namespace, 'regarded');
  expect(counted).toHaveLength(1);
  expect(counted[0]).toMatchObject({ type: 'Warning', reason: 'PoolEmpty', series: { count: 3 } });
  expect(await about('default', namespace)).toHaveLength(1);
});
