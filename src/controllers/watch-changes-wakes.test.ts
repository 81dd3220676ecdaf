// Who is looked at again when something changes: those that may have waited for it, and nobody else.
import { beforeEach, describe, expect, test } from 'vitest';
import { aListedVm, aNode, anOwner, aSnapshot, type SnapshotShape, VMID } from '../../test/builders/facts.ts';
import { aPlan, aPool, aProxmoxCluster, aZone } from '../../test/builders/objects.ts';
import type { Condition } from '../api/object.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { Change } from '../kube/store.ts';
import type { KubeObject } from '../kube/types.ts';
import { keyOf } from '../kube/types.ts';
import { type Context, INDEX } from './context.ts';
import { newRevision } from './plan-revisions.ts';
import type { Queues } from './run-controllers.ts';
import type { Informers } from './stores.ts';
import { Sightings } from './sweep-sightings.ts';
import {
  type ChangeWatch,
  concernsReconcile,
  RETRY_ANNOTATION,
  sightingChanged,
  watchChanges,
} from './watch-changes.ts';

type Handler = (change: Change<KubeObject>) => void;

let vms: VirtualMachine[];
let woken: string[];
let handlers: Map<string, Handler>;
let inventory: SnapshotShape;
let watch: ChangeWatch;
/** UIDs whose clone slots were given back. */
let released: string[];
/** The index of VMs by cluster; by default all are on it. */
let clusterOf: ((vm: VirtualMachine) => string | undefined) | undefined;

const vm = (name: string, status: VirtualMachineStatus = {}, metadata: object = {}): VirtualMachine => ({
  ...anOwner({ name, ...metadata }),
  status: { clusterName: 'lab', vmid: VMID, node: 'pve1', ...status },
});
const waiting = vm('waiting', { state: 'set_ip', operation: { machine: 'deploy', startedAt: '' } });
const fresh = vm('fresh', { state: 'creation', operation: { machine: 'deploy', startedAt: '' } });
const cloned = vm('cloned', { state: 'clone', operation: { machine: 'deploy', startedAt: '' } });
const rested = vm('rested', { state: 'ready' });
const objects: Record<string, KubeObject[]> = {
  clusters: [aProxmoxCluster({ endpoints: ['https://a:8006'] })],
  plans: [aPlan()],
  pools: [aPool()],
  zones: [aZone('example.com', 'http://dns')],
};

/** One store of what is in `objects`, whose changes the tests make. */
function storeOf(kind: string) {
  const list = (): readonly KubeObject[] => (kind === 'virtualMachines' ? vms : (objects[kind] ?? []));
  return {
    list,
    get: (key: string) => list().find((object) => keyOf(object) === key),
    byIndex: (index: string, key: string) =>
      kind === 'virtualMachines' && index === INDEX.cluster && clusterOf !== undefined
        ? vms.filter((one) => clusterOf?.(one) === key)
        : list(),
    subscribe: (handler: Handler) => {
      handlers.set(kind, handler);
      return () => void handlers.delete(kind);
    },
  };
}

beforeEach(() => {
  vms = [fresh, waiting, cloned, rested];
  woken = [];
  handlers = new Map();
  inventory = {};
  clusterOf = undefined;
  const kinds = [
    'virtualMachines',
    'virtualMachineOperations',
    'plans',
    'planRevisions',
    'clusters',
    'pools',
    'zones',
    'addressReservations',
    'vmidReservations',
    'quotaSlots',
    'secrets',
  ];
  const stores = Object.fromEntries(kinds.map((kind) => [kind, storeOf(kind)]));
  const queue = (name: string) => ({
    add: (key: string, priority = 'user') => void woken.push(`${name} ${key.split('/').at(-1)} ${priority}`),
  });
  const queues = Object.fromEntries(
    ['virtualMachines', 'operations', 'clusters', 'plans', 'pools', 'zones', 'quotaSlots'].map((name) => [
      name,
      queue(name),
    ]),
  );
  released = [];
  const cloneSlots = { release: (uid: string) => void released.push(uid) };
  const clusters = { open: () => [{ name: 'lab', inventory: { snapshot: () => aSnapshot(inventory) }, cloneSlots }] };
  watch = watchChanges(
    { clusters, sightings: new Sightings() } as unknown as Context,
    { stores } as unknown as Informers,
    queues as unknown as Queues,
  );
});

