// Tests what answers of the API server, or of proxies before it, are taken for.
import { expect, test } from 'vitest';
import {
  errorFromAnswer,
  errorFromStatus,
  isAlreadyExists,
  isConflict,
  isGone,
  isInvalid,
  isNamespaceTerminating,
  isNetworkError,
  isNotFound,
  isTooManyRequests,
  networkError,
} from './errors.ts';

function status(code: number, reason: string, details?: object): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', code, reason, message: `it is ${reason}`, details });
}

const judgements = {
  isNotFound,
  isConflict,
  isAlreadyExists,
  isGone,
  isTooManyRequests,
  isNetworkError,
  isInvalid,
  isNamespaceTerminating,
};

test.each([
  { name: 'not found', status: 404, text: status(404, 'NotFound'), reason: 'NotFound', is: ['isNotFound'] },
  { name: 'conflict', status: 409, text: status(409, 'Conflict'), reason: 'Conflict', is: ['isConflict'] },
  {
    name: 'already exists is no conflict',
    status: 409,
    text: status(409, 'AlreadyExists'),
    reason: 'AlreadyExists',
    is: ['isAlreadyExists'],
  },
  { name: 'invalid', status: 422, text: status(422, 'Invalid'), reason: 'Invalid', is: ['isInvalid'] },
  { name: 'expired', status: 410, text: status(410, 'Expired'), reason: 'Expired', is: ['isGone'] },
  {
    name: 'throttled',
    status: 429,
    text: status(429, 'TooManyRequests'),
    reason: 'TooManyRequests',
    is: ['isTooManyRequests'],
  },
  {
    name: 'a namespace that is being deleted',
    status: 403,
    text: status(403, 'Forbidden', { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] }),
    reason: 'Forbidden',
    is: ['isNamespaceTerminating'],
  },
  { name: 'forbidden', status: 403, text: status(403, 'Forbidden'), reason: 'Forbidden', is: [] },
  { name: 'HTML of a load balancer', status: 502, text: '<html>bad gateway</html>', reason: 'BadGateway', is: [] },
  { name: 'empty body', status: 503, text: '', reason: 'ServiceUnavailable', is: [] },
  { name: 'a status nobody knows', status: 418, text: '{}', reason: 'Unknown', is: [] },
  { name: 'a status without reason', status: 404, text: '{"kind":"Status"}', reason: 'NotFound', is: ['isNotFound'] },
])('$name', ({ status: code, text, reason, is }) => {
  const error = errorFromAnswer('get things a/b', code, text);
  expect(error).toMatchObject({ status: code, reason, name: 'KubeError' });
  expect(error.message).toMatch(/^get things a\/b: /);
  const held = Object.entries(judgements).filter(([, judge]) => judge(error));
  expect(held.map(([name]) => name)).toEqual(is);
});

test.each([
  { name: 'header', header: '7', details: undefined, want: 7_000 },
  { name: 'details', header: undefined, details: { retryAfterSeconds: 3 }, want: 3_000 },
  { name: 'the header wins', header: '7', details: { retryAfterSeconds: 3 }, want: 7_000 },
  { name: 'a date is ignored', header: 'Wed, 21 Oct 2026 07:28:00 GMT', details: undefined, want: undefined },
  { name: 'none', header: undefined, details: undefined, want: undefined },
])('retry after: $name', ({ header, details, want }) => {
  expect(errorFromAnswer('x', 429, status(429, 'TooManyRequests', details), header).retryAfterMs).toBe(want);
});

test('an error event inside a watch', () => {
  const error = errorFromStatus('watch things', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
  expect(isGone(error)).toBe(true);
  expect(error.message).toBe('watch things: too old');
  expect(errorFromStatus('watch things', {})).toMatchObject({ status: 500, reason: 'InternalError' });
});

test('a request without an answer keeps its cause', () => {
  const cause = new Error('socket hang up');
  expect(networkError('get x', cause)).toMatchObject({ status: 0, reason: 'Network', cause });
  expect(networkError('get x', 'odd').message).toBe('get x: odd');
  expect(isNetworkError(networkError('get x', cause))).toBe(true);
});

test('other errors are none of these', () => {
  for (const judge of Object.values(judgements)) expect(judge(new Error('404'))).toBe(false);
});
