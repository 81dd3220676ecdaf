// Tests order, de-duplication, delays and back-off of the work queue.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVirtualClock } from '../../test/kube/virtual-clock.ts';
import { createWorkQueue, type Priority, type WorkQueue, type WorkQueueOptions } from './work-queue.ts';

const never = new AbortController().signal;

function aQueue(options: WorkQueueOptions = {}) {
  const clock = createVirtualClock();
  const queue = createWorkQueue({ clock, random: () => 0, ageingMs: 30_000, ...options });
  return { clock, queue };
}

/** Takes everything that is due now, each one finished at once. */
async function drained(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.depth() > 0) {
    const key = await queue.next(never);
    queue.done(key);
    keys.push(key);
  }
  return keys;
}

test('keys come in the order they became due, each once', async () => {
  const { queue } = aQueue();
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
  expect(queue.depth()).toBe(3);
  expect(await drained(queue)).toEqual(['a', 'b', 'c']);
});

test.each<{ name: string; adds: [string, Priority][]; want: string[] }>([
  {
    name: 'users before restarts before resyncs',
    adds: [
      ['a', 'resync'],
      ['b', 'restart'],
      ['c', 'user'],
    ],
    want: ['c', 'b', 'a'],
  },
  {
    name: 'a higher priority lifts a waiting key',
    adds: [
      ['a', 'resync'],
      ['b', 'restart'],
      ['a', 'user'],
    ],
    want: ['a', 'b'],
  },
  {
    name: 'a lower one does not push it back',
    adds: [
      ['a', 'user'],
      ['b', 'user'],
      ['a', 'resync'],
    ],
    want: ['a', 'b'],
  },
])('$name', async ({ adds, want }) => {
  const { queue } = aQueue();
  for (const [key, priority] of adds) queue.add(key, priority);
  expect(await drained(queue)).toEqual(want);
});

test('ageing lets a waiting resync pass newer user changes', async () => {
  const { clock, queue } = aQueue();
  queue.add('old', 'resync');
  await clock.advance(59_999);
  queue.add('new', 'user');
  expect(queue.oldestWaitMs()).toBe(59_999);
  expect(await drained(queue)).toEqual(['new', 'old']);
  queue.add('old', 'resync');
  await clock.advance(60_000);
  queue.add('new', 'user');
  expect(await drained(queue)).toEqual(['old', 'new']);
});

test('a key being worked on is not handed out again until it is done', async () => {
  const { queue } = aQueue();
  queue.add('a');
  await queue.next(never);
  queue.add('a');
  expect(queue.depth()).toBe(0);
  queue.done('a');
  expect(await drained(queue)).toEqual(['a']);
  expect(queue.depth()).toBe(0);
});

test('waiting takers are served in order, and an abort ends the wait', async () => {
  const { queue } = aQueue();
  const abort = new AbortController();
  const first = queue.next(abort.signal);
  const second = queue.next(never);
  abort.abort(new Error('stop'));
  await expect(first).rejects.toThrow('stop');
  queue.add('a');
  expect(await second).toBe('a');
  await expect(queue.next(abort.signal)).rejects.toThrow('stop');
});

test('a delayed key becomes due at its time, with its priority', async () => {
  const { clock, queue } = aQueue();
  queue.addAfter('a', 1_000, 'restart');
  expect(queue.delayed()).toBe(1);
  await clock.advance(999);
  expect(queue.depth()).toBe(0);
  await clock.advance(1);
  expect(queue.depth('restart')).toBe(1);
  expect(queue.delayed()).toBe(0);
});

test.each([
  { name: 'the earlier of two delays stays', delays: [1_000, 5_000], dueAt: 1_000 },
  { name: 'an earlier one replaces the later', delays: [5_000, 1_000], dueAt: 1_000 },
])('$name', async ({ delays, dueAt }) => {
  const { clock, queue } = aQueue();
  for (const delayMs of delays) queue.addAfter('a', delayMs);
  await clock.advance(dueAt - 1);
  expect(queue.depth()).toBe(0);
  await clock.advance(1);
  expect(await drained(queue)).toEqual(['a']);
  await clock.advance(60_000);
  expect(queue.depth()).toBe(0);
});

