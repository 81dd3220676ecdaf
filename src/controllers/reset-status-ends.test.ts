// ResetStatus to terminate and to remove: the object goes, and the operation that asked for it does not claim more than is so.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOperation } from '../../test/builders/operations.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import { networkError } from '../kube/errors.ts';

let operator: SimulatedOperator;

beforeEach(async () => {
  operator = await simulatedOperator();
  operator.declare('web-1');
  await operator.passes('web-1', (vm) => vm?.status?.state === 'ready' && vm.status.operation === undefined);
});

afterEach(async () => {
  await operator[Symbol.asyncDispose]();
});

function ask(state: 'terminate' | 'remove'): void {
  const resetStatus = { state, ...(state === 'remove' ? { confirmation: 'REMOVE' as const } : {}) };
  const creationTimestamp = new Date(operator.fake.clock.now()).toISOString();
  const metadata = { name: 'end', uid: 'uid-end', creationTimestamp, namespace: NAMESPACE };
  const operation = anOperation('ResetStatus', { spec: { resetStatus }, metadata });
  operator.fake.kube.seed(resources.virtualMachineOperation, operation);
}

const vms = () => [...operator.sim.world.vms.values()].filter(({ options }) => options['template'] === undefined);
const reservations = () => operator.fake.kube.objects(resources.vmidReservation);

describe('ResetStatus', () => {
  test('to terminate destroys the VM and gives back what it held', async () => {
    ask('terminate');
    await operator.passes();
    expect({ vm: operator.vm(), vms: vms(), reservations: reservations() }).toEqual({
      vm: undefined,
      vms: [],
      reservations: [],
    });
  });

  test('to remove lets the object go, leaves the VM, and keeps its number', async () => {
    ask('remove');
    await operator.passes();
    expect(operator.vm()).toBeUndefined();
    expect(vms()).toHaveLength(1);
    expect(reservations()).toMatchObject([
      { metadata: { annotations: { 'pve-operator.io/left-behind': expect.stringContaining('2000') as string } } },
    ]);
  });

  test('that cannot delete the object is not told to be done', async () => {
    ask('terminate');
    operator.fake.kube.onWrite(async ({ verb, type, phase }) => {
      if (verb === 'delete' && type === 'virtualmachines' && phase === 'before')
        throw networkError('delete virtualmachines', new Error('connection reset'));
    });
    await expect(operator.pass()).rejects.toThrow();
    expect(operator.vm()?.status?.executedOperations).toBeUndefined();
    operator.fake.kube.onWrite(undefined);
    await operator.passes();
    expect(operator.vm()).toBeUndefined();
  });
});
