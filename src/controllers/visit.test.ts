// Hands and eyes of one pass: what tasks look like to the engine, what is made durable, and when nothing new is begun.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aFacts, anOwner, anOwnVm, aStatus, at, NOW } from '../../test/builders/facts.ts';
import { aPlan } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { TransientError, WaitingError } from '../errors.ts';
import { findCondition } from '../kube/conditions.ts';
import { networkError } from '../kube/errors.ts';
import { deploy } from '../machines.ts';
import { PveError } from '../pve/errors.ts';
import type { WatchedState } from '../pve/task-watch.ts';
import { Allocations } from './allocations.ts';
import type { ClusterConnection } from './clusters.ts';
import { createCredentialSource } from './credentials.ts';
import { newRevision } from './plan-revisions.ts';
import { VirtualMachineVisit } from './visit.ts';

const UPID = 'UPID:pve1:00000001:00000001:65000000:qmclone:9000:op@pve!k8s:';
const STATUS = aStatus({ runCount: 1, operation: { runName: 'web-1-1' } });

let fake: FakeContext;
let vm: VirtualMachine;
let state: WatchedState | undefined;
let watched: Map<string, () => void>;
let woken: number;
let stop: AbortController;
let started: number;

beforeEach(() => {
  fake = createFakeContext();
  woken = 0;
  started = 0;
  state = undefined;
  watched = new Map();
  stop = new AbortController();
  vm = fake.kube.seed(resources.virtualMachine, anOwner({ generation: 2 }));
  const plan = fake.kube.seed(resources.plan, aPlan());
  fake.kube.seed(resources.planRevision, newRevision(plan, 1));
  const connection = {
    name: 'lab',
    migrationMs: 300_000,
    tasks: { state: () => state, watch: (upid: string, wake: () => void) => void watched.set(upid, wake) },
    api: {
      start: async () => {
        started += 1;
        return UPID;
      },
    },
    inventory: {
      snapshot: () => undefined,
      health: {
        state: 'unreachable',
        since: 0,
        error: new PveError({ kind: 'unreachable', call: 'GET /cluster/resources', detail: 'no route' }),
      },
    },
  } as unknown as ClusterConnection;
  fake.context.clusters.connection = () => connection;
});
afterEach(() => fake[Symbol.asyncDispose]());

const visit = (machine = vm) =>
  new VirtualMachineVisit({
    context: fake.context,
    allocations: new Allocations(fake.context),
    credentials: createCredentialSource(new Uint8Array(32)),
    machine: deploy,
    vm: machine,
    signal: stop.signal,
    wake: () => void (woken += 1),
  });
const stored = () => fake.kube.objects(resources.virtualMachine)[0]!;
const view = (upid = UPID, status: VirtualMachineStatus = STATUS) => visit().task(upid, status);

describe('a task', () => {
  test.each<{ name: string; seen: WatchedState | undefined }>([
    { name: 'that is not known here, as after a restart', seen: undefined },
    { name: 'that runs', seen: { state: 'running' } },
  ])('$name is waited for, and wakes the VM when it ends', async ({ seen }) => {
    state = seen;
    expect(await view()).toMatchObject({ kind: 'running' });
    watched.get(UPID)?.();
    expect(woken).toBe(1);
  });

  test('that ended well, also with warnings, is over', async () => {
    state = { state: 'ok', warnings: 2 };
    expect(await view()).toEqual({ kind: 'ended' });
  });

  test('that failed says why, with the lines of its log', async () => {
    state = { state: 'failed', exitstatus: 'migration aborted', logTail: ['ERROR: storage is not available'] };
    const seen = await view();
    expect(seen).toMatchObject({
      kind: 'failed',
      failure: { reason: 'TaskFailed', message: expect.stringContaining('storage is not available') },
    });
    expect(seen.kind === 'failed' && seen.failure).toBeInstanceOf(TransientError);
  });

  test('whose name is none is over: nothing can be asked about it', async () => {
    expect(await view('nonsense')).toEqual({ kind: 'ended' });
  });

  test.each([
    { name: 'in time', ago: 299, want: undefined },
    { name: 'for longer than it should', ago: 301, want: 'MigrationSlow' },
  ])('that migrates $name', async ({ ago, want }) => {
    const intent = { action: 'migrate', sentAt: at(-ago), attempt: 1 };
    expect(fake.context.now()).toBe(NOW);
    const seen = await view(UPID, aStatus({ operation: { intent } }));
    expect(seen.kind === 'running' ? seen.explanation?.reason : seen.kind).toBe(want);
  });
});

