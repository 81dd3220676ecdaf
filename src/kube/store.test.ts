// Tests the store against what lists, watches and own writes may show, in every order.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Change, compareResourceVersions, createStore } from './store.ts';
import type { KubeObject } from './types.ts';

interface Thing extends KubeObject {
  zone?: string;
}

function thing(name: string, version: number, fields: { uid?: string; zone?: string } = {}): Thing {
  const { uid = `uid-${name}`, zone } = fields;
  return { apiVersion: 'v1', kind: 'Thing', zone, metadata: { name, uid, resourceVersion: String(version) } };
}

function aStore() {
  const changes: Change<Thing>[] = [];
  const store = createStore<Thing>({ zone: (object) => (object.zone === undefined ? [] : [object.zone]) }, (change) =>
    changes.push(change),
  );
  /** What happened since the last look: 'updated a@5'. */
  const news = (): string[] =>
    changes.splice(0).map(({ type, object }) => `${type} ${object.metadata.name}@${object.metadata.resourceVersion}`);
  return { store, changes, news };
}

test.each([
  { a: '9', b: '10', want: -1 },
  { a: '10', b: '9', want: 1 },
  { a: '10', b: '10', want: 0 },
  { a: '18446744073709551615', b: '18446744073709551614', want: 1 },
])('$a against $b', ({ a, b, want }) => {
  expect(Math.sign(compareResourceVersions(a, b))).toBe(want);
});

test('versions compare as numbers do', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n }), fc.bigInt({ min: 0n, max: 2n ** 64n }), (a, b) => {
      const want = a < b ? -1 : Number(a > b);
      expect(Math.sign(compareResourceVersions(String(a), String(b)))).toBe(want);
    }),
  );
});

test('the first list is initial, later ones are news', () => {
  const { store, changes, news } = aStore();
  store.replace([thing('a', 1), thing('b', 2)], '10');
  expect(changes.map((change) => change.initial)).toEqual([true, true]);
  expect(news()).toEqual(['added a@1', 'added b@2']);
  store.replace([thing('b', 12), thing('c', 13)], '20');
  expect(changes.map((change) => change.initial)).toEqual([false, false, false]);
  expect(news()).toEqual(['deleted a@1', 'updated b@12', 'added c@13']);
  store.replace([thing('b', 12), thing('c', 13)], '21');
  expect(news()).toEqual([]);
});

test('the watch adds, updates with the state before, and deletes', () => {
  const { store, changes, news } = aStore();
  store.replace([], '1');
  store.apply(thing('a', 2));
  store.apply(thing('a', 3));
  expect(changes[1]?.previous?.metadata.resourceVersion).toBe('2');
  store.remove(thing('a', 4));
  expect(news()).toEqual(['added a@2', 'updated a@3', 'deleted a@4']);
  expect(store.get('a')).toBeUndefined();
});

test('the same name with another uid is another object', () => {
  const { store, news } = aStore();
  store.replace([thing('a', 1)], '1');
  store.apply(thing('a', 5, { uid: 'second' }));
  expect(news()).toEqual(['added a@1', 'deleted a@1', 'added a@5']);
  store.remove(thing('a', 6, { uid: 'first' }));
  expect(store.get('a')?.metadata.uid).toBe('second');
});

test('indexes follow every change', () => {
  const { store } = aStore();
  store.replace([thing('a', 1, { zone: 'x' }), thing('b', 1, { zone: 'x' }), thing('c', 1)], '1');
  const names = (zone: string): string[] => store.byIndex('zone', zone).map((object) => object.metadata.name);
  expect(names('x')).toEqual(['a', 'b']);
  store.apply(thing('a', 2, { zone: 'y' }));
  expect([names('x'), names('y')]).toEqual([['b'], ['a']]);
  store.remove(thing('b', 3, { zone: 'x' }));
  expect(names('x')).toEqual([]);
  expect(() => store.byIndex('absent', 'x')).toThrow(RangeError);
});

