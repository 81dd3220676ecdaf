// How a pass of a pipeline ends: closed, paused, or given up; and what becomes of the operation that asked for it.
import { describe, expect, test } from 'vitest';
import { edit, endOf, lastRun, request } from '../../test/builders/requests.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';

async function deployed(): Promise<SimulatedOperator> {
  const operator = await simulatedOperator();
  operator.declare('web-1');
  await operator.passes();
  return operator;
}

const conditionsOf = (operator: SimulatedOperator) =>
  Object.fromEntries((operator.vm()?.status?.conditions ?? []).map(({ type, status }) => [type, status]));

/** A call that is refused for good, as often as told. */
function refuse({ sim }: SimulatedOperator, path: RegExp, times = 1): void {
  const effect = { status: 500, reason: 'It will not be done' };
  sim.faults.add({ match: { method: 'POST', path }, when: 'before', effect, times });
}

describe('a pipeline that is complete', () => {
  test('tells what it has done: a machine that was stopped is not said to be ready', async () => {
    await using operator = await deployed();
    await request(operator, 'Stop');
    await operator.passes();
    const told = operator.fake.events.filter(({ about }) => about === `${NAMESPACE}/web-1`).map(({ reason }) => reason);
    expect(told).toEqual(['Ready', 'Stopped']);
  });

  test('is closed: nothing is under way, and who asked is told with its run', async () => {
    await using operator = await deployed();
    const name = await request(operator, 'Reboot');
    await operator.passes();
    expect(operator.vm()?.status?.operation).toBeUndefined();
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded', runName: lastRun(operator)?.metadata.name });
    expect(lastRun(operator)).toMatchObject({
      spec: { machine: 'reboot', trigger: `VirtualMachineOperation ${name} (Reboot)` },
      status: { result: 'Succeeded' },
    });
    expect(conditionsOf(operator)).toMatchObject({ Ready: 'True' });
  });
});

describe('a pipeline that only a person can help', () => {
  test('is given up where nothing is left half made: who asked is told at once, and the VM is as before', async () => {
    await using operator = await deployed();
    refuse(operator, /status\/reset$/);
    const name = await request(operator, 'Reset');
    await operator.passes();
    expect(endOf(operator, name)).toMatchObject({ result: 'Failed', reason: 'Refused' });
    expect(endOf(operator, name)?.message).toContain('It will not be done');
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', powerState: 'Running' });
    expect(operator.vm()?.status?.operation).toBeUndefined();
    expect(lastRun(operator)?.status).toMatchObject({ result: 'Failed' });
  });

  test('is not begun again by itself after it was given up', async () => {
    await using operator = await deployed();
    refuse(operator, /status\/reset$/);
    await request(operator, 'Reset');
    await operator.passes();
    const runs = operator.vm()?.status?.runCount;
    await operator.fake.clock.advance(20 * 60_000);
    await operator.passes();
    expect(operator.vm()?.status?.runCount).toBe(runs);
    // The VM is as declared: who waits for health must not be told of an operation for ever.
    expect(conditionsOf(operator)).toMatchObject({ Ready: 'True' });
    expect(conditionsOf(operator)).not.toHaveProperty('Stalled');
  });

  test('of power that is declared is tried again every ten minutes, in no more runs than that, and shown', async () => {
    await using operator = await deployed();
    refuse(operator, /status\/shutdown$/, Number.POSITIVE_INFINITY);
    await edit(operator, { runStrategy: 'Halted' });
    await operator.passes('web-1', (vm) => vm?.status?.powerRetryAt !== undefined);
    const before = operator.vm()?.status?.runCount ?? 0;
    for (let minute = 0; minute < 30; minute += 1) {
      await operator.fake.clock.advance(60_000);
      await operator.pass();
    }
    expect((operator.vm()?.status?.runCount ?? 0) - before).toBeLessThanOrEqual(3);
    expect(conditionsOf(operator)).toMatchObject({ Ready: 'False' });
  });

  test('is kept where something is half made, and goes on by itself when it can', async () => {
    await using operator = await deployed();
    refuse(operator, /qemu\/9000\/clone$/);
    const name = await request(operator, 'Reinstall', { reinstall: { confirmation: 'REINSTALL' } });
    await operator.passes('web-1', () => conditionsOf(operator)['Stalled'] === 'True');
    expect(operator.vm()?.status).toMatchObject({ operation: { machine: 'reinstall' } });
    expect(endOf(operator, name)).toBeUndefined();
    await operator.passes();
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded' });
    expect(conditionsOf(operator)).not.toHaveProperty('Stalled');
  });

  test('is logged when it begins to stand still, and again when it stands still for another reason', async () => {
    await using operator = await simulatedOperator();
    const waits = () => operator.fake.logged.filter((line) => line === 'Waiting for help').length;
    operator.declare('web-1', { planRef: { name: 'nothing' } });
    for (let wake = 0; wake < 5; wake += 1) await operator.pass();
    expect(conditionsOf(operator)).toMatchObject({ Stalled: 'True' });
    expect(waits()).toBe(1);
    await edit(operator, { planRef: { name: 'nothing-either' } });
    for (let wake = 0; wake < 5; wake += 1) await operator.pass();
    expect(waits()).toBe(2);
  });

  test('leaves its last failure to be seen, after it went on', async () => {
    await using operator = await deployed();
    refuse(operator, /qemu\/9000\/clone$/);
    await request(operator, 'Reinstall', { reinstall: { confirmation: 'REINSTALL' } });
    await operator.passes('web-1', () => conditionsOf(operator)['Stalled'] === 'True');
    await operator.passes();
    expect(operator.vm()?.status).toMatchObject({
      state: 'ready',
      lastFailure: {
        step: 'clone-template',
        reason: 'Refused',
        message: expect.stringContaining('It will not be done'),
      },
    });
  });
});

describe('a guest that does not listen', () => {
  async function deaf(): Promise<SimulatedOperator> {
    const operator = await simulatedOperator();
    operator.sim.world.guestBootMs.set(2000, null);
    operator.declare('web-1');
    await operator.passes();
    return operator;
  }

  test('makes a reboot fail, and runs on', async () => {
    await using operator = await deaf();
    const name = await request(operator, 'Reboot');
    await operator.passes();
    expect(endOf(operator, name)).toMatchObject({ result: 'Failed', reason: 'StillRunning' });
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', powerState: 'Running' });
    expect(operator.writes().filter((write) => write.endsWith('/status/reboot'))).toHaveLength(1);
  });

  test('is stopped by force after its grace period', async () => {
    await using operator = await deaf();
    const name = await request(operator, 'Stop', { stop: { gracePeriodSeconds: 10 } });
    await operator.passes();
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded' });
    expect(
      operator
        .writes()
        .slice(-2)
        .map((write) => write.split('/').at(-1)),
    ).toEqual(['shutdown', 'stop']);
    expect(operator.vm()?.status?.powerState).toBe('Stopped');
  });
});
