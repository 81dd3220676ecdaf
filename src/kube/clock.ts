// Answers for time inside the runtime: the clock as a parameter, and a wait that a signal can end.

/** The runtime's only source of time; tests pass a virtual one. */
export interface Clock {
  /** Wall time in milliseconds since 1970. It may jump, so it is for time stamps, not for measuring. */
  now(): number;
  /** Milliseconds of a clock that never goes backwards; only differences mean something. */
  monotonic(): number;
  /** Calls back once after the delay; the returned function cancels and may be called at any time. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** A number in [0, 1), as Math.random gives. */
export type Random = () => number;

/** Node fires a timer at once when its delay does not fit in 31 bits. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** Waits for the delay, or until the signal aborts: it then resolves early instead of throwing, so loops look at the signal themselves. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.schedule(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
