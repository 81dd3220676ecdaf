// When something out of the ordinary is told with an event: once, when it comes up.
import { expect, test } from 'vitest';
import { anOwner } from '../../test/builders/facts.ts';
import type { Condition } from '../api/object.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { EventInput } from '../kube/events.ts';
import { tellRaised } from './condition-events.ts';

const lastTransitionTime = '2026-03-01T10:00:00Z';
const DRIFT: Condition = {
  type: 'DriftDetected',
  status: 'True',
  reason: 'Drifted',
  message: 'CPU.',
  lastTransitionTime,
};
const SHRINK: Condition = { ...DRIFT, type: 'ShrinkRefused', reason: 'ShrinkRefused', message: 'Larger.' };
const LOCKED: Condition = { ...DRIFT, type: 'Locked', reason: 'WaitingForLock', message: 'Backup.' };

const showing = (conditions?: Condition[]): VirtualMachine => ({
  ...anOwner(),
  ...(conditions === undefined ? {} : { status: { conditions } }),
});

test.each<{ name: string; before?: Condition[]; after: Condition[]; told?: ReadonlySet<string>; want: string[] }>([
  { name: 'one that comes up', after: [DRIFT], want: ['Drifted: CPU.'] },
  { name: 'one next to another', before: [DRIFT], after: [DRIFT, SHRINK], want: ['ShrinkRefused: Larger.'] },
  {
    name: 'one that stays with other words is no news',
    before: [DRIFT],
    after: [{ ...DRIFT, message: 'RAM.' }],
    want: [],
  },
  { name: 'one that is over is none', before: [DRIFT], after: [], want: [] },
  { name: 'one that is said not to be so is none', after: [{ ...DRIFT, status: 'False' }], want: [] },
  { name: 'one that passes by itself is not told', after: [LOCKED], want: [] },
  { name: 'what else is to be told', after: [LOCKED], told: new Set(['Locked']), want: ['WaitingForLock: Backup.'] },
])('$name', ({ before, after, told, want }) => {
  const events: string[] = [];
  const emit = (_about: object, { type, reason, message }: EventInput): void => {
    expect(type).toBe('Warning');
    events.push(`${reason}: ${message}`);
  };
  tellRaised({ events: { emit } }, showing(before), showing(after), told);
  expect(events).toEqual(want);
});
