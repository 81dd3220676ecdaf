// The ends of machines on a real API server: kept, protected, let go by force, without their cluster, and adopted anew.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { PAUSE_ANNOTATION } from '../../src/domain/operations.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { VirtualMachineOperation } from '../../src/api/virtual-machine-operation.ts';
import { readStamp } from '../../src/pve/stamp.ts';
import {
  aPlan,
  aPool,
  aTokenSecret,
  aVirtualMachine,
  CLUSTER,
  OPERATOR_NAMESPACE,
  TOKEN_SECRET,
} from '../builders/objects.ts';
import { anOperation } from '../builders/operations.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';

const FORCE_REMOVE = 'pve-operator.io/force-remove';
const LEFT_BEHIND = 'pve-operator.io/left-behind';

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed({ controllerManager: true });
});

afterEach(async () => {
  await world?.[Symbol.asyncDispose]();
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

async function reservations() {
  return [...(await world.list(resources.ipAddressReservation)), ...(await world.list(resources.vmidReservation))];
}

async function leftBehind(): Promise<(string | undefined)[]> {
  return (await reservations()).map(({ metadata }) => metadata.annotations?.[LEFT_BEHIND]);
}

/** Gives back by hand what a VM left, so that the world can end. */
async function clearReservations(): Promise<void> {
  for (const { metadata } of await world.list(resources.ipAddressReservation))
    await bed.client.delete(resources.ipAddressReservation, metadata.name);
  for (const { metadata } of await world.list(resources.vmidReservation))
    await bed.client.delete(resources.vmidReservation, metadata.name);
}

const remove = (name = 'web') => bed.client.delete(resources.virtualMachine, name, world.namespace);
const annotate = (name: string, annotations: Record<string, string | null>) =>
  world.patch(resources.virtualMachine, name, { metadata: { annotations } });

/** Asks for an operation and waits for its end. */
async function done(
  type: VirtualMachineOperation['spec']['type'],
  name: string,
  spec: Partial<VirtualMachineOperation['spec']> = {},
): Promise<VirtualMachineOperation> {
  const operation = anOperation(type, { spec: { virtualMachineName: 'web', ...spec } });
  const object = { ...operation, metadata: { name, namespace: world.namespace } };
  await bed.client.create(resources.virtualMachineOperation, object);
  return world.untilObject(resources.virtualMachineOperation, name, 'is final', {
    wanted: (one) => ['True', 'False'].includes(condition(one, 'Succeeded')?.status ?? ''),
  });
}

function refuseDestruction(vmid = 2000): () => void {
  return world.sim.faults.add({
    match: { method: 'DELETE', path: new RegExp(`/qemu/${vmid}$`) },
    when: 'before',
    effect: { status: 500, reason: 'volume is busy' },
    times: Number.POSITIVE_INFINITY,
  });
}

const warnings = () => (world.operator?.log ?? []).filter((line) => /"level":(40|50)/.test(line));
const isStuck = (vm: VirtualMachine): boolean => vm.status?.state === 'error_terminate';

test('Retain: the object goes, the machine runs on, and its address and VMID stay reserved with a note', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('web', { deletionPolicy: 'Retain' }));
  await world.untilReady('web');
  await remove();
  await world.untilVmGone('web');
  expect(world.sim.world.vms.get(2000)?.running).toBeDefined();
  expect(world.requests({ method: 'DELETE' })).toEqual([]);
  const text = expect.stringContaining(`VM 2000 on node pve1 of cluster lab was retained`);
  expect(await leftBehind()).toEqual([text, text]);
  expect(condition(await bed.client.get(resources.proxmoxCluster, CLUSTER), 'Ready')?.status).toBe('True');
  await clearReservations();
  await world.stop({ vmids: [2000], leaks: true });
});

