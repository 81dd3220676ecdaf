// People and other programs at work on the same VMs: a stranger under our VMID, locks, edits and deletions by hand.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import type { StruckRequest } from '../sim/simulator.ts';
import { changesSince, EVERY_CALL, expectOneVmEach, lookAgain, reasonOf, shapeOf } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';

const CLONE = /\/qemu\/9000\/clone$/;
const STRANGER = { name: 'stranger', memory: '512' };

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
});

beforeEach(async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(EVERY_CALL));
});

afterEach(async () => {
  await world?.[Symbol.asyncDispose]();
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

/** Runs something once, while a request is held. */
function at(method: string, path: RegExp, when: 'before' | 'after', meanwhile: (request: StruckRequest) => void): void {
  world.sim.faults.add({ match: { method, path }, when, effect: { meanwhile } });
}

const isLocked = (vm: VirtualMachine): boolean => condition(vm, 'Locked')?.status === 'True';

describe('a stranger takes the VMID between reservation and clone', () => {
  test.each(['pve1', 'pve3'])('on node %s', async (node) => {
    at('POST', CLONE, 'before', ({ params }) => world.sim.stealVmid(Number(params['newid']), STRANGER, node));
    await world.create(aVirtualMachine('web'));
    const vm = await world.untilReady('web');
    expect(vm.status?.vmid).toBe(2001);
    expect(world.config(2000)).toEqual(STRANGER);
    expect(world.requests({ path: /\/qemu\/2000/ }).filter(({ method }) => method !== 'GET')).toEqual([]);
    await expectOneVmEach(world, [2000]);
    await world.stop({ vmids: [2000] });
  });

  test('while our own call has no answer: the VMID is kept until the call cannot come through any more', async () => {
    world.sim.faults.add({ match: { method: 'POST', path: CLONE }, when: 'before', effect: 'reset' });
    at('GET', /\/qemu\/2000\/config$/, 'before', () => world.sim.stealVmid(2000, STRANGER, 'pve1'));
    await world.create(aVirtualMachine('web'));
    await world.untilVm('web', 'Verifying', (vm) =>
      /made by somebody else/.test(condition(vm, 'Ready')?.message ?? ''),
    );
    expect(world.requests({ method: 'POST' })).toHaveLength(1);
    expect(await world.list(resources.vmidReservation)).toHaveLength(1);
  });
});

describe('a lock that somebody else holds', () => {
  test('is named, nothing is sent meanwhile, and the deploy goes on when it is gone', async () => {
    at('POST', /\/migrate$/, 'before', () => world.sim.setLock(2000, 'backup'));
    await world.create(aVirtualMachine('web'));
    const waiting = await world.untilVm('web', 'Locked', isLocked);
    expect(condition(waiting, 'Locked')).toMatchObject({
      reason: 'WaitingForLock',
      message: expect.stringContaining('backup') as string,
    });
    expect(condition(waiting, 'Stalled')).toBeUndefined();
    const seen = world.sim.requests.length;
    await lookAgain(world, 2000);
    expect(changesSince(world, seen)).toEqual([]);
    world.sim.setLock(2000, null);
    const vm = await world.untilReady('web');
    expect(condition(vm, 'Locked')).toBeUndefined();
    await expectOneVmEach(world);
  });

  test('that comes between look and call shows as well', async () => {
    at('POST', /\/config$/, 'before', () => world.sim.setLock(2000, 'snapshot'));
    await world.create(aVirtualMachine('web'));
    const waiting = await world.untilVm('web', 'Locked', isLocked);
    expect(condition(waiting, 'Locked')?.message).toContain('snapshot');
    world.sim.setLock(2000, null);
    await world.untilReady('web');
    await expectOneVmEach(world);
  });
});

test('a change by hand between look and call is not overwritten', async () => {
  at('POST', /\/config$/, 'before', () => world.sim.changeByHand(2000, (options) => (options['tags'] = 'by-hand')));
  await world.create(aVirtualMachine('web'), aVirtualMachine('calm'));
  const vm = await world.untilReady('web');
  const byHand = vm.status?.vmid === 2000 ? vm : await world.untilReady('calm');
  expect(world.config(2000)['tags']).toBe('by-hand');
  const calls = world.requests({ method: 'POST', path: /\/qemu\/2000\/config$/ }).map(({ status }) => status);
  expect(calls[0]).not.toBe(200);
  expect(calls.at(-1)).toBe(200);
  const other = await world.untilReady(byHand.metadata.name === 'web' ? 'calm' : 'web');
  const { tags: _tags, ...config } = shapeOf(world, byHand).config;
  expect({ ...shapeOf(world, byHand), config }).toEqual(shapeOf(world, other));
});

describe('the VM is not what it was', () => {
  test.each(['/migrate', '/config', '/resize', '/status/start'])(
    'its stamp is removed before %s: nothing is touched any more until it is back',
    async (call) => {
      let stamp = '';
      at(call === '/resize' ? 'PUT' : 'POST', new RegExp(`${call}$`), 'after', () => {
        stamp = world.config(2000)['description'] ?? '';
        world.sim.changeByHand(2000, (options) => delete options['description']);
      });
      await world.create(aVirtualMachine('web'));
      const stalled = await world.untilStalled('web', 'IdentityMismatch');
      expect(condition(stalled, 'IdentityMismatch')).toMatchObject({ status: 'True' });
      const seen = world.sim.requests.length;
      await lookAgain(world, 2000);
      await lookAgain(world, 2000);
      expect(changesSince(world, seen)).toEqual([]);
      world.sim.changeByHand(2000, (options) => (options['description'] = stamp));
      await lookAgain(world, 2000);
      const vm = await world.untilReady('web');
      expect(condition(vm, 'IdentityMismatch')).toBeUndefined();
      await expectOneVmEach(world);
    },
  );

  test('it carries the stamp of another object', async () => {
    at('POST', /\/migrate$/, 'after', () =>
      world.sim.changeByHand(2000, (options) => {
        options['description'] = 'pve-operator.io/owner uid=11111111-2222-4333-8444-555555555555 vmid=2000';
      }),
    );
    await world.create(aVirtualMachine('web'));
    const stalled = await world.untilStalled('web', 'IdentityMismatch');
    expect(condition(stalled, 'IdentityMismatch')?.message).toContain('another object');
    // Deleting the object does not delete somebody else's VM either.
    await bed.client.delete(resources.virtualMachine, 'web', world.namespace);
    const seen = world.sim.requests.length;
    await until('the deletion has looked', () =>
      world.sim.requests.slice(seen).some(({ path }) => path.includes('/2000/')),
    );
    await world.untilVm('web', 'kept', (vm) => reasonOf(vm) === 'IdentityMismatch');
    expect(changesSince(world, seen)).toEqual([]);
    expect(world.madeVmids).toEqual([2000]);
  });

  test('it was destroyed by hand: that is said, nothing is made anew, and the object can be deleted', async () => {
    at('POST', /\/config$/, 'after', () => destroyByHand(2000));
    await world.create(aVirtualMachine('web'));
    await world.untilStalled('web', 'VirtualMachineMissing');
    const seen = world.sim.requests.length;
    await lookAgain(world, 2000);
    expect(changesSince(world, seen)).toEqual([]);
    await world.stop();
  });
});

function destroyByHand(vmid: number): void {
  for (const volume of world.sim.world.volumes.all()) if (volume.vmid === vmid) world.sim.world.volumes.remove(volume);
  world.sim.world.vms.delete(vmid);
  world.sim.world.firewall.delete(vmid);
}
