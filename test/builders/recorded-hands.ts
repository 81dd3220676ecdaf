// Hands whose calls to Proxmox VE are recorded and answered by the test.
import type { Hands } from '../../src/controllers/hands.ts';
import { Allocations } from '../../src/controllers/allocations.ts';
import type { ClusterConnection } from '../../src/controllers/clusters.ts';
import { createCredentialSource } from '../../src/controllers/credentials.ts';
import type { FakeContext } from '../fakes/context.ts';
import { anOwner } from './facts.ts';

/** A task of no particular kind. */
export const UPID = 'UPID:pve1:00000001:00000001:65000000:qmstart:2000:op@pve!k8s:';

export interface RecordedHands extends Hands {
  /** Calls with their arguments, in order. */
  calls: [name: string, ...input: unknown[]][];
  /** What a call answers; an Error is thrown. Replaced by a test. */
  answer: (name: string) => unknown;
}

/** Hands on web-1; every call answers with a task unless told. */
export function recordedHands({ context }: FakeContext): RecordedHands {
  const hands: RecordedHands = {
    context,
    allocations: new Allocations(context),
    credentials: createCredentialSource(new Uint8Array(32).fill(3)),
    vm: anOwner(),
    calls: [],
    answer: () => UPID,
    connection: () => ({ name: 'lab', api }) as unknown as ClusterConnection,
  };
  const api = new Proxy(
    {},
    {
      get:
        (_target, name) =>
        async (...input: unknown[]) => {
          hands.calls.push([String(name), ...input]);
          const result = hands.answer(String(name));
          if (result instanceof Error) throw result;
          return result;
        },
    },
  );
  return hands;
}
