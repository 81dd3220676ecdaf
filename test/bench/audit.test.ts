import { describe, expect, test } from 'vitest';
import { countWrites, writesOf } from './audit.ts';

const USER = 'system:serviceaccount:ns:operator';
const AT = '2026-11-22T12:00:00.250000Z';

function line(
  verb: string,
  resource: string,
  more: { subresource?: string; code?: number; user?: string } = {},
): string {
  const { subresource, code = 200, user = USER } = more;
  return JSON.stringify({
    verb,
    user: { username: user },
    objectRef: { resource, subresource },
    responseStatus: { code },
    requestReceivedTimestamp: AT,
  });
}

describe('writesOf', () => {
  test.each([
    { name: 'a write is taken', log: line('create', 'secrets', { code: 201 }), want: ['create secrets'] },
    {
      name: 'a subresource is named',
      log: line('patch', 'virtualmachines', { subresource: 'status' }),
      want: ['patch virtualmachines/status'],
    },
    {
      name: 'reads are not',
      log: `${line('get', 'plans')}\n${line('list', 'plans')}\n${line('watch', 'plans')}`,
      want: [],
    },
    { name: 'what others write is not', log: line('create', 'virtualmachines', { user: 'admin' }), want: [] },
    { name: 'the lease is not', log: line('update', 'leases'), want: [] },
    {
      name: 'a line that is still being written is left out',
      log: `${line('delete', 'secrets')}\n${line('create', 'secrets').slice(0, 40)}`,
      want: ['delete secrets'],
    },
    { name: 'an empty log has none', log: '', want: [] },
  ])('$name', ({ log, want }) => {
    expect(writesOf(log, USER).map(({ what }) => what)).toEqual(want);
  });

  test('the time is the one at which the API server got the request', () => {
    expect(writesOf(line('create', 'secrets', { code: 409 }), USER)).toEqual([
      { atMs: Date.parse('2026-11-22T12:00:00.250Z'), what: 'create secrets', status: 409 },
    ]);
  });
});

test('writes to shared objects are told from those of one machine, and refused ones are shown', () => {
  const log = [
    line('patch', 'virtualmachines', { subresource: 'status' }),
    line('patch', 'virtualmachines', { subresource: 'status', code: 409 }),
    line('patch', 'ippools', { subresource: 'status' }),
    line('patch', 'plans', { subresource: 'status' }),
    line('create', 'planrevisions', { code: 201 }),
  ].join('\n');
  expect(countWrites(writesOf(log, USER))).toEqual({
    own: { 'patch virtualmachines/status': 2 },
    shared: { 'create planrevisions': 1, 'patch ippools/status': 1, 'patch plans/status': 1 },
    refused: { 'patch virtualmachines/status (409)': 1 },
  });
});
