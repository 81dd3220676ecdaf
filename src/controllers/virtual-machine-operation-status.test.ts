// What an operation says of itself, for every fate, and how long its object is kept.
import { describe, expect, test } from 'vitest';
import { aRun, executed, requestOf } from '../../test/builders/operation-fate.ts';
import { anExecution, anOperation } from '../../test/builders/operations.ts';
import type { VirtualMachineOperationSpec, VirtualMachineOperationStatus } from '../api/virtual-machine-operation.ts';
import type { OperationFate } from '../domain/operations.ts';
import { expiryOf, isFinal, operationStatus } from './virtual-machine-operation-status.ts';

const NOW = Date.parse('2026-03-01T10:10:00.500Z');
const reboot = anOperation('Reboot');
const run = aRun({ machine: 'reboot', runName: 'web-1-8a2f0b9c-2', request: requestOf(reboot) });
const entry = executed(reboot, { runName: 'web-1-8a2f0b9c-2' });

function told(fate: OperationFate, operation = reboot): string {
  const status = operationStatus(operation, fate, NOW);
  const [condition] = status.conditions ?? [];
  return `${condition?.status} ${condition?.reason}: ${condition?.message}`;
}

describe('the condition', () => {
  const rows: { name: string; fate: OperationFate; want: string }[] = [
    { name: 'before its turn', fate: { kind: 'next' }, want: 'Unknown Queued: The operation is about to begin.' },
    {
      name: 'of one that waits',
      fate: { kind: 'waiting', reason: 'Paused', message: 'Held.' },
      want: 'Unknown Paused: Held.',
    },
    {
      name: 'while it runs',
      fate: { kind: 'running', run },
      want: 'Unknown InProgress: The pipeline reboot is under way.',
    },
    { name: 'when it is done', fate: { kind: 'finished', entry }, want: 'True Succeeded: Reboot is done.' },
    {
      name: 'when it is done, in the words of who did it',
      fate: { kind: 'finished', entry: { ...entry, message: 'Was running.' } },
      want: 'True Succeeded: Was running.',
    },
    {
      name: 'when it failed',
      fate: {
        kind: 'finished',
        entry: { ...entry, result: 'Failed', reason: 'NotRunning', message: 'It is stopped.' },
      },
      want: 'False NotRunning: It is stopped.',
    },
    {
      name: 'when it failed without a word',
      fate: { kind: 'finished', entry: { ...entry, result: 'Failed', reason: 'TaskFailed' } },
      want: 'False TaskFailed: Reboot failed.',
    },
    {
      name: 'of what was done before',
      fate: { kind: 'alreadyExecuted', entry },
      want: 'True AlreadyExecuted: The same request was executed until 2026-03-01T10:05:00.000Z and succeeded. Give the operation another name to ask for it once more.',
    },
    {
      name: 'of what failed before: it did not succeed now either',
      fate: { kind: 'alreadyExecuted', entry: { ...entry, result: 'Failed', reason: 'NoSpace' } },
      want: 'False AlreadyExecuted: The same request was executed until 2026-03-01T10:05:00.000Z and failed (NoSpace). Give the operation another name to ask for it once more.',
    },
    {
      name: 'of a refused one',
      fate: { kind: 'refused', reason: 'Suspended', message: 'Unpaid.' },
      want: 'False Suspended: Unpaid.',
    },
    {
      name: 'of a superseded one',
      fate: { kind: 'superseded', by: 'stop-2' },
      want: 'False Superseded: Operation stop-2 was made later and takes the place of this one.',
    },
    {
      name: 'of one that is late',
      fate: { kind: 'expired' },
      want: 'False DeadlineExceeded: It had not begun 3600 s after its creation and is not executed.',
    },
  ];

  test.each(rows)('$name', ({ fate, want }) => {
    expect(told(fate)).toBe(want);
  });

  test('of one that is late names the deadline of its own', () => {
    expect(told({ kind: 'expired' }, anOperation('Start', { spec: { deadlineSeconds: 30 } }))).toContain(' 30 s ');
  });
});

