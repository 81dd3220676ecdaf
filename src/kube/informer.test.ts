// Tests that the informer follows the server through every kind of break, in virtual time.
import { expect, test } from 'vitest';
import { createFakeKube, type FakeKube, refusal } from '../../test/kube/fake-kube.ts';
import { createVirtualClock, settle } from '../../test/kube/virtual-clock.ts';
import { networkError } from './errors.ts';
import { createInformer, type InformerOptions } from './informer.ts';
import type { Change } from './store.ts';
import type { KubeObject, ResourceType } from './types.ts';

interface Thing extends KubeObject {
  zone?: string;
}
const type: ResourceType<Thing> = { group: 'x', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true };

function put(kube: FakeKube, name: string, zone = 'x'): Thing {
  return kube.put(type, { metadata: { name, namespace: 'n' }, zone });
}

function anInformer(options: Partial<InformerOptions<Thing>> = {}) {
  const kube = createFakeKube();
  const clock = createVirtualClock();
  const abort = new AbortController();
  const errors: unknown[] = [];
  const changes: Change<Thing>[] = [];
  const informer = createInformer<Thing>({
    client: kube.client,
    type,
    clock,
    random: () => 0,
    backoff: { baseDelayMs: 1_000, maxDelayMs: 30_000, jitter: 0.5 },
    onError: (error) => errors.push(error),
    ...options,
  });
  informer.subscribe((change) => changes.push(change));
  const news = (): string[] => changes.splice(0).map((change) => `${change.type} ${change.object.metadata.name}`);
  const names = (): string[] => informer.list().map((object) => object.metadata.name);
  return { kube, clock, abort, errors, informer, changes, news, names };
}