test('deletionProtection: nothing is destroyed until it is taken away, and a retry is refused', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('web', { deletionProtection: true }));
  await world.untilReady('web');
  await remove();
  await world.untilVm('web', 'is protected', (vm) => condition(vm, 'DeletionProtected')?.status === 'True');
  const retry = await done('RetryTerminate', 'retry');
  expect(condition(retry, 'Succeeded')).toMatchObject({ status: 'False', reason: 'DeletionProtected' });
  expect(world.madeVmids).toEqual([2000]);
  await world.patch(resources.virtualMachine, 'web', { spec: { deletionProtection: false } });
  await world.untilVmGone('web');
  await world.stop();
});

test('error_terminate keeps what is reserved; RetryTerminate tries again; force-remove lets go and says what may be left', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('web'), aVirtualMachine('other'));
  await Promise.all([world.untilReady('web'), world.untilReady('other')]);
  const { vmid = 0 } = (await world.vm('web')).status ?? {};
  const allow = refuseDestruction(vmid);
  await remove();
  await world.untilVm('web', 'cannot be destroyed', isStuck);
  expect(await reservations()).toHaveLength(4);
  const tries = () => world.requests({ method: 'DELETE', path: new RegExp(`/qemu/${vmid}$`) }).length;
  const before = tries();
  const retry = await done('RetryTerminate', 'retry');
  expect(condition(retry, 'Succeeded')).toMatchObject({ status: 'True', reason: 'Succeeded' });
  expect(tries()).toBeGreaterThan(before);
  await annotate('web', { [FORCE_REMOVE]: 'true' });
  await world.untilVmGone('web');
  const notes = (await leftBehind()).filter((note) => note !== undefined);
  expect(notes).toEqual([
    expect.stringContaining(`VM ${vmid} on node`),
    expect.stringContaining('was removed by force'),
  ]);
  await until('the event is there', async () =>
    (await world.events('web')).some(({ reason, note }) => reason === 'LeftBehind' && note?.includes('by force')),
  );
  expect(world.madeVmids).toContain(vmid);
  allow();
  await world.deleteVm('other');
  await clearReservations();
  await world.stop({ vmids: [vmid], leaks: true });
});

test('a cluster that is deleted first waits for its machines and counts them; without its Secret they say so and go on', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('web'));
  await world.untilReady('web');
  await bed.client.delete(resources.proxmoxCluster, CLUSTER);
  await bed.kubectl(['delete', 'secret', TOKEN_SECRET, '-n', OPERATOR_NAMESPACE]);
  await remove();
  const vm = await world.untilStalled('web', 'SecretMissing');
  expect(vm.status?.state).toBe('error_terminate');
  await world.untilObject(resources.proxmoxCluster, CLUSTER, 'counts its VM and tells of the Secret', {
    wanted: (cluster) => {
      const { reason, message = '' } = condition(cluster, 'Ready') ?? {};
      return reason === 'InUse' && message.includes('1 VirtualMachine ') && message.includes(TOKEN_SECRET);
    },
  });
  await world.create(aTokenSecret(world.token));
  await world.untilVmGone('web');
  await until('the cluster is gone', async () => (await world.list(resources.proxmoxCluster)).length === 0);
  await world.stop();
});

test('deleted while the cluster does not answer: nothing is given back, and it goes on by itself', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('web'));
  await world.untilReady('web');
  const cut = world.sim.faults.add({ match: {}, when: 'before', effect: 'reset', times: Number.POSITIVE_INFINITY });
  await remove();
  await world.untilVm('web', 'tells it', (vm) => condition(vm, 'Ready')?.reason === 'ClusterUnreachable', 40_000);
  expect(await reservations()).toHaveLength(2);
  cut();
  await world.untilVmGone('web', 40_000);
  await world.stop();
});

