// The deploy log as it comes out of whole passes: one record a run, also of runs that stand still before their first effect.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';

let operator: SimulatedOperator;
beforeEach(async () => {
  operator = await simulatedOperator();
});
afterEach(() => operator[Symbol.asyncDispose]());

const isReady = (vm: VirtualMachine | undefined) => vm?.status?.state === 'ready' && vm.status.operation === undefined;
const runs = () => operator.fake.kube.objects(resources.virtualMachineRun);
const created = () => operator.fake.kube.writes.filter(({ verb, type }) => verb === 'create' && type === runsType);
const runsType = resources.virtualMachineRun.plural;

describe('a run that stands still before its first effect', () => {
  test.each([
    { name: 'a plan that does not exist', spec: { planRef: { name: 'nothing' } }, reason: 'PlanNotFound' },
    {
      name: 'a template that the plan does not allow',
      spec: { options: { operatingSystem: 777 } },
      reason: 'OptionInvalid',
    },
    { name: 'no pool of a family', spec: { options: { ipv6Addresses: 1 } }, reason: 'NoMatchingPool' },
  ])('$name', async ({ spec, reason }) => {
    operator.declare('web-1', spec);
    await operator.passes('web-1', (vm) => vm?.status?.lastFailure !== undefined);
    expect(runs()).toMatchObject([
      {
        spec: { virtualMachineName: 'web-1', number: 1, machine: 'deploy', from: 'creation' },
        status: { result: 'Failed', to: 'creation', error: expect.stringContaining(`${reason}: `) },
      },
    ]);
    expect(runs()[0]?.metadata.name).toBe(operator.vm()?.status?.operation?.runName);
  });

  test('has one record, however often it is looked at', async () => {
    operator.declare('web-1', { planRef: { name: 'nothing' } });
    for (let pass = 0; pass < 3; pass += 1) await operator.pass();
    expect(created()).toHaveLength(1);
  });

  test('goes on in the same record', async () => {
    const plan = operator.fake.kube.objects(resources.plan)[0]!;
    await operator.fake.context.client.delete(resources.plan, plan.metadata.name);
    operator.declare('web-1');
    await operator.pass();
    expect(runs().map(({ status }) => status?.result)).toEqual(['Failed']);
    operator.fake.kube.seed(resources.plan, plan);
    await operator.passes('web-1', isReady);
    expect(runs().map(({ status }) => status)).toMatchObject([{ result: 'Succeeded', to: 'ready' }]);
    expect(runs()[0]?.status).not.toHaveProperty('error');
  });
});

test('a deletion that stands still has a record of its own', async () => {
  operator.declare('web-1');
  await operator.passes('web-1', isReady);
  operator.sim.faults.add({
    match: { method: 'DELETE', path: /\/qemu\/2000$/ },
    when: 'before',
    effect: { status: 500, reason: 'volume is busy' },
    times: 99,
  });
  await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
  await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
  await operator.pass();
  const [deployed, terminated, ...more] = runs().toSorted((left, right) => left.spec.number - right.spec.number);
  expect(deployed).toMatchObject({ spec: { machine: 'deploy' }, status: { result: 'Succeeded' } });
  expect(terminated).toMatchObject({
    spec: { machine: 'terminate', number: 2, from: 'ready', trigger: 'VirtualMachine deleted' },
    status: { result: 'Failed', error: expect.stringContaining('volume is busy') },
  });
  expect(more).toEqual([]);
});
