// Operations from the request to the answer: the VM executes, the object tells, over a simulated Proxmox VE.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOperation } from '../../test/builders/operations.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import type {
  OperationType,
  VirtualMachineOperation,
  VirtualMachineOperationSpec,
} from '../api/virtual-machine-operation.ts';
import { keyOf } from '../kube/types.ts';
import { isFinal } from './virtual-machine-operation-status.ts';
import { reconcileVirtualMachineOperation } from './virtual-machine-operation.ts';

const MOST_ROUNDS = 100;
const { signal } = new AbortController();
let operator: SimulatedOperator;

beforeEach(async () => {
  operator = await simulatedOperator();
});

afterEach(async () => {
  await operator[Symbol.asyncDispose]();
});

const isReady = () => operator.vm()?.status?.state === 'ready' && operator.vm()?.status?.operation === undefined;

async function deployed(): Promise<void> {
  operator.declare('web-1');
  await operator.passes('web-1', isReady);
}

/** Asks for something at this moment. */
function ask(type: OperationType, spec: Partial<VirtualMachineOperationSpec> = {}, name = type.toLowerCase()) {
  const creationTimestamp = new Date(operator.fake.clock.now()).toISOString();
  const uid = `uid-${name}-${operator.fake.clock.now()}`;
  return operator.fake.kube.seed(
    resources.virtualMachineOperation,
    anOperation(type, { spec, metadata: { name, uid, creationTimestamp, namespace: NAMESPACE } }),
  );
}

const all = () => operator.fake.kube.objects(resources.virtualMachineOperation);

async function tellAll(): Promise<void> {
  for (const operation of all()) await reconcileVirtualMachineOperation(keyOf(operation), operator.parts, signal);
}

/** Rounds of the VM and its operations until each operation is decided. */
async function decided(): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await tellAll();
    if (all().every(({ status }) => isFinal(status))) return;
    await operator.pass();
    await operator.fake.clock.advance(1_000);
  }
  throw new Error(`Not decided: ${JSON.stringify([all().map(({ status }) => status), operator.vm()?.status])}`);
}

/** Name, status and reason of every operation. */
function answers(): string[] {
  return all().map(({ metadata, status }) => {
    const [condition] = status?.conditions ?? [];
    return `${metadata.name} ${condition?.status} ${condition?.reason}`;
  });
}

const runOf = ({ status }: VirtualMachineOperation) =>
  operator.fake.kube.objects(resources.virtualMachineRun).find(({ metadata }) => metadata.name === status?.runName);

