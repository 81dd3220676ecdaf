// Spaces the starts of a VM that is declared to run always and stops by itself again and again.
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { ShownCondition } from './drift.ts';

export type Restarts = NonNullable<VirtualMachineStatus['restarts']>;

/**
 * The figures of kubelet for a container that ends again and again
 * (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy).
 */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
const SETTLED_MS = 10 * 60_000;

/** Whether a VM that has stopped by itself is started now, and what is remembered of its starts from then on. */
export interface RestartTurn {
  starts: boolean;
  restarts: Restarts;
}

/** The turn of a VM that has just been seen to have stopped, or that waits for its next start since. Pure. */
export function restartTurn(before: Restarts | undefined, nowMs: number): RestartTurn {
  if (before === undefined || hasSettled(before, nowMs)) return started(1, nowMs);
  const { count, retryAt } = before;
  if (retryAt === undefined)
    return { starts: false, restarts: { ...before, retryAt: isoTime(nowMs + restartPauseMs(count)) } };
  return nowMs < Date.parse(retryAt) ? { starts: false, restarts: before } : started(count + 1, nowMs);
}

function started(count: number, nowMs: number): RestartTurn {
  return { starts: true, restarts: { count, startedAt: isoTime(nowMs) } };
}

/** The pause after so many starts in a row, in milliseconds. */
export function restartPauseMs(count: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS);
}

/** What is remembered of a VM that runs: nothing any more when it has run for long enough. */
export function restartsOfRunning(before: Restarts | undefined, nowMs: number): Restarts | undefined {
  if (before === undefined || hasSettled(before, nowMs)) return undefined;
  // Somebody has started it in the meantime.
  return before.retryAt === undefined ? before : { count: before.count, startedAt: isoTime(nowMs) };
}

function hasSettled({ startedAt, retryAt }: Restarts, nowMs: number): boolean {
  return retryAt === undefined && nowMs - Date.parse(startedAt) >= SETTLED_MS;
}

/** In how many milliseconds the VM is started again, or has run for long enough; undefined when neither is waited for. */
export function restartDueMs(
  { restarts, powerState }: Pick<VirtualMachineStatus, 'restarts' | 'powerState'>,
  nowMs: number,
): number | undefined {
  if (restarts === undefined || powerState === undefined || powerState === 'Unknown') return undefined;
  const { retryAt, startedAt } = restarts;
  if (powerState === 'Running') return Math.max(0, Date.parse(startedAt) + SETTLED_MS - nowMs);
  return retryAt === undefined ? undefined : Math.max(0, Date.parse(retryAt) - nowMs);
}

/** Shown from the second stop on, until the VM has run for long enough. */
export function restartConditions(restarts: Restarts | undefined): ShownCondition[] {
  const { count = 0, retryAt } = restarts ?? {};
  const stops = count + (retryAt === undefined ? 0 : 1);
  if (stops < 2) return [];
  const message = `The VM has stopped by itself ${stops} times, each time soon after it was started. spec.runStrategy is Always: it is started again after a pause that grows up to 5 minutes, until it has run for 10 minutes. Its console tells why it ends.`;
  return [{ type: 'StartBackOff', reason: 'StartBackOff', message }];
}

/** What is said of a VM that is stopped until its next start; undefined when it waits for none. */
export function restartWaited({ count, retryAt }: Restarts): string | undefined {
  if (retryAt === undefined) return undefined;
  const seconds = restartPauseMs(count) / 1_000;
  return `The VM has stopped by itself again; it is started once more after a pause of ${seconds} s.`;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
