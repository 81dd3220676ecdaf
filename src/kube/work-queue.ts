// Answers for which key is worked on next: de-duplicated, by priority with ageing, delayed, and backed off per key.
import { backoffDelayMs } from './backoff.ts';
import { type Clock, type Random, systemClock } from './clock.ts';

/** Why a key is due: a person changed something, the operator has just started, or it is time to look again. */
export type Priority = 'user' | 'restart' | 'resync';

export interface WorkQueueOptions {
  clock?: Clock;
  random?: Random;
  /** First back-off of a key; default 1 s. */
  baseDelayMs?: number;
  /** Longest back-off of a key; default 5 min. */
  maxDelayMs?: number;
  /** Share of a back-off that is random; default 0.2. */
  jitter?: number;
  /** A waiting key rises by one priority after this time, so that a flood never starves the rest; default 30 s. */
  ageingMs?: number;
  /** Called when a key is handed out, with the time it was ready and waiting. */
  onWait?: (waitMs: number, priority: Priority) => void;
}

/** Keys to work on. A key is at most once in it, and never worked on twice at the same time. */
export interface WorkQueue {
  /** Makes the key due now; a delay or back-off it is in ends. The higher priority wins; default 'user'. */
  add(key: string, priority?: Priority): void;
  /** Makes the key due after the delay, unless it is due earlier already. Default priority: the one it is being worked on with, else 'resync'. */
  addAfter(key: string, delayMs: number, priority?: Priority): void;
  /** Makes the key due after its back-off, which grows with every call until `forget`. Default priority as in `addAfter`. */
  retry(key: string, priority?: Priority): void;
  /** Ends the key's row of failures: the next `retry` begins with the shortest delay. */
  forget(key: string): void;
  /** Failures in a row. */
  failures(key: string): number;
  /** Takes the next due key, waiting for one; rejects with the signal's reason. `done` must follow. */
  next(signal: AbortSignal): Promise<string>;
  /** Ends the work on a key; if it was added meanwhile, it is due again. */
  done(key: string): void;
  /** Keys that are due and waiting. */
  depth(priority?: Priority): number;
  /** Keys that wait for a delay or back-off. */
  delayed(): number;
  /** How long the longest-waiting due key has waited. */
  oldestWaitMs(): number;
  /** Cancels all timers; nothing becomes due any more. */
  close(): void;
}

const priorities: readonly Priority[] = ['user', 'restart', 'resync'];

/** An empty queue. */
export function createWorkQueue(options: WorkQueueOptions = {}): WorkQueue {
  const { clock = systemClock, random = Math.random, ageingMs = 30_000 } = options;
  const { baseDelayMs = 1_000, maxDelayMs = 300_000, jitter = 0.2 } = options;
  /** Due keys by priority with the time they became due; a Map hands them out in that order. */
  const due: Record<Priority, Map<string, number>> = { user: new Map(), restart: new Map(), resync: new Map() };
  const working = new Map<string, Priority>();
  /** Keys that became due while being worked on. */
  const again = new Map<string, Priority>();
  const timers = new Map<string, { dueAt: number; priority: Priority; cancel: () => void }>();
  const failureCounts = new Map<string, number>();
  const waiters: ((key: string) => void)[] = [];

  function dueWith(key: string): Priority | undefined {
    return priorities.find((priority) => due[priority].has(key));
  }

  function makeDue(key: string, priority: Priority): void {
    if (working.has(key)) {
      again.set(key, higher(again.get(key), priority));
      return;
    }
    const current = dueWith(key);
    if (current !== undefined && higher(current, priority) === current) return;
    const since = current === undefined ? clock.monotonic() : (due[current].get(key) as number);
    if (current !== undefined) due[current].delete(key);
    due[priority].set(key, since);
    waiters.shift()?.(take());
  }

  /** The class whose first key is the most urgent; among equals the one that waited longest. */
  function nextPriority(): Priority | undefined {
    let best: { priority: Priority; rank: number; since: number } | undefined;
    for (const [level, priority] of priorities.entries()) {
      const head = due[priority].values().next();
      if (head.done) continue;
      const since = head.value;
      const rank = Math.max(0, level - Math.floor((clock.monotonic() - since) / ageingMs));
      if (best === undefined || rank < best.rank || (rank === best.rank && since < best.since)) {
        best = { priority, rank, since };
      }
    }
    return best?.priority;
  }

  function take(): string {
    const priority = nextPriority() as Priority;
    const [key, since] = due[priority].entries().next().value as [string, number];
    due[priority].delete(key);
    working.set(key, priority);
    options.onWait?.(clock.monotonic() - since, priority);
    return key;
  }

  function cancelTimer(key: string): void {
    timers.get(key)?.cancel();
    timers.delete(key);
  }

  function addAfter(key: string, delayMs: number, priority = working.get(key) ?? 'resync'): void {
    const dueAt = clock.monotonic() + delayMs;
    const waiting = timers.get(key);
    if (again.has(key) || dueWith(key) !== undefined) return;
    if (waiting !== undefined && waiting.dueAt <= dueAt) return;
    cancelTimer(key);
    const strongest = higher(waiting?.priority, priority);
    const cancel = clock.schedule(delayMs, () => {
      timers.delete(key);
      makeDue(key, strongest);
    });
    timers.set(key, { dueAt, priority: strongest, cancel });
  }

  return {
    add(key, priority = 'user') {
      const strongest = higher(timers.get(key)?.priority, priority);
      cancelTimer(key);
      makeDue(key, strongest);
    },
    addAfter,
    retry(key, priority) {
      const count = (failureCounts.get(key) ?? 0) + 1;
      failureCounts.set(key, count);
      addAfter(key, backoffDelayMs({ baseDelayMs, maxDelayMs, jitter }, count, random), priority);
    },
    forget: (key) => void failureCounts.delete(key),
    failures: (key) => failureCounts.get(key) ?? 0,
    next(signal) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (nextPriority() !== undefined) return Promise.resolve(take());
      return new Promise((resolve, reject) => {
        const onKey = (key: string): void => {
          signal.removeEventListener('abort', onAbort);
          resolve(key);
        };
        const onAbort = (): void => {
          waiters.splice(waiters.indexOf(onKey), 1);
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiters.push(onKey);
      });
    },
    done(key) {
      working.delete(key);
      const priority = again.get(key);
      again.delete(key);
      if (priority === undefined) return;
      cancelTimer(key);
      makeDue(key, priority);
    },
    depth: (priority) =>
      priority === undefined ? due.user.size + due.restart.size + due.resync.size : due[priority].size,
    delayed: () => timers.size,
    oldestWaitMs() {
      const heads = priorities.map((priority) => due[priority].values().next().value ?? Number.POSITIVE_INFINITY);
      const since = Math.min(...heads);
      return Number.isFinite(since) ? clock.monotonic() - since : 0;
    },
    close() {
      for (const key of timers.keys()) cancelTimer(key);
    },
  };
}

function higher(a: Priority | undefined, b: Priority): Priority {
  return a !== undefined && priorities.indexOf(a) <= priorities.indexOf(b) ? a : b;
}
