// Deletion: what goes before what, and what must be proven before a VMID and its addresses are given back.
import { describe, expect, test } from 'vitest';
import { aFacts, aHeldAddress, anOwnVm, aStatus, at, type FactsShape } from '../../test/builders/facts.ts';
import type { Facts } from '../machine/facts.ts';
import type { Step } from '../machine/vocabulary.ts';
import { destroyVm, releaseReservations, removeBackups, stopForDeletion, withdrawDns } from './remove-vm.ts';

const ADDRESS = { address: '192.0.2.10', prefixLength: 24, pool: 'v4', primary: true };
const PUBLISHED = {
  forward: { ok: 1, failed: 0 },
  reverse: { ok: 0, failed: 0 },
  zones: [{ zone: 'example.com', provider: 'PowerDNS', ok: true }],
};

interface Past {
  clonedBefore?: boolean;
  /** Seconds. */
  cloneSentAgo?: number;
  cloneAnswered?: boolean;
  /** Seconds, of a call that was repeated. */
  cloneUnansweredAgo?: number;
}

function deleting(shape: FactsShape & Past = {}): Facts {
  const { clonedBefore = true, cloneSentAgo, cloneAnswered: answered, cloneUnansweredAgo, ...rest } = shape;
  const intent =
    cloneSentAgo === undefined ? undefined : { action: 'clone', sentAt: at(-cloneSentAgo), attempt: 1, answered };
  const clonedAt = clonedBefore ? at(-60) : undefined;
  const cloneUnansweredAt = cloneUnansweredAgo === undefined ? undefined : at(-cloneUnansweredAgo);
  const status = aStatus({
    state: 'terminate',
    clonedAt,
    cloneUnansweredAt,
    operation: { machine: 'terminate', intent },
  });
  return aFacts({ status, ...rest });
}

interface Row {
  name: string;
  facts: Facts;
  want: Record<string, unknown>;
}

const STRANGER = { kind: 'foreign', node: 'pve1', stamped: true } as const;
const ABSENT = { kind: 'absent' } as const;
const CLONING = { kind: 'cloning', node: 'pve1' } as const;

/** What stopping and destroying have in common. */
const presence: Row[] = [
  {
    name: 'no VMID is held: nothing was made',
    facts: deleting({ held: { addresses: [] } }),
    want: { kind: 'skip', why: 'no VM was made' },
  },
  {
    name: 'proven absent',
    facts: deleting({ observed: ABSENT }),
    want: { kind: 'skip', why: 'the VM does not exist' },
  },
  {
    name: 'absent, and a clone call may still be carried out',
    facts: deleting({ observed: ABSENT, cloneSentAgo: 99, clonedBefore: false }),
    want: { kind: 'wait', reason: 'Verifying', afterMs: 5_000 },
  },
  {
    name: 'absent, and the clone call was answered: what it made was taken away',
    facts: deleting({ observed: ABSENT, cloneSentAgo: 1, cloneAnswered: true, clonedBefore: false }),
    want: { kind: 'skip', why: 'the VM does not exist' },
  },
  {
    name: 'absent, and the clone call cannot be carried out any more',
    facts: deleting({ observed: ABSENT, cloneSentAgo: 100, clonedBefore: false }),
    want: { kind: 'skip' },
  },
  {
    name: 'absent after a VM that was made by the second of two clone calls: the first may still be carried out',
    facts: deleting({ observed: ABSENT, cloneUnansweredAgo: 99 }),
    want: { kind: 'wait', reason: 'Verifying', message: expect.stringContaining('VMID 2000 is kept until it cannot') },
  },
  {
    name: 'absent, and the first of two clone calls cannot be carried out any more',
    facts: deleting({ observed: ABSENT, cloneUnansweredAgo: 100 }),
    want: { kind: 'skip' },
  },
  {
    name: "somebody else's, and ours was never made",
    facts: deleting({ observed: STRANGER, clonedBefore: false }),
    want: { kind: 'skip', why: 'the VM under the VMID is not ours' },
  },
  {
    name: "somebody else's, and a clone call of ours waits for its turn",
    facts: deleting({ observed: STRANGER, clonedBefore: false, cloneSentAgo: 10 }),
    want: { kind: 'wait', reason: 'Verifying' },
  },
  {
    name: "somebody else's where ours was",
    facts: deleting({ observed: STRANGER }),
    want: { kind: 'stall', reason: 'IdentityMismatch' },
  },
  {
    name: 'half made',
    facts: deleting({ observed: CLONING, cloneTask: { running: true }, cloneSentAgo: 5 }),
    want: { kind: 'wait', reason: 'WaitingForTask' },
  },
  {
    name: 'half made and cut off: a person has to remove it',
    facts: deleting({ observed: CLONING, cloneTask: { running: false }, cloneSentAgo: 60 }),
    want: { kind: 'stall', reason: 'CloneBroken' },
  },
  {
    name: 'stamped, with the lock of a clone that was cut off',
    facts: deleting({ observed: anOwnVm({}, { lock: 'clone' }), cloneTask: { running: false } }),
    want: { kind: 'stall', reason: 'CloneBroken' },
  },
  {
    name: 'locked by a backup',
    facts: deleting({ observed: anOwnVm({}, { lock: 'backup' }) }),
    want: { kind: 'wait', reason: 'WaitingForLock' },
  },
];

