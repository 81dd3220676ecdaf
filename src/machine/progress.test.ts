// What the status remembers of a pipeline, and that nothing of it is lost when another one takes over.
import { describe, expect, test } from 'vitest';
import { aStatus, at, NOW } from '../../test/builders/facts.ts';
import { done } from '../../test/builders/played-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import {
  beginStep,
  closeOperation,
  completeStep,
  nextEntry,
  openOperation,
  operationOf,
  runName,
  stepsDone,
  withFailedTask,
  withIntent,
  withoutIntent,
  withoutTask,
  withSeparateChanges,
  withTask,
} from './progress.ts';
import { defineMachine, defineStatelessMachine } from './vocabulary.ts';

const machine = defineMachine('deploy', 'creation', { set_ip: done('a'), clone: done('b'), ready: done('c') });
const terminate = defineStatelessMachine('terminate', 'terminate', [done('stop'), done('destroy')]);
const owner = { name: 'web-1', uid: '8a2f0b9c-0000-4000-8000-000000000001' };
const entry = (index: number) => machine.entries[index]!;
const opening = { vm: owner, nowMs: NOW, trigger: 'a test' };

describe('where a machine stands', () => {
  test.each([
    { state: undefined, want: 0 },
    { state: 'creation' as const, want: 0 },
    { state: 'set_ip' as const, want: 1 },
    { state: 'ready' as const, want: 3 },
    { state: 'set_dns' as const, want: 0 },
  ])('$state: $want steps done', ({ state, want }) => {
    expect(stepsDone(machine, { state })).toBe(want);
    expect(nextEntry(machine, { status: {}, done: want })).toBe(machine.entries[want]);
  });

  test.each([
    { name: 'begins at its first step', operation: { step: 'destroy' }, want: 0 },
    { name: 'waits for a task at the step that began it', operation: { step: 'destroy', taskID: 'UPID:x' }, want: 1 },
    { name: 'waits for a task of another machine at its first step', operation: { taskID: 'UPID:x' }, want: 0 },
    { name: 'knows no step of another machine', operation: { step: 'clone', taskID: 'UPID:x' }, want: 0 },
  ])('a machine without states of its own $name', ({ operation, want }) => {
    expect(stepsDone(terminate, aStatus({ state: 'terminate', operation }))).toBe(want);
  });
});

describe('opening an operation', () => {
  test.each<{ name: string; status: VirtualMachineStatus; want: object }>([
    {
      name: 'of a new VM',
      status: {},
      want: {
        state: 'creation',
        runCount: 1,
        operation: { machine: 'deploy', runName: 'web-1-8a2f0b9c-1', startedAt: at(0) },
      },
    },
    { name: 'keeps the state', status: { state: 'clone', runCount: 4 }, want: { state: 'clone', runCount: 5 } },
  ])('$name', ({ status, want }) => expect(openOperation(machine, status, opening)).toMatchObject(want));

  test('that is open already changes nothing', () => {
    const status = aStatus({ runCount: 1 });
    expect(openOperation(machine, status, opening)).toBe(status);
  });

  test('over another one waits for its task and its call, and forgets its steps', () => {
    const intent = { action: 'clone', sentAt: at(-1), attempt: 2 };
    const before = aStatus({
      state: 'set_ip',
      runCount: 1,
      operation: { step: 'clone-template', taskID: 'UPID:x', taskIDs: ['UPID:x'], intent, separately: true, steps: [] },
    });
    const status = openOperation(terminate, before, opening);
    expect(status.state).toBe('terminate');
    expect(status.operation).toEqual({
      machine: 'terminate',
      runName: 'web-1-8a2f0b9c-2',
      startedAt: at(0),
      from: 'set_ip',
      trigger: 'a test',
      taskID: 'UPID:x',
      taskIDs: ['UPID:x'],
      intent,
    });
  });
});

test.each([
  { name: 'the same machine anew knows how the VM was', running: 'deploy', want: 'Stopped' },
  { name: 'another machine looks for itself', running: 'change_package', want: undefined },
])('$name', ({ running, want }) => {
  const status = aStatus({ state: 'set_ip', operation: { machine: running, powerBefore: 'Stopped' } });
  expect(openOperation(machine, status, { ...opening, anew: true }).operation?.powerBefore).toBe(want);
});

