// What a failed call to the Kubernetes API means for a virtual machine.
import { describe, expect, test } from 'vitest';
import { KubeError } from '../kube/errors.ts';
import { troubleOf } from '../machine/outcome.ts';
import { kubeTrouble } from './kube-trouble.ts';

describe('a failed call to the Kubernetes API', () => {
  const rows: { name: string; status: number; reason: string; want: { class: string; reason: string } }[] = [
    { name: 'no answer', status: 0, reason: 'Network', want: { class: 'transient', reason: 'Retrying' } },
    {
      name: 'too many calls',
      status: 429,
      reason: 'TooManyRequests',
      want: { class: 'transient', reason: 'Retrying' },
    },
    { name: 'a server error', status: 503, reason: 'Unavailable', want: { class: 'transient', reason: 'Retrying' } },
    { name: 'a newer version', status: 409, reason: 'Conflict', want: { class: 'transient', reason: 'Retrying' } },
    {
      name: 'a server that has not read the roles yet',
      status: 403,
      reason: 'Forbidden',
      want: { class: 'transient', reason: 'Refused' },
    },
    {
      name: 'a server that does not know the account yet',
      status: 401,
      reason: 'Unauthorized',
      want: { class: 'transient', reason: 'Refused' },
    },
    {
      name: 'an object that it does not take',
      status: 422,
      reason: 'Invalid',
      want: { class: 'stalled', reason: 'Refused' },
    },
  ];

  test.each(rows)('$name', ({ status, reason, want }) => {
    const error = new KubeError({ status, reason, message: 'patch virtualmachines/status shop/web: no' });
    expect(troubleOf(kubeTrouble(error))).toMatchObject(want);
  });

  test('the message says which call was refused', () => {
    const error = new KubeError({ status: 403, reason: 'Forbidden', message: 'create secrets shop/web: no' });
    expect(troubleOf(kubeTrouble(error)).message).toContain('create secrets shop/web');
  });

  test('any other error stays what it is', () => {
    const error = new RangeError('too far');
    expect(kubeTrouble(error)).toBe(error);
  });
});