test('lists in pages, then follows', async () => {
  const { kube, informer, abort, news, names } = anInformer({ pageSize: 2 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) put(kube, name);
  expect(informer.health).toMatchObject({ synced: false, stale: true, lastContactAt: 0 });
  informer.start(abort.signal);
  await informer.synced();
  expect(kube.calls.filter((call) => call.startsWith('list'))).toHaveLength(3);
  expect(names()).toEqual(['a', 'b', 'c', 'd', 'e']);
  news();
  await settle();
  put(kube, 'f');
  put(kube, 'a', 'moved');
  kube.drop(type, 'n/b');
  expect(news()).toEqual(['added f', 'updated a', 'deleted b']);
  expect(informer.get('n/a')?.zone).toBe('moved');
  expect(informer.health).toMatchObject({ synced: true, stale: false, restarts: 0 });
  abort.abort();
  await informer.stopped();
  expect(kube.openWatches()).toBe(0);
});

test('a later subscriber first gets what is there', async () => {
  const { kube, informer, abort } = anInformer();
  put(kube, 'a');
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  const seen: [string, boolean][] = [];
  const unsubscribe = informer.subscribe((change) => seen.push([change.object.metadata.name, change.initial]));
  put(kube, 'b');
  unsubscribe();
  put(kube, 'c');
  expect(seen).toEqual([
    ['a', true],
    ['b', false],
  ]);
  abort.abort();
});

test.each([
  { name: 'the server ends the watch', error: undefined, restarts: 0, waitMs: 1_000 },
  {
    name: 'the connection is reset',
    error: networkError('watch', new Error('ECONNRESET')),
    restarts: 1,
    waitMs: 1_000,
  },
  { name: 'a 500 inside the stream', error: refusal(500, 'InternalError'), restarts: 1, waitMs: 1_000 },
  { name: 'a 429 with its own wait', error: refusal(429, 'TooManyRequests', 5_000), restarts: 1, waitMs: 5_000 },
])('$name: the watch goes on where it was, without a list', async ({ error, restarts, waitMs }) => {
  const { kube, clock, informer, abort, news } = anInformer();
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  kube.breakWatches(error);
  put(kube, 'meanwhile');
  await clock.advance(waitMs - 1);
  expect(news()).toEqual([]);
  await clock.advance(1);
  expect(news()).toEqual(['added meanwhile']);
  expect(kube.calls.filter((call) => call === 'list things')).toHaveLength(1);
  expect(informer.health.restarts).toBe(restarts);
  abort.abort();
});

test('410: a new list finds what was missed, the vanished ones included', async () => {
  const { kube, clock, informer, abort, news } = anInformer();
  put(kube, 'old');
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  news();
  kube.breakWatches(networkError('watch', new Error('reset')));
  put(kube, 'new');
  kube.drop(type, 'n/old');
  kube.compact();
  await clock.advance(10_000);
  expect(news()).toEqual(['deleted old', 'added new']);
  expect(kube.openWatches()).toBe(1);
  abort.abort();
});

test.each([
  { name: '500', error: refusal(500, 'InternalError') },
  { name: '429', error: refusal(429, 'TooManyRequests', 2_000) },
  { name: '403 until RBAC is there', error: refusal(403, 'Forbidden') },
  { name: 'nobody there', error: networkError('list', new Error('ECONNREFUSED')) },
])('the first list fails with $name', async ({ error }) => {
  const { kube, clock, informer, abort, errors, names } = anInformer();
  put(kube, 'a');
  for (let count = 0; count < 3; count += 1) kube.failNext('list', { kind: 'refuse', error });
  informer.start(abort.signal);
  await clock.advance(60_000);
  expect(names()).toEqual(['a']);
  expect(errors).toEqual([error, error, error]);
  abort.abort();
});

test('waits grow while nothing works, and begin anew afterwards', async () => {
  const { kube, clock, informer, abort } = anInformer();
  const attempts: number[] = [];
  const refused = networkError('watch', new Error('ECONNREFUSED'));
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  for (let count = 0; count < 4; count += 1) kube.failNext('watch', { kind: 'refuse', error: refused });
  kube.breakWatches(refused);
  for (let seen = kube.calls.length, second = 0; second < 40; second += 1) {
    await clock.advance(1_000);
    if (kube.calls.length > seen) attempts.push(clock.monotonic());
    seen = kube.calls.length;
  }
  expect(attempts).toEqual([1_000, 3_000, 7_000, 15_000, 31_000]);
  kube.bookmark();
  kube.breakWatches(refused);
  const calls = kube.calls.length;
  await clock.advance(1_000);
  expect(kube.calls).toHaveLength(calls + 1);
  abort.abort();
});

test('a half-open connection is found by its silence, before the copy counts as stale', async () => {
  const { kube, clock, informer, abort, news } = anInformer({ staleAfterMs: 90_000 });
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  // Nothing arrives any more although the watch looks open.
  await clock.advance(74_999);
  expect(informer.health.restarts).toBe(0);
  kube.failNext('watch', { kind: 'hang' });
  await clock.advance(1_001);
  expect(informer.health).toMatchObject({ restarts: 1, stale: false });
  await clock.advance(14_001);
  expect(informer.health.stale).toBe(true);
  put(kube, 'a');
  await clock.advance(75_000);
  expect(news()).toEqual(['added a']);
  expect(informer.health.stale).toBe(false);
  abort.abort();
});

test('bookmarks keep a quiet watch alive and move it on', async () => {
  const { kube, clock, informer, abort } = anInformer();
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  for (let minute = 0; minute < 10; minute += 1) {
    await clock.advance(60_000);
    kube.put({ ...type, plural: 'others' }, { metadata: { name: 'x', namespace: 'n' } });
    kube.bookmark();
  }
  expect(kube.calls).toEqual(['list things', 'watch things']);
  // Everything before the last bookmark may be forgotten by the server now.
  kube.breakWatches();
  await clock.advance(1_000);
  expect(kube.calls.filter((call) => call === 'list things')).toHaveLength(1);
  expect(informer.health).toMatchObject({ stale: false, lastContactAt: clock.now() - 1_000 });
  abort.abort();
});

test('versions that went back, after a restore of etcd, lead to a new list', async () => {
  const { kube, clock, informer, abort, names } = anInformer();
  put(kube, 'kept');
  put(kube, 'lost');
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  kube.drop(type, 'n/lost');
  kube.rewind(50);
  put(kube, 'other');
  await clock.advance(5_000);
  expect(names().sort()).toEqual(['kept', 'other']);
  abort.abort();
});

test('a watch that the server ends at once does not make a tight loop', async () => {
  const { kube, clock, informer, abort } = anInformer();
  informer.start(abort.signal);
  await informer.synced();
  for (let second = 0; second < 60; second += 1) {
    await clock.advance(1_000);
    kube.breakWatches();
  }
  expect(kube.calls.filter((call) => call === 'watch things').length).toBeLessThan(12);
  abort.abort();
});

test('managedFields are dropped, and transform reduces further', async () => {
  const { kube, informer, abort } = anInformer({ transform: (object) => ({ ...object, zone: undefined }) });
  const managed = { name: 'a', namespace: 'n', managedFields: [{ manager: 'kubectl' }] };
  kube.put(type, { metadata: managed, zone: 'x' });
  informer.start(abort.signal);
  await informer.synced();
  expect(informer.get('n/a')).toMatchObject({ zone: undefined });
  expect(informer.get('n/a')?.metadata).not.toHaveProperty('managedFields');
  abort.abort();
});

test('broken callbacks neither stop the watch nor lose an object', async () => {
  const broken = (): never => {
    throw new Error('defect');
  };
  const { kube, informer, abort, errors, names } = anInformer({ indexes: { zone: broken }, transform: broken });
  informer.subscribe(broken);
  put(kube, 'a');
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  put(kube, 'b');
  expect(names()).toEqual(['a', 'b']);
  expect(errors.length).toBeGreaterThan(0);
  expect(informer.health.restarts).toBe(0);
  abort.abort();
});

test('own writes are seen at once', async () => {
  const { kube, informer, abort, news } = anInformer({ indexes: { zone: (object) => [object.zone ?? ''] } });
  const before = put(kube, 'a');
  informer.start(abort.signal);
  await informer.synced();
  await settle();
  news();
  const written = {
    ...before,
    zone: 'y',
    metadata: { ...before.metadata, resourceVersion: String(kube.version() + 1) },
  };
  informer.observe(written);
  expect(informer.byIndex('zone', 'y')).toEqual([written]);
  put(kube, 'a', 'y');
  expect(news()).toEqual(['updated a']);
  informer.forget(informer.get('n/a') as Thing);
  expect(news()).toEqual(['deleted a']);
  abort.abort();
});

test('waiting for the first list can be given up', async () => {
  const { informer } = anInformer();
  const abort = new AbortController();
  const waited = informer.synced(abort.signal);
  abort.abort(new Error('enough'));
  await expect(waited).rejects.toThrow('enough');
  await expect(informer.synced(abort.signal)).rejects.toThrow('enough');
});

test('an abort ends a hanging list, a wait and nothing twice', async () => {
  const { kube, informer, abort, errors } = anInformer();
  kube.failNext('list', { kind: 'hang' });
  informer.start(abort.signal);
  expect(() => informer.start(abort.signal)).toThrow('twice');
  await settle();
  abort.abort();
  await informer.stopped();
  expect(errors).toEqual([]);
});
