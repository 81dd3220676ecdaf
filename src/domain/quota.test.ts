// Who counts in which quota, and who is the next to have a place.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { API_VERSION } from '../api/object.ts';
import type { QuotaSlot } from '../api/quota-slot.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { hasMachine, nextSlot, type PlanQuota, quotaSentence, slotChanges, type SlotSituation } from './quota.ts';

const slot = (plan: string, number = 1): QuotaSlot => ({
  apiVersion: API_VERSION,
  kind: 'QuotaSlot',
  metadata: { name: `${plan}.${number}`, namespace: 'customer-1' },
  spec: { planRef: { name: plan }, number, virtualMachine: { name: 'web-1', uid: 'uid-web-1' } },
});

const QUOTAS: Readonly<Record<string, PlanQuota>> = {
  small: { limit: 5 },
  big: { limit: 2 },
  none: { limit: 0 },
  open: {},
};

interface Case extends Partial<Omit<SlotSituation, 'held' | 'quotaOf'>> {
  name: string;
  held?: QuotaSlot[];
  want: { take?: { plan: string; limit?: number }[]; release?: string[] };
}

const cases: Case[] = [
  { name: 'a new VM takes a slot if there is room', want: { take: [{ plan: 'small', limit: 5 }] } },
  { name: 'one that has its slot keeps it', held: [slot('small', 3)], want: {} },
  { name: 'a plan without a quota has no slots', named: 'open', want: {} },
  {
    name: 'nor does one whose quota was taken away',
    named: 'open',
    held: [slot('open')],
    want: { release: ['open.1'] },
  },
  { name: 'a plan that does not exist has none to give', named: 'gone', want: {} },
  {
    name: 'of a plan that was deleted the slot is kept: it may come back',
    named: 'gone',
    held: [slot('gone')],
    want: {},
  },
  { name: 'a quota of nothing is a quota', named: 'none', want: { take: [{ plan: 'none', limit: 0 }] } },
  {
    name: 'a VM that was there before the quota has its place whatever there is',
    built: 'small',
    isMade: true,
    want: { take: [{ plan: 'small' }] },
  },
  {
    name: 'one that has a revision and no machine is new',
    built: 'small',
    want: { take: [{ plan: 'small', limit: 5 }] },
  },
  {
    name: 'one that goes to another plan keeps its slot until it is there',
    built: 'small',
    named: 'big',
    isMade: true,
    held: [slot('small', 4)],
    want: { take: [{ plan: 'big', limit: 2 }] },
  },
  {
    name: 'and has both in between',
    built: 'small',
    named: 'big',
    isMade: true,
    held: [slot('small', 4), slot('big')],
    want: {},
  },
  {
    name: 'there it gives the old one back',
    built: 'big',
    named: 'big',
    isMade: true,
    held: [slot('small', 4), slot('big')],
    want: { release: ['small.4'] },
  },
  {
    name: 'one that stays after all gives the new one back',
    built: 'small',
    named: 'small',
    isMade: true,
    held: [slot('small', 4), slot('big')],
    want: { release: ['big.1'] },
  },
  {
    name: 'from a plan with a quota to one without',
    built: 'open',
    named: 'open',
    isMade: true,
    held: [slot('small')],
    want: { release: ['small.1'] },
  },
  {
    name: 'with neither in the plan that it is of nor in the one that it goes to',
    built: 'small',
    named: 'big',
    isMade: true,
    want: { take: [{ plan: 'small' }, { plan: 'big', limit: 2 }] },
  },
  {
    name: 'of two slots of one plan the lower stays',
    held: [slot('small', 5), slot('small', 2), slot('small', 7)],
    want: { release: ['small.5', 'small.7'] },
  },
];

describe('the slots of a VM', () => {
  test.each(cases)('$name', ({ held = [], named = 'small', built, isMade = false, want }) => {
    const changes = slotChanges({ held, named, built, isMade, quotaOf: (plan) => QUOTAS[plan] });
    expect(changes.take).toEqual(want.take ?? []);
    expect(changes.release.map(({ metadata }) => metadata.name)).toEqual(want.release ?? []);
  });
});

describe('the next slot', () => {
  test.each<{ name: string; taken?: number[]; members: number; limit?: number; want: number | undefined }>([
    { name: 'the first', members: 0, limit: 1, want: 1 },
    { name: 'the lowest that is free', taken: [1, 2, 4], members: 3, limit: 5, want: 3 },
    { name: 'none when all are taken', taken: [1, 2], members: 2, limit: 2, want: undefined },
    { name: 'none of nothing', members: 0, limit: 0, want: undefined },
    {
      name: 'none while those beyond a lowered quota are too many',
      taken: [2, 5, 6],
      members: 3,
      limit: 3,
      want: undefined,
    },
    { name: 'a low one when enough of them are gone', taken: [5, 6], members: 2, limit: 3, want: 1 },
    {
      name: 'none while there are VMs that have not taken theirs yet',
      taken: [1],
      members: 3,
      limit: 3,
      want: undefined,
    },
    { name: 'whatever there is, for one that is there already', taken: [1, 2, 3], members: 9, want: 4 },
  ])('$name', ({ taken = [], want, ...supply }) => {
    expect(nextSlot({ taken: new Set(taken), limit: undefined, ...supply })).toBe(want);
  });

  test('is free, and within the limit where there is one', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 });
    fc.assert(
      fc.property(numbers, fc.nat(3), fc.integer({ min: 0, max: 12 }), (taken, without, limit) => {
        const number = nextSlot({ taken: new Set(taken), members: taken.length + without, limit });
        if (number === undefined) expect(taken.length + without).toBeGreaterThanOrEqual(limit);
        else expect(number <= limit && !taken.includes(number)).toBe(true);
      }),
    );
  });
});

test.each<{ name: string; status: VirtualMachineStatus | undefined; want: boolean }>([
  { name: 'nothing yet', status: undefined, want: false },
  { name: 'addresses only', status: { state: 'set_ip', addresses: [] }, want: false },
  { name: 'a VMID', status: { vmid: 2000 }, want: true },
  {
    name: 'a clone call that may have been carried out',
    status: { operation: { machine: 'deploy', startedAt: '', intent: { action: 'clone', sentAt: '', attempt: 1 } } },
    want: true,
  },
  {
    name: 'a call of another kind',
    status: { operation: { machine: 'deploy', startedAt: '', intent: { action: 'start', sentAt: '', attempt: 1 } } },
    want: false,
  },
])('a machine: $name', ({ status, want }) => {
  expect(hasMachine({ status })).toBe(want);
});

test.each([
  { limit: 5, part: 'allows (5)' },
  { limit: 0, part: 'is 0' },
])('the sentence fits into a condition: $part', ({ limit, part }) => {
  const text = quotaSentence({ plan: 'p'.repeat(52), namespace: 'n'.repeat(63), limit });
  expect(text).toContain(part);
  expect(text.length).toBeLessThanOrEqual(300);
});
