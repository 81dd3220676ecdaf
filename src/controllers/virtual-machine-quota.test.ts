// A quota in the life of virtual machines: who is made, who waits, and what makes room.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asked, aStranger, declarePaused, STRANGER, unpause } from '../../test/builders/adoption.ts';
import { aPlan } from '../../test/builders/objects.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import type { FullPlanSpec } from '../api/plan.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { PAUSE_ANNOTATION } from '../domain/operations.ts';
import { findCondition } from '../kube/conditions.ts';
import { reconcilePlan } from './plan.ts';
import { FORCE_REMOVE_ANNOTATION } from './reset-status.ts';

const { signal } = new AbortController();

let operator: SimulatedOperator;
beforeEach(async () => {
  operator = await simulatedOperator({ quota: { virtualMachinesPerNamespace: 1 } });
});
afterEach(() => operator[Symbol.asyncDispose]());

const kube = () => operator.fake.kube;
const condition = (name: string, type: string) => findCondition(operator.vm(name)?.status?.conditions, type);
const isReady = (vm: VirtualMachine | undefined) => vm?.status?.state === 'ready' && vm.status.operation === undefined;
const deploy = (name: string) => operator.passes(name, isReady);
const slots = () =>
  kube()
    .objects(resources.quotaSlot)
    .map(({ metadata, spec }) => `${metadata.name} ${spec.virtualMachine.name}`)
    .sort();
const reserved = () => kube().objects(resources.ipAddressReservation).length;
const machines = () => kube().objects(resources.vmidReservation).length;

/** A plan as it is from now on, with its revision. */
async function plan(spec: Partial<FullPlanSpec>, name = 'kvm'): Promise<void> {
  const uid = kube()
    .objects(resources.plan)
    .find(({ metadata }) => metadata.name === name)?.metadata.uid;
  const edited = aPlan(spec, name);
  kube().seed(resources.plan, { ...edited, metadata: { ...edited.metadata, ...(uid && { uid }) } });
  await reconcilePlan(name, operator.fake.context, signal);
}

const quota = (virtualMachinesPerNamespace: number) => ({ quota: { virtualMachinesPerNamespace } });

async function edit(name: string, change: Partial<VirtualMachine['spec']>, annotations = {}): Promise<void> {
  const body = { spec: change, metadata: { annotations } };
  await kube().client.patch(resources.virtualMachine, { name, namespace: NAMESPACE }, body, { kind: 'merge' });
}

async function remove(name: string): Promise<void> {
  await kube().client.delete(resources.virtualMachine, name, NAMESPACE);
  await operator.passes(name, (vm) => vm === undefined);
}

describe('a VM that there is no room for', () => {
  beforeEach(async () => {
    operator.declare('first');
    await deploy('first');
    operator.declare('late');
  });

  test('waits, with nothing reserved and nothing made, and says why', async () => {
    expect(await operator.pass('late')).toEqual({ kind: 'after', ms: 600_000 });
    expect(condition('late', 'Stalled')).toMatchObject({ status: 'True', reason: 'QuotaExceeded' });
    expect(condition('late', 'Ready')).toMatchObject({ status: 'False', reason: 'QuotaExceeded' });
    expect(condition('late', 'Ready')?.message).toContain(`Namespace ${NAMESPACE} has as many virtual machines`);
    expect(slots()).toEqual(['kvm.1 first']);
    expect([reserved(), machines()]).toEqual([1, 1]);
  });

  test('goes on when the quota is raised', async () => {
    await operator.pass('late');
    await plan(quota(2));
    await deploy('late');
    expect(slots()).toEqual(['kvm.1 first', 'kvm.2 late']);
    expect(condition('late', 'Ready')).toMatchObject({ status: 'True' });
  });

  test('goes on when there is no quota any more', async () => {
    await plan({});
    await deploy('late');
    await operator.pass('first');
    expect(slots()).toEqual([]);
  });

  test('has the place of the one that is deleted', async () => {
    await operator.pass('late');
    await remove('first');
    expect(slots()).toEqual([]);
    await deploy('late');
    expect(slots()).toEqual(['kvm.1 late']);
  });

  test('has no place while that one is still being deleted', async () => {
    await kube().client.delete(resources.virtualMachine, 'first', NAMESPACE);
    await operator.pass('first');
    await operator.pass('late');
    expect(condition('late', 'Stalled')).toMatchObject({ reason: 'QuotaExceeded' });
  });

  test('can be deleted like any other', async () => {
    await operator.pass('late');
    await remove('late');
    expect(operator.vm('late')).toBeUndefined();
    expect(slots()).toEqual(['kvm.1 first']);
  });
});

describe('a place is given back', () => {
  beforeEach(async () => {
    operator.declare('first');
    await deploy('first');
  });

  test('when the machine is retained: it is nobody here any more', async () => {
    await edit('first', { deletionPolicy: 'Retain' });
    await remove('first');
    expect([slots(), machines()]).toEqual([[], 1]);
  });

  test('when the object is removed by force', async () => {
    await edit('first', {}, { [FORCE_REMOVE_ANNOTATION]: 'true' });
    await remove('first');
    expect(slots()).toEqual([]);
  });

  test('not when the machine is made anew', async () => {
    const before = operator.vm('first')?.status?.clonedAt;
    kube().seed(resources.virtualMachineOperation, {
      metadata: { name: 'again', namespace: NAMESPACE, uid: 'op-1', generation: 1 },
      spec: { virtualMachineName: 'first', type: 'Reinstall', reinstall: { confirmation: 'REINSTALL' } },
    });
    operator.declare('late');
    await operator.passes('first', (vm) => vm?.status?.clonedAt !== before && isReady(vm));
    await operator.pass('late');
    expect(slots()).toEqual(['kvm.1 first']);
    expect(condition('late', 'Stalled')).toMatchObject({ reason: 'QuotaExceeded' });
  });
});

