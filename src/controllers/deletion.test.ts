// The ends of a VM that are no plain deletion: kept, protected, let go by force, stuck, and with its cluster away.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOperation } from '../../test/builders/operations.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { OPERATOR_NAMESPACE } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { findCondition } from '../kube/conditions.ts';
import type { KubeObject, ResourceType } from '../kube/types.ts';
import { FINALIZER } from './finalizer.ts';
import { FORCE_REMOVE_ANNOTATION } from './reset-status.ts';

const LEFT_BEHIND = 'pve-operator.io/left-behind';
const TEN_MINUTES = { kind: 'after', ms: 600_000 };
const isReady = (vm: VirtualMachine | undefined) => vm?.status?.state === 'ready' && vm.status.operation === undefined;

let operator: SimulatedOperator;
beforeEach(async () => {
  operator = await simulatedOperator();
});
afterEach(() => operator[Symbol.asyncDispose]());

const kube = () => operator.fake.kube;
const client = () => operator.fake.context.client;
const condition = (type: string) => findCondition(operator.vm()?.status?.conditions, type);
const reservations = () => [
  ...kube().objects(resources.ipAddressReservation),
  ...kube().objects(resources.vmidReservation),
];
const left = () => reservations().map(({ metadata }) => metadata.annotations?.[LEFT_BEHIND]);
const told = () =>
  operator.fake.events.filter(({ reason }) => reason === 'LeftBehind').map(({ type, message }) => `${type} ${message}`);

async function deployed(spec: Parameters<SimulatedOperator['declare']>[1] = {}): Promise<VirtualMachine> {
  operator.declare('web-1', spec);
  await operator.passes('web-1', isReady);
  return operator.vm()!;
}

async function deleted(): Promise<void> {
  await client().delete(resources.virtualMachine, 'web-1', NAMESPACE);
}

/** Changes the object as a person does who edits it. */
function edit({ spec, annotations }: { spec?: Partial<VirtualMachine['spec']>; annotations?: Record<string, string> }) {
  const vm = operator.vm()!;
  kube().seed(resources.virtualMachine, {
    ...vm,
    spec: { ...vm.spec, ...spec },
    metadata: { ...vm.metadata, generation: (vm.metadata.generation ?? 1) + 1, annotations },
  });
}

const forced = { annotations: { [FORCE_REMOVE_ANNOTATION]: 'true' } };

function retry(name = 'retry'): void {
  const creationTimestamp = new Date(operator.fake.clock.now()).toISOString();
  kube().seed(resources.virtualMachineOperation, {
    ...anOperation('RetryTerminate', { metadata: { name, creationTimestamp } }),
    metadata: { name, namespace: NAMESPACE, uid: `uid-${name}`, creationTimestamp },
  });
}

const executed = () => operator.vm()?.status?.executedOperations ?? [];

describe('deletionPolicy Retain', () => {
  test('leaves the VM as it is, and its addresses and VMID reserved with a note of it', async () => {
    await deployed({ deletionPolicy: 'Retain' });
    const before = operator.writes().length;
    await deleted();
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(operator.vm()).toBeUndefined();
    expect(operator.writes()).toHaveLength(before);
    expect(operator.sim.world.vms.get(2000)?.running).toBeDefined();
    const text = `VM 2000 on node pve1 of cluster lab was retained when ${NAMESPACE}/web-1 was deleted.`;
    expect(left()).toEqual([text, text]);
    expect(told()).toEqual([`Normal ${text}`]);
  });

  test('keeps what is noted from the next VM', async () => {
    await deployed({ deletionPolicy: 'Retain' });
    await deleted();
    await operator.passes();
    operator.declare('web-2');
    await operator.passes('web-2', isReady);
    expect(operator.vm('web-2')?.status).toMatchObject({ vmid: 2001, addresses: [{ address: '192.0.2.11' }] });
  });

  test('is no reason to keep what no VM ever used', async () => {
    operator.declare('web-1', { deletionPolicy: 'Retain', planRef: { name: 'nothing' } });
    await operator.pass();
    await deleted();
    await operator.passes();
    expect([operator.vm(), reservations(), told()]).toEqual([undefined, [], []]);
  });

  test('can be decided until the end: a VM whose destruction is refused is let go when it is set', async () => {
    await deployed();
    refuseDestruction();
    await deleted();
    await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
    edit({ spec: { deletionPolicy: 'Retain' } });
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(operator.vm()).toBeUndefined();
    expect(operator.sim.world.vms.has(2000)).toBe(true);
  });
});

