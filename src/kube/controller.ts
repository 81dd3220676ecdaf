// Answers for running reconciles: workers that take keys, and what a result or an error means for the key.
import { type Clock, systemClock } from './clock.ts';
import { isConflict } from './errors.ts';
import type { Log } from './log.ts';
import type { WorkQueue } from './work-queue.ts';

/** What a reconcile asks for. */
export type ReconcileResult =
  | { kind: 'done' }
  /** Look again after this time. */
  | { kind: 'after'; ms: number }
  /** It failed in a way that time may cure: again after the key's back-off. */
  | { kind: 'retry' }
  /** There is more to do at once; other keys of the same priority come first. */
  | { kind: 'again' };

/** How a reconcile ended, for metrics. */
export type ReconcileOutcome = ReconcileResult['kind'] | 'conflict' | 'error';

interface ControllerMetrics {
  reconciled(sample: { controller: string; outcome: ReconcileOutcome; durationMs: number }): void;
}

export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  /** Reconciles at the same time; a key is never in two of them. */
  workers: number;
  /**
   * Brings one object closer to what is wanted. The signal aborts when the operator stops: the call may finish what it
   * has begun, and starts nothing new. A throw is a defect or an unforeseen failure and is backed off.
   */
  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult>;
  log: Log;
  clock?: Clock;
  metrics?: ControllerMetrics;
}

export interface Controller {
  /** Works until the signal aborts; resolves when the last running reconcile has finished. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Reconciles running now. */
  busy(): number;
}

/** The informer shows the newer state within milliseconds; long enough for that, short enough not to be noticed. */
const conflictDelayMs = 200;

/** A controller that waits for `run`. */
export function createController(options: ControllerOptions): Controller {
  const { name, queue, log, clock = systemClock } = options;
  /** The last error text by key: the same failure is logged once, not at every attempt. */
  const lastFailure = new Map<string, string>();
  let busy = 0;

  function settle(key: string, result: ReconcileResult): void {
    lastFailure.delete(key);
    if (result.kind !== 'retry') queue.forget(key);
    if (result.kind === 'after') queue.addAfter(key, result.ms);
    else if (result.kind === 'retry') queue.retry(key);
    else if (result.kind === 'again') queue.addAfter(key, 0);
  }

  function settleError(key: string, error: unknown, signal: AbortSignal): 'conflict' | 'error' {
    // Someone else wrote first: not a failure, and the next pass decides on the newer state.
    if (isConflict(error)) {
      queue.addAfter(key, conflictDelayMs);
      return 'conflict';
    }
    queue.retry(key);
    if (signal.aborted && error === signal.reason) return 'error';
    const text = error instanceof Error ? error.message : String(error);
    const fields = { controller: name, key, failures: queue.failures(key), err: error };
    if (lastFailure.get(key) === text) log.debug(fields, 'Reconcile failed again');
    else log.error(fields, 'Reconcile failed');
    lastFailure.set(key, text);
    return 'error';
  }

  async function work(key: string, signal: AbortSignal): Promise<void> {
    const startedAt = clock.monotonic();
    busy += 1;
    let outcome: ReconcileOutcome;
    try {
      const result = await options.reconcile(key, signal);
      outcome = result.kind;
      settle(key, result);
    } catch (error) {
      outcome = settleError(key, error, signal);
    } finally {
      busy -= 1;
      queue.done(key);
    }
    options.metrics?.reconciled({ controller: name, outcome, durationMs: clock.monotonic() - startedAt });
  }

  async function worker(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await queue.next(signal).catch(() => undefined);
      if (key === undefined) return;
      // The key was handed over in the same moment as the stop came: it is left for the next start.
      if (signal.aborted) queue.done(key);
      else await work(key, signal);
    }
  }

  return {
    async run(signal) {
      await Promise.all(Array.from({ length: options.workers }, () => worker(signal)));
      queue.close();
    },
    busy: () => busy,
  };
}