function change<T extends KubeObject>(
  kind: string,
  object: T,
  previous?: T,
  type: Change<T>['type'] = previous === undefined ? 'added' : 'updated',
): string[] {
  woken = [];
  handlers.get(kind)?.({ type, object, previous, initial: false });
  return woken.filter((line, index) => woken.indexOf(line) === index);
}

const withMeta = <T extends KubeObject>(object: T, metadata: object): T => ({
  ...object,
  metadata: { ...object.metadata, ...metadata },
});
const raised = (type: string, status: Condition['status'] = 'True'): Condition[] => [
  { type, status, reason: 'x', message: '', lastTransitionTime: '' },
];
const readiness = (status: 'True' | 'False') => ({ conditions: raised('Ready', status) });

describe('a change of a VM', () => {
  test.each<{ name: string; now: object; before?: object; want: boolean }>([
    { name: 'that is new', now: {}, want: true },
    { name: 'in its spec', now: { generation: 2 }, before: { generation: 1 }, want: true },
    { name: 'into deletion', now: { deletionTimestamp: 'now' }, before: {}, want: true },
    { name: 'that took a finalizer away', now: { finalizers: ['a'] }, before: { finalizers: ['a', 'b'] }, want: true },
    {
      name: 'that asks for a look',
      now: { annotations: { [RETRY_ANNOTATION]: '2' } },
      before: { annotations: { [RETRY_ANNOTATION]: '1' } },
      want: true,
    },
    { name: 'in another annotation', now: { annotations: { note: 'x' } }, before: {}, want: false },
    { name: 'that added one', now: { finalizers: ['a'] }, before: {}, want: false },
    { name: 'in its status', now: { resourceVersion: '2' }, before: { resourceVersion: '1' }, want: false },
  ])('$name: $want', ({ now, before, want }) => {
    const previous = before === undefined ? undefined : withMeta(rested, before);
    const given: Change<VirtualMachine> = {
      type: previous === undefined ? 'added' : 'updated',
      object: withMeta(rested, now),
      previous,
      initial: false,
    };
    expect(concernsReconcile(given)).toBe(want);
  });

  test('makes its plan and its cluster count anew when it comes, moves or goes', () => {
    expect(change('virtualMachines', rested)).toEqual([
      'virtualMachines rested user',
      'plans kvm resync',
      'clusters lab resync',
    ]);
    expect(change('virtualMachines', rested, rested)).toEqual([]);
    expect(change('virtualMachines', rested, undefined, 'deleted')).toContain('clusters lab resync');
  });

  test('that is gone gives back its clone slot and its host name', () => {
    const gone = change(
      'virtualMachines',
      vm('gone', { state: 'ready' }, { uid: 'uid-of-gone' }),
      undefined,
      'deleted',
    );
    expect(released).toEqual(['uid-of-gone']);
    expect(gone).toContain('virtualMachines waiting user');
  });
});

