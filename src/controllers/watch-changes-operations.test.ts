// Which operations are looked at again when something changes, and what an operation wakes.
import { beforeEach, describe, expect, test } from 'vitest';
import { anOwner } from '../../test/builders/facts.ts';
import { aRun, aVm, executed, requestOf, succeeded } from '../../test/builders/operation-fate.ts';
import { anOperation } from '../../test/builders/operations.ts';
import { createFakeKube, type FakeKube } from '../../test/fakes/kube.ts';
import { storesOf } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { PAUSE_ANNOTATION } from '../domain/operations.ts';
import type { Change } from '../kube/store.ts';
import { keyOf, type KubeObject } from '../kube/types.ts';
import type { Context, Stores } from './context.ts';
import type { Queues } from './run-controllers.ts';
import type { Informers } from './stores.ts';
import { Sightings } from './sweep-sightings.ts';
import { type ChangeWatch, concernsOperations, concernsReconcile, watchChanges } from './watch-changes.ts';

type Handler = (change: Change<KubeObject>) => void;

let kube: FakeKube;
let woken: string[];
let handlers: Map<string, Handler>;
let watch: ChangeWatch;

beforeEach(() => {
  kube = createFakeKube();
  woken = [];
  handlers = new Map();
  const subscribe = (kind: string) => (handler: Handler) => {
    handlers.set(kind, handler);
    return () => void handlers.delete(kind);
  };
  const stores = Object.entries(storesOf(kube) satisfies Stores).map(([kind, store]) => [
    kind,
    { ...store, subscribe: subscribe(kind) },
  ]);
  const queue = (name: string) => ({
    add: (key: string, priority = 'user') => void woken.push(`${name} ${key} ${priority}`),
  });
  const queues = Object.fromEntries(
    ['virtualMachines', 'operations', 'clusters', 'plans', 'pools', 'zones'].map((name) => [name, queue(name)]),
  );
  watch = watchChanges(
    { clusters: { open: () => [] }, sightings: new Sightings() } as unknown as Context,
    { stores: Object.fromEntries(stores) } as unknown as Informers,
    queues as unknown as Queues,
  );
});

function changed(
  kind: keyof Stores,
  object: KubeObject,
  type: Change<KubeObject>['type'],
  previous?: KubeObject,
): string[] {
  woken = [];
  handlers.get(kind)?.({ type, object, previous, initial: false });
  return [...new Set(woken)];
}

const start = anOperation('Start');
const withMeta = <T extends KubeObject>(object: T, metadata: object): T => ({
  ...object,
  metadata: { ...object.metadata, ...metadata },
});

describe('an operation', () => {
  test('that is made wakes itself, the others of its VM that are not decided, and the VM', () => {
    kube.seed(resources.virtualMachine, anOwner());
    kube.seed(resources.virtualMachineOperation, anOperation('Stop'));
    kube.seed(resources.virtualMachineOperation, anOperation('Reset', { status: succeeded('True') }));
    kube.seed(resources.virtualMachineOperation, anOperation('Reboot', { spec: { virtualMachineName: 'web-2' } }));
    expect(changed('virtualMachineOperations', start, 'added')).toEqual([
      'operations customer-1/start user',
      'operations customer-1/stop user',
      'virtualMachines customer-1/web-1 user',
    ]);
  });

  test('that is made before its VM wakes itself alone', () => {
    expect(changed('virtualMachineOperations', start, 'added')).toEqual(['operations customer-1/start user']);
  });

  test.each([
    { name: 'its status', now: { ...start, status: succeeded('Unknown') } },
    { name: 'its owner', now: withMeta(start, { ownerReferences: [], resourceVersion: '2' }) },
  ])('of which the operator wrote $name wakes nobody', ({ now }) => {
    kube.seed(resources.virtualMachine, anOwner());
    expect(changed('virtualMachineOperations', now, 'updated', start)).toEqual([]);
  });

  test('that goes wakes those that it may have been in the way of', () => {
    kube.seed(resources.virtualMachine, anOwner());
    kube.seed(resources.virtualMachineOperation, anOperation('Stop'));
    expect(changed('virtualMachineOperations', start, 'deleted')).toContain('operations customer-1/stop user');
  });

  test('is looked at after a start of the operator', () => {
    kube.seed(resources.virtualMachineOperation, start);
    woken = [];
    watch.enqueueAll();
    expect(woken).toContain(`operations ${keyOf(start)} restart`);
  });
});

