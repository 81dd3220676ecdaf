// Many machines at once: nothing is given out twice, storages are not overrun, and an empty pool holds up only until it grows.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { IPPool } from '../../src/api/ip-pool.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { aPlan, aPool, aVirtualMachine, CLUSTER } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, isReady, startWorld, type World } from './harness-world.ts';

const WAKE_LIMIT_MS = 2_000;
let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
});

afterEach(async () => {
  await world?.[Symbol.asyncDispose]();
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `vm-${index + 1}`);

/** The most clones that ran at once, by node, looked at after every request. */
function watchClones(): () => number {
  const { sim } = world;
  let most = 0;
  sim.onRequest(() => {
    const running = [...sim.world.tasks.running()].filter(({ type }) => type === 'qmclone');
    most = Math.max(most, running.length);
  });
  return () => most;
}

test('20 linked clones at once on one storage: each its own, never more clones than allowed', async () => {
  const limit = 5;
  // A clone takes most of a second, so that as many overlap as are let.
  world = await startWorld(bed, { speed: 0.5, cluster: { limits: { clonesPerStorage: limit, clonesPerNode: 10 } } });
  const mostClones = watchClones();
  await world.create(aPool(), aPlan({ cloneType: 'Linked' }));
  await world.create(...names(20).map((name) => aVirtualMachine(name)));
  const waiting = await until('one waits for a clone slot and says so', async () =>
    (await world.list(resources.virtualMachine)).find((vm) => condition(vm, 'Ready')?.reason === 'WaitingForCloneSlot'),
  );
  expect(condition(waiting, 'Ready')?.message).toMatch(/5 of 5 clones .* on storage shared are running/);
  // kstatus: under way is neither ready nor stalled, and the generation is not reached yet.
  expect(condition(waiting, 'Reconciling')).toMatchObject({ status: 'True', reason: 'WaitingForCloneSlot' });
  expect(condition(waiting, 'Stalled')).toBeUndefined();
  expect(waiting.status?.observedGeneration).toBeUndefined();
  expect(condition(waiting, 'AddressesAllocated')?.status).toBe('True');
  const vms = await Promise.all(names(20).map((name) => world.untilReady(name, 90_000)));

  expect(new Set(vms.map(({ status }) => status?.vmid))).toEqual(new Set(names(20).map((_, index) => 2000 + index)));
  expect(new Set(vms.map(({ status }) => status?.addresses?.[0]?.address)).size).toBe(20);
  const macs = vms.map(({ status }) => /BC(:\w\w){5}/.exec(world.config(status?.vmid)['net0'] ?? '')?.[0]);
  expect(new Set(macs).size).toBe(20);
  expect(mostClones()).toBe(limit);
  expect(world.requests({ method: 'POST', path: /\/clone$/ })).toHaveLength(20);
  expect(world.sim.requests.filter(({ status, method }) => status !== 200 && method !== 'GET')).toEqual([]);
  await world.stop();
  // The release of reservations wakes whoever waits for one, but not those that are gone with them.
  const terminations = world.operator?.log.filter((line) => line.includes('"Terminated virtual machine"'));
  expect(terminations).toHaveLength(20);
});

test('an empty pool holds machines up with its name, and they go on within two seconds after it grew', async () => {
  world = await startWorld(bed);
  await world.create(aPool({ first: '192.0.2.10', last: '192.0.2.11' }), aPlan());
  await world.create(...names(4).map((name) => aVirtualMachine(name)));
  const all = async () => world.list(resources.virtualMachine);
  const stalledVms = await until('two are ready and two are stalled', async () => {
    const vms = await all();
    const stalled = vms.filter((vm) => condition(vm, 'Stalled')?.reason === 'PoolEmpty');
    return vms.filter(isReady).length === 2 && stalled.length === 2 ? stalled : undefined;
  });
  for (const vm of stalledVms) expectWaitingForPool(vm);
  const isEmpty = (pool: IPPool): boolean => condition(pool, 'Stalled')?.reason === 'PoolEmpty';
  const pool = await world.untilObject(resources.ipPool, 'ipv4', 'says that it is empty', { wanted: isEmpty });
  expect(pool.status).toMatchObject({ total: '2', allocated: 2 });
  expect(world.madeVmids).toHaveLength(2);

  const grownAt = performance.now();
  await world.patch(resources.ipPool, 'ipv4', { spec: { last: '192.0.2.12' } });
  await until(
    'one of them has an address',
    async () => (await all()).filter(({ status }) => status?.addresses !== undefined).length === 3,
  );
  expect(performance.now() - grownAt).toBeLessThan(WAKE_LIMIT_MS);
  // The other one: an address that a deleted machine gives back serves as well.
  await until('three are ready', async () => (await all()).filter(isReady).length === 3);
  const [first] = (await all()).filter(isReady);
  await world.deleteVm(first?.metadata.name ?? '');
  await until('the last one is ready', async () => (await all()).filter(isReady).length === 3);
  const addresses = (await all()).map(({ status }) => status?.addresses?.[0]?.address);
  expect(new Set(addresses)).toEqual(new Set(['192.0.2.10', '192.0.2.11', '192.0.2.12']));
  await world.stop();
});

function expectWaitingForPool(vm: VirtualMachine): void {
  expect(condition(vm, 'Ready')).toMatchObject({ status: 'False', reason: 'PoolEmpty' });
  expect(condition(vm, 'AddressesAllocated')).toMatchObject({ status: 'False', reason: 'PoolEmpty' });
  expect(condition(vm, 'Stalled')?.message).toContain('ipv4');
  expect(condition(vm, 'Reconciling')).toBeUndefined();
  expect(vm.status?.vmid).toBeUndefined();
  expect(vm.status?.lastFailure).toMatchObject({ step: 'reserve-addresses', reason: 'PoolEmpty' });
}

test('machines that wait for an address reserve nothing: not one of two', async () => {
  world = await startWorld(bed);
  await world.create(aPool({ first: '192.0.2.10', last: '192.0.2.12' }), aPlan({ network: { ipv4Addresses: 2 } }));
  await world.create(aVirtualMachine('has-two'));
  await world.untilReady('has-two');
  await world.create(aVirtualMachine('wants-two'));
  await world.untilStalled('wants-two', 'PoolEmpty');
  expect(await world.list(resources.ipAddressReservation)).toHaveLength(2);
  expect((await world.list(resources.proxmoxCluster))[0]?.metadata.name).toBe(CLUSTER);
  await world.stop();
});
