// Tables for the status of a cluster: readiness by what was seen, and privileges by path.
import { describe, expect, test } from 'vitest';
import type { ProxmoxCluster } from '../api/proxmox-cluster.ts';
import type { NodeResource, StorageResource } from '../pve/answer-types.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import { neededPrivileges } from '../pve/privileges.ts';
import {
  type ClusterCheck,
  type ClusterFacts,
  clusterReadiness,
  proxmoxClusterStatus,
} from './proxmox-cluster-status.ts';

function permissions(paths: Record<string, readonly string[]>): ClusterCheck['permissions'] {
  return new Map(Object.entries(paths).map(([path, privileges]) => [path, new Set(privileges)]));
}

const cluster: ProxmoxCluster = {
  apiVersion: 'pve-operator.io/v1alpha1',
  kind: 'ProxmoxCluster',
  metadata: { name: 'pve', generation: 1 },
  spec: { endpoints: ['https://pve1:8006'], tokenSecretRef: { name: 'token' } },
};
const deleted = { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: '2026-03-01T10:00:00Z' } };
const good: ClusterCheck = { version: '9.2.11', quorate: true, permissions: permissions({ '/': neededPrivileges }) };
const trouble = { state: 'waiting', reason: 'ClusterUnreachable', message: 'No answer.' } as const;

describe('readiness', () => {
  const rows: { name: string; facts: Partial<ClusterFacts>; want: string }[] = [
    { name: 'all is well', facts: { check: good }, want: 'ready Ready' },
    { name: 'nothing is known yet', facts: {}, want: 'waiting InProgress' },
    { name: 'trouble', facts: { trouble }, want: 'waiting ClusterUnreachable' },
    {
      name: 'trouble counts more than an older check',
      facts: { trouble, check: good },
      want: 'waiting ClusterUnreachable',
    },
    { name: 'no quorum', facts: { check: { ...good, quorate: false } }, want: 'waiting WaitingForQuorum' },
    {
      name: 'no quorum counts more than rights, which only a person can change',
      facts: { check: { ...good, quorate: false, permissions: permissions({}) } },
      want: 'waiting WaitingForQuorum',
    },
    { name: 'no rights', facts: { check: { ...good, permissions: permissions({}) } }, want: 'stalled Forbidden' },
    { name: 'deleted and in use', facts: { cluster: deleted, check: good, virtualMachines: 1 }, want: 'waiting InUse' },
    {
      name: 'deleted, in use and unreachable',
      facts: { cluster: deleted, trouble, virtualMachines: 1 },
      want: 'waiting InUse',
    },
  ];

  test.each(rows)('$name', ({ facts, want }) => {
    const { state, reason, message } = clusterReadiness({ cluster, virtualMachines: 0, now: 0, ...facts });
    expect(`${state} ${reason}`).toBe(want);
    expect(message).toMatch(/^[A-Z].*\.$/);
  });
});

describe('a cluster that is deleted', () => {
  const rows: { name: string; facts: Partial<ClusterFacts>; want: RegExp }[] = [
    {
      name: 'counts one VM',
      facts: { virtualMachines: 1 },
      want: /waits for 1 VirtualMachine that .* Delete it first\.$/,
    },
    {
      name: 'counts several',
      facts: { virtualMachines: 12 },
      want: /waits for 12 VirtualMachines that .* Delete them first\.$/,
    },
    {
      name: 'tells what keeps them from going',
      facts: { virtualMachines: 2, trouble },
      want: /waits for 2 .* Nothing can be destroyed now: No answer\.$/,
    },
  ];
  test.each(rows)('$name', ({ facts, want }) => {
    const { state, reason, message } = clusterReadiness({ cluster: deleted, virtualMachines: 0, now: 0, ...facts });
    expect([state, reason]).toEqual(['waiting', 'InUse']);
    expect(message).toMatch(want);
  });
});

