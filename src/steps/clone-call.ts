// What is known of a clone call that was sent: whether it may still be carried out, and whether it is still being worked on.
import type { Facts } from '../machine/facts.ts';
import { isUnansweredClone } from '../machine/progress.ts';
import type { Verdict } from '../machine/vocabulary.ts';
import { mayStillArrive } from './unanswered-call.ts';

const RECHECK_MS = 1_000;
const UNRESOLVED_RECHECK_MS = 5_000;
/** A clone whose task is not in the list any more for this long has been cut off. */
const BROKEN_CLONE_MS = 30_000;

/**
 * Holds up what would give the VMID away while a clone call without an answer may still be carried out: it would make a
 * VM that nobody looks after. Undefined when there is none. `found`: what is seen under the VMID, as a sentence.
 */
export function untilResolved(facts: Facts, found: string): Extract<Verdict, { kind: 'wait' }> | undefined {
  const sentAt = lastCloneCall(facts);
  if (sentAt === undefined || !mayStillArrive(facts, sentAt)) return undefined;
  const message = `${found} A clone call of ${sentAt} got no answer and may still be carried out; VMID ${facts.held.vmid} is kept until it cannot.`;
  return { kind: 'wait', reason: 'Verifying', message, afterMs: UNRESOLVED_RECHECK_MS };
}

// The newest one stands for all: an older one is past its time earlier.
function lastCloneCall({ status: { operation, cloneUnansweredAt } }: Facts): string | undefined {
  const { intent } = operation ?? {};
  return isUnansweredClone(intent) ? intent.sentAt : cloneUnansweredAt;
}

/**
 * Waits for a clone that Proxmox VE shows half made: the stamp is written when the clone is complete, until then an id
 * that we reserved shows a placeholder.
 */
export function whileCloning({ status, now, held, cloneTask }: Facts): Verdict {
  const sentAt = Date.parse(status.operation?.intent?.sentAt ?? '');
  // A call whose task failed has left no intent: then nothing of ours is on its way any more.
  const old = Number.isNaN(sentAt) || now - sentAt > BROKEN_CLONE_MS;
  if (old && cloneTask?.running === false) {
    return {
      kind: 'stall',
      reason: 'CloneBroken',
      message: `The clone to VM ${held.vmid} was cut off and Proxmox VE keeps its lock for good. Remove the half clone (qm unlock ${held.vmid}, qm destroy ${held.vmid}); this object goes on by itself.`,
    };
  }
  return {
    kind: 'wait',
    reason: 'WaitingForTask',
    message: 'The clone is being made in Proxmox VE.',
    afterMs: RECHECK_MS,
  };
}