describe('VMs that were there before the quota', () => {
  beforeEach(async () => {
    await plan({});
    for (const name of ['first', 'second']) {
      operator.declare(name);
      await deploy(name);
    }
    await plan(quota(1));
  });

  test('are left alone, and count', async () => {
    const writes = operator.writes().length;
    for (const name of ['first', 'second']) await operator.pass(name);
    expect(slots()).toEqual(['kvm.1 first', 'kvm.2 second']);
    expect(operator.writes()).toHaveLength(writes);
    for (const name of ['first', 'second']) expect(condition(name, 'Ready')).toMatchObject({ status: 'True' });
    for (const name of ['first', 'second'])
      expect(condition(name, 'PackageUpToDate')).toMatchObject({ status: 'True' });
  });

  test('can have another package', async () => {
    await edit('second', { options: { cpuCores: 2 } });
    await operator.passes('second', (vm) => vm?.status?.effective?.cpuCores === 2 && isReady(vm));
    expect(slots()).toEqual(['kvm.1 second']);
  });

  test('leave no room to a new one although none of them has taken its place yet', async () => {
    operator.declare('late');
    await operator.pass('late');
    expect(slots()).toEqual([]);
    expect(condition('late', 'Stalled')).toMatchObject({ reason: 'QuotaExceeded' });
  });

  test('have their slot again when somebody deletes it', async () => {
    await operator.pass('first');
    await kube().client.delete(resources.quotaSlot, 'kvm.1', NAMESPACE);
    await operator.pass('first');
    expect(slots()).toEqual(['kvm.1 first']);
  });
});

describe('a change of the plan', () => {
  beforeEach(async () => {
    await plan({ cpuCores: 2, ...quota(1) }, 'big');
    operator.declare('first');
    await deploy('first');
  });

  test('takes the place there, and gives the old one back', async () => {
    await edit('first', { planRef: { name: 'big' } });
    await operator.passes('first', (vm) => vm?.status?.planRevision === 'big-1' && isReady(vm));
    await operator.pass('first');
    expect(slots()).toEqual(['big.1 first']);
  });

  test('waits for a place there; the VM runs on as it is', async () => {
    operator.declare('other', { planRef: { name: 'big' } });
    await deploy('other');
    await edit('first', { planRef: { name: 'big' } });
    const writes = operator.writes().length;
    await operator.passes('first');
    expect(condition('first', 'PackageUpToDate')).toMatchObject({ status: 'False', reason: 'QuotaExceeded' });
    expect(condition('first', 'Ready')).toMatchObject({ status: 'True' });
    expect(operator.writes()).toHaveLength(writes);
    expect(slots()).toEqual(['big.1 other', 'kvm.1 first']);
    await remove('other');
    await operator.passes('first', (vm) => vm?.status?.planRevision === 'big-1' && isReady(vm));
    expect(operator.vm('first')?.status?.effective?.cpuCores).toBe(2);
  });
});

describe('a machine that is adopted', () => {
  test('has a place, beyond the quota if need be: it exists', async () => {
    operator.declare('first');
    await deploy('first');
    aStranger(operator);
    declarePaused(operator, 'adopted');
    expect(await asked(operator, { mode: 'Observe' }, 'adopted')).toMatchObject({ result: 'Succeeded' });
    expect(await asked(operator, { mode: 'TakeOver' }, 'adopted')).toMatchObject({ result: 'Succeeded' });
    unpause(operator, 'adopted');
    await deploy('adopted');
    expect(operator.vm('adopted')?.status).toMatchObject({ state: 'ready', vmid: STRANGER });
    expect(slots()).toEqual(['kvm.1 first', 'kvm.2 adopted']);
  });
});

describe('nothing is taken', () => {
  test('for a VM that is paused', async () => {
    operator.declare('first');
    await edit('first', {}, { [PAUSE_ANNOTATION]: 'true' });
    await operator.pass('first');
    expect(slots()).toEqual([]);
  });

  test('once the operator is asked to stop, nor is it told that there is no room', async () => {
    operator.declare('first');
    expect(await operator.pass('first', AbortSignal.abort())).toEqual({ kind: 'after', ms: 1_000 });
    expect(slots()).toEqual([]);
    expect(condition('first', 'Stalled')).toBeUndefined();
  });

  test('by an operator that does not lead', async () => {
    operator.fake.context.leads = () => false;
    operator.declare('first');
    expect(await operator.pass('first')).toEqual({ kind: 'after', ms: 1_000 });
    expect(slots()).toEqual([]);
  });
});

test('the slot comes before anything that is made or reserved', async () => {
  operator.declare('first');
  await deploy('first');
  const created = kube()
    .writes.filter(({ verb, type }) => verb === 'create' && type !== 'planrevisions')
    .map(({ type }) => type);
  expect(created[0]).toBe('quotaslots');
  expect(created).toContain('vmidreservations');
});
