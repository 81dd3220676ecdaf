// Where a VM goes: storage first, then free memory, and what cannot move stays and says so.
import { describe, expect, it } from 'vitest';
import {
  canMigrate,
  choosePlacement,
  type CloneType,
  type PlacementRequest,
  type PlacementStorage,
} from './placement.ts';

const GIB = 1024 ** 3;

function aStorage(node: string, name: string, facts: Partial<PlacementStorage> = {}): PlacementStorage {
  return { node, storage: name, type: 'dir', shared: false, available: true, content: ['images', 'iso'], ...facts };
}

const SHARED = { type: 'nfs', shared: true };
const THIN = { type: 'lvmthin' };

function aNode(name: string, memoryFreeGiB: number, online = true) {
  return { name, online, memoryFreeBytes: memoryFreeGiB * GIB };
}

/** Two nodes, each with a directory, a thin pool and the shared storage; the template is on pve1's directory. */
const REQUEST: PlacementRequest = {
  cloneType: 'Full',
  template: { node: 'pve1', storage: 'local' },
  nodes: [aNode('pve1', 8), aNode('pve2', 16)],
  storages: ['pve1', 'pve2'].flatMap((name) => [
    aStorage(name, 'local'),
    aStorage(name, 'thin', THIN),
    aStorage(name, 'nas', SHARED),
    aStorage(name, 'iso', { content: ['iso', 'vztmpl'] }),
  ]),
  placedMemoryBytes: new Map(),
  wanted: { memoryBytes: 2 * GIB },
};

const on = (name: string) => ({ node: 'pve1', storage: name });

describe('canMigrate', () => {
  it.each<{ cloneType: CloneType; storageType: string; storageShared: boolean; movable: boolean }>([
    { cloneType: 'Linked', storageType: 'dir', storageShared: false, movable: false },
    { cloneType: 'Linked', storageType: 'zfspool', storageShared: false, movable: false },
    { cloneType: 'Linked', storageType: 'btrfs', storageShared: false, movable: false },
    { cloneType: 'Linked', storageType: 'something-new', storageShared: false, movable: false },
    { cloneType: 'Linked', storageType: 'lvmthin', storageShared: false, movable: true },
    { cloneType: 'Linked', storageType: 'nfs', storageShared: true, movable: true },
    { cloneType: 'Linked', storageType: 'dir', storageShared: true, movable: true },
    { cloneType: 'Linked', storageType: 'rbd', storageShared: true, movable: true },
    { cloneType: 'Full', storageType: 'dir', storageShared: false, movable: true },
    { cloneType: 'Full', storageType: 'zfspool', storageShared: false, movable: true },
  ])('$cloneType clone on $storageType, shared $storageShared: $movable', ({ movable, ...facts }) => {
    const answer = canMigrate(facts);
    expect(answer.movable).toBe(movable);
    expect(answer.why).toMatch(/^A.*\.$|^The.*\.$/);
  });
});