function refuseDestruction(): () => void {
  return operator.sim.faults.add({
    match: { method: 'DELETE', path: /\/qemu\/2000$/ },
    when: 'before',
    effect: { status: 500, reason: 'volume is busy' },
    times: 99,
  });
}

describe('deletionProtection', () => {
  test('destroys nothing until it is taken away', async () => {
    await deployed({ deletionProtection: true });
    const before = operator.writes().length;
    await deleted();
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(operator.writes()).toHaveLength(before);
    expect(condition('DeletionProtected')).toMatchObject({ status: 'True', reason: 'DeletionProtected' });
    expect(condition('Reconciling')).toBeUndefined();
    await operator.passes();
    const warned = operator.fake.events.filter(({ reason }) => reason === 'DeletionProtected');
    expect(warned).toMatchObject([{ type: 'Warning', message: expect.stringContaining('spec.deletionPolicy') }]);

    edit({ spec: { deletionProtection: false } });
    await operator.passes();
    expect(operator.vm()).toBeUndefined();
    expect(operator.sim.world.vms.has(2000)).toBe(false);
  });

  test('is what a retry is refused with', async () => {
    await deployed({ deletionProtection: true });
    await deleted();
    retry();
    await operator.passes();
    expect(executed()).toMatchObject([{ name: 'retry', result: 'Failed', reason: 'DeletionProtected' }]);
  });

  test('does not hold an administrator who lets go by force', async () => {
    await deployed({ deletionProtection: true });
    await deleted();
    edit(forced);
    await operator.passes();
    expect(operator.vm()).toBeUndefined();
    expect(operator.sim.world.vms.has(2000)).toBe(true);
  });
});

describe('let go by force', () => {
  test('a VM that cannot be destroyed: Proxmox VE is not touched, and what it holds says what may be left', async () => {
    await deployed();
    refuseDestruction();
    await deleted();
    await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
    const before = operator.writes().length;
    edit(forced);
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(operator.vm()).toBeUndefined();
    expect(operator.writes()).toHaveLength(before);
    const text = `VM 2000 on node pve1 of cluster lab may be left: ${NAMESPACE}/web-1 was removed by force.`;
    expect(left()).toEqual([text, text]);
    expect(told()).toEqual([`Warning ${text}`]);
    expect(operator.fake.logged).toContain('Removed by force');
  });

  test('a VM whose clone got no answer: it may yet be made', async () => {
    operator.sim.faults.add({
      match: { method: 'POST', path: /\/clone$/ },
      when: 'after',
      effect: { status: 596, reason: 'Connection timed out' },
    });
    operator.declare('web-1');
    await operator.passes('web-1', (vm) => vm?.status?.operation?.intent?.action === 'clone');
    await deleted();
    edit(forced);
    await operator.passes();
    expect(left()).toEqual([expect.stringContaining('VM 2000'), expect.stringContaining('VM 2000')]);
  });

  test('a VM that never was: nothing is kept and nothing is told', async () => {
    operator.declare('web-1', { planRef: { name: 'nothing' } });
    await operator.pass();
    await deleted();
    edit(forced);
    await operator.passes();
    expect([operator.vm(), reservations(), told()]).toEqual([undefined, [], []]);
  });

  test('a VM with addresses and no VMID gives them back', async () => {
    // The first VMID that is tried cannot be reserved: the server does not answer.
    kube().onWrite(({ type, verb, phase }) => {
      if (type === 'vmidreservations' && verb === 'create' && phase === 'before') throw new Error('no answer');
    });
    operator.declare('web-1');
    await operator.pass();
    kube().onWrite(undefined);
    expect(reservations()).toHaveLength(1);
    await deleted();
    edit(forced);
    await operator.passes();
    expect([operator.vm(), reservations(), told()]).toEqual([undefined, [], []]);
  });

  test('is not done with a VM that is not being deleted', async () => {
    await deployed();
    edit(forced);
    await operator.passes();
    expect(operator.vm()?.metadata.finalizers).toEqual([FINALIZER]);
    expect(left()).toEqual([undefined, undefined]);
  });
});

