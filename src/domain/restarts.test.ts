// The starts of a VM that stops by itself: how soon they come, what is remembered of them, and when it is forgotten.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { at, NOW } from '../../test/builders/facts.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import {
  restartConditions,
  restartDueMs,
  restartPauseMs,
  type Restarts,
  restartsOfRunning,
  restartTurn,
  restartWaited,
} from './restarts.ts';

test.each([
  { count: 1, seconds: 10 },
  { count: 2, seconds: 20 },
  { count: 3, seconds: 40 },
  { count: 4, seconds: 80 },
  { count: 5, seconds: 160 },
  { count: 6, seconds: 300 },
  { count: 7, seconds: 300 },
  { count: 5_000, seconds: 300 },
])('after $count starts in a row the pause is $seconds s', ({ count, seconds }) => {
  expect(restartPauseMs(count)).toBe(seconds * 1_000);
});

describe('the turn of a VM that has stopped', () => {
  const rows: { name: string; before?: Restarts; want: ReturnType<typeof restartTurn> }[] = [
    { name: 'comes at once the first time', want: { starts: true, restarts: { count: 1, startedAt: at(0) } } },
    {
      name: 'comes after a pause when it was started a moment ago',
      before: { count: 1, startedAt: at(-45) },
      want: { starts: false, restarts: { count: 1, startedAt: at(-45), retryAt: at(10) } },
    },
    {
      name: 'comes after a longer pause each time',
      before: { count: 3, startedAt: at(-45) },
      want: { starts: false, restarts: { count: 3, startedAt: at(-45), retryAt: at(40) } },
    },
    {
      name: 'does not come before the pause is over',
      before: { count: 3, startedAt: at(-45), retryAt: at(0.001) },
      want: { starts: false, restarts: { count: 3, startedAt: at(-45), retryAt: at(0.001) } },
    },
    {
      name: 'comes when the pause is over',
      before: { count: 3, startedAt: at(-45), retryAt: at(0) },
      want: { starts: true, restarts: { count: 4, startedAt: at(0) } },
    },
    {
      name: 'comes, as one more in a row, long after the pause was over',
      before: { count: 3, startedAt: at(-4_000), retryAt: at(-3_000) },
      want: { starts: true, restarts: { count: 4, startedAt: at(0) } },
    },
    {
      name: 'comes at once when it had run for ten minutes',
      before: { count: 6, startedAt: at(-600) },
      want: { starts: true, restarts: { count: 1, startedAt: at(0) } },
    },
    {
      name: 'comes after a pause when it had run for a little less',
      before: { count: 6, startedAt: at(-599.999) },
      want: { starts: false, restarts: { count: 6, startedAt: at(-599.999), retryAt: at(300) } },
    },
  ];
  test.each(rows)('$name', ({ before, want }) => expect(restartTurn(before, NOW)).toEqual(want));

  test('comes no more than thirteen times in an hour of a VM that never stays up, however often it is looked at', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 60, maxLength: 300 }), (steps) => {
        let restarts: Restarts | undefined;
        let nowMs = NOW;
        let starts = 0;
        for (const seconds of steps) {
          if (nowMs - NOW > 3_600_000) break;
          const turn = restartTurn(restarts, nowMs);
          starts += turn.starts ? 1 : 0;
          restarts = turn.restarts;
          nowMs += seconds * 1_000;
        }
        // 10 + 20 + 40 + 80 + 160 s, then 5 minutes each.
        expect(starts).toBeLessThanOrEqual(6 + Math.ceil((3_600 - 310) / 300));
      }),
    );
  });
});

describe('a VM that runs', () => {
  const rows: { name: string; before?: Restarts; want: Restarts | undefined }[] = [
    { name: 'has nothing to be remembered', want: undefined },
    {
      name: 'is remembered to have been started a moment ago',
      before: { count: 4, startedAt: at(-599) },
      want: { count: 4, startedAt: at(-599) },
    },
    { name: 'is forgiven after ten minutes', before: { count: 4, startedAt: at(-600) }, want: undefined },
    {
      name: 'has been started by somebody else before its pause was over',
      before: { count: 4, startedAt: at(-900), retryAt: at(60) },
      want: { count: 4, startedAt: at(0) },
    },
  ];
  test.each(rows)('$name', ({ before, want }) => expect(restartsOfRunning(before, NOW)).toEqual(want));
});

describe('the next look', () => {
  const restarts = { count: 2, startedAt: at(-100) };
  const waiting = { ...restarts, retryAt: at(20) };
  const rows: { name: string; status: VirtualMachineStatus; want: number | undefined }[] = [
    { name: 'is not for this', status: { powerState: 'Running' }, want: undefined },
    { name: 'is for the start', status: { powerState: 'Stopped', restarts: waiting }, want: 20_000 },
    {
      name: 'is at once for a start that is overdue',
      status: { powerState: 'Stopped', restarts: { ...restarts, retryAt: at(-5) } },
      want: 0,
    },
    { name: 'is when it has run for long enough', status: { powerState: 'Running', restarts }, want: 500_000 },
    { name: 'is not for a start that was refused', status: { powerState: 'Stopped', restarts }, want: undefined },
    {
      name: 'is not while nobody knows whether it runs',
      status: { powerState: 'Unknown', restarts: { ...restarts, retryAt: at(-5) } },
      want: undefined,
    },
    { name: 'is not for one that was never seen', status: { restarts: waiting }, want: undefined },
  ];
  test.each(rows)('$name', ({ status, want }) => expect(restartDueMs(status, NOW)).toBe(want));
});

describe('what is shown', () => {
  const rows: { name: string; restarts?: Restarts; says: string | undefined; waits: string | undefined }[] = [
    { name: 'nothing of a VM that stays up', says: undefined, waits: undefined },
    { name: 'nothing of one stop', restarts: { count: 1, startedAt: at(0) }, says: undefined, waits: undefined },
    {
      name: 'the second stop, and the pause',
      restarts: { count: 1, startedAt: at(0), retryAt: at(10) },
      says: 'stopped by itself 2 times',
      waits: 'after a pause of 10 s',
    },
    {
      name: 'the same count while it runs again',
      restarts: { count: 2, startedAt: at(0) },
      says: 'stopped by itself 2 times',
      waits: undefined,
    },
    {
      name: 'the longest pause',
      restarts: { count: 30, startedAt: at(0), retryAt: at(10) },
      says: 'stopped by itself 31 times',
      waits: 'after a pause of 300 s',
    },
  ];
  test.each(rows)('$name', ({ restarts, says, waits }) => {
    const [condition, ...others] = restartConditions(restarts);
    expect(others).toEqual([]);
    expect(condition?.type).toBe(says === undefined ? undefined : 'StartBackOff');
    if (says !== undefined) expect(condition?.message).toContain(says);
    expect(condition?.message.length ?? 0).toBeLessThanOrEqual(300);
    const waited = restarts && restartWaited(restarts);
    if (waits === undefined) expect(waited).toBeUndefined();
    else expect(waited).toContain(waits);
  });
});
