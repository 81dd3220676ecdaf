// Questions to the authorizer: what is asked, what is remembered, and for how long.
import { beforeEach, describe, expect, test } from 'vitest';
import type { KubeClient } from '../kube/client.ts';
import { AccessReviews } from './access-review.ts';
import type { Access } from './rule.ts';

const access: Access = { verb: 'setplan', resource: 'virtualmachines', namespace: 'customer-1', name: 'web' };
const anna = { name: 'anna', groups: ['customers'], uid: 'u-1', extra: { scopes: ['a'] } };

let asked: { spec: object }[];
let answers: (() => Promise<boolean>)[];
let now: number;
let samples: object[];
let reviews: AccessReviews;
beforeEach(() => {
  asked = [];
  answers = [];
  samples = [];
  now = 0;
  const create = async (_: unknown, object: { spec: object }) => {
    asked.push(object);
    const allowed = await (answers.shift() ?? (() => Promise.resolve(true)))();
    return { ...object, status: { allowed } };
  };
  const client = { create } as unknown as Pick<KubeClient, 'create'>;
  reviews = new AccessReviews({ client, monotonic: () => now, onAsked: (sample) => samples.push(sample) });
});

test('a question names the requester with everything that the authorizer may look at', async () => {
  expect(await reviews.may(access, anna)).toBe(true);
  expect(asked).toMatchObject([
    {
      spec: {
        user: 'anna',
        groups: ['customers'],
        uid: 'u-1',
        extra: { scopes: ['a'] },
        resourceAttributes: {
          group: 'pve-operator.io',
          resource: 'virtualmachines',
          verb: 'setplan',
          namespace: 'customer-1',
          name: 'web',
        },
      },
    },
  ]);
  expect(samples).toEqual([{ allowed: true, durationMs: 0 }]);
});

test('a cluster-scoped object has no namespace', async () => {
  await reviews.may({ verb: 'bypass', resource: 'plans', name: 'kvm' }, { name: 'a', groups: [] });
  expect(asked[0]?.spec).toEqual({
    user: 'a',
    groups: [],
    resourceAttributes: { group: 'pve-operator.io', resource: 'plans', verb: 'bypass', name: 'kvm' },
  });
});

describe('an answer is remembered', () => {
  test.each([
    { name: 'for the same question', at: 9999, other: access, user: anna, want: 1 },
    { name: 'not longer than ten seconds', at: 10_000, other: access, user: anna, want: 2 },
    { name: 'not for another verb', at: 0, other: { ...access, verb: 'pause' as const }, user: anna, want: 2 },
    { name: 'not for another object', at: 0, other: { ...access, name: 'db' }, user: anna, want: 2 },
    { name: 'not for another namespace', at: 0, other: { ...access, namespace: 'b' }, user: anna, want: 2 },
    { name: 'not for another user', at: 0, other: access, user: { ...anna, name: 'ben' }, want: 2 },
    { name: 'not for other groups', at: 0, other: access, user: { ...anna, groups: [] }, want: 2 },
    { name: 'not for other scopes', at: 0, other: access, user: { ...anna, extra: {} }, want: 2 },
  ])('$name', async ({ at, other, user, want }) => {
    await reviews.may(access, anna);
    now = at;
    await reviews.may(other, user);
    expect(asked).toHaveLength(want);
  });

  test('also when it was no', async () => {
    answers = [() => Promise.resolve(false)];
    expect([await reviews.may(access, anna), await reviews.may(access, anna)]).toEqual([false, false]);
  });

  test('while it is on its way', async () => {
    await Promise.all([reviews.may(access, anna), reviews.may(access, anna)]);
    expect(asked).toHaveLength(1);
  });

  test('not when there was none', async () => {
    answers = [() => Promise.reject(new Error('gone'))];
    await expect(reviews.may(access, anna)).rejects.toThrow('gone');
    expect(await reviews.may(access, anna)).toBe(true);
  });

  test('and the oldest is forgotten when there are too many', async () => {
    for (let number = 0; number <= 10_000; number += 1) await reviews.may({ ...access, name: String(number) }, anna);
    await reviews.may({ ...access, name: '10000' }, anna);
    expect(asked).toHaveLength(10_001);
    await reviews.may({ ...access, name: '0' }, anna);
    expect(asked).toHaveLength(10_002);
  });
});

test('an answer without a status is a no', async () => {
  const create = () => Promise.resolve({});
  const silent = new AccessReviews({ client: { create } as unknown as Pick<KubeClient, 'create'>, monotonic: () => 0 });
  expect(await silent.may(access, anna)).toBe(false);
});
