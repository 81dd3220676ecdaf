// What the API server in memory promises to the tests that stand on it.
import { beforeEach, describe, expect, test } from 'vitest';
import type { IPPool } from '../../src/api/ip-pool.ts';
import { resources } from '../../src/api/resources.ts';
import { addFinalizer, removeFinalizer } from '../../src/kube/finalizers.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../src/kube/errors.ts';
import { createSecret, readSecret } from '../../src/kube/secrets.ts';
import { patchStatus } from '../../src/kube/status.ts';
import { createFakeKube, type FakeKube } from './kube.ts';

const now = Date.parse('2026-03-01T10:00:00Z');
const spec: IPPool['spec'] = {
  clusterRef: { name: 'pve' },
  family: 'IPv4',
  bridge: 'vmbr0',
  prefixLength: 24,
  first: '192.0.2.10',
  last: '192.0.2.20',
};

let kube: FakeKube;

beforeEach(() => {
  kube = createFakeKube({ now: () => now });
});

async function error(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
}

function create(name = 'a'): Promise<IPPool> {
  return kube.client.create(resources.ipPool, { metadata: { name }, spec });
}

describe('create', () => {
  test('fills in what the server fills in and drops the status', async () => {
    const metadata = { name: 'a', uid: 'mine' };
    const pool = await kube.client.create(resources.ipPool, { metadata, spec, status: { total: '11' } });
    expect(pool).toMatchObject({
      apiVersion: 'pve-operator.io/v1alpha1',
      kind: 'IPPool',
      metadata: { generation: 1, resourceVersion: '1', creationTimestamp: '2026-03-01T10:00:00Z' },
    });
    expect(pool.metadata.uid).not.toBe('mine');
    expect(pool.status).toBeUndefined();
  });

  test('refuses a name that exists', async () => {
    await create();
    expect(isAlreadyExists(await error(create()))).toBe(true);
    expect(kube.writes).toHaveLength(1);
  });

  test('refuses what the schema refuses and drops what it does not know', async () => {
    const wrong = { ...spec, prefixLength: 0 };
    expect(await error(kube.client.create(resources.ipPool, { metadata: { name: 'b' }, spec: wrong }))).toMatchObject({
      status: 422,
      message: expect.stringContaining('spec.prefixLength') as string,
    });
    const more = { ...spec, colour: 'red' };
    const pool = await kube.client.create(resources.ipPool, { metadata: { name: 'c' }, spec: more });
    expect(pool.spec).not.toHaveProperty('colour');
  });

  test('stores nothing in a dry run', async () => {
    await kube.client.create(resources.ipPool, { metadata: { name: 'a' }, spec }, { dryRun: true });
    expect(kube.objects(resources.ipPool)).toEqual([]);
  });

  test('stores the text of a Secret in base64', async () => {
    await createSecret(kube.client, { metadata: { name: 's', namespace: 'n' }, values: { user: 'root' } });
    expect(await readSecret(kube.client, 'n', 's')).toEqual({ user: 'root' });
  });

  test('refuses a namespaced object without its namespace', async () => {
    const bare = kube.client.create(resources.secret, { metadata: { name: 's' } });
    expect(await error(bare)).toBeInstanceOf(TypeError);
  });
});

