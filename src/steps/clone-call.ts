// What is known of a clone call that was sent: whether it may still be carried out, and whether it is still being worked on.
import type { Facts } from '../machine/facts.ts';
import type { Intent } from '../machine/progress.ts';
import type { Verdict } from '../machine/vocabulary.ts';

const RECHECK_MS = 1_000;
/** A write that got no answer may still be carried out: for our own limit, Proxmox VE's (30 s between nodes) and a margin. */
const BEYOND_OUR_LIMIT_MS = 40_000;
/** A clone whose task is not in the list any more for this long has been cut off. */
const BROKEN_CLONE_MS = 30_000;

/** Whether a clone call was sent whose end is not known. */
export function isUnresolved(facts: Facts): boolean {
  const intent = facts.status.operation?.intent;
  return intent?.action === 'clone' && mayStillArrive(facts, intent);
}

/** Whether a call that got no answer may still be carried out. */
export function mayStillArrive({ now, cluster }: Pick<Facts, 'now' | 'cluster'>, { sentAt }: Intent): boolean {
  return now - Date.parse(sentAt) < cluster.times.writeSeconds * 1_000 + BEYOND_OUR_LIMIT_MS;
}

/**
 * Waits for a clone that Proxmox VE shows half made: the stamp is written when the clone is complete, until then an id
 * that we reserved shows a placeholder. Needs `cloneTask`.
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
