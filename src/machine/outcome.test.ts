// Every class of error, once: when to look again and what to show.
import { expect, test } from 'vitest';
import { DefectError, StalledError, TransientError, UnknownOutcomeError, WaitingError } from '../errors.ts';
import { troubleOf } from './outcome.ts';

const after = (ms: number) => ({ kind: 'after', ms });
const UNKNOWN_TEXT = 'The operator met an error that it does not know; its log has the details.';

test.each([
  {
    name: 'waiting says itself when to look again',
    error: new WaitingError('WaitingForLock', 'Locked.', 5_000),
    want: { class: 'waiting', reason: 'WaitingForLock', message: 'Locked.', requeue: after(5_000) },
  },
  {
    name: 'what passes is retried with growing pauses',
    error: new TransientError('No answer.'),
    want: { class: 'transient', reason: 'Retrying', message: 'No answer.', requeue: { kind: 'retry' } },
  },
  {
    name: 'what passes may have a reason of its own',
    error: new TransientError('No answer.', { reason: 'ClusterUnreachable', refused: true }),
    want: { class: 'transient', reason: 'ClusterUnreachable', message: 'No answer.', requeue: { kind: 'retry' } },
  },
  {
    name: 'an unknown outcome is looked up almost at once',
    error: new UnknownOutcomeError('No answer.'),
    want: { class: 'unknown', reason: 'Verifying', message: 'No answer.', requeue: after(250) },
  },
  {
    name: 'what needs a person is looked at every ten minutes',
    error: new StalledError('PoolEmpty', 'Empty.'),
    want: { class: 'stalled', reason: 'PoolEmpty', message: 'Empty.', requeue: after(600_000) },
  },
  {
    name: 'a defect every five',
    error: new DefectError('Unreadable.'),
    want: { class: 'defect', reason: 'InternalError', message: 'Unreadable.', requeue: after(300_000) },
  },
  {
    name: 'an error of no known class is a defect whose text is not shown',
    error: new TypeError('x is not a function'),
    want: { class: 'defect', reason: 'InternalError', message: UNKNOWN_TEXT, requeue: after(300_000) },
  },
  {
    name: 'what is thrown and no error is one too',
    error: 'oops',
    want: { class: 'defect', reason: 'InternalError', message: UNKNOWN_TEXT, requeue: after(300_000) },
  },
])('$name', ({ error, want }) => {
  expect(troubleOf(error)).toEqual(want);
});

test('a message has the length of a condition at most', () => {
  expect(troubleOf(new StalledError('Refused', 'x'.repeat(400))).message).toHaveLength(300);
});
