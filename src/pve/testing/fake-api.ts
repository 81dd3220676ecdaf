// Answers for a client in front of a cluster that gives prepared answers, with the requests it was asked.
import { createPveApi, type PveApi, type VmRef } from '../client.ts';
import { PveError, type PveAnswer } from '../errors.ts';
import type { PveRequest } from '../transport.ts';
import type { Upid } from '../upid.ts';
import { virtualClock, type VirtualClock } from './virtual-clock.ts';

/** A task as Proxmox names it. */
export const upid = 'UPID:pve1:00007215:0009D87A:6B02853F:qmclone:9000:op@pve!k8s:' as Upid;
export const vm: VmRef = { node: 'pve1', vmid: 401 };

/** What the cluster answers; an error is thrown instead of an answer. */
export type Reply = PveAnswer | Error;

export const ok = (data: unknown, total?: number): PveAnswer => ({
  status: 200,
  reason: 'OK',
  body: JSON.stringify({ data, total }),
});
export const refusal = (status: number, reason: string): PveAnswer => ({
  status,
  reason,
  body: JSON.stringify({ data: null, message: reason }),
});
export const unreachable = (maybeApplied = false): PveError =>
  new PveError({ kind: 'unreachable', call: 'x', detail: 'gone', maybeApplied });

/** A client whose cluster gives these answers, one a request, in a time that the test moves. */
export function fakeApi(...replies: Reply[]): { api: PveApi; clock: VirtualClock; requests: PveRequest[] } {
  const clock = virtualClock();
  const requests: PveRequest[] = [];
  const api = createPveApi({
    clock,
    random: () => 0.5,
    transport: async (request) => {
      requests.push(request);
      const reply = replies.shift();
      if (reply === undefined) throw new TypeError('no reply is left');
      if (reply instanceof Error) throw reply;
      return reply;
    },
  });
  return { api, clock, requests };
}
