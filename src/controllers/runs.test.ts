// The deploy log: what a record says, and that making it never holds a VM up.
import { deploy } from '../machines.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOwner, aStatus, at, NOW, UID } from '../../test/builders/facts.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachineRun } from '../api/virtual-machine-run.ts';
import { KubeError } from '../kube/errors.ts';
import type { Trouble } from '../machine/outcome.ts';
import { durationText, oldRuns, openRun, recordRun, runStatus } from './runs.ts';

let fake: FakeContext;
beforeEach(() => {
  fake = createFakeContext();
});
afterEach(() => fake[Symbol.asyncDispose]());

const STEP = {
  number: 1,
  name: 'Reserve addresses',
  result: 'Succeeded' as const,
  from: 'creation',
  to: 'set_ip',
  startedAt: at(-60),
  durationMs: 5,
};
const STATUS = aStatus({
  state: 'set_ip',
  runCount: 3,
  operation: { runName: 'web-1-3', steps: [STEP], taskIDs: ['UPID:x'] },
});
const TROUBLE: Trouble = { class: 'stalled', reason: 'PoolEmpty', message: 'Empty.', requeue: { kind: 'retry' } };
const owner = anOwner();
const runs = () => fake.kube.objects(resources.virtualMachineRun);
const open = () => openRun(fake.context, owner, STATUS, 'VirtualMachine created');

test('a namespace that is being deleted takes no record, which is nothing to warn of', async () => {
  const refuse = (causes: { reason: string }[]) =>
    fake.kube.onWrite(() => {
      throw new KubeError({ status: 403, reason: 'Forbidden', message: 'no', details: { causes } });
    });
  refuse([{ reason: 'NamespaceTerminating' }]);
  await open();
  expect(fake.logged).toEqual([]);
  refuse([]);
  await open();
  expect(fake.logged).toEqual(['Recording a run failed']);
});

describe('what a record says', () => {
  test('of a run that succeeded: when it ended and how long it took', () => {
    expect(runStatus({ status: { ...STATUS, state: 'ready' }, result: 'Succeeded' }, NOW)).toEqual({
      result: 'Succeeded',
      to: 'ready',
      error: undefined,
      startedAt: at(-60),
      completedAt: at(0),
      durationMs: 60_000,
      duration: '1m00s',
      steps: [STEP],
      taskIDs: ['UPID:x'],
    });
  });

  test('of a step that was skipped: why, in a sentence', () => {
    const skipped = { ...STEP, result: 'Skipped' as const, message: 'no change' };
    const status = { ...STATUS, operation: { ...STATUS.operation!, steps: [STEP, skipped] } };
    const { steps = [] } = runStatus({ status, result: 'Succeeded' }, NOW);
    expect(steps.map(({ message }) => message)).toEqual([undefined, 'No change.']);
  });

  test('of a run that stands still: why, and no end', () => {
    const { completedAt, error, to } = runStatus({ status: STATUS, result: 'Failed', trouble: TROUBLE }, NOW);
    expect({ completedAt, error, to }).toEqual({ completedAt: undefined, error: 'PoolEmpty: Empty.', to: 'set_ip' });
  });

  test('of a run that stands still: the step that failed, behind those that are done', () => {
    const current = deploy.entries[1]!;
    const { steps = [] } = runStatus({ status: STATUS, result: 'Failed', trouble: TROUBLE, current }, NOW + 5_000);
    expect(steps.slice(0, -1)).toEqual(STATUS.operation?.steps ?? []);
    expect(steps.at(-1)).toMatchObject({
      number: (STATUS.operation?.steps ?? []).length + 1,
      name: 'Clone template',
      result: 'Failed',
      message: TROUBLE.message,
      to: 'clone',
    });
  });

  test('has the length of a message at most', () => {
    const trouble = { ...TROUBLE, message: 'x'.repeat(300) };
    expect(runStatus({ status: STATUS, result: 'Failed', trouble }, NOW).error).toHaveLength(300);
  });

  test('of a status without an operation is empty', () => {
    const { steps, durationMs } = runStatus({ status: { state: 'ready' }, result: 'Succeeded' }, NOW);
    expect({ steps, durationMs }).toEqual({ steps: [], durationMs: undefined });
  });

  test('is never that a run took less than no time', () => {
    expect(runStatus({ status: STATUS, result: 'Succeeded' }, NOW - 3_600_000).durationMs).toBe(0);
  });
});

