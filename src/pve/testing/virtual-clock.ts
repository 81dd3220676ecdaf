// Answers for time in tests: it passes only when the test says so.
import type { Clock } from '../../clock.ts';

export interface VirtualClock extends Clock {
  /** Lets time pass, waking sleepers in order and letting what they do finish in between. */
  advance(ms: number): Promise<void>;
  /** How many sleep now. */
  readonly sleepers: number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export function virtualClock(start = 1_800_000_000_000): VirtualClock {
  let now = start;
  const sleepers = new Set<Sleeper>();

  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = { at: now + ms, wake: resolve };
    const abort = (): void => reject(signal?.reason as Error);
    sleepers.add(sleeper);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      sleepers.delete(sleeper);
      signal?.removeEventListener('abort', abort);
    }
  };

  const settle = async (): Promise<void> => {
    // Each turn of the event loop runs every promise that is ready.
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  const advance = async (ms: number): Promise<void> => {
    const end = now + ms;
    await settle();
    for (;;) {
      const next = [...sleepers].filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
      if (next === undefined) break;
      now = Math.max(now, next.at);
      sleepers.delete(next);
      next.wake();
      await settle();
    }
    now = end;
    await settle();
  };

  return {
    now: () => now,
    sleep,
    advance,
    get sleepers() {
      return sleepers.size;
    },
  };
}
