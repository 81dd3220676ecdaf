// The failure of a task that an earlier pipeline began is told as that pipeline's.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aStatus, at } from '../../test/builders/facts.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { CLUSTER } from '../../test/builders/objects.ts';
import { resources } from '../api/resources.ts';
import type { OperationStatus } from '../api/virtual-machine-status.ts';
import { findCondition } from '../kube/conditions.ts';
import type { Advance } from '../machine/advance.ts';
import { deploy, terminate } from '../machines.ts';
import { blamed, withInheritedTask } from './inherited-task.ts';

const UPID = 'UPID:pve1:00000001:00000001:65E1A0C0:qmclone:9000:root@pam:';
const cloning: OperationStatus = { machine: 'deploy', startedAt: at(-60), step: 'clone-template', taskID: UPID };
const opened = aStatus({ operation: { machine: 'terminate', taskID: UPID } });

describe('a pipeline that is opened', () => {
  test('knows whose task it waits for', () => {
    expect(withInheritedTask(cloning, opened).operation?.inherited).toEqual({
      machine: 'deploy',
      step: 'clone-template',
      taskID: UPID,
    });
  });

  test.each<{ name: string; before: OperationStatus | undefined; status?: typeof opened }>([
    { name: 'after nothing', before: undefined },
    { name: 'after a pipeline that waited for nothing', before: { ...cloning, taskID: undefined } },
    { name: 'after a pipeline that had begun no step', before: { ...cloning, step: undefined } },
    { name: 'already, and waits for its own task', before: { ...cloning, machine: 'terminate' } },
    { name: 'and waits for another task', before: { ...cloning, taskID: 'UPID:other' } },
    { name: 'and waits for none', before: cloning, status: aStatus({ operation: { machine: 'terminate' } }) },
    { name: 'not at all', before: cloning, status: { state: 'ready' } },
  ])('has taken over nothing: $name', ({ before, status = opened }) => {
    expect(withInheritedTask(before, status)).toEqual(status);
  });
});

describe('a pass that has failed', () => {
  const failure = new Error('It failed.');
  const own = terminate.entries[0]!;
  const result = (change: Partial<Advance> = {}): Advance => ({
    status: withInheritedTask(cloning, opened),
    complete: false,
    current: own,
    cause: failure,
    trouble: { class: 'transient', reason: 'TaskFailed', message: 'It failed.', requeue: { kind: 'retry' } },
    notes: [],
    requeue: { kind: 'retry' },
    ...change,
  });

  test('because of a task of the pipeline before is told of the step that began it', () => {
    const told = blamed(terminate, result(), { upid: UPID, failure });
    expect(told.machine).toBe(deploy);
    expect(told.result.current?.step.id).toBe('clone-template');
    expect(told.result.trouble).toMatchObject({
      reason: 'TaskFailed',
      message: 'A task of the pipeline deploy, which terminate has taken the place of: It failed.',
    });
  });

  test.each<{ name: string; change?: Partial<Advance>; failed?: Parameters<typeof blamed>[2] }>([
    { name: 'a call', failed: undefined },
    { name: 'a task of its own', failed: { upid: 'UPID:own', failure } },
    { name: 'something else, after that task', failed: { upid: UPID, failure: new Error('Another.') } },
    { name: 'a task, and has taken over none', change: { status: opened }, failed: { upid: UPID, failure } },
    { name: 'nothing', change: { trouble: undefined }, failed: { upid: UPID, failure } },
  ])('because of $name is told of the pipeline itself', ({ change, failed }) => {
    const before = result(change);
    expect(blamed(terminate, before, failed)).toEqual({ machine: terminate, result: before });
  });

  test('is told in as many characters as a message may have', () => {
    const trouble = { ...result().trouble!, message: 'x'.repeat(300) };
    expect(blamed(terminate, result({ trouble }), { upid: UPID, failure }).result.trouble?.message).toHaveLength(300);
  });
});

describe('a VM that is deleted while it is cloned', () => {
  let operator: SimulatedOperator;
  beforeEach(async () => {
    operator = await simulatedOperator();
  });
  afterEach(() => operator[Symbol.asyncDispose]());

  test('tells of the clone that failed, and goes', async () => {
    operator.sim.faults.add({
      match: { method: 'POST', path: /\/clone$/ },
      when: 'before',
      effect: { status: 200, reason: 'OK', body: JSON.stringify({ data: UPID }) },
    });
    operator.declare('web-1');
    await operator.passes('web-1', (vm) => vm?.status?.operation?.taskID !== undefined);
    const { tasks } = operator.fake.context.clusters.connection(CLUSTER);
    const isClone = (upid: string) => upid === UPID;
    const state = tasks.state.bind(tasks);
    tasks.state = (upid) =>
      isClone(upid) ? { state: 'failed', exitstatus: 'clone failed: out of space', logTail: [] } : state(upid);
    await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
    await operator.pass();
    expect(operator.vm()?.status).toMatchObject({
      state: 'terminate',
      operation: { machine: 'terminate' },
      lastFailure: { step: 'clone-template', message: expect.stringContaining('pipeline deploy') as string },
    });
    expect(findCondition(operator.vm()?.status?.conditions, 'Ready')?.message).toMatch(/^Clone template: A task of/);
    const warnings = operator.fake.events.filter(({ type }) => type === 'Warning').map(({ message }) => message);
    expect(warnings).toEqual([expect.stringMatching(/^Clone template: A task of the pipeline deploy/)]);
    await operator.passes();
    expect(operator.vm()).toBeUndefined();
  });
});
