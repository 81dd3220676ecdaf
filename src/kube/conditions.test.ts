// Tests that conditions change only when something changed, and transition times only when the status did.
import { expect, test } from 'vitest';
import { type Condition, findCondition, removeCondition, setCondition, timestamp } from './conditions.ts';

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const ready: Condition = {
  type: 'Ready',
  status: 'False',
  reason: 'Deploying',
  message: 'The VM is being deployed.',
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
};
const other: Condition = { ...ready, type: 'Stalled' };
const { lastTransitionTime: _time, ...wanted } = ready;

test('the first condition', () => {
  expect(setCondition(undefined, wanted, now)).toEqual([{ ...wanted, lastTransitionTime: '2026-01-02T03:04:05Z' }]);
});

test('nothing changed: the very same list', () => {
  const list = [ready, other];
  expect(setCondition(list, { ...wanted }, now)).toBe(list);
});

test.each([
  { name: 'reason', change: { reason: 'Waiting' }, moves: false },
  { name: 'message', change: { message: 'Something else.' }, moves: false },
  { name: 'generation', change: { observedGeneration: 2 }, moves: false },
  { name: 'status', change: { status: 'True' as const }, moves: true },
])('a changed $name', ({ change, moves }) => {
  const list = [other, ready];
  const after = setCondition(list, { ...wanted, ...change }, now);
  const lastTransitionTime = moves ? '2026-01-02T03:04:05Z' : ready.lastTransitionTime;
  expect(after).toEqual([other, { ...wanted, ...change, lastTransitionTime }]);
  expect(list).toEqual([other, ready]);
});

test('a new type goes to the end', () => {
  expect(setCondition([other], wanted, now).map((entry) => entry.type)).toEqual(['Stalled', 'Ready']);
});

test('finding and removing', () => {
  const list = [ready, other];
  expect(findCondition(list, 'Stalled')).toBe(other);
  expect(findCondition(undefined, 'Stalled')).toBeUndefined();
  expect(removeCondition(list, 'Stalled')).toEqual([ready]);
  expect(removeCondition(list, 'Absent')).toBe(list);
  expect(removeCondition(undefined, 'Absent')).toEqual([]);
});

test('time stamps have whole seconds', () => {
  expect(timestamp(now)).toBe('2026-01-02T03:04:05Z');
});