describe('what wakes those that are under way', () => {
  const pool = aPool();
  const zone = aZone('example.com', 'http://dns');
  const cluster = aProxmoxCluster({ endpoints: ['https://a:8006'] });
  const ALL = ['fresh', 'waiting', 'cloned'];
  const reservation = {
    ...pool,
    spec: { poolName: 'p', virtualMachine: { namespace: 'x', name: 'gone' } },
  } as KubeObject;
  const ready = (status: 'True' | 'False') => ({ ...cluster, status: readiness(status) }) as KubeObject;

  test.each<{
    name: string;
    kind: string;
    object: KubeObject;
    previous?: KubeObject;
    type?: 'deleted';
    want: string[];
  }>([
    { name: 'a new pool: who has no address', kind: 'pools', object: pool, want: ['fresh'] },
    {
      name: 'a pool that grew: the same',
      kind: 'pools',
      object: withMeta(pool, { generation: 2 }),
      previous: withMeta(pool, { generation: 1 }),
      want: ['fresh'],
    },
    { name: 'a pool that counted its addresses: nobody', kind: 'pools', object: pool, previous: pool, want: [] },
    { name: 'a plan: all', kind: 'plans', object: withMeta(aPlan(), { generation: 2 }), previous: aPlan(), want: ALL },
    { name: 'a plan that counted its VMs: nobody', kind: 'plans', object: aPlan(), previous: aPlan(), want: [] },
    { name: 'a revision: all', kind: 'planRevisions', object: newRevision(aPlan(), 1), want: ALL },
    {
      name: 'a cluster that was corrected: all',
      kind: 'clusters',
      object: withMeta(cluster, { generation: 2 }),
      previous: cluster,
      want: ALL,
    },
    {
      name: 'a cluster that is ready now: all',
      kind: 'clusters',
      object: ready('True'),
      previous: ready('False'),
      want: ALL,
    },
    {
      name: 'a cluster that was only looked at: nobody',
      kind: 'clusters',
      object: cluster,
      previous: cluster,
      want: [],
    },
    {
      name: 'an address that was given back: who has none',
      kind: 'addressReservations',
      object: reservation,
      type: 'deleted',
      want: ['fresh'],
    },
    { name: 'an address that was taken: nobody', kind: 'addressReservations', object: reservation, want: [] },
    {
      name: 'a VMID that was given back: who has none',
      kind: 'vmidReservations',
      object: reservation,
      type: 'deleted',
      want: ['fresh', 'waiting'],
    },
    { name: 'a Secret: all', kind: 'secrets', object: pool, want: ALL },
    { name: 'a zone: nobody', kind: 'zones', object: zone, want: [] },
  ])('$name', ({ kind, object, previous, type, want }) => {
    const lines = change(kind, object, previous, type).filter((line) => line.startsWith('virtualMachines '));
    expect(lines.filter((line) => line.endsWith(' user'))).toEqual(want.map((name) => `virtualMachines ${name} user`));
    expect(lines).not.toContain('virtualMachines rested user');
  });

  test.each(['addressReservations', 'vmidReservations'])(
    '%s that go also wake who had or lost one, at rest',
    (kind) => {
      vms = [cloned, rested, vm('robbed', { state: 'ready', conditions: raised('ReservationLost') })];
      const resynced = ({ metadata: { namespace, name } }: VirtualMachine) => {
        const object = { ...pool, spec: { poolName: 'p', virtualMachine: { namespace, name } } } as KubeObject;
        return change(kind, object, undefined, 'deleted').filter((line) => /^virtualM.* resync$/.test(line));
      };
      expect(resynced(rested)).toEqual(['virtualMachines rested resync', 'virtualMachines robbed resync']);
      expect(resynced(cloned)).toEqual(['virtualMachines robbed resync']);
    },
  );

  test('a new revision also wakes those at rest, later: their plan may roll out by itself', () => {
    const lines = change('planRevisions', newRevision(aPlan(), 2));
    expect(lines).toContain('virtualMachines rested resync');
    expect(change('planRevisions', newRevision(aPlan(), 1), undefined, 'deleted')).not.toContain(
      'virtualMachines rested resync',
    );
  });

  test('is also for VMs that are being deleted', () => {
    vms = [vm('going', { state: 'ready' }, { deletionTimestamp: 'now' })];
    expect(change('secrets', aPool())).toContain('virtualMachines going user');
  });

  test('a Secret may be that of any cluster or zone', () => {
    expect(change('secrets', aPool())).toEqual(expect.arrayContaining(['clusters lab user', 'zones example.com user']));
  });

  test('a pool counts anew when an address is taken or given back', () => {
    const taken = { ...aPool(), spec: { poolName: 'ipv4' } } as KubeObject;
    expect(change('addressReservations', taken)).toEqual(['pools ipv4 resync']);
  });
});

describe('a zone', () => {
  const zone = aZone('example.com', 'http://dns');
  const dns = (ok: boolean) => ({
    dns: {
      forward: { ok: 0, failed: 1 },
      reverse: { ok: 0, failed: 0 },
      zones: [{ zone: 'z', provider: 'PowerDNS', ok }],
    },
  });

  test('that was corrected wakes those whose records it lacks', () => {
    vms = [vm('lacking', { state: 'ready', ...dns(false) }), vm('complete', { state: 'ready', ...dns(true) }), rested];
    expect(change('zones', withMeta(zone, { generation: 2 }), zone)).toEqual([
      'zones example.com user',
      'virtualMachines lacking resync',
    ]);
    expect(change('zones', zone, zone)).toEqual([]);
  });
});