describe('names of runs', () => {
  test('tell VMs of one name apart', () => {
    expect(runName(owner, 3)).toBe('web-1-8a2f0b9c-3');
    expect(runName({ ...owner, uid: 'ffffffff-1' }, 3)).not.toBe(runName(owner, 3));
  });

  test('are never too long for an object, and keep their number', () => {
    const name = runName({ ...owner, name: 'x'.repeat(253) }, 12345);
    expect(name).toHaveLength(253);
    expect(name).toMatch(/-8a2f0b9c-12345$/);
  });
});

describe('steps', () => {
  const open = openOperation(machine, {}, opening);

  test('begin once', () => {
    const begun = beginStep(open, entry(0), NOW);
    expect(begun.operation).toMatchObject({ step: 'a', stepStartedAt: at(0) });
    expect(beginStep(begun, entry(0), NOW + 9_000)).toBe(begun);
    expect(beginStep(begun, entry(1), NOW + 9_000).operation).toMatchObject({ step: 'b', stepStartedAt: at(9) });
  });

  test('end with a record, and without the intent', () => {
    const begun = withIntent(beginStep(open, entry(0), NOW), 'clone', NOW);
    const position = completeStep(machine, { status: begun, done: 0 }, entry(0), {
      result: 'Skipped',
      message: 'x'.repeat(400),
      nowMs: NOW + 1_500.4,
    });
    expect(position.done).toBe(1);
    expect(position.status).toMatchObject({ state: 'set_ip' });
    expect(position.status.operation).not.toHaveProperty('intent');
    expect(position.status.operation?.steps).toEqual([
      {
        number: 1,
        name: 'Do a',
        result: 'Skipped',
        message: 'x'.repeat(300),
        from: 'creation',
        to: 'set_ip',
        startedAt: at(0),
        durationMs: 1_500,
      },
    ]);
  });

  test('done again replace their record and those behind it', () => {
    const end = { result: 'Succeeded' as const, nowMs: NOW };
    const one = completeStep(machine, { status: open, done: 0 }, entry(0), end);
    const two = completeStep(machine, one, entry(1), end);
    const again = completeStep(machine, { status: two.status, done: 0 }, entry(0), end);
    expect(again.status.operation?.steps?.map(({ number }) => number)).toEqual([1]);
  });

  test('never take less than no time, whatever the clock does', () => {
    const begun = beginStep(open, entry(0), NOW);
    const { status } = completeStep(machine, { status: begun, done: 0 }, entry(0), {
      result: 'Succeeded',
      nowMs: NOW - 60_000,
    });
    expect(status.operation?.steps?.[0]?.durationMs).toBe(0);
  });
});

describe('marks of an operation', () => {
  const open = openOperation(machine, {}, opening);

  test('an intent counts its attempts; another one begins anew', () => {
    const twice = withIntent(withIntent(open, 'clone', NOW), 'clone', NOW + 1_000);
    expect(twice.operation?.intent).toEqual({ action: 'clone', sentAt: at(1), attempt: 2 });
    expect(withIntent(twice, 'start', NOW).operation?.intent?.attempt).toBe(1);
    expect(withoutIntent(twice).operation).not.toHaveProperty('intent');
  });

  test('a task stays in the list after it ended', () => {
    const status = withoutTask(withTask(open, 'clone', 'UPID:x'));
    expect(status.operation).toMatchObject({ taskIDs: ['UPID:x'] });
    expect(status.operation).not.toHaveProperty('taskID');
  });

  test('a failed task takes the word about the password with it', () => {
    const handedOver = aStatus({ operation: { passwordHandedOver: true, taskID: 'UPID:x', separately: true } });
    expect(withFailedTask(handedOver).operation).toEqual({
      machine: 'deploy',
      startedAt: at(-60),
      separately: true,
      failedTasks: 1,
    });
  });

  test('separate changes stay so', () => {
    expect(withSeparateChanges(open).operation).toMatchObject({ separately: true, machine: 'deploy' });
  });

  test('a closed operation leaves what it achieved', () => {
    expect(closeOperation({ ...open, vmid: 2000 }, NOW)).toEqual({
      state: 'creation',
      runCount: 1,
      vmid: 2000,
      settledAt: at(0),
    });
    expect(() => operationOf(closeOperation(open, NOW))).toThrow(TypeError);
  });
});
