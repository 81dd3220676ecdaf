// Deleting a machine in every state: afterwards nothing is left in Proxmox VE, in DNS or in the API server, and the finalizer goes last.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, NO_LEAKS, startWorld, type World } from './harness-world.ts';

const FINALIZER = 'pve-operator.io/virtual-machine';
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

interface LastLook {
  /** VMIDs in Proxmox VE beside the templates. */
  vmids: number[];
  leaks: unknown;
}

/** What Proxmox VE looks like at the moment in which the API server says that the object is gone. */
async function atTheEndOf(name: string): Promise<LastLook> {
  const stop = new AbortController();
  const { resourceVersion } = await bed.client.list(resources.virtualMachine, { namespace: world.namespace });
  const gone = Promise.withResolvers<LastLook>();
  const options = { namespace: world.namespace, resourceVersion, signal: stop.signal };
  const watching = bed.client.watch(resources.virtualMachine, options, ({ type, object }) => {
    if (type === 'DELETED' && object.metadata.name === name) {
      gone.resolve({ vmids: world.madeVmids, leaks: world.sim.leaks() });
    }
  });
  watching.catch(() => {});
  await bed.client.delete(resources.virtualMachine, name, world.namespace);
  await world.untilVmGone(name);
  const look = await gone.promise;
  stop.abort();
  return look;
}

async function expectNothingReserved(): Promise<void> {
  expect(await world.list(resources.vmidReservation)).toEqual([]);
  expect(await world.list(resources.ipAddressReservation)).toEqual([]);
}

function terminations(): number {
  return (world.operator?.log ?? []).filter((line) => line.includes('"Terminated virtual machine"')).length;
}

test('a machine that runs', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan({ additionalDisk: { sizeGiB: 2 } }), aVirtualMachine('vm'));
  const vm = await world.untilReady('vm');
  expect(vm.metadata.finalizers).toEqual([FINALIZER]);
  expect(await atTheEndOf('vm')).toEqual({ vmids: [], leaks: NO_LEAKS });
  await expectNothingReserved();
  const destroyed = world.requests({ method: 'DELETE', path: /\/qemu\/2000$/ });
  expect(destroyed.map(({ params }) => params)).toEqual([expect.objectContaining({ purge: expect.anything() })]);
  // Its own reservations' end must not begin it again.
  expect(terminations()).toBe(1);
  await world.stop();
});

test('a machine that is being cloned', async () => {
  // A clone takes two seconds, so that the deletion comes while it runs.
  world = await startWorld(bed, { speed: 0.2 });
  await world.create(aPool(), aPlan(), aVirtualMachine('vm'));
  await world.untilVm(
    'vm',
    'is being cloned',
    ({ status }) => status?.operation?.taskID?.includes(':qmclone:') === true,
  );
  const [clone] = [...world.sim.world.tasks.running()];
  expect(clone?.type).toBe('qmclone');
  expect(await atTheEndOf('vm')).toEqual({ vmids: [], leaks: NO_LEAKS });
  expect(clone?.status).toBe('OK');
  await expectNothingReserved();
  expect(world.requests({ method: 'POST', path: /\/clone$/ })).toHaveLength(1);
  await world.stop();
});

test('a machine that never got an address, with its plan deleted before it', async () => {
  world = await startWorld(bed);
  await world.create(aPlan(), aVirtualMachine('vm'));
  await world.untilStalled('vm', 'NoMatchingPool');
  await bed.client.delete(resources.plan, 'kvm');
  expect(await atTheEndOf('vm')).toEqual({ vmids: [], leaks: NO_LEAKS });
  expect(world.sim.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  await world.stop();
});

test('a machine that stands still after its clone', async () => {
  world = await startWorld(bed);
  world.sim.revokePrivilege('PveOperator', 'VM.Config.CPU');
  await world.create(aPool(), aPlan({ cpuCores: 2 }), aVirtualMachine('vm'));
  const vm = await world.untilStalled('vm', 'Forbidden');
  expect(vm.status).toMatchObject({ state: 'migrated', vmid: 2000 });
  expect(condition(vm, 'Stalled')?.message).toContain('VM.Config.CPU');
  expect(world.madeVmids).toEqual([2000]);
  expect(await atTheEndOf('vm')).toEqual({ vmids: [], leaks: NO_LEAKS });
  await expectNothingReserved();
  await world.stop();
});

test('a machine that cannot be destroyed keeps its finalizer, its VMID and its address, says why, and goes on by itself', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('vm'));
  await world.untilReady('vm');
  world.sim.revokePrivilege('PveOperator', 'VM.Allocate');
  await bed.client.delete(resources.virtualMachine, 'vm', world.namespace);
  const isStalled = (vm: VirtualMachine): boolean => condition(vm, 'Stalled')?.reason === 'Forbidden';
  const vm = await world.untilVm('vm', 'says that it cannot be destroyed', isStalled);
  expect(vm.metadata.finalizers).toEqual([FINALIZER]);
  expect(vm.status?.state).toBe('error_terminate');
  expect(condition(vm, 'Stalled')?.message).toContain('VM.Allocate');
  expect(await world.list(resources.vmidReservation)).toHaveLength(1);
  expect(await world.list(resources.ipAddressReservation)).toHaveLength(1);
  expect(world.madeVmids).toEqual([2000]);

  world.sim.setRole('PveOperator', [...(world.sim.world.access.roles.get('PveOperator') ?? []), 'VM.Allocate']);
  // Proxmox VE tells nobody of a grant; a touch of the object, as of any other cause, does.
  await world.patch(resources.proxmoxCluster, 'lab', { spec: { limits: { clonesPerNode: 7 } } });
  await world.untilVmGone('vm');
  await world.stop();
});

test('a machine that has just been made and is taken back at once', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan());
  for (const name of ['a', 'b', 'c']) {
    await world.create(aVirtualMachine(name));
    await bed.client.delete(resources.virtualMachine, name, world.namespace);
  }
  await until('all are gone', async () => (await world.list(resources.virtualMachine)).length === 0);
  expect(world.madeVmids).toEqual([]);
  await world.stop();
});