describe('an action', () => {
  const start = () => visit().perform({ kind: 'start' }, aFacts({ observed: anOwnVm(), status: STATUS }));

  test('that is a task is watched from then on', async () => {
    expect(await start()).toEqual({ kind: 'task', upid: UPID });
    expect([...watched.keys()]).toEqual([UPID]);
  });

  test('is not begun after a request to stop', async () => {
    stop.abort();
    await expect(start()).rejects.toBeInstanceOf(WaitingError);
    expect(started).toBe(0);
  });

  test('is not begun by a replica that does not hold the lease any more', async () => {
    fake.context.leads = () => false;
    await expect(start()).rejects.toBeInstanceOf(WaitingError);
    expect(started).toBe(0);
  });

  test('that the API server does not answer is tried again', async () => {
    fake.kube.onWrite(() => {
      throw networkError('create secrets', new Error('connection reset'));
    });
    const created = visit().perform({ kind: 'createCredentials' }, aFacts({ status: STATUS }));
    await expect(created).rejects.toBeInstanceOf(TransientError);
  });
});

describe('facts', () => {
  test('that cannot be had say so in the words of the cluster', async () => {
    const asked = visit().facts(STATUS, ['template']);
    await expect(asked).rejects.toBeInstanceOf(TransientError);
    await expect(asked).rejects.toMatchObject({
      reason: 'ClusterUnreachable',
      message: expect.stringContaining('Cluster lab does not answer'),
    });
  });
});

describe('the status', () => {
  test('is made durable with the record of the run and conditions for people', async () => {
    await visit().save(STATUS);
    expect(fake.kube.objects(resources.virtualMachineRun)).toMatchObject([
      { metadata: { name: 'web-1-1' }, spec: { trigger: 'VirtualMachine created' } },
    ]);
    expect(stored().status).toMatchObject({ state: 'creation', operation: { runName: 'web-1-1' } });
    expect(findCondition(stored().status?.conditions, 'AddressesAllocated')).toMatchObject({
      status: 'False',
      reason: 'InProgress',
      observedGeneration: 2,
    });
  });

  test('is not written when nothing differs', async () => {
    const one = visit();
    await one.save(STATUS);
    const before = fake.kube.writes.length;
    await one.save(one.object.status!);
    expect(fake.kube.writes).toHaveLength(before);
  });

  test('is written over what was read, and not over what somebody else wrote', async () => {
    await fake.context.client.patch(
      resources.virtualMachine,
      vm.metadata,
      { metadata: { labels: { a: 'b' } } },
      { kind: 'merge' },
    );
    await expect(visit().save(STATUS)).rejects.toBeInstanceOf(TransientError);
    await expect(visit(stored()).save(STATUS)).resolves.toBeUndefined();
  });

  const edited = (path: 'label' | 'status') =>
    fake.context.client.patch(
      resources.virtualMachine,
      vm.metadata,
      path === 'label' ? { metadata: { labels: { a: 'b' } } } : { status: { vmid: 4711 } },
      path === 'label' ? { kind: 'merge' } : { kind: 'merge', subresource: 'status' },
    );

  test('at the end of a pass is not lost because somebody edited the object meanwhile', async () => {
    await edited('label');
    await visit().record(STATUS, { notes: [] });
    expect(stored()).toMatchObject({ metadata: { labels: { a: 'b' } }, status: { state: 'creation' } });
  });

  test('at the end of a pass is not written over another status', async () => {
    await edited('status');
    await expect(visit().record(STATUS, { notes: [] })).rejects.toMatchObject({ reason: 'Conflict' });
    expect(stored().status).toMatchObject({ vmid: 4711 });
    expect(stored().status).not.toHaveProperty('state');
  });

  test('can show more than it keeps', async () => {
    const { operation: _operation, ...kept } = STATUS;
    await visit().record({ ...STATUS, state: 'ready' }, { notes: [] }, kept);
    expect(stored().status).not.toHaveProperty('operation');
    expect(findCondition(stored().status?.conditions, 'Ready')).toMatchObject({ status: 'True' });
  });

  test('has a run that says what began it', async () => {
    vm = fake.kube.seed(resources.virtualMachine, {
      ...vm,
      metadata: { ...vm.metadata, deletionTimestamp: at(0), finalizers: ['x'] },
    });
    await visit().save({ ...STATUS, operation: { ...STATUS.operation!, trigger: 'VirtualMachine deleted' } });
    expect(fake.kube.objects(resources.virtualMachineRun)).toMatchObject([
      { spec: { trigger: 'VirtualMachine deleted' } },
    ]);
  });
});
