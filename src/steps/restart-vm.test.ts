// A restart is asked for once, whatever happens to the operator; what became of it is looked at.
import { describe, expect, test } from 'vitest';
import { aFacts, anOwnVm, aStatus, at, type FactsShape } from '../../test/builders/facts.ts';
import type { OperationStatus } from '../api/virtual-machine-status.ts';
import type { Step } from '../machine/vocabulary.ts';
import { rebootVm, resetVm } from './restart-vm.ts';

type Power = FactsShape['power'];

function asked(
  power: Power,
  intent?: { action: string; secondsAgo: number; answered?: boolean; failed?: boolean },
  change = {},
): FactsShape {
  const operation: Partial<OperationStatus> = { ...change };
  if (intent !== undefined) {
    const { secondsAgo, answered = true, ...call } = intent;
    operation.intent = { ...call, answered, sentAt: at(-secondsAgo), attempt: 1 };
  }
  return { observed: anOwnVm(), power, status: aStatus({ operation }) };
}

interface Row {
  name: string;
  step: Step;
  shape: FactsShape;
  want: object;
}

const NOT_RUNNING = { kind: 'stall', reason: 'NotRunning' };

const rows: Row[] = [
  {
    name: 'a reboot, with the time of the cluster',
    step: rebootVm,
    shape: asked('running'),
    want: { kind: 'act', action: { kind: 'reboot', graceSeconds: 120 } },
  },
  {
    name: 'a reboot, with the time of the operation',
    step: rebootVm,
    shape: asked('running', undefined, { parameters: { gracePeriodSeconds: 9 } }),
    want: { kind: 'act', action: { kind: 'reboot', graceSeconds: 9 } },
  },
  { name: 'a reboot of a stopped VM', step: rebootVm, shape: asked('stopped'), want: NOT_RUNNING },
  {
    name: 'a reboot that was sent, and the VM runs',
    step: rebootVm,
    shape: asked('running', { action: 'reboot', secondsAgo: 1 }),
    want: { kind: 'done', note: { status: { powerState: 'Running' } } },
  },
  {
    name: 'a reboot that was sent, and the VM is on its way',
    step: rebootVm,
    shape: asked('stopped', { action: 'reboot', secondsAgo: 60 }),
    want: { kind: 'wait', reason: 'WaitingForTask', afterMs: 1_000 },
  },
  {
    name: 'a reboot after which the VM did not come back',
    step: rebootVm,
    shape: asked('stopped', { action: 'reboot', secondsAgo: 60.1 }),
    want: { kind: 'act', action: { kind: 'start' } },
  },
  {
    name: 'a reboot whose task failed, and the guest runs on: it did not listen',
    step: rebootVm,
    shape: asked('running', { action: 'reboot', secondsAgo: 9, failed: true }),
    want: { kind: 'stall', reason: 'StillRunning', message: expect.stringContaining('Reset') },
  },
  {
    name: 'a reboot whose task failed after the guest had shut down',
    step: rebootVm,
    shape: asked('stopped', { action: 'reboot', secondsAgo: 9, failed: true }),
    want: { kind: 'act', action: { kind: 'start' } },
  },
  {
    name: 'a start after a reboot that left the VM stopped',
    step: rebootVm,
    shape: asked('stopped', { action: 'start', secondsAgo: 9 }),
    want: { kind: 'wait' },
  },
  {
    name: 'a start after a reboot, and the VM runs',
    step: rebootVm,
    shape: asked('running', { action: 'start', secondsAgo: 9, failed: true }),
    want: { kind: 'done' },
  },
  {
    name: 'a reboot without an answer, and without a task: it may still arrive',
    step: rebootVm,
    shape: { ...asked('running', { action: 'reboot', secondsAgo: 99, answered: false }), restartTask: 'none' },
    want: { kind: 'wait', reason: 'Verifying' },
  },
  {
    name: 'a reboot without an answer, and without a task: it cannot arrive any more',
    step: rebootVm,
    shape: { ...asked('running', { action: 'reboot', secondsAgo: 101, answered: false }), restartTask: 'none' },
    want: { kind: 'act', action: { kind: 'reboot' } },
  },
  {
    name: 'a reboot without an answer, whose task runs',
    step: rebootVm,
    shape: { ...asked('running', { action: 'reboot', secondsAgo: 1, answered: false }), restartTask: 'running' },
    want: { kind: 'wait', reason: 'WaitingForTask' },
  },
  {
    name: 'a reboot without an answer, whose task has ended well',
    step: rebootVm,
    shape: { ...asked('running', { action: 'reboot', secondsAgo: 1, answered: false }), restartTask: 'ok' },
    want: { kind: 'done' },
  },
  {
    name: 'a reset without an answer, and without a task: it may still arrive',
    step: resetVm,
    shape: { ...asked('running', { action: 'reset', secondsAgo: 99, answered: false }), restartTask: 'none' },
    want: { kind: 'wait', reason: 'Verifying' },
  },
  {
    name: 'a reset without an answer, and without a task: it cannot arrive any more',
    step: resetVm,
    shape: { ...asked('running', { action: 'reset', secondsAgo: 101, answered: false }), restartTask: 'none' },
    want: { kind: 'act', action: { kind: 'reset' } },
  },
  {
    name: 'a reset without an answer, whose task runs',
    step: resetVm,
    shape: { ...asked('running', { action: 'reset', secondsAgo: 1, answered: false }), restartTask: 'running' },
    want: { kind: 'wait', reason: 'WaitingForTask' },
  },
  {
    name: 'a reset without an answer, whose task has ended well',
    step: resetVm,
    shape: { ...asked('running', { action: 'reset', secondsAgo: 1, answered: false }), restartTask: 'ok' },
    want: { kind: 'done' },
  },
  {
    name: 'a reboot without an answer, whose task failed: the guest did not listen',
    step: rebootVm,
    shape: { ...asked('running', { action: 'reboot', secondsAgo: 1, answered: false }), restartTask: 'failed' },
    want: { kind: 'stall', reason: 'StillRunning' },
  },
  {
    name: 'a reboot without an answer that cannot arrive any more, of a VM that stopped meanwhile',
    step: rebootVm,
    shape: { ...asked('stopped', { action: 'reboot', secondsAgo: 101, answered: false }), restartTask: 'none' },
    want: NOT_RUNNING,
  },
  { name: 'a reset', step: resetVm, shape: asked('running'), want: { kind: 'act', action: { kind: 'reset' } } },
  { name: 'a reset of a stopped VM', step: resetVm, shape: asked('stopped'), want: NOT_RUNNING },
  {
    name: 'a reset that was sent',
    step: resetVm,
    shape: asked('running', { action: 'reset', secondsAgo: 900 }),
    want: { kind: 'done' },
  },
  {
    name: 'a reset that failed',
    step: resetVm,
    shape: asked('running', { action: 'reset', secondsAgo: 1, failed: true }),
    want: { kind: 'act', action: { kind: 'reset' } },
  },
  {
    name: 'a reset that failed because the VM had stopped',
    step: resetVm,
    shape: asked('stopped', { action: 'reset', secondsAgo: 1, failed: true }),
    want: NOT_RUNNING,
  },
];

test.each(rows)('$name', ({ step, shape, want }) => expect(step.plan(aFacts(shape))).toMatchObject(want));

describe.each([rebootVm, resetVm])('$id', (step) => {
  test('waits for a lock, and touches nothing that is not ours', () => {
    const locked = anOwnVm({}, { lock: 'migrate' });
    expect(step.plan(aFacts({ ...asked('running'), observed: locked }))).toMatchObject({ reason: 'WaitingForLock' });
    const foreign = { kind: 'foreign', node: 'pve1', stamped: true } as const;
    expect(step.plan(aFacts({ ...asked('running'), observed: foreign }))).toMatchObject({ reason: 'IdentityMismatch' });
  });
});