test('an own write shows at once and is told once', () => {
  const { store, news } = aStore();
  store.replace([thing('a', 1)], '1');
  news();
  store.observe(thing('a', 5));
  store.observe(thing('new', 6));
  expect(news()).toEqual(['updated a@5', 'added new@6']);
  store.apply(thing('a', 3));
  expect(store.get('a')?.metadata.resourceVersion).toBe('5');
  store.apply(thing('a', 5));
  store.apply(thing('new', 6));
  expect(news()).toEqual([]);
  store.apply(thing('a', 7));
  expect(news()).toEqual(['updated a@7']);
});

test('the watch may be faster than the answer of the write', () => {
  const { store, news } = aStore();
  store.replace([thing('a', 1)], '1');
  store.apply(thing('a', 5));
  store.apply(thing('a', 6));
  news();
  store.observe(thing('a', 5));
  expect(news()).toEqual([]);
  expect(store.get('a')?.metadata.resourceVersion).toBe('6');
});

test('the answer of a write does not bring back what was deleted since', () => {
  const { store } = aStore();
  store.replace([thing('a', 1)], '1');
  store.apply(thing('a', 5));
  store.remove(thing('a', 6));
  store.observe(thing('a', 5));
  expect(store.get('a')).toBeUndefined();
});

test('nothing is observed before the first list', () => {
  const { store, news } = aStore();
  store.observe(thing('a', 5));
  expect(store.get('a')).toBeUndefined();
  store.replace([thing('a', 5)], '5');
  expect(news()).toEqual(['added a@5']);
});

test.each([
  { name: 'a list from before the write keeps it', listedAt: '9', items: [thing('a', 1)], want: ['10', '11'] },
  { name: 'a list from after the write decides', listedAt: '30', items: [thing('a', 20)], want: ['20', undefined] },
])('$name', ({ listedAt, items, want }) => {
  const { store } = aStore();
  store.replace([thing('a', 1)], '1');
  store.observe(thing('a', 10));
  store.observe(thing('new', 11));
  store.replace(items, listedAt);
  expect([store.get('a')?.metadata.resourceVersion, store.get('new')?.metadata.resourceVersion]).toEqual(want);
});

test('after a restore of the server from a backup the list alone counts', () => {
  const { store, news } = aStore();
  store.replace([thing('a', 100)], '100');
  store.observe(thing('a', 150));
  news();
  store.replace([thing('a', 40)], '50');
  expect(news()).toEqual(['updated a@40']);
});

test('what is forgotten stays away until a new object has its name', () => {
  const { store, news } = aStore();
  store.replace([thing('a', 1)], '1');
  news();
  store.forget(thing('a', 1));
  expect(news()).toEqual(['deleted a@1']);
  store.apply(thing('a', 2));
  store.observe(thing('a', 2));
  store.remove(thing('a', 3));
  expect(news()).toEqual([]);
  store.apply(thing('a', 4, { uid: 'second' }));
  expect(news()).toEqual(['added a@4']);
  store.forget(thing('a', 4));
  expect(store.get('a')?.metadata.uid).toBe('second');
});

const version = fc.integer({ min: 2, max: 60 });
const name = fc.constantFrom('a', 'b');

test('after a list that is newer than everything, the store is the list, and the changes told add up to it', () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constantFrom('apply' as const, 'remove' as const, 'observe' as const, 'forget' as const),
      name,
      version,
    }),
  );
  fc.assert(
    fc.property(fc.array(step), fc.uniqueArray(name), (steps, listed) => {
      const told = new Map<string, string | undefined>();
      const store = createStore<Thing>({}, (change) => {
        const { name: key, resourceVersion } = change.object.metadata;
        expect(told.has(key)).toBe(change.type !== 'added');
        if (change.type === 'deleted') told.delete(key);
        else told.set(key, resourceVersion);
      });
      store.replace([thing('a', 1)], '1');
      for (const each of steps) store[each.do](thing(each.name, each.version));
      store.replace(
        listed.map((key) => thing(key, 100)),
        '100',
      );
      expect(
        store
          .list()
          .map((object) => object.metadata.name)
          .sort(),
      ).toEqual([...listed].sort());
      expect([...told.keys()].sort()).toEqual([...listed].sort());
      expect([...told.values()].every((told100) => told100 === '100')).toBe(true);
    }),
  );
});
