// Answers for time: the one way the product reads the clock and waits, so that tests can run in virtual time.
import { setTimeout as delay } from 'node:timers/promises';

/** Time as a parameter. `sleep` rejects with the signal's reason when it is aborted. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted();
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      // The timer rejects with its own AbortError; callers compare with the reason they gave.
      signal?.throwIfAborted();
      throw error;
    }
  },
};
