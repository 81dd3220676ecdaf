// What spec.runStrategy and spec.suspension do to a VM that somebody stops and starts in Proxmox VE.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import { findCondition } from '../kube/conditions.ts';

/** Until the list of the cluster is newer than the last pipeline, and trusted. */
const LIST_MS = 45_000;
/** What was refused is tried again after this long. */
const RETRY_MS = 10 * 60_000;

let operator: SimulatedOperator;

beforeEach(async () => {
  operator = await simulatedOperator();
});

afterEach(async () => {
  await operator[Symbol.asyncDispose]();
});

const status = () => operator.vm()?.status;
const simulated = () => operator.sim.world.vms.get(status()?.vmid ?? 0);
const isAtRest = () => status()?.state === 'ready' && status()?.operation === undefined;

/** Until it is at rest: a VM that was started is looked at again much later, whether it stopped once more. */
async function settle(): Promise<void> {
  await operator.fake.clock.advance(LIST_MS);
  await operator.passes('web-1', isAtRest);
  // A pipeline may have been what was needed; then its end is looked at too.
  await operator.fake.clock.advance(LIST_MS);
  await operator.passes('web-1', isAtRest);
}

async function deployed(spec: Partial<VirtualMachineSpec>): Promise<void> {
  operator.declare('web-1', spec);
  await operator.passes('web-1', isAtRest);
  await settle();
}

function declare(change: Partial<VirtualMachineSpec>): void {
  const vm = operator.vm()!;
  const metadata = { ...vm.metadata, generation: (vm.metadata.generation ?? 1) + 1 };
  operator.fake.kube.seed(resources.virtualMachine, { ...vm, metadata, spec: { ...vm.spec, ...change } });
}

async function byHand(power: 'start' | 'stop'): Promise<void> {
  const { node = '', vmid } = status() ?? {};
  await operator.sim.handle({
    method: 'POST',
    path: `/nodes/${node}/qemu/${vmid}/status/${power}`,
    params: {},
    authorization: operator.authorization,
  });
  await settle();
}

const isRunning = () => simulated()?.running !== undefined;
const condition = (type: string) => findCondition(status()?.conditions, type);

describe('a VM that somebody stopped by hand', () => {
  test.each([
    { runStrategy: 'Always', wanted: true },
    { runStrategy: 'Manual', wanted: false },
    { runStrategy: undefined, wanted: false },
  ] as const)('runs again under $runStrategy: $wanted', async ({ runStrategy, wanted }) => {
    await deployed({ runStrategy });
    await byHand('stop');
    expect({ runs: isRunning(), shown: status()?.powerState }).toEqual({
      runs: wanted,
      shown: wanted ? 'Running' : 'Stopped',
    });
  });
});

describe('a VM that somebody started by hand', () => {
  test('is stopped again under Halted', async () => {
    await deployed({ runStrategy: 'Halted' });
    expect(isRunning()).toBe(false);
    await byHand('start');
    expect({ runs: isRunning(), shown: status()?.powerState }).toEqual({ runs: false, shown: 'Stopped' });
  });
});

describe('a suspension', () => {
  test.each(['Always', 'Manual', undefined] as const)(
    'stops a VM under %s, and is told from a stop',
    async (runStrategy) => {
      await deployed({ runStrategy });
      declare({ suspension: { reason: 'unpaid' } });
      await settle();
      expect(isRunning()).toBe(false);
      expect(condition('Suspended')).toMatchObject({ status: 'True', message: expect.stringContaining('unpaid') });
      await byHand('start');
      expect(isRunning()).toBe(false);
    },
  );

  test.each([
    { before: 'runs', stops: false, wanted: true },
    { before: 'was stopped', stops: true, wanted: false },
  ])('that is taken away leaves a VM that $before as it was', async ({ stops, wanted }) => {
    await deployed({});
    if (stops) await byHand('stop');
    declare({ suspension: { reason: 'unpaid' } });
    await settle();
    declare({ suspension: undefined });
    await settle();
    expect(isRunning()).toBe(wanted);
    expect(condition('Suspended')).toBeUndefined();
    expect(status()).not.toHaveProperty('suspension');
  });

  test('that is taken away while a start is refused starts the VM within ten minutes after it may', async () => {
    await deployed({});
    declare({ suspension: { reason: 'unpaid' } });
    await settle();
    const allow = operator.sim.faults.add({
      match: { method: 'POST', path: /\/status\/start$/ },
      when: 'before',
      effect: { status: 403, reason: 'Permission check failed (/vms/2000, VM.PowerMgmt)' },
      times: 99,
    });
    declare({ suspension: undefined });
    await operator.pass();
    expect(condition('Stalled')).toMatchObject({ status: 'True', reason: 'Forbidden' });
    expect(status()).toMatchObject({ powerState: 'Stopped', suspension: { powerBefore: 'Running' } });
    allow();
    await operator.fake.clock.advance(RETRY_MS);
    await settle();
    expect(isRunning()).toBe(true);
    expect(status()).not.toHaveProperty('suspension');
    expect(condition('Stalled')).toBeUndefined();
  });
});
