// A VM is started, and only called up when it was seen running.
import { describe, expect, test } from 'vitest';
import { aFacts, anOwnVm, aStatus, at } from '../../test/builders/facts.ts';
import { startVm, verifyRunning } from './start-vm.ts';

const started = aStatus({ operation: { intent: { action: 'start', sentAt: at(-1), attempt: 1 } } });

describe.each([startVm, verifyRunning])('$id', (step) => {
  test.each([
    { name: 'running', power: 'running' as const, want: { kind: 'done', note: { status: { powerState: 'Running' } } } },
    { name: 'stopped', power: 'stopped' as const, want: { kind: 'act', action: { kind: 'start' } } },
    { name: 'not asked', power: undefined, want: { kind: 'act', action: { kind: 'start' } } },
  ])('$name', ({ power, want }) => {
    expect(step.plan(aFacts({ observed: anOwnVm(), power }))).toMatchObject(want);
  });

  test('never writes to a VM that this pass has not seen to be ours', () => {
    expect(step.needs(started)).toEqual(['observed', 'power']);
  });
});

test('a VM just made is stopped: its power is not asked for before the first start', () => {
  expect(startVm.needs(aStatus())).toEqual(['observed']);
});