describe('the record', () => {
  const rows: { name: string; fate: OperationFate; want: Partial<VirtualMachineOperationStatus> }[] = [
    {
      name: 'of one that waits has no times',
      fate: { kind: 'next' },
      want: {},
    },
    {
      name: 'of one that runs names its run',
      fate: { kind: 'running', run },
      want: { startedAt: run.startedAt, runName: run.runName },
    },
    {
      name: 'of one that is done has the time when it was',
      fate: { kind: 'finished', entry },
      want: { completedAt: entry.completedAt, runName: entry.runName },
    },
    {
      name: 'of one that looked has what it saw',
      fate: { kind: 'finished', entry: { ...entry, observations: ['memory 2048 would become 4096'] } },
      want: { completedAt: entry.completedAt, runName: entry.runName, observations: ['memory 2048 would become 4096'] },
    },
    {
      name: 'of one that was done before leads to the run that did it',
      fate: { kind: 'alreadyExecuted', entry },
      want: { completedAt: '2026-03-01T10:10:00Z', runName: entry.runName },
    },
    {
      name: 'of one that is not done has the time of the decision',
      fate: { kind: 'expired' },
      want: { completedAt: '2026-03-01T10:10:00Z' },
    },
  ];

  test.each(rows)('$name', ({ fate, want }) => {
    const { conditions: _told, ...record } = operationStatus(reboot, fate, NOW);
    expect(record).toEqual({ observedGeneration: 1, ...want });
  });

  test('keeps when it began', () => {
    const began = { ...reboot, status: operationStatus(reboot, { kind: 'running', run }, NOW) };
    expect(operationStatus(began, { kind: 'finished', entry }, NOW)).toMatchObject({ startedAt: run.startedAt });
  });

  test('changes only when something changes', () => {
    const status = operationStatus(reboot, { kind: 'next' }, NOW);
    expect(operationStatus({ ...reboot, status }, { kind: 'next' }, NOW + 60_000)).toEqual(status);
  });

  test('of one that is settled stays, whatever happens', () => {
    const status = operationStatus(reboot, { kind: 'superseded', by: 'stop-2' }, NOW);
    expect(operationStatus({ ...reboot, status }, { kind: 'settled' }, NOW + 60_000)).toBe(status);
    expect(operationStatus(reboot, { kind: 'settled' }, NOW)).toEqual({});
  });
});

describe('the end', () => {
  const row = (status: VirtualMachineOperationStatus | undefined, spec: Partial<VirtualMachineOperationSpec> = {}) =>
    anOperation('Start', { spec, status });
  const done = operationStatus(row(undefined), { kind: 'finished', entry: anExecution() }, NOW);
  const undone = operationStatus(row(undefined), { kind: 'next' }, NOW);
  const { completedAt: _completedAt, ...timeless } = done;

  test.each([
    { name: 'nothing told', status: undefined, want: false },
    { name: 'waiting', status: undone, want: false },
    { name: 'done', status: done, want: true },
    { name: 'refused', status: operationStatus(reboot, { kind: 'expired' }, NOW), want: true },
  ])('has come when $name: $want', ({ status, want }) => {
    expect(isFinal(status)).toBe(want);
  });

  const END = Date.parse('2026-03-01T10:05:00Z');
  test.each([
    { name: 'nothing asked for', operation: row(done), want: undefined },
    { name: 'an hour afterwards', operation: row(done, { ttlSecondsAfterFinished: 3_600 }), want: END + 3_600_000 },
    { name: 'at once', operation: row(done, { ttlSecondsAfterFinished: 0 }), want: END },
    { name: 'not before the end', operation: row(undone, { ttlSecondsAfterFinished: 0 }), want: undefined },
    {
      name: 'by the condition where no time is written',
      operation: row(timeless, { ttlSecondsAfterFinished: 0 }),
      want: Date.parse('2026-03-01T10:10:00Z'),
    },
  ])('is followed by the deletion: $name', ({ operation, want }) => {
    expect(expiryOf(operation)).toBe(want);
  });
});
