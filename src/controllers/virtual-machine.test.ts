// The life of a virtual machine, pass by pass: what is written when, and what is left when something goes wrong.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aPool } from '../../test/builders/objects.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { findCondition } from '../kube/conditions.ts';
import { FINALIZER } from './finalizer.ts';

const HALF_MINUTE_MS = 30_000;

let operator: SimulatedOperator;
beforeEach(async () => {
  operator = await simulatedOperator();
});
afterEach(() => operator[Symbol.asyncDispose]());

const condition = (type: string, name?: string) => findCondition(operator.vm(name)?.status?.conditions, type);
const isReady = (vm: VirtualMachine | undefined) => vm?.status?.state === 'ready' && vm.status.operation === undefined;
const kube = () => operator.fake.kube;
const reservations = () => [
  ...kube()
    .objects(resources.ipAddressReservation)
    .map(({ spec }) => spec.address),
  ...kube()
    .objects(resources.vmidReservation)
    .map(({ spec }) => spec.vmid),
];
const runs = () => kube().objects(resources.virtualMachineRun);
const kindsOf = (name = 'web-1') =>
  operator.fake.events.filter(({ about }) => about.endsWith(name)).map(({ reason }) => reason);
const writesTo = (type: string) => kube().writes.filter((write) => write.type === type);

async function deployed(name = 'web-1'): Promise<VirtualMachine> {
  operator.declare(name);
  await operator.passes(name, isReady);
  return operator.vm(name)!;
}

async function deleted(name = 'web-1'): Promise<void> {
  await operator.fake.context.client.delete(resources.virtualMachine, name, NAMESPACE);
}

