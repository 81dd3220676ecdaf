// Users and passwords are derived: the same for one VM at any time, another for every other VM and operator.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeContext, type FakeContext, OPERATOR_NAMESPACE } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import { createCredentialSource, loadSeed } from './credentials.ts';

const seed = new Uint8Array(32).fill(7);

describe('derived credentials', () => {
  const source = createCredentialSource(seed);

  test('are the same every time, in this process and in the next', () => {
    expect(source.of('uid-1')).toEqual(source.of('uid-1'));
    expect(createCredentialSource(seed).of('uid-1')).toEqual(source.of('uid-1'));
  });

  test('are of a shape that guests accept', () => {
    const { user, password } = source.of('uid-1');
    expect(user).toMatch(/^[a-z][a-z0-9]+$/);
    expect(password.length).toBeGreaterThanOrEqual(16);
    expect(password).toMatch(/^[\x21-\x7e]+$/);
    expect(password).not.toContain(user);
  });

  test('differ between VMs and between operators', () => {
    const passwords = Array.from({ length: 50 }, (_, index) => source.of(`uid-${index}`).password);
    expect(new Set(passwords).size).toBe(50);
    expect(createCredentialSource(seed.map((byte) => byte + 1)).of('uid-1').password).not.toBe(
      source.of('uid-1').password,
    );
  });
});

describe('the seed', () => {
  let fake: FakeContext;
  beforeEach(() => {
    fake = createFakeContext();
  });
  afterEach(() => fake[Symbol.asyncDispose]());

  const load = () => loadSeed(fake.context.client, OPERATOR_NAMESPACE);
  const secrets = () => fake.kube.objects(resources.secret);

  test('is made at the first start and never changed', async () => {
    const first = await load();
    expect(first).toHaveLength(32);
    expect(Buffer.from(await load())).toEqual(Buffer.from(first));
    expect(secrets()).toMatchObject([{ metadata: { namespace: OPERATOR_NAMESPACE }, immutable: true }]);
  });

  test('is the same for two that start at once', async () => {
    const [one, two] = await Promise.all([load(), load()]);
    expect(Buffer.from(one)).toEqual(Buffer.from(two));
    expect(secrets()).toHaveLength(1);
  });

  test('is read back when the answer to its creation was lost', async () => {
    fake.kube.onWrite(({ phase }) => {
      if (phase === 'after') throw new Error('no answer');
    });
    await expect(load()).rejects.toThrow('no answer');
    fake.kube.onWrite(undefined);
    expect(await load()).toHaveLength(32);
  });

  test('without its key says so', async () => {
    fake.kube.seed(resources.secret, {
      metadata: { name: 'pve-operator-seed', namespace: OPERATOR_NAMESPACE },
      data: {},
    });
    await expect(load()).rejects.toThrow('lacks the key seed');
  });
});