describe('how long a run took, for people', () => {
  test.each([
    { ms: 0, want: '0.0s' },
    { ms: 960, want: '0.9s' },
    { ms: 12_345, want: '12.3s' },
    { ms: 59_999, want: '59.9s' },
    { ms: 60_000, want: '1m00s' },
    { ms: 245_900, want: '4m05s' },
    { ms: 3_599_999, want: '59m59s' },
    { ms: 3_600_000, want: '1h00m' },
    { ms: 3_720_000, want: '1h02m' },
    { ms: 93_600_000, want: '26h00m' },
  ])('$ms ms: $want', ({ ms, want }) => {
    expect(durationText(ms)).toBe(want);
  });
});

describe('opening', () => {
  test('makes the run that the status names, owned by the VM', async () => {
    await open();
    expect(runs()).toMatchObject([
      {
        metadata: { name: 'web-1-3', namespace: 'customer-1', ownerReferences: [{ kind: 'VirtualMachine', uid: UID }] },
        spec: {
          virtualMachineName: 'web-1',
          number: 3,
          machine: 'deploy',
          trigger: 'VirtualMachine created',
          from: 'creation',
        },
      },
    ]);
  });

  test('begins where its first step began, or where the VM stands', async () => {
    const standing = { ...owner, status: { state: 'ready' as const } };
    await openRun(fake.context, standing, aStatus({ operation: { runName: 'other-run' } }), 'x');
    await open();
    expect(runs().map(({ spec }) => spec.from)).toEqual(['ready', 'creation']);
  });

  test('happens once', async () => {
    await open();
    await open();
    expect(fake.kube.writes).toHaveLength(1);
  });

  test('finds the one that an earlier life has made, before the store shows it', async () => {
    await open();
    fake.context.stores.virtualMachineRuns.get = () => undefined;
    await open();
    expect(fake.logged).toEqual([]);
  });

  test('without a name does nothing', async () => {
    await openRun(fake.context, owner, aStatus(), 'x');
    expect(runs()).toEqual([]);
  });

  test('that fails is logged, and no more', async () => {
    fake.kube.onWrite(() => {
      throw new Error('no answer');
    });
    await expect(open()).resolves.toBeUndefined();
    expect(fake.logged).toEqual(['Recording a run failed']);
  });
});

describe('recording', () => {
  test('writes what became of the run', async () => {
    await open();
    await recordRun(fake.context, owner, { status: STATUS, result: 'Failed', trouble: TROUBLE });
    expect(runs()[0]?.status).toMatchObject({ result: 'Failed', error: 'PoolEmpty: Empty.' });
  });

  test('of a run that was never opened does nothing', async () => {
    await recordRun(fake.context, owner, { status: STATUS, result: 'Succeeded' });
    expect(fake.kube.writes).toEqual([]);
  });

  test('that fails is logged, and no more', async () => {
    await open();
    fake.kube.onWrite(() => {
      throw new Error('no answer');
    });
    await expect(recordRun(fake.context, owner, { status: STATUS, result: 'Succeeded' })).resolves.toBeUndefined();
    expect(fake.logged).toEqual(['Recording a run failed']);
  });

  test('keeps the newest 50 of this VM', async () => {
    await open();
    const [mine] = runs();
    for (let number = 10; number < 65; number += 1) {
      fake.kube.seed(resources.virtualMachineRun, {
        ...mine!,
        metadata: { ...mine!.metadata, name: `run-${number}` },
        spec: { ...mine!.spec, number },
      });
    }
    const other = { ...mine!.metadata, name: 'other', ownerReferences: [] };
    fake.kube.seed(resources.virtualMachineRun, { ...mine!, metadata: other });
    await recordRun(fake.context, owner, { status: STATUS, result: 'Succeeded' });
    const numbers = runs()
      .filter(({ metadata }) => metadata.name !== 'other')
      .map(({ spec }) => spec.number);
    expect(numbers).toHaveLength(50);
    expect(Math.min(...numbers)).toBe(15);
    expect(runs().some(({ metadata }) => metadata.name === 'other')).toBe(true);
  });
});

test('runs beyond the newest 50 are the old ones, in whatever order they come', () => {
  const run = (number: number) => ({ spec: { number } }) as VirtualMachineRun;
  const numbers = Array.from({ length: 52 }, (_, index) => ((index * 31) % 52) + 1);
  expect(oldRuns(numbers.map(run)).map(({ spec }) => spec.number)).toEqual([2, 1]);
  expect(oldRuns([run(1)])).toEqual([]);
});