describe('deploying', () => {
  test('ends with a running VM, and with everything that belongs to it', async () => {
    const vm = await deployed();
    expect(vm.metadata.finalizers).toEqual([FINALIZER]);
    expect(vm.status).toMatchObject({
      state: 'ready',
      observedGeneration: 1,
      vmid: 2000,
      clusterName: 'lab',
      powerState: 'Running',
      fqdn: `${NAMESPACE}-web-1.example.com`,
      planRevision: 'kvm-1',
      addresses: [{ address: '192.0.2.10', primary: true }],
    });
    expect(vm.status).not.toHaveProperty('operation');
    expect(condition('Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(condition('Reconciling')).toBeUndefined();
    expect(reservations()).toEqual(['192.0.2.10', 2000]);
    expect(kindsOf()).toEqual(['Ready']);
    expect(operator.sim.world.vms.get(2000)?.running).toMatchObject({ qmpStatus: 'running' });
  });

  test('hands the credentials over in a Secret that belongs to the VM', async () => {
    const vm = await deployed();
    const secret = kube()
      .objects(resources.secret)
      .find(({ metadata }) => metadata.name === 'web-1-credentials');
    expect(secret).toMatchObject({
      metadata: { namespace: NAMESPACE, ownerReferences: [{ kind: 'VirtualMachine', uid: vm.metadata.uid }] },
      type: 'kubernetes.io/basic-auth',
    });
    const text = (key: string) => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();
    expect(text('username')).toBe(vm.status?.osUser);
    expect(text('password')).toBe(operator.parts.credentials.of(vm.metadata.uid!).password);
    expect(JSON.stringify([kube().objects(resources.virtualMachine), runs()])).not.toContain(text('password'));
  });

  test('is recorded as a run with every step', async () => {
    await deployed();
    expect(runs()).toMatchObject([
      {
        spec: { virtualMachineName: 'web-1', number: 1, machine: 'deploy', from: 'creation' },
        status: { result: 'Succeeded', to: 'ready' },
      },
    ]);
    expect(runs()[0]?.status?.steps?.map(({ number }) => number)).toEqual(
      Array.from({ length: 15 }, (_, index) => index + 1),
    );
  });

  test('puts the finalizer before anything else', async () => {
    operator.declare('web-1');
    await operator.pass();
    expect(kube().writes.find(({ type }) => type !== 'planrevisions' && !type.startsWith('plans'))).toMatchObject({
      verb: 'patch',
      type: 'virtualmachines',
    });
  });

  test('of two VMs at once gives each its own', async () => {
    operator.declare('web-1');
    operator.declare('web-2');
    await Promise.all([operator.passes('web-1', isReady), operator.passes('web-2', isReady)]);
    const vmids = new Set(['web-1', 'web-2'].map((name) => operator.vm(name)?.status?.vmid));
    expect(vmids).toEqual(new Set([2000, 2001]));
    expect(reservations()).toHaveLength(4);
  });

  test('goes to another number when a stranger takes the reserved one', async () => {
    operator.sim.faults.add({
      match: { method: 'POST', path: /\/clone$/ },
      when: 'before',
      effect: { meanwhile: () => operator.sim.stealVmid(2000) },
    });
    const vm = await deployed();
    expect(vm.status?.vmid).toBe(2001);
    expect(reservations()).toEqual(['192.0.2.10', 2001]);
    expect(operator.sim.world.vms.get(2000)?.options.name).toBe('stranger');
  });

  test('begins nothing new once the operator is asked to stop', async () => {
    operator.declare('web-1');
    const result = await operator.pass('web-1', AbortSignal.abort());
    expect(result).toEqual({ kind: 'after', ms: 1_000 });
    expect(reservations()).toEqual([]);
    expect(operator.writes()).toEqual([]);
  });
});

describe('what only a person can mend', () => {
  test('a plan that does not exist', async () => {
    operator.declare('web-1', { planRef: { name: 'nothing' } });
    expect(await operator.pass()).toEqual({ kind: 'after', ms: 600_000 });
    expect(condition('Stalled')).toMatchObject({ status: 'True', reason: 'PlanNotFound' });
    expect(operator.vm()?.status).toMatchObject({
      state: 'creation',
      lastFailure: { step: 'reserve-addresses', reason: 'PlanNotFound' },
    });
    expect(reservations()).toEqual([]);
  });

  test('a pool that is empty: it goes on when the pool grows', async () => {
    const { uid } = kube().objects(resources.ipPool)[0]!.metadata;
    kube().seed(resources.ipPool, aPool({ first: '192.0.2.1', last: '192.0.2.0', gateway: undefined }));
    operator.declare('web-1');
    expect(await operator.pass()).toMatchObject({ kind: 'after' });
    expect(condition('AddressesAllocated')).toMatchObject({ status: 'False' });
    const pool = aPool();
    kube().seed(resources.ipPool, { ...pool, metadata: { ...pool.metadata, uid } });
    await operator.passes('web-1', isReady);
    expect(condition('AddressesAllocated')).toMatchObject({ status: 'True', reason: 'Succeeded' });
    expect(operator.vm()?.status?.lastFailure).toBeDefined();
  });

  test('is said once, and written once', async () => {
    operator.declare('web-1', { planRef: { name: 'nothing' } });
    await operator.pass();
    const before = writesTo('virtualmachines/status').length;
    const { lastFailure } = operator.vm()!.status!;
    await operator.fake.clock.advance(HALF_MINUTE_MS);
    await operator.pass();
    expect(writesTo('virtualmachines/status')).toHaveLength(before);
    expect(operator.vm()?.status?.lastFailure).toEqual(lastFailure);
  });
});

describe('a VM that is ready', () => {
  test('costs nothing at Proxmox VE', async () => {
    await deployed();
    await operator.fake.clock.advance(HALF_MINUTE_MS);
    const before = operator.writes().length;
    await operator.pass();
    expect(operator.writes()).toHaveLength(before);
    expect(condition('Ready')).toMatchObject({ status: 'True' });
  });
});

describe('deleting', () => {
  test('a VM that was never begun lets go at once', async () => {
    operator.declare('web-1');
    await deleted();
    expect(await operator.pass()).toEqual({ kind: 'done' });
    expect(operator.writes()).toEqual([]);
  });

  test('a VM that is ready destroys it, gives everything back and goes', async () => {
    await deployed();
    await deleted();
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(operator.vm()).toBeUndefined();
    expect(operator.sim.world.vms.has(2000)).toBe(false);
    expect(reservations()).toEqual([]);
  });

  test('a VM in the middle of its deploy', async () => {
    operator.declare('web-1');
    await operator.passes('web-1', (vm) => vm?.status?.operation?.taskID !== undefined);
    await deleted();
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(operator.sim.world.vms.has(2000)).toBe(false);
    expect(reservations()).toEqual([]);
  });

  test('keeps what is reserved and the object while Proxmox VE refuses', async () => {
    await deployed();
    const answer = { status: 500, reason: 'volume is busy' };
    const refuse = operator.sim.faults.add({
      match: { method: 'DELETE', path: /\/qemu\/2000$/ },
      when: 'before',
      effect: answer,
      times: 99,
    });
    await deleted();
    await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
    expect(operator.vm()?.metadata.finalizers).toEqual([FINALIZER]);
    expect(reservations()).toEqual(['192.0.2.10', 2000]);
    expect(condition('Stalled')).toMatchObject({ status: 'True', message: expect.stringContaining('volume is busy') });

    refuse();
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(reservations()).toEqual([]);
  });

  test('touches nothing where a stranger is under its number', async () => {
    await deployed();
    operator.sim.changeByHand(2000, (options) => void (options.description = 'mine'));
    await deleted();
    await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
    expect(condition('IdentityMismatch')).toMatchObject({ status: 'True' });
    expect(operator.sim.world.vms.has(2000)).toBe(true);
    expect(reservations()).toEqual(['192.0.2.10', 2000]);
  });

  test('is not held up by a plan that is gone', async () => {
    await deployed();
    await operator.fake.context.client.delete(resources.plan, 'kvm');
    for (const { metadata } of kube().objects(resources.planRevision))
      await operator.fake.context.client.delete(resources.planRevision, metadata.name);
    await deleted();
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(operator.sim.world.vms.has(2000)).toBe(false);
  });

  test('an object that is none of ours any more is let alone', async () => {
    const vm = operator.declare('web-1');
    kube().seed(resources.virtualMachine, {
      ...vm,
      metadata: { ...vm.metadata, finalizers: ['other.example/x'], deletionTimestamp: '2026-03-01T10:00:00Z' },
    });
    expect(await operator.pass()).toEqual({ kind: 'done' });
    expect(await operator.pass('nobody')).toEqual({ kind: 'done' });
    expect(writesTo('virtualmachines')).toEqual([]);
  });
});

describe('clone slots', () => {
  test('are waited for in a row, and the next in it is woken', async () => {
    const cluster = kube().objects(resources.proxmoxCluster)[0]!;
    const limits = { clonesPerStorage: 1, clonesPerNode: 1 };
    kube().seed(resources.proxmoxCluster, { ...cluster, spec: { ...cluster.spec, limits } });
    operator.declare('web-1');
    operator.declare('web-2');
    await operator.passes('web-1', (vm) => vm?.status?.operation?.taskID !== undefined);
    await operator.passes(
      'web-2',
      (vm) => findCondition(vm?.status?.conditions, 'Cloned')?.reason === 'WaitingForCloneSlot',
    );

    await operator.passes('web-1', isReady);
    expect(operator.woken).toContain(`${NAMESPACE}/web-2`);
    await operator.passes('web-2', isReady);
    expect(condition('Ready', 'web-2')).toMatchObject({ status: 'True' });
  });
});
