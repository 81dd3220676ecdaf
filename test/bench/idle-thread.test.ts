// That a thread with nothing to do tells how late its timers were, whatever this thread does meanwhile.
import { expect, test } from 'vitest';
import { IdleThread } from './idle-thread.ts';

test('delays are told, and counted anew from then on', async () => {
  await using idle = new IdleThread();
  await idle.delays();
  // This thread is busy for a while, the other one is not.
  const until = performance.now() + 50;
  while (performance.now() < until);
  const { p99, max } = await idle.delays();
  expect(p99).toBeGreaterThan(0);
  expect(max).toBeGreaterThanOrEqual(p99);
});
