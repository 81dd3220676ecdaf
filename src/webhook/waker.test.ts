// Sleeping until the time or a call has come, in virtual time.
import { beforeEach, describe, expect, test } from 'vitest';
import { type VirtualClock, virtualClock } from '../pve/testing/virtual-clock.ts';
import { Waker } from './waker.ts';

let clock: VirtualClock;
let waker: Waker;
let stop: AbortController;
beforeEach(() => {
  clock = virtualClock(0);
  waker = new Waker();
  stop = new AbortController();
});

/** Begins to sleep for a second; tells when that ended, or why it failed. */
function sleeping() {
  const end: { at?: number; error?: unknown } = {};
  const done = waker.sleep(1000, clock, stop.signal).then(
    () => void (end.at = clock.now()),
    (error: unknown) => void (end.error = error),
  );
  return { end, done };
}

describe('a sleep', () => {
  test('ends when its time has come', async () => {
    const { end } = sleeping();
    await clock.advance(999);
    expect(end).toEqual({});
    await clock.advance(1);
    expect(end).toEqual({ at: 1000 });
  });

  test('ends when it is woken, and leaves nobody asleep', async () => {
    const { end } = sleeping();
    await clock.advance(10);
    waker.wake();
    waker.wake();
    await clock.advance(0);
    expect(end).toEqual({ at: 10 });
    expect(clock.sleepers).toBe(0);
  });

  test('does not begin when it was woken before, once', async () => {
    waker.wake();
    const first = sleeping();
    await clock.advance(0);
    expect(first.end).toEqual({ at: 0 });
    const second = sleeping();
    await clock.advance(0);
    expect(second.end).toEqual({});
    await clock.advance(1000);
    expect(second.end).toEqual({ at: 1000 });
  });

  test('fails when it is to end, with the reason', async () => {
    const reason = new Error('stop');
    const { end, done } = sleeping();
    stop.abort(reason);
    await done;
    expect(end).toEqual({ error: reason });
    expect(clock.sleepers).toBe(0);
  });

  test('fails when it is to end and was woken as well', async () => {
    stop.abort(new Error('stop'));
    waker.wake();
    const { end, done } = sleeping();
    await done;
    expect(end).toMatchObject({ error: { message: 'stop' } });
  });
});
