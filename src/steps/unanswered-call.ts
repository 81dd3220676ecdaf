// Whether a call that got no answer may still be carried out.
import type { Facts } from '../machine/facts.ts';

/** A write that got no answer may still be carried out: for our own limit, Proxmox VE's (30 s between nodes) and a margin. */
const BEYOND_OUR_LIMIT_MS = 40_000;

/** Whether a call that was sent at this time (RFC 3339) and got no answer may still be carried out. */
export function mayStillArrive(facts: Pick<Facts, 'now' | 'cluster'>, sentAt: string): boolean {
  return facts.now < lastArrivalMs(facts, sentAt);
}

/** The moment from which on such a call cannot be carried out any more, in milliseconds since the epoch. */
export function lastArrivalMs({ cluster }: Pick<Facts, 'cluster'>, sentAt: string): number {
  return Date.parse(sentAt) + cluster.times.writeSeconds * 1_000 + BEYOND_OUR_LIMIT_MS;
}