test('a namespace goes with machines that are kept, stuck, and let go by force', async () => {
  world = await startWorld(bed);
  await world.create(
    aPool(),
    aPlan(),
    aVirtualMachine('plain'),
    aVirtualMachine('kept', { deletionPolicy: 'Retain' }),
    aVirtualMachine('stuck'),
    aVirtualMachine('never', { planRef: { name: 'nothing' } }),
  );
  const names = ['plain', 'kept', 'stuck'];
  const vms = await Promise.all(names.map((name) => world.untilReady(name)));
  const [plain, kept, stuck] = vms.map(({ status }) => status?.vmid ?? 0);
  refuseDestruction(stuck);
  await bed.kubectl(['delete', 'namespace', world.namespace, '--wait=false']);
  await world.untilVm('stuck', 'cannot be destroyed', isStuck, 40_000);
  await Promise.all(['plain', 'kept', 'never'].map((name) => world.untilVmGone(name)));
  await annotate('stuck', { [FORCE_REMOVE]: 'true' });
  await until(
    'the namespace is gone',
    async () => !(await bed.kubectl(['get', 'namespaces', '--output=name'])).includes(`/${world.namespace}\n`),
    60_000,
  );
  expect(world.madeVmids).not.toContain(plain);
  expect(world.madeVmids).toEqual([kept, stuck].sort((left = 0, right = 0) => left - right));
  expect(warnings().filter((line) => line.includes('being terminated'))).toEqual([]);
  const holders = (await reservations()).map(({ spec }) => spec.virtualMachine.name).sort();
  expect(holders).toEqual(['kept', 'kept', 'stuck', 'stuck']);
  expect((await leftBehind()).filter((note) => note === undefined)).toEqual([]);
  await clearReservations();
});

test('a machine whose object was restored from a backup is looked at, taken over and kept', async () => {
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('web', { options: { ipv4Addresses: 2 } }));
  const { metadata, spec, status } = await world.untilReady('web');
  // What a restore does: the object is another one, the reservations are the old ones.
  await world.patch(resources.virtualMachine, 'web', { metadata: { annotations: { [PAUSE_ANNOTATION]: 'true' } } });
  await world.patch(resources.virtualMachine, 'web', { metadata: { finalizers: null } });
  await remove();
  await world.untilVmGone('web');
  const restored = aVirtualMachine('web', spec);
  await world.create({ ...restored, metadata: { name: 'web', annotations: { [PAUSE_ANNOTATION]: 'true' } } });
  await world.untilVm('web', 'is paused', (vm) => condition(vm, 'Paused')?.status === 'True');
  const before = world.requests({ method: 'POST' }).length;

  const adopt = { vmid: 2000, previousUID: metadata.uid ?? '' };
  const unseen = await done('Adopt', 'unseen', { adopt: { ...adopt, mode: 'TakeOver' } });
  expect(condition(unseen, 'Succeeded')).toMatchObject({ status: 'False', reason: 'ObserveFirst' });
  const stolen = await done('Adopt', 'stolen', { adopt: { vmid: 2000, mode: 'Observe' } });
  expect(condition(stolen, 'Succeeded')).toMatchObject({ status: 'False', reason: 'IdentityMismatch' });
  const observed = await done('Adopt', 'observe', { adopt: { ...adopt, mode: 'Observe' } });
  expect(observed.status?.observations).toEqual(
    expect.arrayContaining([
      'The VM keeps 192.0.2.10 (pool ipv4), 192.0.2.11 (pool ipv4).',
      'Nothing of the VM would change: it is as declared.',
    ]),
  );
  expect(world.requests({ method: 'POST' })).toHaveLength(before);

  const taken = await done('Adopt', 'take-over', { adopt: { ...adopt, mode: 'TakeOver' } });
  expect(condition(taken, 'Succeeded')).toMatchObject({ status: 'True' });
  const { uid } = (await world.vm('web')).metadata;
  expect(readStamp(world.config(2000)['description'])).toEqual({ uid, vmid: 2000 });
  expect(new Set((await reservations()).map(({ spec: held }) => held.virtualMachine.uid))).toEqual(new Set([uid]));
  await annotate('web', { [PAUSE_ANNOTATION]: null });
  const vm = await world.untilReady('web');
  expect(vm.status).toMatchObject({ vmid: 2000, addresses: status?.addresses, node: status?.node });
  // The runs of the object before go when the garbage collector finds them.
  const runs = await world.runs('web');
  expect(runs.map(({ metadata: run }) => run.name)).toContain(taken.status?.runName);
  expect(world.requests({ method: 'POST' })).toHaveLength(before + 1);
  await world.stop();
});