test('adding a key ends its delay, and a delay for a due key is not needed', async () => {
  const { clock, queue } = aQueue();
  queue.addAfter('a', 1_000, 'user');
  queue.add('a', 'resync');
  expect(queue.delayed()).toBe(0);
  expect(queue.depth('user')).toBe(1);
  queue.addAfter('a', 500);
  expect(queue.delayed()).toBe(0);
  expect(await drained(queue)).toEqual(['a']);
  await clock.advance(10_000);
  expect(queue.depth()).toBe(0);
});

test('back-off grows per key, and forget ends it', async () => {
  const { clock, queue } = aQueue({ baseDelayMs: 1_000, maxDelayMs: 4_000 });
  const waits: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    queue.retry('a');
    const before = clock.monotonic();
    while (queue.depth() === 0) await clock.advance(500);
    waits.push(clock.monotonic() - before);
    await drained(queue);
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 4_000]);
  expect(queue.failures('a')).toBe(4);
  queue.retry('b');
  expect(queue.failures('b')).toBe(1);
  queue.forget('a');
  expect(queue.failures('a')).toBe(0);
});

test('what a key asks for while it is worked on keeps its priority', async () => {
  const { clock, queue } = aQueue();
  queue.add('a', 'user');
  await queue.next(never);
  queue.addAfter('a', 1_000);
  queue.done('a');
  await clock.advance(1_000);
  expect(queue.depth('user')).toBe(1);
});

test('a change during the work is not held up by the back-off of that work', async () => {
  const { clock, queue } = aQueue();
  queue.add('a');
  await queue.next(never);
  queue.add('a');
  queue.retry('a');
  queue.done('a');
  expect(queue.depth()).toBe(1);
  expect(queue.delayed()).toBe(0);
  await drained(queue);
  await clock.advance(600_000);
  expect(queue.depth()).toBe(0);
});

test('the wait of every key is reported', async () => {
  const waits: [number, Priority][] = [];
  const { clock, queue } = aQueue({ onWait: (waitMs, priority) => waits.push([waitMs, priority]) });
  queue.add('a', 'restart');
  await clock.advance(700);
  await drained(queue);
  expect(waits).toEqual([[700, 'restart']]);
});

test('closing cancels every timer', () => {
  const { clock, queue } = aQueue();
  queue.addAfter('a', 1_000);
  queue.retry('b');
  expect(clock.pending()).toBe(2);
  queue.close();
  expect(clock.pending()).toBe(0);
});

const operation = fc.constantFrom(
  'add' as const,
  'addAfter' as const,
  'retry' as const,
  'take' as const,
  'done' as const,
  'pass' as const,
);
const step = fc.record({
  operation,
  key: fc.constantFrom('a', 'b', 'c'),
  priority: fc.constantFrom<Priority>('user', 'restart', 'resync'),
  ms: fc.nat(5_000),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

test('whatever happens, a key has one worker, and nothing added is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { clock, queue } = aQueue({ maxDelayMs: 10_000 });
      const working = new Set<string>();
      const owed = new Set<string>();
      const take = async (): Promise<void> => {
        if (queue.depth() === 0) return;
        const taken = await queue.next(never);
        expect(working.has(taken)).toBe(false);
        working.add(taken);
        owed.delete(taken);
      };
      const run: Record<Step['operation'], (one: Step) => unknown> = {
        add: ({ key, priority }) => [queue.add(key, priority), owed.add(key)],
        addAfter: ({ key, ms }) => [queue.addAfter(key, ms), owed.add(key)],
        retry: ({ key }) => [queue.retry(key), owed.add(key)],
        take,
        done: ({ key }) => working.delete(key) && queue.done(key),
        pass: ({ ms }) => clock.advance(ms),
      };
      for (const one of steps) await run[one.operation](one);
      for (const held of working) queue.done(held);
      working.clear();
      await clock.advance(10_000);
      while (queue.depth() > 0) await take();
      expect([...owed]).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