describe('patch and replace', () => {
  test('the generation counts changes of the spec only', async () => {
    const pool = await create();
    const { object } = await patchStatus(kube.client, resources.ipPool, pool, { total: '11' });
    expect(object.metadata).toMatchObject({ generation: 1, resourceVersion: '2' });
    const patch = { spec: { last: '192.0.2.30' } };
    const edited = await kube.client.patch(resources.ipPool, { name: 'a' }, patch, { kind: 'merge' });
    expect(edited).toMatchObject({ metadata: { generation: 2 }, status: { total: '11' }, spec: { first: spec.first } });
  });

  test('the main resource leaves the status alone, and the status the rest', async () => {
    await create();
    const both = { spec: { last: '192.0.2.30' }, status: { total: '5' } };
    const main = await kube.client.patch(resources.ipPool, { name: 'a' }, both, { kind: 'merge' });
    expect(main).toMatchObject({ spec: { last: '192.0.2.30' } });
    expect(main.status).toBeUndefined();
    const other = { spec: { last: '192.0.2.99' }, status: { total: '5' } };
    const options = { kind: 'merge', subresource: 'status' } as const;
    const status = await kube.client.patch(resources.ipPool, { name: 'a' }, other, options);
    expect(status).toMatchObject({ spec: { last: '192.0.2.30' }, status: { total: '5' } });
  });

  test('null deletes a field and a patch of nothing makes no new version', async () => {
    const pool = await create();
    const { object } = await patchStatus(kube.client, resources.ipPool, pool, { total: '11', allocated: 1 });
    const next = await patchStatus(kube.client, resources.ipPool, object, { total: '11' });
    expect(next.object.status).toEqual({ total: '11' });
    const same = await kube.client.patch(resources.ipPool, { name: 'a' }, { spec }, { kind: 'merge' });
    expect(same.metadata.resourceVersion).toBe(next.object.metadata.resourceVersion);
  });

  test('refuses a write onto an older state, and of an object that is gone', async () => {
    const pool = await create();
    await patchStatus(kube.client, resources.ipPool, pool, { total: '11' });
    expect(isConflict(await error(patchStatus(kube.client, resources.ipPool, pool, { total: '12' })))).toBe(true);
    expect(isConflict(await error(kube.client.replace(resources.ipPool, pool)))).toBe(true);
    const gone = kube.client.patch(resources.ipPool, { name: 'z' }, {}, { kind: 'merge' });
    expect(isNotFound(await error(gone))).toBe(true);
  });

  test('replaces the spec and keeps what the server owns', async () => {
    const pool = await create();
    const metadata = { ...pool.metadata, labels: { a: 'b' }, creationTimestamp: '2000-01-01T00:00:00Z' };
    const next = await kube.client.replace(resources.ipPool, { ...pool, metadata, spec: { ...spec, vlan: 7 } });
    expect(next.metadata).toMatchObject({ labels: { a: 'b' }, generation: 2, uid: pool.metadata.uid });
    expect(next.metadata.creationTimestamp).toBe('2026-03-01T10:00:00Z');
    expect(next.spec.vlan).toBe(7);
  });

  test('a kind without a status has no status subresource', async () => {
    kube.seed(resources.secret, { metadata: { name: 's', namespace: 'n' } });
    const options = { kind: 'merge', subresource: 'status' } as const;
    const write = kube.client.patch(resources.secret, { name: 's', namespace: 'n' }, { status: {} }, options);
    expect(isNotFound(await error(write))).toBe(true);
  });
});

describe('delete', () => {
  test('removes an object without finalizers at once', async () => {
    await create();
    await kube.client.delete(resources.ipPool, 'a');
    expect(kube.objects(resources.ipPool)).toEqual([]);
    expect(isNotFound(await error(kube.client.delete(resources.ipPool, 'a')))).toBe(true);
  });

  test('an object with a finalizer is marked, and goes with its last finalizer', async () => {
    const held = await addFinalizer(kube.client, resources.ipPool, await create(), 'x.io/y');
    await kube.client.delete(resources.ipPool, 'a');
    const [marked] = kube.objects(resources.ipPool);
    expect(marked?.metadata).toMatchObject({ deletionTimestamp: '2026-03-01T10:00:00Z', generation: 2 });
    expect(isConflict(await error(removeFinalizer(kube.client, resources.ipPool, held, 'x.io/y')))).toBe(true);
    const more = { metadata: { finalizers: ['x.io/y', 'x.io/z'] } };
    const refused = kube.client.patch(resources.ipPool, { name: 'a' }, more, { kind: 'merge' });
    expect(await error(refused)).toMatchObject({ status: 422 });
    await removeFinalizer(kube.client, resources.ipPool, marked as IPPool, 'x.io/y');
    expect(kube.objects(resources.ipPool)).toEqual([]);
  });

  test('spares another object than the one that was meant', async () => {
    const pool = await create();
    expect(isConflict(await error(kube.client.delete(resources.ipPool, 'a', undefined, { uid: 'other' })))).toBe(true);
    const options = { uid: pool.metadata.uid, resourceVersion: '99' };
    expect(isConflict(await error(kube.client.delete(resources.ipPool, 'a', undefined, options)))).toBe(true);
    await kube.client.delete(resources.ipPool, 'a', undefined, { uid: pool.metadata.uid });
  });

  test('the garbage collector takes what has lost its last owner, and what that owned', async () => {
    const owner = await create('owner');
    const ownedBy = ({ metadata }: IPPool) => ({
      apiVersion: owner.apiVersion,
      kind: owner.kind,
      name: metadata.name,
      uid: metadata.uid ?? '',
    });
    const child = kube.seed(resources.ipPool, { metadata: { name: 'child', ownerReferences: [ownedBy(owner)] }, spec });
    kube.seed(resources.ipPool, { metadata: { name: 'grandchild', ownerReferences: [ownedBy(child)] }, spec });
    expect(kube.collectGarbage()).toBe(0);
    await kube.client.delete(resources.ipPool, 'owner');
    expect(kube.collectGarbage()).toBe(2);
    expect(kube.objects(resources.ipPool)).toEqual([]);
  });
});