describe('a token that may do more than is needed', () => {
  const checked = (...excess: string[]): ClusterCheck => ({
    ...good,
    permissions: permissions({ '/': [...neededPrivileges, ...excess] }),
  });
  const statusOf = (check: ClusterCheck | undefined, status?: ProxmoxCluster['status']) =>
    proxmoxClusterStatus({ cluster: { ...cluster, status }, check, trouble, virtualMachines: 0, now: 0 });
  const told = (status: ProxmoxCluster['status']) =>
    status?.conditions?.find(({ type }) => type === 'TokenOverprivileged');

  test('is told by name, and can be used all the same', () => {
    const status = proxmoxClusterStatus({ cluster, check: checked('Sys.Modify'), virtualMachines: 0, now: 0 });
    expect(told(status)).toMatchObject({
      status: 'True',
      reason: 'ExcessPrivileges',
      message: expect.stringContaining('does not use: Sys.Modify.'),
      observedGeneration: 1,
    });
    expect(status.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'True' });
  });

  test('names a dozen of many, so that the sentence can be read', () => {
    const many = Array.from({ length: 14 }, (_, index) => `Realm.P${String(index).padStart(2, '0')}`);
    expect(told(statusOf(checked(...many)))?.message).toMatch(/Realm\.P11 and 2 more\. Give it a role without them\.$/);
  });

  test('is told no more when it has them no more', () => {
    expect(told(statusOf(good, statusOf(checked('Sys.Modify'))))).toBeUndefined();
  });

  test('is told on while the cluster does not answer', () => {
    expect(told(statusOf(undefined, statusOf(checked('Sys.Modify'))))).toBeDefined();
  });
});

describe('what was seen', () => {
  const node = (name: string, changes: Partial<NodeResource> = {}): NodeResource => ({
    name,
    status: 'online',
    ...changes,
  });
  const storage = (name: string, on: string, changes: Partial<StorageResource> = {}): StorageResource => ({
    storage: name,
    node: on,
    status: 'available',
    shared: false,
    content: ['images', 'rootdir'],
    ...changes,
  });
  const snapshotOf = (nodes: NodeResource[], storages: StorageResource[] = []): ClusterSnapshot => ({
    takenAt: 0,
    nodes: new Map(nodes.map((one) => [one.name, one])),
    vms: new Map(),
    storages,
  });
  const statusOf = (snapshot: ClusterSnapshot | undefined, status?: ProxmoxCluster['status']) =>
    proxmoxClusterStatus({ cluster: { ...cluster, status }, snapshot, check: good, virtualMachines: 3, now: 0 });

  test('the order of the answer does not count', () => {
    const nodes = [node('b'), node('a')];
    const storages = [storage('z', 'a'), storage('y', 'a'), storage('y', 'b')];
    const forth = statusOf(snapshotOf(nodes, storages));
    expect(statusOf(snapshotOf(nodes.toReversed(), storages.toReversed()))).toEqual(forth);
    expect(forth.nodes?.map(({ name, storages: on }) => [name, on.map((one) => one.name)])).toEqual([
      ['a', ['y', 'z']],
      ['b', ['y']],
    ]);
  });

  test('figures that move are not there, those that stay are', () => {
    const busy = node('a', { cpuLoad: 0.5, memoryBytes: 5, maxMemoryBytes: 3 * 1024 * 1024 + 7, uptimeSeconds: 9 });
    const full = storage('s', 'a', { usedBytes: 5, totalBytes: 9, pluginType: 'lvmthin', status: 'unknown' });
    expect(statusOf(snapshotOf([busy], [full])).nodes).toEqual([
      {
        name: 'a',
        status: 'online',
        memoryTotalMiB: 3,
        storages: [{ name: 's', type: 'lvmthin', shared: false, available: false, content: 'images,rootdir' }],
      },
    ]);
  });

  test('nodes are counted, offline and unknown ones are not online', () => {
    const nodes = [node('a'), node('b', { status: 'offline' }), node('c', { status: 'unknown' })];
    expect(statusOf(snapshotOf(nodes))).toMatchObject({ nodesOnline: 1, nodesTotal: 3, virtualMachines: 3 });
  });

  test('a large cluster keeps within the bounds of the schema', () => {
    const nodes = Array.from({ length: 70 }, (_, index) => node(`n${index}`));
    const storages = Array.from({ length: 300 }, (_, index) => storage(`s${index}`, 'n0'));
    const status = statusOf(snapshotOf(nodes, storages));
    expect(status.nodesTotal).toBe(70);
    expect(status.nodes).toHaveLength(64);
    expect(Math.max(...(status.nodes ?? []).map((one) => one.storages.length))).toBe(256);
  });

  test('without an answer everything stays as it was seen last', () => {
    const before = { version: '8.4.1', nodesTotal: 2, nodesOnline: 2 };
    const status = proxmoxClusterStatus({
      cluster: { ...cluster, status: before },
      trouble,
      virtualMachines: 0,
      now: 0,
    });
    expect(status).toMatchObject(before);
  });
});
