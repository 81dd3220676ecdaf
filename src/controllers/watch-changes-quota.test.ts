// Who is woken when a place in a quota is taken or given back.
import { beforeEach, describe, expect, test } from 'vitest';
import { anOwner } from '../../test/builders/facts.ts';
import { aPlan } from '../../test/builders/objects.ts';
import { API_VERSION } from '../api/object.ts';
import type { QuotaSlot } from '../api/quota-slot.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { Change } from '../kube/store.ts';
import { type KubeObject, keyOf } from '../kube/types.ts';
import { type Context, INDEX } from './context.ts';
import { quotaKeyOf } from './quota-slots.ts';
import type { Queues } from './run-controllers.ts';
import type { Informers } from './stores.ts';
import { Sightings } from './sweep-sightings.ts';
import { watchChanges } from './watch-changes.ts';

const NAMESPACE = 'customer-1';

function vm(name: string, minute: number, differing: { namespace?: string; vmid?: number } = {}): VirtualMachine {
  const { namespace = NAMESPACE, vmid } = differing;
  const creationTimestamp = `2026-03-01T10:${String(minute).padStart(2, '0')}:00Z`;
  return {
    ...anOwner({ name, namespace, uid: `uid-${name}`, creationTimestamp }),
    status: vmid === undefined ? {} : { vmid, state: 'ready' },
  };
}

function slot(number: number, holder: string, namespace = NAMESPACE): QuotaSlot {
  return {
    apiVersion: API_VERSION,
    kind: 'QuotaSlot',
    metadata: { name: `kvm.${number}`, namespace },
    spec: { planRef: { name: 'kvm' }, number, virtualMachine: { name: holder, uid: `uid-${holder}` } },
  };
}

const young = vm('young', 30);
const old = vm('old', 10);
const robbed = vm('robbed', 20, { vmid: 2001 });
const counted = vm('counted', 1, { vmid: 2000 });
const elsewhere = vm('elsewhere', 5, { namespace: 'customer-2' });

type Handler = (change: Change<KubeObject>) => void;
let objects: Record<string, KubeObject[]>;
let handlers: Map<string, Handler>;
let woken: string[];

const INDEXES: Readonly<Record<string, (object: KubeObject) => unknown>> = {
  [`virtualMachines ${INDEX.plan}`]: (object) => (object as VirtualMachine).spec.planRef.name,
  [`quotaSlots ${INDEX.quota}`]: (object) => quotaKeyOf(object as QuotaSlot),
  [`quotaSlots ${INDEX.virtualMachine}`]: (object) => (object as QuotaSlot).spec.virtualMachine.uid,
};

function storeOf(kind: string) {
  const list = (): KubeObject[] => objects[kind] ?? [];
  return {
    list,
    get: (key: string) => list().find((object) => keyOf(object) === key),
    byIndex: (index: string, key: string) => list().filter((object) => INDEXES[`${kind} ${index}`]?.(object) === key),
    subscribe: (handler: Handler) => {
      handlers.set(kind, handler);
      return () => undefined;
    },
  };
}

beforeEach(() => {
  handlers = new Map();
  woken = [];
  objects = {
    plans: [aPlan({ quota: { virtualMachinesPerNamespace: 1 } })],
    virtualMachines: [young, old, robbed, counted, elsewhere],
    quotaSlots: [slot(1, 'counted')],
  };
  const stores = new Proxy({}, { get: (_target, kind: string) => storeOf(kind) });
  const queue = (name: string) => ({
    add: (key: string, priority = 'user') => void woken.push(`${name} ${key} ${priority}`),
  });
  const queues = new Proxy({}, { get: (_target, name: string) => queue(name) });
  watchChanges(
    { clusters: { open: () => [] }, sightings: new Sightings() } as unknown as Context,
    { stores } as unknown as Informers,
    queues as unknown as Queues,
  ).enqueueAll();
});

function change(kind: string, object: KubeObject, type: Change<KubeObject>['type']): string[] {
  woken = [];
  handlers.get(kind)?.({ type, object, initial: false });
  return woken;
}

const vmsIn = (lines: readonly string[]) =>
  lines.filter((line) => line.startsWith('virtualMachines ') && line.endsWith(' user'));

describe('a slot that is given back', () => {
  test('wakes those of its namespace that have none: machines first, then the oldest', () => {
    expect(change('quotaSlots', slot(2, 'gone'), 'deleted')).toEqual([
      'virtualMachines customer-1/robbed user',
      'virtualMachines customer-1/old user',
      'virtualMachines customer-1/young user',
    ]);
  });

  test('in another namespace wakes those there', () => {
    expect(change('quotaSlots', slot(2, 'gone', 'customer-2'), 'deleted')).toEqual([
      'virtualMachines customer-2/elsewhere user',
    ]);
  });

  test.each([
    { name: 'has no quota any more', plans: [aPlan()] },
    { name: 'is gone', plans: [] },
  ])('of a plan that $name wakes nobody', ({ plans }) => {
    objects['plans'] = plans;
    expect(change('quotaSlots', slot(2, 'gone'), 'deleted')).toEqual([]);
  });
});

describe('a slot that is taken', () => {
  test('is looked at, and its VM is not woken by what it did itself', () => {
    expect(change('quotaSlots', slot(1, 'counted'), 'added')).toEqual(['quotaSlots customer-1/kvm.1 user']);
  });

  test('although its VM has one wakes the VM to give one of them back', () => {
    objects['quotaSlots'] = [slot(1, 'counted'), slot(2, 'counted')];
    expect(change('quotaSlots', slot(2, 'counted'), 'added')).toEqual([
      'quotaSlots customer-1/kvm.2 user',
      'virtualMachines customer-1/counted resync',
    ]);
  });
});

describe('a VM that is gone', () => {
  test('wakes those that wait for a place: it counted until now', () => {
    expect(vmsIn(change('virtualMachines', vm('gone', 0), 'deleted'))).toContain('virtualMachines customer-1/old user');
  });

  test('has what it may have left behind looked at', () => {
    expect(change('virtualMachines', counted, 'deleted')).toContain('quotaSlots customer-1/kvm.1 user');
  });

  test('of a plan without a quota wakes nobody for it', () => {
    objects['plans'] = [aPlan()];
    expect(vmsIn(change('virtualMachines', vm('gone', 0), 'deleted'))).toEqual([
      'virtualMachines customer-1/gone user',
    ]);
  });
});

test('after a start every slot is looked at', () => {
  expect(woken).toContain('quotaSlots customer-1/kvm.1 restart');
});
