// Tests status differences and what is written for them.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergePatched } from '../../test/kube/fake-kube.ts';
import type { KubeClient } from './client.ts';
import { isEqualJson, patchStatus, statusDiff } from './status.ts';
import type { KubeObject, ResourceType } from './types.ts';

test.each([
  { name: 'equal', from: { a: 1, b: [1, { c: 2 }] }, to: { b: [1, { c: 2 }], a: 1 }, want: undefined },
  { name: 'undefined is absent', from: { a: 1 }, to: { a: 1, b: undefined }, want: undefined },
  { name: 'null is absent', from: { a: 1 }, to: { a: 1, b: null }, want: undefined },
  { name: 'no status yet', from: undefined, to: { a: 1 }, want: { a: 1 } },
  { name: 'no status yet, and none wanted', from: undefined, to: {}, want: undefined },
  {
    name: 'changed, added and removed',
    from: { a: 1, b: 2, c: 3 },
    to: { a: 1, b: 5, d: 4 },
    want: { b: 5, c: null, d: 4 },
  },
  { name: 'only the nested change', from: { a: { b: 1, c: 2 } }, to: { a: { b: 1, c: 3 } }, want: { a: { c: 3 } } },
  { name: 'a nested removal', from: { a: { b: 1, c: 2 } }, to: { a: { b: 1 } }, want: { a: { c: null } } },
  { name: 'lists are replaced as a whole', from: { a: [1, 2] }, to: { a: [2] }, want: { a: [2] } },
  { name: 'the order of a list counts', from: { a: [1, 2] }, to: { a: [2, 1] }, want: { a: [2, 1] } },
  { name: 'false and zero are values', from: { a: true, b: 1 }, to: { a: false, b: 0 }, want: { a: false, b: 0 } },
  { name: 'an object becomes a list', from: { a: { b: 1 } }, to: { a: [1] }, want: { a: [1] } },
  { name: 'an empty object is not absent', from: {}, to: { a: {} }, want: { a: {} } },
])('$name', ({ from, to, want }) => {
  expect(statusDiff(from, to)).toEqual(want);
});

const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 3 }));
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value')),
  ),
})).value;
const status = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), json);

test('the patch turns the one into the other, for all statuses', () => {
  fc.assert(
    fc.property(status, status, (from, to) => {
      const patch = statusDiff(from, to);
      const patched = patch === undefined ? from : mergePatched(from, patch);
      expect(isEqualJson(patched, to)).toBe(true);
      expect(statusDiff(to, patched as object)).toBeUndefined();
    }),
  );
});

interface Thing extends KubeObject {
  status?: { phase?: string; note?: string };
}
const thingType: ResourceType<Thing> = { group: 'x', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true };

test('a difference is written to the status subresource on the version it was computed from', async () => {
  const calls: unknown[] = [];
  const client = {
    patch: (...call: unknown[]) => {
      calls.push(call);
      return Promise.resolve({ answered: true });
    },
  } as unknown as Pick<KubeClient, 'patch'>;
  const metadata = { name: 'a', namespace: 'n', resourceVersion: '7' };
  const current: Thing = { apiVersion: 'x/v1', kind: 'Thing', metadata, status: { phase: 'Old', note: 'same' } };

  const equal = await patchStatus(client, thingType, current, { note: 'same', phase: 'Old' });
  expect(equal).toEqual({ written: false, object: current });
  expect(calls).toEqual([]);

  const changed = await patchStatus(client, thingType, current, { note: 'same', phase: 'New' });
  expect(changed).toEqual({ written: true, object: { answered: true } });
  expect(calls).toEqual([
    [
      thingType,
      { name: 'a', namespace: 'n' },
      { metadata: { resourceVersion: '7' }, status: { phase: 'New' } },
      { kind: 'merge', subresource: 'status' },
    ],
  ]);
});
