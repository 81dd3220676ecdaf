// What the conditions of a VM say from pass to pass, in its deletion and while somebody else has a hand on it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { findCondition } from '../kube/conditions.ts';

let operator: SimulatedOperator;
beforeEach(async () => {
  operator = await simulatedOperator();
});
afterEach(() => operator[Symbol.asyncDispose]());

const isReady = (vm: VirtualMachine | undefined) => vm?.status?.state === 'ready' && vm.status.operation === undefined;
const condition = (type: string) => findCondition(operator.vm()?.status?.conditions, type);

async function deleteDeployed(): Promise<void> {
  operator.declare('web-1');
  await operator.passes('web-1', isReady);
  await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
}

describe('in a deletion', () => {
  test('what is stopped is shown as stopped, and what is not destroyed yet as there', async () => {
    await deleteDeployed();
    const refuse = { match: { method: 'DELETE', path: /\/qemu\/2000$/ }, when: 'before' as const, times: 99 };
    operator.sim.faults.add({ ...refuse, effect: { status: 500, reason: 'volume is busy' } });
    await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
    expect(condition('Started')).toMatchObject({ status: 'False', reason: 'Terminating' });
    expect(condition('Cloned')).toMatchObject({ status: 'True' });
    expect(operator.vm()?.status?.powerState).toBe('Stopped');
  });

  test('a task that runs is shown at the step that began it', async () => {
    await deleteDeployed();
    const steps: (string | undefined)[] = [];
    await operator.passes('web-1', (vm) => {
      const { operation } = vm?.status ?? {};
      if (operation?.taskID !== undefined && steps.at(-1) !== operation.step) {
        steps.push(operation.step);
        expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'Terminating' });
      }
      return false;
    });
    expect(steps).toEqual(['stop-for-deletion', 'destroy-vm']);
  });
});

describe('a lock', () => {
  test('is shown until a look shows that it is gone, not only until a pass ends early', async () => {
    await deleteDeployed();
    operator.sim.changeByHand(2000, (options) => void (options.lock = 'backup'));
    await operator.passes('web-1', () => condition('Locked') !== undefined);
    const locked = condition('Locked');

    const reachable = operator.sim.faults.add({
      match: { method: 'GET', path: /\/config$/ },
      when: 'before',
      effect: { status: 595, reason: 'no route to host' },
      times: 99,
    });
    await operator.pass();
    expect(condition('Ready')?.reason).not.toBe('WaitingForLock');
    expect(condition('Locked')).toEqual(locked);

    reachable();
    operator.sim.changeByHand(2000, (options) => void delete options.lock);
    await operator.passes('web-1', (vm) => vm?.status?.operation?.taskID !== undefined);
    expect(condition('Locked')).toBeUndefined();
  });
});