describe('a change of a VM', () => {
  const rows: { name: string; before?: VirtualMachine; now: VirtualMachine; want: boolean }[] = [
    { name: 'that is made', now: aVm(), want: true },
    {
      name: 'of its spec',
      before: withMeta(aVm(), { generation: 1 }),
      now: withMeta(aVm(), { generation: 2 }),
      want: true,
    },
    { name: 'that deletes it', before: aVm(), now: aVm({ deleted: true }), want: true },
    { name: 'that holds it', before: aVm(), now: aVm({ annotations: { [PAUSE_ANNOTATION]: 'true' } }), want: true },
    { name: 'of another annotation', before: aVm(), now: aVm({ annotations: { note: 'x' } }), want: false },
    { name: 'that makes it ready', before: aVm({ status: { state: 'starting' } }), now: aVm(), want: true },
    {
      name: 'from step to step',
      before: aVm({ status: { state: 'clone' } }),
      now: aVm({ status: { state: 'set_dns' } }),
      want: false,
    },
    {
      name: 'of the step that a pipeline is at',
      before: aVm({ status: { operation: aRun({ step: 'a' }) } }),
      now: aVm({ status: { operation: aRun({ step: 'b' }) } }),
      want: false,
    },
    {
      name: 'that begins a pipeline',
      before: aVm(),
      now: aVm({ status: { state: 'ready', operation: aRun({ runName: 'r' }) } }),
      want: true,
    },
    {
      name: 'that begins an operation',
      before: aVm({ status: { operation: aRun() } }),
      now: aVm({ status: { operation: aRun({ request: requestOf(start) }) } }),
      want: true,
    },
    {
      name: 'that ends a task',
      before: aVm({ status: { operation: aRun({ taskID: 'UPID' }) } }),
      now: aVm({ status: { operation: aRun() } }),
      want: true,
    },
    {
      name: 'that ends an operation',
      before: aVm(),
      now: aVm({ status: { state: 'ready', executedOperations: [executed(start)] } }),
      want: true,
    },
    { name: 'of its node', before: aVm(), now: aVm({ status: { state: 'ready', node: 'pve2' } }), want: false },
  ];

  test.each(rows)('$name: $want', ({ before, now, want }) => {
    const type = before === undefined ? 'added' : 'updated';
    expect(concernsOperations({ type, object: now, previous: before, initial: false })).toBe(want);
  });

  test('wakes its operations that are not decided', () => {
    kube.seed(resources.virtualMachineOperation, start);
    kube.seed(resources.virtualMachineOperation, anOperation('Stop', { status: succeeded('False') }));
    const vm = { ...aVm(), metadata: { ...aVm().metadata, namespace: 'customer-1' } };
    const operations = changed('virtualMachines', vm, 'deleted').filter((line) => line.startsWith('operations'));
    expect(operations).toEqual(['operations customer-1/start user']);
  });

  test.each([
    { name: PAUSE_ANNOTATION, want: true },
    { name: 'pve-operator.io/anything-else', want: true },
    { name: 'example.com/note', want: false },
  ])('by annotation $name, set or taken away, is looked at: $want', ({ name, want }) => {
    const marked = aVm({ annotations: { [name]: 'true' } });
    expect(concernsReconcile({ type: 'updated', object: marked, previous: aVm(), initial: false })).toBe(want);
    expect(concernsReconcile({ type: 'updated', object: aVm(), previous: marked, initial: false })).toBe(want);
  });
});