describe('operations of one VM', () => {
  test('are done one after the other, in the order in which they were asked for, each with its own record', async () => {
    await deployed();
    ask('Stop');
    await operator.fake.clock.advance(1_000);
    ask('SetDNSRecords', {}, 'a-dns');
    await decided();
    expect(answers().sort()).toEqual(['a-dns True Succeeded', 'stop True Succeeded']);
    const [dns, stop] = all().toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
    const numbers = [stop, dns].map((operation) => operation && runOf(operation)?.spec.number);
    expect(numbers).toEqual([2, 3]);
    expect(stop && runOf(stop)?.status?.result).toBe('Succeeded');
    expect(operator.vm()?.status?.executedOperations?.map(({ name }) => name)).toEqual(['stop', 'a-dns']);
  });

  test('begin as soon as the one before has ended', async () => {
    await deployed();
    ask('Reset');
    await operator.fake.clock.advance(1_000);
    ask('SetNetwork');
    const hasEnded = (name: string) => operator.vm()?.status?.executedOperations?.at(-1)?.name === name;
    expect(await operator.passes('web-1', () => hasEnded('reset'))).toEqual({ kind: 'after', ms: 0 });
    await operator.pass();
    expect(hasEnded('setnetwork')).toBe(true);
  });

  test('an edit that was made while one ran is carried out as soon as it has ended', async () => {
    await deployed();
    ask('Reset');
    const vm = operator.vm()!;
    const metadata = { ...vm.metadata, generation: (vm.metadata.generation ?? 1) + 1 };
    const spec = { ...vm.spec, options: { networkMBps: 5 } };
    operator.fake.kube.seed(resources.virtualMachine, { ...vm, spec, metadata });
    const hasEnded = () => operator.vm()?.status?.executedOperations?.at(-1)?.name === 'reset';
    expect(await operator.passes('web-1', hasEnded)).toEqual({ kind: 'after', ms: 0 });
    await operator.pass();
    expect(operator.vm()?.status?.effective?.networkMBps).toBe(5);
  });

  test('wait for a VM that is made later, and for its deploy', async () => {
    ask('Stop');
    await tellAll();
    expect(answers()).toEqual(['stop Unknown WaitingForVirtualMachine']);
    operator.declare('web-1');
    await operator.pass();
    await tellAll();
    expect(answers()).toEqual(['stop Unknown Queued']);
    await decided();
    expect(answers()).toEqual(['stop True Succeeded']);
  });

  test('that are refused touch nothing', async () => {
    operator.declare('web-1', { runStrategy: 'Always' });
    await operator.passes('web-1', isReady);
    const before = operator.writes().length;
    ask('Stop');
    ask('Redeploy');
    ask('RetryTerminate');
    await decided();
    expect(answers().sort()).toEqual([
      'redeploy False VirtualMachineReady',
      'retryterminate False NotBeingDeleted',
      'stop False RunStrategyDecides',
    ]);
    expect(operator.writes()).toHaveLength(before);
  });

  test('that would destroy a protected VM or its disks touch nothing', async () => {
    operator.declare('web-1', { deletionProtection: true });
    await operator.passes('web-1', isReady);
    const before = operator.writes().length;
    ask('Reinstall', { reinstall: { confirmation: 'REINSTALL' } });
    ask('Redeploy', { redeploy: { confirmation: 'REDEPLOY' } });
    ask('ResetStatus', { resetStatus: { state: 'terminate' } });
    await decided();
    expect(answers().sort()).toEqual([
      'redeploy False DeletionProtected',
      'reinstall False DeletionProtected',
      'resetstatus False DeletionProtected',
    ]);
    expect(operator.writes()).toHaveLength(before);
    expect(operator.vm()?.metadata.deletionTimestamp).toBeUndefined();
  });

  test('that are superseded touch nothing', async () => {
    await deployed();
    ask('Reboot');
    await operator.fake.clock.advance(1_000);
    ask('Stop');
    await decided();
    expect(answers().sort()).toEqual(['reboot False Superseded', 'stop True Succeeded']);
    expect(operator.writes().filter((call) => call.includes('reboot'))).toEqual([]);
  });

  test('that wait are refused when the VM is deleted', async () => {
    operator.declare('web-1');
    await operator.pass();
    ask('Stop');
    await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
    await tellAll();
    expect(answers()).toEqual(['stop False VirtualMachineDeleted']);
  });
});

describe('a reinstallation', () => {
  const reinstall = { reinstall: { confirmation: 'REINSTALL' as const } };
  const destroys = () => operator.writes().filter((call) => call.startsWith('DELETE') && call.includes('/qemu/'));

  test('that a pipeline asks for again from its repository is not done again', async () => {
    await deployed();
    ask('Reinstall', reinstall);
    await decided();
    expect(answers()).toEqual(['reinstall True Succeeded']);
    expect(destroys()).toHaveLength(1);
    await operator.fake.context.client.delete(resources.virtualMachineOperation, 'reinstall', NAMESPACE);
    ask('Reinstall', reinstall);
    await decided();
    expect(answers()).toEqual(['reinstall True AlreadyExecuted']);
    expect(destroys()).toHaveLength(1);
  });

  test('under another name is done once more', async () => {
    await deployed();
    ask('Reinstall', reinstall);
    await decided();
    ask('Reinstall', reinstall, 'reinstall-2');
    await decided();
    expect(answers().sort()).toEqual(['reinstall True Succeeded', 'reinstall-2 True Succeeded']);
    expect(destroys()).toHaveLength(2);
  });
});

test('what is replaced before it is done says so, and is not begun again', async () => {
  await deployed();
  ask('Reboot');
  await operator.pass();
  expect(operator.vm()?.status?.operation?.request?.name).toBe('reboot');
  await operator.fake.clock.advance(1_000);
  ask('ResetStatus', { resetStatus: { state: 'ready' } });
  // The VM may go on before anybody has written down that the first one had begun.
  await operator.passes('web-1', (vm) => vm?.status?.executedOperations?.at(-1)?.name === 'resetstatus');
  await decided();
  expect(answers().sort()).toEqual(['reboot False Interrupted', 'resetstatus True Succeeded']);
  expect(operator.writes().filter((call) => call.endsWith('/reboot'))).toHaveLength(1);
});
