// The life of an operation's object: tied to its VM, told what became of it, deleted when its time is over.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOwner } from '../../test/builders/facts.ts';
import { aRun, executed, requestOf } from '../../test/builders/operation-fate.ts';
import { anOperation } from '../../test/builders/operations.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { KubeError } from '../kube/errors.ts';
import { reconcileVirtualMachineOperation } from './virtual-machine-operation.ts';

const HOUR_MS = 3_600_000;
const { signal } = new AbortController();
let fake: FakeContext;
/** VMs that were made due. */
let woken: string[];

beforeEach(() => {
  fake = createFakeContext();
  woken = [];
});

afterEach(async () => {
  await fake[Symbol.asyncDispose]();
});

const parts = () => ({ context: fake.context, enqueue: (key: string) => void woken.push(key) });

function theVm(status: VirtualMachineStatus = { state: 'ready' }, metadata: object = {}): VirtualMachine {
  return fake.kube.seed(resources.virtualMachine, { ...anOwner(metadata), status });
}

function given(operation: VirtualMachineOperation): VirtualMachineOperation {
  return fake.kube.seed(resources.virtualMachineOperation, operation);
}

const keyed = ({ metadata }: VirtualMachineOperation) => `${metadata.namespace}/${metadata.name}`;

function reconcile(operation: VirtualMachineOperation): Promise<ReconcileResult> {
  return reconcileVirtualMachineOperation(keyed(operation), parts(), signal);
}

function now(operation: VirtualMachineOperation): VirtualMachineOperation | undefined {
  return fake.context.stores.virtualMachineOperations.get(keyed(operation));
}

/** What the object says at the moment: status and reason of its condition. */
function says(operation: VirtualMachineOperation): string {
  const [condition] = now(operation)?.status?.conditions ?? [];
  return condition === undefined ? 'nothing' : `${condition.status} ${condition.reason}`;
}

const start = anOperation('Start');
const reboot = anOperation('Reboot', { spec: { ttlSecondsAfterFinished: 600 } });

describe('the owner', () => {
  test('is the VM, so that the operation goes with it', async () => {
    const vm = theVm();
    const operation = given(start);
    await reconcile(operation);
    expect(now(operation)?.metadata.ownerReferences).toEqual([
      { apiVersion: 'pve-operator.io/v1alpha1', kind: 'VirtualMachine', name: 'web-1', uid: vm.metadata.uid },
    ]);
  });

  test('is set beside others', async () => {
    theVm();
    const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'release', uid: 'u' };
    const operation = given(anOperation('Start', { metadata: { ownerReferences: [other] } }));
    await reconcile(operation);
    expect(now(operation)?.metadata.ownerReferences?.map(({ kind }) => kind)).toEqual(['ConfigMap', 'VirtualMachine']);
  });

  test('is written once', async () => {
    theVm();
    const operation = given(start);
    await reconcile(operation);
    fake.kube.writes.length = 0;
    await reconcile(operation);
    expect(fake.kube.writes).toEqual([]);
  });

  test('is set when the VM comes', async () => {
    const operation = given(start);
    await reconcile(operation);
    expect(says(operation)).toBe('Unknown WaitingForVirtualMachine');
    theVm();
    await reconcile(operation);
    expect(now(operation)?.metadata.ownerReferences).toHaveLength(1);
    expect(says(operation)).toBe('Unknown Queued');
  });

  test('is not changed to a later VM of the same name', async () => {
    const earlier = { apiVersion: 'pve-operator.io/v1alpha1', kind: 'VirtualMachine', name: 'web-1', uid: 'earlier' };
    theVm();
    const operation = given(anOperation('Reinstall', { metadata: { ownerReferences: [earlier] } }));
    await reconcile(operation);
    expect(now(operation)?.metadata.ownerReferences).toEqual([earlier]);
    expect(says(operation)).toBe('False VirtualMachineDeleted');
  });

  test('takes the operation with it', async () => {
    const vm = theVm();
    const operation = given(start);
    await reconcile(operation);
    await fake.context.client.delete(resources.virtualMachine, vm.metadata.name, vm.metadata.namespace);
    expect(fake.kube.collectGarbage()).toBe(1);
    expect(await reconcile(operation)).toEqual({ kind: 'done' });
  });
});