describe('a deletion that stands still', () => {
  test('keeps addresses and VMID, and is tried again every ten minutes', async () => {
    await deployed();
    const allow = refuseDestruction();
    await deleted();
    await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
    expect(reservations()).toHaveLength(2);
    expect(await operator.pass()).toEqual(TEN_MINUTES);
    const tries = operator.writes().filter((write) => write.startsWith('DELETE')).length;
    await operator.fake.clock.advance(600_000);
    expect(await operator.pass()).toEqual(TEN_MINUTES);
    expect(operator.writes().filter((write) => write.startsWith('DELETE'))).toHaveLength(tries + 1);
    expect(condition('Stalled')).toMatchObject({ status: 'True', message: expect.stringContaining('volume is busy') });
    allow();
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(reservations()).toEqual([]);
  });

  test('is tried again at once when a RetryTerminate asks for it', async () => {
    await deployed();
    refuseDestruction();
    await deleted();
    await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
    retry();
    await operator.pass();
    expect(executed()).toMatchObject([{ name: 'retry', type: 'RetryTerminate', result: 'Succeeded' }]);
    retry('once-more');
    await operator.pass();
    expect(executed().map(({ name }) => name)).toEqual(['retry', 'once-more']);
  });
});

describe('without its cluster', () => {
  async function goesOn(): Promise<void> {
    await operator.passes();
    expect(operator.vm()).toBeUndefined();
    expect(operator.sim.world.vms.has(2000)).toBe(false);
    expect(reservations()).toEqual([]);
  }

  const gone: { name: string; type: ResourceType<KubeObject>; object: string; namespace?: string; want: string }[] = [
    { name: 'its object', type: resources.proxmoxCluster, object: 'lab', want: 'ClusterNotFound' },
    {
      name: 'its Secret',
      type: resources.secret,
      object: 'lab-token',
      namespace: OPERATOR_NAMESPACE,
      want: 'SecretMissing',
    },
  ];
  test.each(gone)('$name is gone: the VM says so, and goes on when it returns', async (row) => {
    const { type, object, namespace, want } = row;
    await deployed();
    const kept = kube()
      .objects(type)
      .find(({ metadata }) => metadata.name === object)!;
    await client().patch(type, { name: object, namespace }, { metadata: { finalizers: null } }, { kind: 'merge' });
    await client().delete(type, object, namespace);
    const before = operator.writes().length;
    await deleted();
    expect(await operator.pass()).toEqual(TEN_MINUTES);
    expect(operator.vm()?.status?.state).toBe('error_terminate');
    expect(condition('Stalled')).toMatchObject({ status: 'True', reason: want });
    expect(operator.writes()).toHaveLength(before);
    expect(reservations()).toHaveLength(2);
    kube().seed(type, { ...kept, metadata: { ...kept.metadata, uid: 'another' } });
    await goesOn();
  });

  test('that does not answer it is waited for, without an end', async () => {
    await deployed();
    const cut = operator.sim.faults.add({ match: {}, when: 'before', effect: 'reset', times: 10_000 });
    await operator.fake.clock.advance(60_000);
    await deleted();
    expect(await operator.pass()).toEqual({ kind: 'retry' });
    expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'ClusterUnreachable' });
    expect(condition('Stalled')).toBeUndefined();
    expect(reservations()).toHaveLength(2);
    cut();
    await operator.fake.clock.advance(60_000);
    await goesOn();
  });

  test('a VM that never had anything there goes all the same', async () => {
    operator.declare('web-1', { planRef: { name: 'nothing' } });
    await operator.pass();
    await client().delete(resources.proxmoxCluster, 'lab');
    await deleted();
    expect(await operator.passes()).toEqual({ kind: 'done' });
    expect(operator.vm()).toBeUndefined();
  });
});
