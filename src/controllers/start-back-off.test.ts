// A guest that ends by itself again and again although it is declared to run always: it is started ever more seldom.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { findCondition } from '../kube/conditions.ts';

/** Of two polls of the cluster. */
const ROUND_MS = 20_000;

let operator: SimulatedOperator;

beforeEach(async () => {
  operator = await simulatedOperator();
  operator.declare('web-1', { runStrategy: 'Always' });
  await operator.passes('web-1', isAtRest);
});

afterEach(async () => {
  await operator[Symbol.asyncDispose]();
});

const status = () => operator.vm()?.status;
const isAtRest = () => status()?.state === 'ready' && status()?.operation === undefined;
const condition = (type: string) => findCondition(status()?.conditions, type);
const starts = () => operator.writes().filter((call) => call.endsWith('/status/start')).length;
const statusWrites = () => operator.fake.kube.writes.filter(({ type }) => type === 'virtualmachines/status').length;
const told = () => operator.fake.events.filter(({ reason }) => reason === 'StartBackOff');

/** So long, in which the VM is looked at after each poll; `ends`: the guest powers off as soon as it runs. */
async function goesOn(minutes: number, ends: boolean): Promise<void> {
  const end = operator.fake.clock.now() + minutes * 60_000;
  while (operator.fake.clock.now() < end) {
    if (ends && isAtRest()) operator.sim.killVm(status()?.vmid ?? 0);
    await operator.fake.clock.advance(ROUND_MS);
    await operator.pass();
  }
}

test('it is started ever more seldom, and that is shown with the count', async () => {
  const before = starts();
  await goesOn(60, true);
  const inAnHour = starts() - before;
  expect(inAnHour).toBeGreaterThan(6);
  expect(inAnHour).toBeLessThan(15);
  expect(condition('StartBackOff')).toMatchObject({ status: 'True', reason: 'StartBackOff' });
  expect(status()?.restarts?.count).toBe(inAnHour);
  expect(condition('StartBackOff')?.message).toMatch(new RegExp(`by itself (${inAnHour}|${inAnHour + 1}) times`));
  expect(told()).toMatchObject([{ type: 'Warning' }]);
});

test('while it waits for its start, nothing is written', async () => {
  await goesOn(30, true);
  const isWaiting = () => status()?.restarts?.retryAt !== undefined;
  while (!isWaiting()) await goesOn(1 / 3, true);
  expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'StartBackOff' });
  expect(status()?.printableStatus).toBe('StartBackOff');
  const before = { writes: statusWrites(), starts: starts() };
  await goesOn(4, true);
  expect({ writes: statusWrites(), starts: starts() }).toEqual(before);
  expect(await operator.pass()).toMatchObject({ kind: 'after' });
  await goesOn(2, true);
  expect(starts()).toBe(before.starts + 1);
});

test('after it has run for ten minutes all is forgotten', async () => {
  await goesOn(10, true);
  await goesOn(20, false);
  expect(condition('StartBackOff')).toBeUndefined();
  expect(condition('Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
  expect(status()).not.toHaveProperty('restarts');
  const before = { writes: statusWrites(), starts: starts() };
  await goesOn(10, false);
  expect({ writes: statusWrites(), starts: starts() }).toEqual(before);
  expect(await operator.pass()).toEqual({ kind: 'done' });
});
