// What each power action asks Proxmox VE for: of our VM, on the node where it was seen, with the time that was given.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aFacts, anOwnVm, VMID } from '../../test/builders/facts.ts';
import { type RecordedHands, recordedHands, UPID } from '../../test/builders/recorded-hands.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import type { Action } from '../machine/vocabulary.ts';
import { PveError } from '../pve/errors.ts';
import { perform } from './perform.ts';

const OURS = { node: 'pve2', vmid: VMID };

let fake: FakeContext;
let hands: RecordedHands;
beforeEach(() => {
  fake = createFakeContext();
  hands = recordedHands(fake);
});
afterEach(() => fake[Symbol.asyncDispose]());

const rows: { action: Action; want: unknown[] }[] = [
  { action: { kind: 'start' }, want: ['start', OURS] },
  { action: { kind: 'shutdown', graceSeconds: 15 }, want: ['shutdown', OURS, { timeoutSeconds: 15 }] },
  { action: { kind: 'stop' }, want: ['stop', OURS, { overruleShutdown: true }] },
  { action: { kind: 'reboot', graceSeconds: 9 }, want: ['reboot', OURS, { timeoutSeconds: 9 }] },
  { action: { kind: 'reset' }, want: ['reset', OURS] },
];

test.each(rows)('$action.kind is one call, whose task is waited for', async ({ action, want }) => {
  const result = await perform(hands, action, aFacts({ observed: anOwnVm({}, { node: 'pve2' }) }));
  expect(hands.calls).toEqual([want]);
  expect(result).toEqual({ kind: 'task', upid: UPID });
});

test.each(rows)('$action.kind is never asked of a VM whose stamp was not seen', async ({ action }) => {
  for (const observed of [undefined, { kind: 'absent' }, { kind: 'foreign', node: 'pve1', stamped: true }] as const)
    await expect(perform(hands, action, aFacts({ observed }))).rejects.toThrow('stamp');
  expect(hands.calls).toEqual([]);
});

test('a refusal is translated', async () => {
  hands.answer = () => new PveError({ kind: 'locked', call: 'POST /x', detail: 'VM is locked (backup)' });
  const started = perform(hands, { kind: 'start' }, aFacts({ observed: anOwnVm() }));
  await expect(started).rejects.toMatchObject({ name: 'WaitingError', reason: 'WaitingForLock' });
});