describe('choosePlacement', () => {
  it.each<{ name: string; request: Partial<PlacementRequest>; want: object; text?: string }>([
    {
      name: 'the node with the most free memory',
      request: {},
      want: { node: 'pve2', targetStorage: 'local', movable: true },
      text: 'the most free memory',
    },
    {
      name: 'another one when what was placed there is counted',
      request: { placedMemoryBytes: new Map([['pve2', 9 * GIB]]) },
      want: { node: 'pve1', targetStorage: 'local' },
    },
    {
      name: 'the template’s node when both are alike',
      request: {
        nodes: [aNode('pve0', 8), aNode('pve1', 8)],
        storages: ['pve0', 'pve1'].map((name) => aStorage(name, 'local')),
      },
      want: { node: 'pve1' },
    },
    {
      name: 'the first by name when two others are alike',
      request: {
        nodes: [aNode('pve1', 1), aNode('pve3', 8), aNode('pve2', 8)],
        storages: ['pve1', 'pve2', 'pve3'].map((name) => aStorage(name, 'local')),
      },
      want: { node: 'pve2' },
    },
    {
      name: 'a smaller node when the larger one is offline',
      request: { nodes: [aNode('pve1', 8), aNode('pve2', 16, false)] },
      want: { node: 'pve1' },
    },
    {
      name: 'a smaller node when the larger one lacks the storage',
      request: { storages: REQUEST.storages.filter((entry) => entry.node === 'pve1' || entry.storage !== 'local') },
      want: { node: 'pve1' },
    },
    {
      name: 'a smaller node when the larger one’s storage is not available',
      request: {
        storages: [aStorage('pve1', 'local'), aStorage('pve2', 'local', { available: false })],
      },
      want: { node: 'pve1' },
    },
    {
      name: 'the only node with the additional disk’s storage',
      request: {
        storages: [...REQUEST.storages, aStorage('pve1', 'big')],
        wanted: { memoryBytes: 2 * GIB, additionalStorage: 'big' },
      },
      want: { node: 'pve1', targetStorage: 'local' },
    },
    {
      name: 'a full clone onto the wanted storage at once',
      request: { wanted: { memoryBytes: 2 * GIB, systemStorage: 'thin' } },
      want: { node: 'pve2', targetStorage: 'thin', cloneStorage: 'thin' },
    },
    {
      name: 'a full clone whose storage the template’s node does not have: the migration brings it there',
      request: {
        storages: [...REQUEST.storages, aStorage('pve2', 'fast', THIN)],
        wanted: { memoryBytes: 2 * GIB, systemStorage: 'fast' },
      },
      want: { node: 'pve2', targetStorage: 'fast', cloneStorage: undefined },
    },
    {
      name: 'a full clone on the template’s own storage, which need not be said',
      request: { wanted: { memoryBytes: 2 * GIB, systemStorage: 'local' } },
      want: { node: 'pve2', targetStorage: 'local', cloneStorage: undefined },
    },
    {
      name: 'the template’s node for want of memory anywhere',
      request: { wanted: { memoryBytes: 64 * GIB } },
      want: { node: 'pve1', movable: true },
      text: 'No node with the storage has 64 GiB of free memory; the VM stays on the node pve1',
    },
    {
      name: 'the best node with the storage for want of memory, when the template’s lacks the storage',
      request: {
        nodes: [...REQUEST.nodes, aNode('pve3', 4)],
        storages: [aStorage('pve1', 'local'), aStorage('pve2', 'nas2'), aStorage('pve3', 'nas2')],
        wanted: { memoryBytes: 64 * GIB, systemStorage: 'nas2' },
      },
      want: { node: 'pve2' },
      text: 'the node pve2 has the most',
    },
    {
      name: 'a linked clone of a shared template anywhere',
      request: { cloneType: 'Linked', template: on('nas') },
      want: { node: 'pve2', targetStorage: 'nas', movable: true, cloneStorage: undefined },
    },
    {
      name: 'a linked clone on the template’s storage although the plan names another',
      request: { cloneType: 'Linked', template: on('nas'), wanted: { memoryBytes: GIB, systemStorage: 'thin' } },
      want: { node: 'pve2', targetStorage: 'nas', cloneStorage: undefined },
      text: 'A linked clone stays on nas',
    },
    {
      name: 'a linked clone of a thin template on another node, copied to the wanted storage',
      request: { cloneType: 'Linked', template: on('thin'), wanted: { memoryBytes: GIB, systemStorage: 'local' } },
      want: { node: 'pve2', targetStorage: 'local', movable: true, cloneStorage: undefined },
    },
    {
      name: 'a linked clone of a local template where the template is',
      request: { cloneType: 'Linked' },
      want: { node: 'pve1', targetStorage: 'local', movable: false },
      text: 'cannot leave',
    },
    {
      name: 'the plan’s node, whatever its memory',
      request: { targetNode: 'pve1', wanted: { memoryBytes: 64 * GIB } },
      want: { node: 'pve1', movable: true },
      text: 'The plan names the node pve1',
    },
    {
      name: 'the template’s node when the plan’s cannot be reached by a linked clone',
      request: { targetNode: 'pve2', cloneType: 'Linked' },
      want: { node: 'pve1', movable: false },
      text: 'It stays on pve1, not pve2',
    },
    {
      name: 'the template’s node when the plan names it, linked or not',
      request: { targetNode: 'pve1', cloneType: 'Linked' },
      want: { node: 'pve1', movable: false },
      text: 'The plan names the node pve1',
    },
  ])('chooses $name', ({ request, want, text }) => {
    const placement = choosePlacement({ ...REQUEST, ...request });
    expect({ cloneStorage: undefined, ...placement }).toMatchObject(want);
    expect('message' in placement && placement.message).toContain(text ?? '');
    expect('message' in placement && placement.message.length).toBeLessThanOrEqual(300);
  });

  it.each<{ name: string; request: Partial<PlacementRequest>; reason: string; text: string }>([
    {
      name: 'the template’s node is offline',
      request: { nodes: [aNode('pve1', 8, false), aNode('pve2', 16)] },
      reason: 'WaitingForNode',
      text: 'The node pve1 of the template is offline',
    },
    {
      name: 'the template’s node is not listed',
      request: { nodes: [aNode('pve2', 16)] },
      reason: 'WaitingForNode',
      text: 'pve1',
    },
    {
      name: 'the plan’s node is offline',
      request: { targetNode: 'pve2', nodes: [aNode('pve1', 8), aNode('pve2', 16, false)] },
      reason: 'WaitingForNode',
      text: 'The node pve2 that the plan names is offline',
    },
    {
      name: 'the plan’s node does not exist',
      request: { targetNode: 'pve9' },
      reason: 'PlanInvalid',
      text: 'correct targetNode',
    },
    {
      name: 'the storage does not exist',
      request: { wanted: { memoryBytes: GIB, systemStorage: 'nope' } },
      reason: 'StorageMissing',
      text: 'The storage nope does not exist on the cluster',
    },
    {
      name: 'the storage takes no disks',
      request: { wanted: { memoryBytes: GIB, additionalStorage: 'iso' } },
      reason: 'StorageMissing',
      text: 'The storage iso takes no disk images',
    },
    {
      name: 'the plan’s node lacks the storage',
      request: {
        targetNode: 'pve2',
        storages: [...REQUEST.storages, aStorage('pve1', 'fast')],
        wanted: { memoryBytes: GIB, systemStorage: 'fast' },
      },
      reason: 'NoNodeWithStorage',
      text: 'The node pve2 lacks the storage fast;',
    },
    {
      name: 'no node that is online has the storage',
      request: {
        nodes: [...REQUEST.nodes, aNode('pve3', 64, false)],
        storages: [...REQUEST.storages, aStorage('pve3', 'fast')],
        wanted: { memoryBytes: GIB, systemStorage: 'fast' },
      },
      reason: 'NoNodeWithStorage',
      text: 'No node that is online has the storage fast;',
    },
    {
      name: 'no node has both storages',
      request: {
        storages: [...REQUEST.storages, aStorage('pve1', 'fast'), aStorage('pve2', 'big')],
        wanted: { memoryBytes: GIB, systemStorage: 'fast', additionalStorage: 'big' },
      },
      reason: 'NoNodeWithStorage',
      text: 'the storage big and the storage fast',
    },
    {
      name: 'a linked clone cannot leave a node that lacks the additional disk’s storage',
      request: {
        cloneType: 'Linked',
        storages: [...REQUEST.storages, aStorage('pve2', 'big')],
        wanted: { memoryBytes: GIB, additionalStorage: 'big' },
      },
      reason: 'NoNodeWithStorage',
      text: 'The VM cannot leave the node pve1, which lacks the storage big;',
    },
  ])('says $reason when $name', ({ request, reason, text }) => {
    const { problem } = choosePlacement({ ...REQUEST, ...request });
    expect(problem?.reason).toBe(reason);
    expect(problem?.message).toContain(text);
    expect(problem?.message.length).toBeLessThanOrEqual(300);
  });
});