describe('a poll of a cluster', () => {
  const listed = (shown: Parameters<typeof aListedVm>[1] = {}): SnapshotShape => ({
    vms: [aListedVm(VMID, shown)],
    nodes: [aNode('pve1'), aNode('pve2')],
  });

  test.each<{ name: string; before?: SnapshotShape; now?: SnapshotShape; want: boolean }>([
    { name: 'that failed', before: listed(), want: false },
    { name: 'that is the first', now: listed(), want: true },
    { name: 'that shows the same', before: listed(), now: listed(), want: false },
    { name: 'that shows another load', before: listed(), now: listed({ cpuLoad: 0.5 }), want: false },
    { name: 'that shows it started', before: listed(), now: listed({ status: 'running' }), want: true },
    { name: 'that shows it moved', before: listed(), now: listed({ node: 'pve2' }), want: true },
    { name: 'that shows a larger disk', before: listed(), now: listed({ maxDiskBytes: 2 ** 30 }), want: true },
    { name: 'that shows a lock', before: listed(), now: listed({ lock: 'backup' }), want: true },
    {
      name: 'that does not show it any more',
      before: listed(),
      now: { nodes: [aNode('pve1'), aNode('pve2')] },
      want: true,
    },
    {
      name: 'that shows its node gone',
      before: listed(),
      now: { ...listed(), nodes: [aNode('pve1', { status: 'offline' })] },
      want: true,
    },
    {
      name: 'that shows another node gone',
      before: listed(),
      now: { ...listed(), nodes: [aNode('pve1')] },
      want: false,
    },
  ])('$name: $want', ({ before, now, want }) => {
    const shot = (shape?: SnapshotShape) => (shape === undefined ? undefined : aSnapshot(shape));
    expect(sightingChanged(rested, shot(before), shot(now))).toBe(want);
  });

  test('wakes the cluster, and of its VMs those for which it shows something new', () => {
    inventory = listed();
    watch.onInventory('lab');
    expect(woken).toEqual(expect.arrayContaining(['clusters lab resync', 'virtualMachines rested resync']));
    woken = [];
    watch.onInventory('lab');
    expect(woken).toEqual(['clusters lab resync']);
    inventory = listed({ lock: 'backup' });
    watch.onInventory('lab');
    expect(woken).toContain('virtualMachines rested resync');
  });
});

describe('a poll that shows another template, node or storage', () => {
  const wokenByPoll = (): string[] => {
    woken = [];
    watch.onInventory('lab');
    return [...new Set(woken.filter((line) => line.startsWith('virtualMachines ')))];
  };
  const template = aListedVm(9000, { template: true });

  beforeEach(() => {
    wokenByPoll();
    inventory = { vms: [template] };
  });

  test('wakes those that are under way', () => {
    expect(wokenByPoll()).toEqual(['fresh', 'waiting', 'cloned'].map((name) => `virtualMachines ${name} resync`));
    expect(wokenByPoll()).toEqual([]);
  });

  test('wakes also those that are not on a cluster yet and whose plan names it', () => {
    const elsewhere = vm('elsewhere', { state: 'creation', clusterName: 'other' });
    vms = [vm('undecided', { state: 'creation', clusterName: undefined }), elsewhere];
    clusterOf = ({ status }) => status?.clusterName;
    expect(wokenByPoll()).toEqual(['virtualMachines undecided resync']);
  });
});

test('after a start everything is looked at once, behind what people change', () => {
  watch.enqueueAll();
  const all = [fresh, waiting, cloned, rested].map((one) => `virtualMachines ${keyOf(one).split('/')[1]} restart`);
  expect(woken).toEqual([
    ...all,
    'clusters lab restart',
    'plans kvm restart',
    'pools ipv4 restart',
    'zones example.com restart',
  ]);
});

test('what is there at the start wakes nobody by itself, and nothing does after the end', () => {
  handlers.get('pools')?.({ type: 'added', object: aPool(), initial: true });
  expect(woken).toEqual([]);
  watch.close();
  expect(handlers.size).toBe(0);
});