describe('an operation is told', () => {
  const rows: { name: string; operation: VirtualMachineOperation; status: VirtualMachineStatus; want: string }[] = [
    { name: 'to wait', operation: start, status: { state: 'clone' }, want: 'Unknown Queued' },
    {
      name: 'that it runs',
      operation: start,
      status: { state: 'ready', operation: aRun({ request: requestOf(start) }) },
      want: 'Unknown InProgress',
    },
    {
      name: 'that it is done',
      operation: start,
      status: { state: 'ready', executedOperations: [executed(start)] },
      want: 'True Succeeded',
    },
    {
      name: 'that it makes no sense',
      operation: anOperation('Redeploy'),
      status: { state: 'ready' },
      want: 'False VirtualMachineReady',
    },
    {
      name: 'that it was done before',
      operation: anOperation('Reboot', { ...reboot, metadata: { uid: 'made-again' } }),
      status: { state: 'ready', executedOperations: [executed(reboot)] },
      want: 'True AlreadyExecuted',
    },
  ];

  test.each(rows)('$name: $want', async ({ operation, status, want }) => {
    theVm(status);
    given(operation);
    await reconcile(operation);
    expect(says(operation)).toBe(want);
  });

  test('with an event when it is decided, and none before', async () => {
    theVm({ state: 'clone' });
    const operation = given(start);
    await reconcile(operation);
    expect(fake.events).toEqual([]);
    await fake.clock.advance(HOUR_MS);
    await reconcile(operation);
    expect(fake.events).toMatchObject([{ type: 'Warning', reason: 'DeadlineExceeded', about: 'customer-1/start' }]);
    await reconcile(operation);
    expect(fake.events).toHaveLength(1);
  });

  test.each([
    { name: 'done', status: { executedOperations: [executed(start)] }, want: 'Normal Succeeded' },
    {
      name: 'failed',
      status: { executedOperations: [executed(start, { result: 'Failed', reason: 'TaskFailed' })] },
      want: 'Warning TaskFailed',
    },
  ])('the event of one that is $name: $want', async ({ status, want }) => {
    theVm(status);
    given(start);
    await reconcile(start);
    expect(fake.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([want]);
  });

  test('that a later one takes its place, which is no cause for alarm', async () => {
    theVm({ state: 'clone' });
    given(start);
    given(anOperation('Stop', { metadata: { creationTimestamp: '2026-03-01T10:00:01Z' } }));
    await reconcile(start);
    expect(says(start)).toBe('False Superseded');
    expect(fake.events).toMatchObject([{ type: 'Normal', reason: 'Superseded' }]);
  });

  test('once and for all: a decision stays', async () => {
    theVm({ state: 'clone' });
    given(start);
    await fake.clock.advance(HOUR_MS);
    await reconcile(start);
    const decided = now(start);
    fake.kube.seed(resources.virtualMachine, { ...anOwner(), status: { executedOperations: [executed(start)] } });
    expect(await reconcile(start)).toEqual({ kind: 'done' });
    expect(now(start)).toEqual(decided);
  });

  test('from the beginning to the end', async () => {
    theVm();
    given(reboot);
    await reconcile(reboot);
    const run = aRun({ runName: 'web-1-8a2f0b9c-2', request: requestOf(reboot) });
    theVm({ state: 'ready', operation: run });
    await reconcile(reboot);
    theVm({ state: 'ready', executedOperations: [executed(reboot, { runName: run.runName })] });
    await reconcile(reboot);
    const { conditions: _told, ...record } = now(reboot)?.status ?? {};
    expect(record).toEqual({
      observedGeneration: 1,
      startedAt: run.startedAt,
      completedAt: '2026-03-01T10:05:00.000Z',
      runName: run.runName,
    });
  });
});

describe('an operation that had begun and is not seen at its VM', () => {
  const begun = anOperation('Start', { status: { startedAt: '2026-03-01T10:00:00Z' } });

  test('is not told that it was interrupted by a watch that lags behind', async () => {
    const old = theVm();
    theVm({ state: 'ready', operation: aRun({ request: requestOf(begun) }) });
    given(begun);
    const { virtualMachines } = fake.context.stores;
    fake.context.stores.virtualMachines = { ...virtualMachines, get: () => old };
    await reconcile(begun);
    expect(says(begun)).toBe('Unknown InProgress');
  });

  test('was interrupted when the API server does not show it either', async () => {
    theVm();
    given(begun);
    await reconcile(begun);
    expect(says(begun)).toBe('False Interrupted');
  });
});

describe('it is looked at again', () => {
  test('when the time to begin is over', async () => {
    const operation = given(anOperation('Start', { spec: { deadlineSeconds: 60 } }));
    await fake.clock.advance(20_000);
    expect(await reconcile(operation)).toEqual({ kind: 'after', ms: 40_000 });
  });

  test('every hour when that is long', async () => {
    const operation = given(anOperation('Start', { spec: { deadlineSeconds: 604_800 } }));
    expect(await reconcile(operation)).toEqual({ kind: 'after', ms: HOUR_MS });
  });

  test('through its VM, when it runs for too long', async () => {
    theVm({ state: 'ready', operation: aRun({ request: requestOf(start), taskID: 'UPID' }) });
    given(start);
    await fake.clock.advance(HOUR_MS - 1);
    expect(await reconcile(start)).toEqual({ kind: 'after', ms: 1 });
    expect(woken).toEqual([]);
    await fake.clock.advance(1);
    expect(await reconcile(start)).toEqual({ kind: 'after', ms: 60_000 });
    expect(woken).toEqual(['customer-1/web-1']);
    expect(says(start)).toBe('Unknown InProgress');
  });

  test('not when it is done and stays', async () => {
    theVm({ executedOperations: [executed(start)] });
    expect(await reconcile(given(start))).toEqual({ kind: 'done' });
  });

  test('not when it is gone, being deleted, or nothing may be begun', async () => {
    theVm();
    expect(await reconcile(start)).toEqual({ kind: 'done' });
    given(anOperation('Start', { metadata: { deletionTimestamp: '2026-03-01T10:00:00Z', finalizers: ['other'] } }));
    expect(await reconcile(start)).toEqual({ kind: 'done' });
    given(start);
    expect(await reconcileVirtualMachineOperation(keyed(start), parts(), AbortSignal.abort())).toEqual({
      kind: 'done',
    });
    expect(fake.kube.writes).toEqual([]);
  });
});

describe('the object', () => {
  // It ended at 10:05 and is kept for ten minutes; the clock begins at 10:00.
  const remembering = () => theVm({ executedOperations: [executed(reboot)] });

  test('stays until its time is over, and then goes', async () => {
    remembering();
    given(reboot);
    expect(await reconcile(reboot)).toEqual({ kind: 'after', ms: 900_000 });
    await fake.clock.advance(899_999);
    expect(await reconcile(reboot)).toEqual({ kind: 'after', ms: 1 });
    await fake.clock.advance(1);
    expect(await reconcile(reboot)).toEqual({ kind: 'done' });
    expect(now(reboot)).toBeUndefined();
  });

  test('that is made again does not run again, and goes as well', async () => {
    remembering();
    const again = given({ ...reboot, metadata: { ...reboot.metadata, uid: 'made-again' } });
    await reconcile(again);
    expect(says(again)).toBe('True AlreadyExecuted');
    await fake.clock.advance(600_000);
    await reconcile(again);
    expect(now(again)).toBeUndefined();
  });

  test('of the same name that was made meanwhile stays', async () => {
    remembering();
    given(reboot);
    await fake.clock.advance(HOUR_MS);
    fake.kube.onWrite(({ verb, phase }) => {
      if (verb !== 'delete' || phase !== 'before') return;
      fake.kube.onWrite(undefined);
      given({ ...reboot, metadata: { ...reboot.metadata, uid: 'made-again' } });
    });
    await expect(reconcile(reboot)).rejects.toMatchObject({ reason: 'Conflict' });
    expect(now(reboot)?.metadata.uid).toBe('made-again');
  });

  test('that somebody else deleted is no trouble', async () => {
    remembering();
    given(reboot);
    await fake.clock.advance(HOUR_MS);
    fake.kube.onWrite(({ verb }) => {
      if (verb === 'delete') throw new KubeError({ status: 404, reason: 'NotFound', message: 'gone' });
    });
    expect(await reconcile(reboot)).toEqual({ kind: 'done' });
  });

  test('that cannot be deleted is tried again', async () => {
    remembering();
    given(reboot);
    await fake.clock.advance(HOUR_MS);
    fake.kube.onWrite(({ verb }) => {
      if (verb === 'delete') throw new KubeError({ status: 503, reason: 'ServiceUnavailable', message: 'later' });
    });
    await expect(reconcile(reboot)).rejects.toMatchObject({ status: 503 });
  });
});