describe.each<{ step: Step }>([{ step: stopForDeletion }, { step: destroyVm }])('$step.id', ({ step }) => {
  test.each(presence)('$name', ({ facts, want }) => {
    expect(step.plan(facts)).toMatchObject(want);
  });
});

const own: (Row & { step: Step })[] = [
  {
    name: 'a running VM is stopped',
    step: stopForDeletion,
    facts: deleting({ observed: anOwnVm(), power: 'running' }),
    want: { kind: 'act', action: { kind: 'shutdown', graceSeconds: 120 } },
  },
  {
    name: 'a stopped one is not',
    step: stopForDeletion,
    facts: deleting({ observed: anOwnVm(), power: 'stopped' }),
    want: { kind: 'done', note: { status: { powerState: 'Stopped' } } },
  },
  {
    name: 'our VM is destroyed',
    step: destroyVm,
    facts: deleting({ observed: anOwnVm() }),
    want: { kind: 'act', action: { kind: 'destroy' } },
  },
  {
    name: 'one that runs on after force is destroyed all the same',
    step: stopForDeletion,
    facts: aFacts({
      observed: anOwnVm(),
      power: 'running',
      status: aStatus({
        clonedAt: at(-900),
        operation: {
          intent: { action: 'stop', sentAt: at(-60), attempt: 1 },
          taskIDs: ['UPID:pve1:00000001:00000001:65000000:qmstop:2000:op@pve!k8s:'],
        },
      }),
    }),
    want: { kind: 'skip', why: expect.stringContaining('runs on') },
  },
  {
    name: 'what was known of a VM that is gone is forgotten: the next under its number is another one',
    step: destroyVm,
    facts: deleting({ observed: ABSENT }),
    want: { kind: 'skip', note: { status: { clonedAt: undefined, node: undefined } } },
  },
  {
    name: 'backups are looked for',
    step: removeBackups,
    facts: deleting({ held: { addresses: [], vmid: 2000 } }),
    want: { kind: 'act', action: { kind: 'removeBackups' } },
  },
  {
    name: 'backups are looked for once: they hold nothing up',
    step: removeBackups,
    facts: aFacts({ status: aStatus({ operation: { tried: ['removeBackups'] } }) }),
    want: { kind: 'done' },
  },
  {
    name: 'a VM that was never made has no backups',
    step: removeBackups,
    facts: deleting({ held: { addresses: [] } }),
    want: { kind: 'skip', why: 'no VM was made' },
  },
  {
    name: 'records that were published are withdrawn',
    step: withdrawDns,
    facts: aFacts({
      dnsZones: 1,
      status: aStatus({ dns: PUBLISHED }),
    }),
    want: { kind: 'act', action: { kind: 'withdrawDns' } },
  },
  {
    name: 'records that may have been published before a crash are withdrawn too',
    step: withdrawDns,
    facts: aFacts({ dnsZones: 1, status: aStatus({ addresses: [ADDRESS] }) }),
    want: { kind: 'act', action: { kind: 'withdrawDns' } },
  },
  {
    name: 'records that were withdrawn are not withdrawn again',
    step: withdrawDns,
    facts: aFacts({ dnsZones: 1, status: aStatus({ addresses: [ADDRESS], dns: { ...PUBLISHED, zones: [] } }) }),
    want: { kind: 'skip', why: 'no record was published' },
  },
  {
    name: 'records of zones that are gone are forgotten',
    step: withdrawDns,
    facts: aFacts({
      dnsZones: 0,
      status: aStatus({ dns: PUBLISHED }),
    }),
    want: { kind: 'skip', why: 'no DNS zone matches any more' },
  },
  {
    name: 'records that were never published are not looked for',
    step: withdrawDns,
    facts: aFacts({ dnsZones: 1 }),
    want: { kind: 'skip', why: 'no record was published' },
  },
  {
    name: 'a VMID is given back',
    step: releaseReservations,
    facts: deleting({ held: { addresses: [], vmid: 2000, vmidReserved: true } }),
    want: { kind: 'act', action: { kind: 'releaseReservations' } },
  },
  {
    name: 'an address is given back',
    step: releaseReservations,
    facts: deleting({ held: { addresses: [aHeldAddress()] } }),
    want: { kind: 'act', action: { kind: 'releaseReservations' } },
  },
  {
    name: 'nothing is held: what was decided for the VM is forgotten with it',
    step: releaseReservations,
    facts: deleting({ held: { addresses: [] } }),
    want: { kind: 'done', note: { status: { vmid: undefined, addresses: undefined, effective: undefined } } },
  },
];

test.each(own)('$name', ({ step, facts, want }) => {
  expect(step.plan(facts)).toMatchObject(want);
});

test('every step of a deletion takes away what another one makes', () => {
  const steps = [stopForDeletion, removeBackups, withdrawDns, destroyVm, releaseReservations];
  expect(steps.every(({ undoes }) => undoes === true)).toBe(true);
});
