// Tests reading and creating Secrets as text.
import { expect, test } from 'vitest';
import { createFakeKube, refusal } from '../../test/kube/fake-kube.ts';
import { createSecret, readSecret, secretType, secretValues } from './secrets.ts';

test('values are text, whatever the alphabet', async () => {
  const kube = createFakeKube();
  const data = { token: Buffer.from('zażółć').toString('base64'), empty: '' };
  kube.put(secretType, { metadata: { name: 'a', namespace: 'n' }, data });
  expect(await readSecret(kube.client, 'n', 'a')).toEqual({ token: 'zażółć', empty: '' });
});

test('a missing Secret is undefined, a forbidden one is an error', async () => {
  const kube = createFakeKube();
  expect(await readSecret(kube.client, 'n', 'a')).toBeUndefined();
  kube.failNext('get', { kind: 'refuse', error: refusal(403, 'Forbidden') });
  await expect(readSecret(kube.client, 'n', 'a')).rejects.toMatchObject({ reason: 'Forbidden' });
});

test('a Secret without data has no values', () => {
  expect(secretValues({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } })).toEqual({});
});

test('creating, and finding the name taken', async () => {
  const kube = createFakeKube();
  const wanted = { metadata: { name: 'a', namespace: 'n' }, values: { password: 'p' }, immutable: true };
  expect(await createSecret(kube.client, wanted)).toMatchObject({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    immutable: true,
    stringData: { password: 'p' },
  });
  await expect(createSecret(kube.client, wanted)).rejects.toMatchObject({ reason: 'AlreadyExists' });
});
