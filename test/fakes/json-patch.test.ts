// JSON patches as the API server in memory carries them out: all operations or none, refused without a reason.
import { describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import { isInvalid } from '../../src/kube/errors.ts';
import { patched } from './json-patch.ts';
import { createFakeKube } from './kube.ts';

const SECRET = { metadata: { name: 's', ownerReferences: [{ uid: 'u' }] }, data: { password: 'b2xk', 'a/b': 'x' } };
const isOurs = { op: 'test', path: '/metadata/ownerReferences/0/uid', value: 'u' };
const replace = { op: 'replace', path: '/data/password', value: 'bmV3' };

describe('patched', () => {
  test('replaces what is there, and leaves the original alone', () => {
    expect(patched(SECRET, [isOurs, replace])).toEqual({ ...SECRET, data: { ...SECRET.data, password: 'bmV3' } });
    expect(SECRET.data.password).toBe('b2xk');
  });

  test('finds a key with a slash in it', () => {
    const change = { op: 'replace', path: '/data/a~1b', value: 'y' };
    expect(patched(SECRET, [change])).toMatchObject({ data: { 'a/b': 'y' } });
  });

  test.each([
    { name: 'a test that does not hold', operations: [{ ...isOurs, value: 'another' }, replace] },
    {
      name: 'a test of what is not there',
      operations: [{ ...isOurs, path: '/metadata/ownerReferences/1/uid' }, replace],
    },
    { name: 'a key that is not there', operations: [isOurs, { ...replace, path: '/data/other' }] },
    { name: 'a parent that is not there', operations: [{ ...replace, path: '/stringData/password' }] },
  ])('refuses $name with 422 and no reason', ({ operations }) => {
    const message = 'the server rejected our request due to an error in our request';
    expect(() => patched(SECRET, operations)).toThrow(
      expect.objectContaining({ status: 422, reason: 'Invalid', message }),
    );
  });

  test.each([
    { name: 'no list', operations: { op: 'replace' }, status: 400 },
    {
      name: 'an operation that nobody here needs',
      operations: [{ op: 'remove', path: '/data/password' }],
      status: 415,
    },
  ])('refuses $name', ({ operations, status }) => {
    expect(() => patched(SECRET, operations)).toThrow(expect.objectContaining({ status }));
  });
});

test('a patch that is refused changes nothing on the server', async () => {
  const kube = createFakeKube({ now: () => 0 });
  const target = { name: 's', namespace: 'n' };
  kube.seed(resources.secret, { ...SECRET, metadata: { ...SECRET.metadata, ...target, ownerReferences: [] } });
  const refused = await kube.client
    .patch(resources.secret, target, [isOurs, replace], { kind: 'json' })
    .catch((error: unknown) => error);
  expect(isInvalid(refused)).toBe(true);
  expect(kube.objects(resources.secret)[0]?.data?.['password']).toBe('b2xk');
  expect(kube.writes).toEqual([]);
});
