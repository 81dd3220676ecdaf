// Tests that finalizers of others survive, and that stale decisions are refused.
import { expect, test } from 'vitest';
import { createFakeKube, refusal } from '../../test/kube/fake-kube.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';
import type { KubeObject, ResourceType } from './types.ts';

const type: ResourceType<KubeObject> = { group: 'x', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true };

function aThing(finalizers?: string[]) {
  const kube = createFakeKube();
  return {
    kube,
    object: kube.put(type, { metadata: { name: 'a', namespace: 'n', ...(finalizers && { finalizers }) } }),
  };
}

test.each([
  { name: 'the first', before: undefined, want: ['mine'] },
  { name: 'beside another', before: ['other'], want: ['other', 'mine'] },
])('adds $name', async ({ before, want }) => {
  const { kube, object } = aThing(before);
  const after = await addFinalizer(kube.client, type, object, 'mine');
  expect(after.metadata.finalizers).toEqual(want);
  expect(hasFinalizer(after, 'mine')).toBe(true);
});

test('nothing is sent for what is so already', async () => {
  const { kube, object } = aThing(['mine']);
  expect(await addFinalizer(kube.client, type, object, 'mine')).toBe(object);
  expect(await removeFinalizer(kube.client, type, object, 'absent')).toBe(object);
  expect(kube.calls).toEqual([]);
});

test('removes its own alone', async () => {
  const { kube, object } = aThing(['other', 'mine']);
  const after = await removeFinalizer(kube.client, type, object, 'mine');
  expect(after?.metadata.finalizers).toEqual(['other']);
});

test('an object that is gone is what removing was for', async () => {
  const { kube, object } = aThing(['mine']);
  kube.drop(type, 'n/a');
  expect(await removeFinalizer(kube.client, type, object, 'mine')).toBeUndefined();
});

test('a change in between is a conflict', async () => {
  const { kube, object } = aThing(['mine']);
  kube.put(type, { ...object, metadata: { ...object.metadata, labels: { changed: 'yes' } } });
  await expect(addFinalizer(kube.client, type, object, 'second')).rejects.toMatchObject({ reason: 'Conflict' });
  await expect(removeFinalizer(kube.client, type, object, 'mine')).rejects.toMatchObject({ reason: 'Conflict' });
});

test('other refusals are passed on', async () => {
  const { kube, object } = aThing(['mine']);
  kube.failNext('patch', { kind: 'refuse', error: refusal(403, 'Forbidden') });
  await expect(removeFinalizer(kube.client, type, object, 'mine')).rejects.toMatchObject({ reason: 'Forbidden' });
});
