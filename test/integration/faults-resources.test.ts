// What Proxmox VE lacks for a while: space on the storage, the template, or a clone that was cut off and keeps its lock.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { aTemplate } from '../builders/topology.ts';
import { until } from '../kube/until.ts';
import { Vm } from '../sim/state/vm.ts';
import { changesSince, expectOneVmEach, lookAgain, reasonOf, touchToken } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';

const CLONE = /\/qemu\/9000\/clone$/;
const HALF_CLONE = { lock: 'clone', description: ' qmclone temporary file' };
/** The inventory is polled every ten seconds. */
const SEEN_LIMIT_MS = 20_000;

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
});

beforeEach(async () => {
  world = await startWorld(bed);
  await world.create(aPool());
});

afterEach(async () => {
  await world?.[Symbol.asyncDispose]();
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

test('a full storage is said, and the deploy goes on when there is room and somebody looks', async () => {
  await world.create(aPlan({ cloneType: 'Full' }));
  world.sim.fillStorage('shared');
  await world.create(aVirtualMachine('web'));
  const vm = await world.untilStalled('web', 'NoSpace');
  expect(vm.status?.lastFailure).toMatchObject({ reason: 'NoSpace', step: 'clone-template' });
  expect((await world.events('web')).map(({ reason }) => reason)).toContain('NoSpace');
  expect(world.madeVmids).toEqual([]);
  world.sim.fillStorage('shared', 2 ** 40);
  await touchToken(world);
  await world.untilReady('web');
  await expectOneVmEach(world);
  await world.stop();
});

test('a template that does not exist is said, and the deploy goes on when it appears', async () => {
  await world.create(aPlan({ template: { vmid: 9100 } }), aVirtualMachine('web'));
  await world.untilStalled('web', 'TemplateMissing');
  const { node, options, volumes } = aTemplate({ vmid: 9100, node: 'pve3' });
  for (const { storage, ...volume } of volumes)
    world.sim.world.volumes.add(storage, node, { content: 'images', vmid: 9100, ...volume });
  world.sim.world.vms.set(9100, new Vm(9100, node, options));
  await world.untilReady('web', SEEN_LIMIT_MS);
});

test('a clone that is cut off and keeps its lock is reported on the object and made again once it is removed', async () => {
  await world.create(aPlan());
  // The worker dies in its first instants: its task fails, and what it began stays as it was.
  world.sim.faults.add({
    match: { method: 'POST', path: CLONE },
    when: 'after',
    effect: {
      meanwhile: async ({ params }) => {
        for (const task of world.sim.world.tasks.running()) {
          task.stop();
          await task.done;
        }
        world.sim.stealVmid(Number(params['newid']), HALF_CLONE, 'pve1');
      },
    },
  });
  await world.create(aVirtualMachine('web'));
  const broken = await world.untilStalled('web', 'CloneBroken', 45_000);
  expect(condition(broken, 'LeftBehind')).toMatchObject({ status: 'True', reason: 'CloneBroken' });
  expect(condition(broken, 'LeftBehind')?.message).toContain('qm destroy 2000');
  expect(world.sim.leaks().halfClones).toEqual([2000]);
  const seen = world.sim.requests.length;
  await lookAgain(world, 2000);
  expect(changesSince(world, seen)).toEqual([]);
  // Nobody is quicker than a poll.
  await nextPoll();
  world.sim.world.vms.delete(2000);
  const vm = await world.untilReady('web', SEEN_LIMIT_MS);
  expect(condition(vm, 'LeftBehind')).toBeUndefined();
  expect(vm.status?.vmid).toBe(2000);
  await expectOneVmEach(world);
  await world.stop();
});

test('a task that fails for no reason of ours is said and tried again', async () => {
  await world.create(aPlan());
  world.sim.faults.add({
    match: { method: 'POST', path: CLONE },
    when: 'after',
    effect: {
      meanwhile: () => {
        for (const task of world.sim.world.tasks.running()) task.stop();
      },
    },
  });
  await world.create(aVirtualMachine('web'));
  const vm: VirtualMachine = await world.untilReady('web');
  expect(reasonOf(vm)).toBe('Ready');
  await expectOneVmEach(world);
});

async function nextPoll(): Promise<void> {
  const seen = world.sim.requests.length;
  await until('the inventory is polled', () =>
    world.sim.requests.slice(seen).some(({ path }) => path === '/cluster/resources'),
  );
}
