// The life of operations on a real API server: their order, who gives way, what comes too late, what is not done twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachineOperation } from '../../src/api/virtual-machine-operation.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';
import { changes, done, powerChanges, request, untilDone, untilSaid } from './requests.ts';

const PAUSE = 'pve-operator.io/pause';

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed);
  await world.create(aPool(), aPlan());
  await world.create(aVirtualMachine('web'));
  await world.untilReady('web', 60_000);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

function paused(value: 'true' | null) {
  return world.patch(resources.virtualMachine, 'web', { metadata: { annotations: { [PAUSE]: value } } });
}

/** Holds everything for the VM while `meanwhile` runs. */
async function whilePaused(meanwhile: () => Promise<void>): Promise<void> {
  await paused('true');
  await world.untilVm('web', 'Paused', (vm) => condition(vm, 'Paused')?.status === 'True');
  await meanwhile();
  await paused(null);
}

async function find(name: string): Promise<VirtualMachineOperation | undefined> {
  return bed.client.get(resources.virtualMachineOperation, name, world.namespace).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

/** A second operation, and what both say while the first runs. */
async function whileItRuns(): Promise<VirtualMachineOperation[]> {
  await request(world, 'web', 'b-second', { type: 'Reboot' });
  return [
    await untilSaid(world, 'b-second', { status: 'Unknown', reason: 'Queued' }),
    await untilSaid(world, 'a-first', { status: 'Unknown', reason: 'InProgress' }),
  ];
}

describe('the order', () => {
  test('one runs, the next waits for it, in the order of their creation', async () => {
    const since = world.sim.requests.length;
    const seen = Promise.withResolvers<VirtualMachineOperation[]>();
    world.sim.faults.add({
      match: { method: 'POST', path: /\/status\/reset$/ },
      when: 'before',
      effect: {
        meanwhile: () => {
          seen.resolve(whileItRuns());
          return seen.promise.then(() => undefined);
        },
      },
    });
    await request(world, 'web', 'a-first', { type: 'Reset' });
    const [second, first] = await seen.promise;
    expect(condition(second!, 'Succeeded')?.message).toBe('Waits until operation a-first (Reset) is done.');
    expect(first?.status?.startedAt).toBeDefined();
    expect(first?.status?.completedAt).toBeUndefined();
    await untilDone(world, 'a-first');
    await untilDone(world, 'b-second');
    expect(powerChanges(world, since).slice(0, 2)).toEqual(['POST /status/reset', 'POST /status/reboot']);
    const runs = (await world.runs('web')).map(({ spec }) => spec.machine);
    expect(runs.slice(-2)).toEqual(['reset', 'reboot']);
    await world.untilReady('web');
  });

  test('a later one of its kind takes the place of one that waits', async () => {
    const since = world.sim.requests.length;
    await whilePaused(async () => {
      await request(world, 'web', 'stop-early', { type: 'Stop' });
      await untilSaid(world, 'stop-early', { status: 'Unknown', reason: 'Paused' });
      // Creation is told apart by the second.
      const created = (await find('stop-early'))?.metadata.creationTimestamp ?? '';
      await until('a second is over', () => Date.now() - Date.parse(created) > 1_100);
      await request(world, 'web', 'start-late', { type: 'Start' });
      const early = await untilSaid(world, 'stop-early', { status: 'False', reason: 'Superseded' });
      expect(condition(early, 'Succeeded')?.message).toContain('start-late');
    });
    await untilDone(world, 'start-late');
    expect(powerChanges(world, since)).toEqual([]);
  });

  test('what is requested of a VM that does not exist yet waits for it', async () => {
    await request(world, 'later', 'before-it-is-there', { type: 'SetFirewall' });
    await untilSaid(world, 'before-it-is-there', { status: 'Unknown', reason: 'WaitingForVirtualMachine' });
    await world.create(aVirtualMachine('later'));
    await untilDone(world, 'before-it-is-there');
    await world.untilReady('later');
    await world.deleteVm('later');
  });
});

test('the deadline: what has not begun by then never does', async () => {
  const since = world.sim.requests.length;
  await whilePaused(async () => {
    await request(world, 'web', 'too-late', { type: 'Reset', deadlineSeconds: 1 });
    const late = await untilSaid(world, 'too-late', { status: 'False', reason: 'DeadlineExceeded' });
    expect(late.status?.completedAt).toBeDefined();
    expect(late.status?.startedAt).toBeUndefined();
  });
  await world.untilVm('web', 'not paused', (vm) => condition(vm, 'Paused') === undefined);
  await done(world, 'web', 'after-it', { type: 'SetFirewall' });
  expect(powerChanges(world, since)).toEqual([]);
});

describe('once means once', () => {
  const spec = { type: 'Reinstall', reinstall: { confirmation: 'REINSTALL' }, ttlSecondsAfterFinished: 1 } as const;

  test('the object goes when its time is over, and the same request is not executed again', async () => {
    await done(world, 'web', 'from-git', spec);
    await until('the operation is gone', async () => (await find('from-git')) === undefined);
    const { status } = await world.untilReady('web');
    expect(status?.executedOperations?.map(({ name }) => name)).toContain('from-git');
    const since = world.sim.requests.length;
    await request(world, 'web', 'from-git', spec);
    const again = await untilSaid(world, 'from-git', { status: 'True', reason: 'AlreadyExecuted' });
    expect(condition(again, 'Succeeded')?.message).toContain('another name');
    expect(changes(world, since)).toEqual([]);
  });

  test('under another name it is another request', async () => {
    const runs = (await world.runs('web')).length;
    await done(world, 'web', 'from-git-2', { ...spec, ttlSecondsAfterFinished: 3_600 });
    await world.untilReady('web');
    expect(await world.runs('web')).toHaveLength(runs + 1);
  });

  test('an operation without a time to live is kept', async () => {
    await done(world, 'web', 'kept', { type: 'SetFirewall' });
    await done(world, 'web', 'after-the-kept', { type: 'SetCloudInit' });
    expect(await find('kept')).toBeDefined();
  });
});

test('an operation cannot be changed', async () => {
  await request(world, 'nobody', 'fixed', { type: 'Start' });
  const patch = (spec: object) => world.patch(resources.virtualMachineOperation, 'fixed', { spec });
  await expect(patch({ type: 'Stop' })).rejects.toThrow(/cannot be changed/);
  await expect(patch({ virtualMachineName: 'web' })).rejects.toThrow(/cannot be changed/);
  await expect(patch({ ttlSecondsAfterFinished: 1 })).rejects.toThrow(/cannot be changed/);
});

test('pause: nothing is done until the annotation is gone, then all of it', async () => {
  await whilePaused(async () => {
    const since = world.sim.requests.length;
    await world.patch(resources.virtualMachine, 'web', { spec: { options: { networkMBps: 3 } } });
    await request(world, 'web', 'held', { type: 'Reset' });
    await untilSaid(world, 'held', { status: 'Unknown', reason: 'Paused' });
    expect(changes(world, since)).toEqual([]);
    expect((await world.vm('web')).status?.effective?.networkMBps).toBe(0);
  });
  await untilDone(world, 'held');
  const vm = await world.untilVm('web', 'has the rate', ({ status }) => status?.effective?.networkMBps === 3);
  await world.untilReady('web');
  expect(world.config(vm.status?.vmid)['net0']).toContain('rate=3');
  expect(condition(await world.vm('web'), 'Paused')).toBeUndefined();
});

test('all of it goes with the VM', async () => {
  await world.stop();
});
