// A VM is started, given its time, and only called up when it was seen running; or left stopped, where that is declared.
import { describe, expect, test } from 'vitest';
import { aFacts, anOwner, anOwnVm, aStatus, at, type FactsShape } from '../../test/builders/facts.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import { startOnRequest, startVm, verifyRunning } from './start-vm.ts';

const RUNNING = { kind: 'done', note: { status: { powerState: 'Running' } } };
const START = { kind: 'act', action: { kind: 'start' } };

function starting(secondsAgo: number, change: { attempt?: number; failed?: boolean } = {}): FactsShape {
  const intent = { action: 'start', sentAt: at(-secondsAgo), attempt: 1, ...change };
  return { power: 'stopped', status: aStatus({ operation: { intent } }) };
}

describe.each([startVm, verifyRunning, startOnRequest])('$id ($title)', (step) => {
  const rows: { name: string; shape: FactsShape; want: object }[] = [
    { name: 'running', shape: { power: 'running' }, want: RUNNING },
    { name: 'stopped', shape: { power: 'stopped' }, want: START },
    { name: 'not asked', shape: {}, want: START },
    {
      name: 'started a moment ago: it is given its time',
      shape: starting(59.9),
      want: { kind: 'wait', reason: 'WaitingForTask', afterMs: 5_000 },
    },
    { name: 'started, and not running after its time: once more', shape: starting(60), want: START },
    {
      name: 'started more than once: it is said',
      shape: starting(5, { attempt: 2 }),
      want: { kind: 'wait', reason: 'NotRunning', message: expect.stringContaining('60 s'), afterMs: 15_000 },
    },
    {
      name: 'started twice: it is given twice the time',
      shape: starting(119.9, { attempt: 2 }),
      want: { kind: 'wait', reason: 'NotRunning' },
    },
    { name: 'started twice, and not running after that: once more', shape: starting(120, { attempt: 2 }), want: START },
    {
      name: 'started often: it is given five minutes',
      shape: starting(299.9, { attempt: 40 }),
      want: { kind: 'wait' },
    },
    { name: 'started often, and not running after that', shape: starting(300, { attempt: 40 }), want: START },
    { name: 'its start has failed: no need to wait', shape: starting(1, { failed: true }), want: START },
    {
      name: 'a call of another kind does not count',
      shape: {
        power: 'stopped',
        status: aStatus({ operation: { intent: { action: 'stop', sentAt: at(-1), attempt: 1 } } }),
      },
      want: START,
    },
    {
      name: 'locked',
      shape: { power: 'stopped', observed: anOwnVm({}, { lock: 'backup' }) },
      want: { kind: 'wait', reason: 'WaitingForLock' },
    },
  ];
  test.each(rows)('$name', ({ shape, want }) => {
    expect(step.plan(aFacts({ observed: anOwnVm(), ...shape }))).toMatchObject(want);
  });

  test('never writes to a VM that this pass has not seen to be ours', () => {
    expect(step.needs(starting(1).status!)).toEqual(['observed', 'power']);
    expect(step.plan(aFacts({ observed: { kind: 'foreign', node: 'pve1', stamped: true } })).kind).toBe('stall');
  });
});

describe('what is declared about power', () => {
  const rows: {
    name: string;
    spec?: Partial<VirtualMachineSpec>;
    powerBefore?: 'Running' | 'Stopped';
    power: 'running' | 'stopped';
    want: object;
  }[] = [
    { name: 'nothing: a deploy starts its VM', power: 'stopped', want: START },
    { name: 'nothing, and it ran before', powerBefore: 'Running', power: 'stopped', want: START },
    {
      name: 'nothing, and it was stopped before: left so',
      powerBefore: 'Stopped',
      power: 'stopped',
      want: { kind: 'skip', note: { status: { powerState: 'Stopped' } } },
    },
    { name: 'always', spec: { runStrategy: 'Always' }, powerBefore: 'Stopped', power: 'stopped', want: START },
    {
      name: 'halted',
      spec: { runStrategy: 'Halted' },
      powerBefore: 'Running',
      power: 'stopped',
      want: { kind: 'skip', why: 'spec.runStrategy is Halted: the VM is kept stopped.' },
    },
    {
      name: 'suspended, although it is to run always',
      spec: { runStrategy: 'Always', suspension: { reason: 'unpaid' } },
      power: 'stopped',
      want: { kind: 'skip', why: 'The VM is suspended and kept stopped.' },
    },
  ];
  test.each(rows)('$name', ({ spec, powerBefore, power, want }) => {
    const vm = anOwner();
    const facts = aFacts({
      observed: anOwnVm(),
      power,
      vm: { ...vm, spec: { ...vm.spec, ...spec } },
      status: aStatus({ operation: { powerBefore } }),
    });
    expect(startVm.plan(facts)).toMatchObject(want);
    expect(verifyRunning.plan(facts)).toMatchObject(want);
  });

  test('an operation that asks for a start has the last word', () => {
    const facts = aFacts({
      observed: anOwnVm(),
      power: 'stopped',
      status: aStatus({ operation: { powerBefore: 'Stopped' } }),
    });
    expect(startOnRequest.plan(facts)).toMatchObject(START);
  });
});

test('a VM just made is stopped: its power is not asked for before the first start', () => {
  expect(startVm.needs(aStatus())).toEqual(['observed']);
  expect(startVm.needs(aStatus({ settledAt: at(-60) }))).toEqual(['observed', 'power']);
});
