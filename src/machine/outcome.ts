// Translates what ended a pass, once, into when to look again and what to show.
import type { Explanation } from '../errors.ts';
import { DefectError, StalledError, TransientError, UnknownOutcomeError, WaitingError } from '../errors.ts';

export type Requeue = { kind: 'done' } | { kind: 'after'; ms: number } | { kind: 'retry' };

export interface Trouble extends Explanation {
  class: 'waiting' | 'transient' | 'unknown' | 'stalled' | 'defect';
  requeue: Requeue;
}

/** Nearly at once: what the call did shows within moments, and a server in trouble is not hammered. */
const LOOK_UP_MS = 250;
const DEFECT_RECHECK_MS = 5 * 60_000;

/** The class of an error and what follows from it. An error of no known class is a defect: ours. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof WaitingError)
    return { class: 'waiting', ...explained(error), requeue: { kind: 'after', ms: error.afterMs } };
  if (error instanceof TransientError) return { class: 'transient', ...explained(error), requeue: { kind: 'retry' } };
  if (error instanceof UnknownOutcomeError) {
    return { class: 'unknown', ...explained(error), requeue: { kind: 'after', ms: LOOK_UP_MS } };
  }
  if (error instanceof StalledError) {
    return { class: 'stalled', ...explained(error), requeue: { kind: 'after', ms: error.recheckMs } };
  }
  if (error instanceof DefectError)
    return { class: 'defect', ...explained(error), requeue: { kind: 'after', ms: DEFECT_RECHECK_MS } };
  return {
    class: 'defect',
    reason: 'InternalError',
    message: 'The operator met an error that it does not know; its log has the details.',
    requeue: { kind: 'after', ms: DEFECT_RECHECK_MS },
  };
}

function explained(error: Explanation): Explanation {
  return { reason: error.reason, message: error.message.slice(0, 300) };
}
