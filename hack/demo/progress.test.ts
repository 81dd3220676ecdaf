// Tests of the progress of machines and the table that shows it.
import { describe, expect, test } from 'vitest';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { StepRecord, VirtualMachineStatus } from '../../src/api/virtual-machine-status.ts';
import { durationText, newLines, outcomeText, progressOf, tableLines, type VmProgress } from './progress.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (ms: number): string => new Date(start + ms).toISOString();

function vm(status?: VirtualMachineStatus, name = 'web-1'): VirtualMachine {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'VirtualMachine',
    metadata: { name, namespace: 'a' },
    spec: { planRef: { name: 'p' } },
    status,
  };
}

function step(to: string, durationMs = 100, more: Partial<StepRecord> = {}): StepRecord {
  return { number: 1, name: to, result: 'Succeeded', from: 'x', to, startedAt: at(0), durationMs, ...more };
}

function deploying(steps: StepRecord[], stepStartedAtMs: number, wait?: string): VirtualMachine {
  return vm({
    operation: { machine: 'deploy', startedAt: at(0), stepStartedAt: at(stepStartedAtMs), steps },
    conditions: [
      {
        type: 'Ready',
        status: 'False',
        reason: wait === undefined ? 'InProgress' : 'NoAddress',
        message: wait ?? 'Cloning.',
        lastTransitionTime: at(0),
      },
    ],
  });
}

const ready = vm({
  state: 'ready',
  conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'Is up.', lastTransitionTime: at(0) }],
});

describe('progressOf', () => {
  test('an object that nobody has touched', () => {
    expect(progressOf(vm())).toEqual({ name: 'web-1', steps: new Map(), message: '', ready: false });
  });

  test('the first state without a step is the current one', () => {
    const progress = progressOf(deploying([step('set_ip')], 100));
    expect(progress.current).toEqual({ state: 'clone', startedAtMs: start + 100 });
    expect(progress.message).toBe('');
  });

  test('what is waited for is told, what is simply being done is not', () => {
    expect(progressOf(deploying([], 0, 'The pool is empty.')).message).toBe('The pool is empty.');
    expect(progressOf(deploying([], 0)).message).toBe('');
  });

  test('without a time of the step the time of the pipeline counts', () => {
    const progress = progressOf(vm({ operation: { machine: 'deploy', startedAt: at(50) } }));
    expect(progress.current).toEqual({ state: 'set_ip', startedAtMs: start + 50 });
  });

  test('steps stay known when the object forgets them', () => {
    const before = progressOf(deploying([step('set_ip'), step('clone', 2000)], 100));
    const after = progressOf(ready, before);
    expect([...after.steps.keys()]).toEqual(['set_ip', 'clone']);
    expect(after).toMatchObject({ ready: true, message: '' });
    expect(after.current).toBeUndefined();
  });
});

test.each([
  [0, '0 ms'],
  [949.4, '949 ms'],
  [950, '0.9 s'],
  [1250, '1.3 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min 0 s'],
  [125_400, '2 min 5 s'],
])('durationText(%d) is %s', (ms, want) => {
  expect(durationText(ms)).toBe(want);
});

test.each([
  [step('clone', 1500), '1.5 s'],
  [step('clone', 0, { result: 'Skipped', message: 'The disk is as large.' }), 'skipped: The disk is as large.'],
  [step('clone', 0, { result: 'Skipped' }), 'skipped'],
  [step('clone', 0, { result: 'Failed', message: 'no space' }), 'failed: no space'],
])('outcomeText %#', (record, want) => {
  expect(outcomeText(record)).toBe(want);
});

describe('tableLines', () => {
  const one = progressOf(
    deploying([step('set_ip', 40), step('clone', 0, { result: 'Skipped' })], 0, 'Waits for a node.'),
  );
  const cellsOf = (lines: string[], state: string): string[] =>
    lines
      .find((line) => line.startsWith(`${state} `))
      ?.trim()
      .split(/\s{2,}/)
      .slice(1) ?? [];

  test.each([
    ['set_ip', ['40 ms']],
    ['clone', ['skipped']],
    ['set_dns', ['… 2.5 s']],
    ['migrated', ['·']],
    ['ready', ['·']],
  ])('the cell of %s', (state, want) => {
    expect(cellsOf(tableLines([one], start + 2500), state)).toEqual(want);
  });

  test('a header, a row for each of the 15 states and what is waited for', () => {
    const lines = tableLines([one], start);
    expect(lines).toHaveLength(17);
    expect(lines[0]?.trim()).toBe('web-1');
    expect(lines.at(-1)).toBe('web-1: Waits for a node.');
  });

  test('a column for each machine, all lines of one width', () => {
    const other = progressOf(vm(undefined, 'a-machine-with-a-long-name'));
    const lines = tableLines([one, other], start).slice(0, 16);
    expect(lines[0]).toMatch(/web-1 +a-machine-with-a-long-name$/);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(cellsOf(lines, 'set_ip')).toEqual(['40 ms', '·']);
  });

  test('a machine that is ready has done all', () => {
    expect(cellsOf(tableLines([progressOf(ready, one)], start), 'ready')).toEqual(['✓']);
  });

  test('a clock behind the operator does not show negative times', () => {
    expect(cellsOf(tableLines([one], start - 5000), 'set_dns')).toEqual(['… 0 ms']);
  });
});

describe('newLines', () => {
  const first = progressOf(deploying([step('set_ip', 40)], 0));
  const long = 'Waiting for the clone limit of storage local-lvm: 8 clones are running.';
  const table: { name: string; before?: VmProgress; after: VmProgress; want: string[] }[] = [
    { name: 'the first look', after: first, want: ['web-1  set_ip  40 ms'] },
    { name: 'nothing new', before: first, after: first, want: [] },
    {
      name: 'one more step',
      before: first,
      after: progressOf(deploying([step('set_ip', 40), step('clone', 2100)], 0), first),
      want: ['web-1  clone  2.1 s'],
    },
    {
      name: 'a reason to wait',
      before: first,
      after: progressOf(deploying([step('set_ip', 40)], 0, long), first),
      want: [`web-1  ${long}`],
    },
    { name: 'ready', before: first, after: progressOf(ready, first), want: ['web-1  is ready'] },
  ];
  test.each(table)('$name', ({ before, after, want }) => {
    expect(newLines(before, after)).toEqual(want);
  });
});
