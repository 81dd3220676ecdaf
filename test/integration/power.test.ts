// Who decides about power on a real API server: runStrategy, suspension, operations, and people at the console of Proxmox VE.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';
import { done, edited, powerChanges, request, untilSaid } from './requests.ts';

/** A list of Proxmox VE is trusted when it was made well after the VM was settled, and it is looked at every ten seconds. */
const SEEN_MS = 90_000;

const MACHINES = {
  always: { runStrategy: 'Always' },
  halted: { runStrategy: 'Halted' },
  manual: { runStrategy: 'Manual' },
  unset: {},
  suspended: { runStrategy: 'Always' },
} as const satisfies Record<string, Partial<VirtualMachineSpec>>;

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed);
  await world.create(aPool(), aPlan());
  await world.create(...Object.entries(MACHINES).map(([name, spec]) => aVirtualMachine(name, spec)));
  await Promise.all(Object.keys(MACHINES).map((name) => world.untilReady(name, 60_000)));
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

async function isRunning(name: string): Promise<boolean> {
  const { status } = await world.vm(name);
  return world.sim.world.vms.get(status?.vmid ?? 0)?.running !== undefined;
}

/** A person at the console of Proxmox VE, who needs no operator. */
async function byHand(name: string, change: 'start' | 'stop'): Promise<void> {
  const { vmid, node } = (await world.vm(name)).status ?? {};
  const { id, secret } = world.token;
  const authorization = `PVEAPIToken=${id}=${secret}`;
  const path = `/nodes/${node}/qemu/${vmid}/status/${change}`;
  const answer = await world.sim.handle({ method: 'POST', path, authorization });
  expect(answer.status).toBe(200);
  await until(`${name} did ${change}`, async () => (await isRunning(name)) === (change === 'start'));
}

const hasPower =
  (power: 'Running' | 'Stopped') =>
  (vm: VirtualMachine): boolean =>
    vm.status?.powerState === power && vm.status.operation === undefined;

describe('runStrategy', () => {
  test('a deploy leaves the VM as it says', async () => {
    expect(await isRunning('always')).toBe(true);
    expect(await isRunning('halted')).toBe(false);
    expect(await isRunning('manual')).toBe(true);
    expect(await isRunning('unset')).toBe(true);
    expect((await world.vm('halted')).status?.powerState).toBe('Stopped');
    expect(condition(await world.vm('halted'), 'Ready')).toMatchObject({ status: 'True' });
  });

  test('Start and Stop are refused where it decides, Reboot of a running VM is not', async () => {
    await request(world, 'always', 'stop-always', { type: 'Stop' });
    await request(world, 'halted', 'start-halted', { type: 'Start' });
    const refused = await untilSaid(world, 'stop-always', { status: 'False', reason: 'RunStrategyDecides' });
    expect(condition(refused, 'Succeeded')?.message).toContain('spec.runStrategy is Always');
    await untilSaid(world, 'start-halted', { status: 'False', reason: 'RunStrategyDecides' });
    await done(world, 'always', 'reboot-always', { type: 'Reboot' });
    expect(await isRunning('always')).toBe(true);
  });

  test.each(['manual', 'unset'])('%s: Start and Stop are for operations', async (name) => {
    const { run } = await done(world, name, `stop-${name}`, { type: 'Stop', stop: { gracePeriodSeconds: 0 } });
    expect(run.status?.steps?.map(({ result }) => result)).toEqual(['Succeeded']);
    expect(await isRunning(name)).toBe(false);
    expect((await world.vm(name)).status?.powerState).toBe('Stopped');
    const since = world.sim.requests.length;
    await edited(world, name, { options: { networkMBps: 4 } });
    expect(powerChanges(world, since)).toEqual([]);
    await done(world, name, `start-${name}`, { type: 'Start' });
    expect(await isRunning(name)).toBe(true);
  });

  test('a change of it is carried out at once', async () => {
    await edited(world, 'unset', { runStrategy: 'Halted' });
    await until('it is stopped', async () => !(await isRunning('unset')));
    await world.untilVm('unset', 'Stopped', hasPower('Stopped'));
    await edited(world, 'unset', { runStrategy: 'Always' });
    await until('it runs', () => isRunning('unset'));
    await world.untilVm('unset', 'Running', hasPower('Running'));
    const runs = (await world.runs('unset')).map(({ spec }) => `${spec.machine}: ${spec.trigger}`);
    expect(runs.slice(-2)).toEqual(['stop: spec.runStrategy Halted', 'start: spec.runStrategy Always']);
  });
});

describe('suspension', () => {
  test('beats runStrategy, refuses what would start the VM, and leaves it as it was', async () => {
    await edited(world, 'suspended', { suspension: { reason: 'unpaid' } });
    const vm = await world.untilVm('suspended', 'Stopped', hasPower('Stopped'));
    expect(vm.status?.suspension).toMatchObject({ powerBefore: 'Running' });
    expect(await isRunning('suspended')).toBe(false);
    for (const type of ['Start', 'Reboot', 'Reset'] as const) {
      await request(world, 'suspended', `no-${type.toLowerCase()}`, { type });
      await untilSaid(world, `no-${type.toLowerCase()}`, { status: 'False', reason: 'Suspended' });
    }
    const changed = await edited(world, 'suspended', { options: { cpuCores: 2 } });
    expect(world.config(changed.status?.vmid)['cores']).toBe('2');
    expect(await isRunning('suspended')).toBe(false);
    await edited(world, 'suspended', { suspension: null });
    const resumed = await world.untilVm('suspended', 'Running', hasPower('Running'));
    expect(resumed.status).not.toHaveProperty('suspension');
    expect(await isRunning('suspended')).toBe(true);
  });

  test('a VM that was stopped before stays so when it is over', async () => {
    await done(world, 'manual', 'stop-before', { type: 'Stop', stop: { gracePeriodSeconds: 0 } });
    await edited(world, 'manual', { suspension: { reason: 'unpaid' } });
    const isSuspended = (vm: VirtualMachine): boolean => vm.status?.suspension?.powerBefore === 'Stopped';
    await world.untilVm('manual', 'suspended', isSuspended);
    const since = world.sim.requests.length;
    await edited(world, 'manual', { suspension: null });
    await world.untilVm('manual', 'not suspended', (vm) => vm.status?.suspension === undefined);
    expect(powerChanges(world, since)).toEqual([]);
    await done(world, 'manual', 'start-again', { type: 'Start' });
  });
});

test('people in Proxmox VE: brought back under Always and Halted, shown and left alone under Manual', async () => {
  const runs = async (name: string) => (await world.runs(name)).length;
  const before = await runs('manual');
  await byHand('always', 'stop');
  await byHand('halted', 'start');
  await byHand('manual', 'stop');
  await Promise.all([
    until('always runs again', () => isRunning('always'), SEEN_MS),
    until('halted is stopped again', async () => !(await isRunning('halted')), SEEN_MS),
    world.untilVm('manual', 'is shown stopped', hasPower('Stopped'), SEEN_MS),
  ]);
  expect(await isRunning('manual')).toBe(false);
  expect(await runs('manual')).toBe(before);
  expect((await world.runs('always')).at(-1)?.spec).toMatchObject({
    machine: 'start',
    trigger: 'spec.runStrategy Always',
  });
  expect((await world.runs('halted')).at(-1)?.spec).toMatchObject({
    machine: 'stop',
    trigger: 'spec.runStrategy Halted',
  });
});

test('all of them go as they came', async () => {
  await world.stop();
});
