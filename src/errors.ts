// The five classes of outcome that are not success. The decision is made where it is known and translated once, in machine/outcome.ts.
import type { Reason } from './api/conditions.ts';

/** What is the case and what to do about it, as a condition shows it. The message is a whole, stable sentence without secrets. */
export interface Explanation {
  reason: Reason;
  message: string;
}

/** Normal: a task runs, a lock is held, capacity is used up. Looked at again after `afterMs`. */
export class WaitingError extends Error implements Explanation {
  override readonly name = 'WaitingError';
  readonly code = 'WAITING';
  readonly reason: Reason;
  readonly afterMs: number;
  constructor(reason: Reason, message: string, afterMs: number) {
    super(message);
    this.reason = reason;
    this.afterMs = afterMs;
  }
}

/** Passes by itself: tried again with growing pauses, without end. */
export class TransientError extends Error implements Explanation {
  override readonly name = 'TransientError';
  readonly code = 'TRANSIENT';
  readonly reason: Reason;
  /** Whether it is certain that the call behind it was not carried out. */
  readonly refused: boolean;
  constructor(message: string, options?: { cause?: unknown; reason?: Reason; refused?: boolean }) {
    super(message, { cause: options?.cause });
    this.reason = options?.reason ?? 'Retrying';
    this.refused = options?.refused ?? false;
  }
}

/** A write got no answer: it may have happened. Looked up at once, never sent again blindly. */
export class UnknownOutcomeError extends Error implements Explanation {
  override readonly name = 'UnknownOutcomeError';
  readonly code = 'UNKNOWN_OUTCOME';
  readonly reason: Reason = 'Verifying';
}

const STALLED_RECHECK_MS = 10 * 60_000;

/** Only a person can help. Looked at again when a watched object changes, and every ten minutes. */
export class StalledError extends Error implements Explanation {
  override readonly name = 'StalledError';
  readonly code = 'STALLED';
  readonly reason: Reason;
  /** When to look again although nothing that is watched has changed. */
  readonly recheckMs: number;
  constructor(reason: Reason, message: string, options?: { cause?: unknown; recheckMs?: number }) {
    super(message, { cause: options?.cause });
    this.reason = reason;
    this.recheckMs = options?.recheckMs ?? STALLED_RECHECK_MS;
  }
}

/** Our own bug: an answer that cannot be read, an invariant that does not hold. */
export class DefectError extends Error implements Explanation {
  override readonly name = 'DefectError';
  readonly code = 'DEFECT';
  readonly reason: Reason = 'InternalError';
}
