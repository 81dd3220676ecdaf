// Tests waits that a signal can end.
import { expect, test } from 'vitest';
import { createVirtualClock } from '../../test/kube/virtual-clock.ts';
import { sleep, systemClock } from './clock.ts';

test('sleep ends after its delay and not before', async () => {
  const clock = createVirtualClock();
  let ended = false;
  void sleep(clock, 1_000).then(() => {
    ended = true;
  });
  await clock.advance(999);
  expect(ended).toBe(false);
  await clock.advance(1);
  expect(ended).toBe(true);
});

test('an abort ends the sleep and leaves no timer behind', async () => {
  const clock = createVirtualClock();
  const abort = new AbortController();
  const slept = sleep(clock, 60_000, abort.signal);
  expect(clock.pending()).toBe(1);
  abort.abort();
  await slept;
  expect(clock.pending()).toBe(0);
});

test('a signal that is aborted already does not wait at all', async () => {
  const clock = createVirtualClock();
  await sleep(clock, 60_000, AbortSignal.abort());
  expect(clock.pending()).toBe(0);
});

test('the system clock does not fire delays beyond 31 bits at once', async () => {
  let fired = false;
  const cancel = systemClock.schedule(2 ** 32, () => {
    fired = true;
  });
  await new Promise((resolve) => systemClock.schedule(5, () => resolve(undefined)));
  cancel();
  expect(fired).toBe(false);
});
