// What a poll of a cluster shows that machines wait for.
import { describe, expect, test } from 'vitest';
import type { NodeResource, StorageResource, VmResource } from '../pve/answer-types.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import { supplyChanged } from './watch-changes.ts';

interface Contents {
  vms?: Partial<VmResource>[];
  nodes?: Partial<NodeResource>[];
  storages?: Partial<StorageResource>[];
}

function aSnapshot({ vms = [], nodes = [], storages = [] }: Contents): ClusterSnapshot {
  return {
    takenAt: 0,
    vms: new Map(vms.map((vm) => [vm.vmid ?? 0, vm as VmResource])),
    nodes: new Map(nodes.map((node) => [node.name ?? '', node as NodeResource])),
    storages: storages as StorageResource[],
  };
}

describe('what a VM that cannot be made yet waits for', () => {
  const template = { vmid: 9000, node: 'pve1', template: true };
  const node: Partial<NodeResource> = { name: 'pve1', status: 'online' };
  const storage: Partial<StorageResource> = { node: 'pve1', storage: 'fast', status: 'available', content: ['images'] };
  const rows: { name: string; before: Contents; now: Contents; want: boolean }[] = [
    { name: 'a template appears', before: {}, now: { vms: [template] }, want: true },
    {
      name: 'a VM becomes a template',
      before: { vms: [{ ...template, template: false }] },
      now: { vms: [template] },
      want: true,
    },
    { name: 'an ordinary VM appears', before: {}, now: { vms: [{ ...template, template: false }] }, want: false },
    {
      name: 'a node comes back',
      before: { nodes: [{ ...node, status: 'offline' }] },
      now: { nodes: [node] },
      want: true,
    },
    {
      name: 'a storage takes images now',
      before: { storages: [{ ...storage, content: ['iso'] }] },
      now: { storages: [storage] },
      want: true,
    },
    {
      name: 'only the load differs',
      before: { nodes: [node] },
      now: { nodes: [{ ...node, memoryBytes: 7 }] },
      want: false,
    },
    {
      name: 'only the order differs',
      before: { vms: [template, { ...template, vmid: 9001 }] },
      now: { vms: [{ ...template, vmid: 9001 }, template] },
      want: false,
    },
  ];

  test.each(rows)('$name', ({ before, now, want }) => {
    expect(supplyChanged(aSnapshot(before), aSnapshot(now))).toBe(want);
  });

  test('the first poll is no change', () => {
    expect(supplyChanged(undefined, aSnapshot({ vms: [template] }))).toBe(false);
  });
});
