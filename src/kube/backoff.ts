// Answers for how long to wait before the next attempt: exponential, capped, and spread by jitter.
import type { Random } from './clock.ts';

/** Bounds of an exponential back-off. */
export interface BackoffLimits {
  /** Delay after the first failure. */
  baseDelayMs: number;
  /** The delay never grows beyond this, jitter included. */
  maxDelayMs: number;
  /** Share of the delay that is random: 0.2 takes away up to a fifth, so that many clients do not come back together. */
  jitter: number;
}

/** The delay before the next attempt, after `failures` (≥ 1) failures in a row. */
export function backoffDelayMs(limits: BackoffLimits, failures: number, random: Random): number {
  // Above 2^30 the doubling leaves the range of safe integers long after every sensible maximum.
  const doublings = Math.min(Math.max(failures - 1, 0), 30);
  const delayMs = Math.min(limits.baseDelayMs * 2 ** doublings, limits.maxDelayMs);
  return Math.round(delayMs * (1 - limits.jitter * random()));
}