describe('stores', () => {
  test('show every write at once, by key and by index', async () => {
    const store = kube.store(resources.ipPool, { bridge: (pool: IPPool) => [pool.spec.bridge] });
    await create();
    expect(store.get('a')?.spec.bridge).toBe('vmbr0');
    expect(store.byIndex('bridge', 'vmbr0')).toHaveLength(1);
    expect(store.byIndex('bridge', 'vmbr1')).toEqual([]);
    expect(() => store.byIndex('colour', 'red')).toThrow(RangeError);
  });

  test('hand out objects that nobody can change', () => {
    kube.seed(resources.ipPool, { metadata: { name: 'a' }, spec });
    const pool = kube.store(resources.ipPool).get('a');
    expect(() => Object.assign(pool?.spec ?? {}, { vlan: 1 })).toThrow(TypeError);
  });
});

test('a list is narrowed by namespace, labels and fields', async () => {
  kube.seed(resources.secret, { metadata: { name: 'a', namespace: 'n', labels: { app: 'x' } } });
  kube.seed(resources.secret, { metadata: { name: 'b', namespace: 'n', labels: { app: 'y' } } });
  kube.seed(resources.secret, { metadata: { name: 'c', namespace: 'm', labels: { app: 'x' } } });
  const names = async (selection: object) =>
    (await kube.client.list(resources.secret, selection)).items.map((item) => item.metadata.name);
  expect(await names({ namespace: 'n' })).toEqual(['a', 'b']);
  expect(await names({ labelSelector: 'app=x' })).toEqual(['a', 'c']);
  expect(await names({ labelSelector: 'app', fieldSelector: 'metadata.name=b' })).toEqual(['b']);
});

describe('faults', () => {
  test('thrown before a write: it did not happen', async () => {
    kube.onWrite(({ phase }) => {
      if (phase === 'before') throw new Error('killed');
    });
    await expect(create()).rejects.toThrow('killed');
    expect(kube.objects(resources.ipPool)).toEqual([]);
    expect(kube.writes).toEqual([]);
  });

  test('thrown after a write: it happened and the answer is lost', async () => {
    kube.onWrite(({ phase }) => {
      if (phase === 'after') throw new Error('killed');
    });
    await expect(create()).rejects.toThrow('killed');
    expect(kube.objects(resources.ipPool)).toHaveLength(1);
    expect(kube.writes).toEqual([{ verb: 'create', type: 'ippools', name: 'a', namespace: undefined }]);
  });

  test('the hook hears of every write with its subresource', async () => {
    const heard: string[] = [];
    kube.onWrite(({ verb, type, phase }) => {
      heard.push(`${phase} ${verb} ${type}`);
    });
    await patchStatus(kube.client, resources.ipPool, await create(), { total: '1' });
    expect(heard).toEqual([
      'before create ippools',
      'after create ippools',
      'before patch ippools/status',
      'after patch ippools/status',
    ]);
    expect(kube.client.requestCounts()).toEqual({ 'create ippools': 1, 'patch ippools/status': 1 });
  });
});
