// Answers for time in tests: a clock that moves only when told, and lets everything that became possible happen before it moves on.
import type { Clock } from '../../src/kube/clock.ts';

/** A clock with hands of its own. */
export interface VirtualClock extends Clock {
  /** Moves on by this time; timers fire in order, and the promises they settle run before the next one. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, as a time server or a suspended machine does. */
  jumpWall(ms: number): void;
  /** Timers that have not fired. */
  pending(): number;
}

/** Lets all promise callbacks run that are due, and those they make due. */
export async function settle(): Promise<void> {
  // A few rounds, because immediates let I/O callbacks in between.
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Starts at the given wall time, by default 2026-01-01T00:00:00Z. */
export function createVirtualClock(startAt = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsedMs = 0;
  let wallOffsetMs = startAt;
  let sequence = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();

  function firstDue(until: number): [number, { at: number; callback: () => void }] | undefined {
    const due = [...timers].filter(([, timer]) => timer.at <= until);
    due.sort(([a, first], [b, second]) => first.at - second.at || a - b);
    return due[0];
  }

  return {
    now: () => wallOffsetMs + elapsedMs,
    monotonic: () => elapsedMs,
    schedule(delayMs, callback) {
      sequence += 1;
      const id = sequence;
      timers.set(id, { at: elapsedMs + Math.max(delayMs, 0), callback });
      return () => timers.delete(id);
    },
    async advance(ms) {
      const until = elapsedMs + ms;
      await settle();
      for (let due = firstDue(until); due !== undefined; due = firstDue(until)) {
        timers.delete(due[0]);
        elapsedMs = Math.max(elapsedMs, due[1].at);
        due[1].callback();
        await settle();
      }
      elapsedMs = until;
    },
    jumpWall(ms) {
      wallOffsetMs += ms;
    },
    pending: () => timers.size,
  };
}
