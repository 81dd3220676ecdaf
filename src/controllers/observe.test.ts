// What is seen under a VMID, and above all when it may be said that there is nothing.
import { beforeEach, describe, expect, test } from 'vitest';
import { aListedVm, aNode, aSnapshot, type SnapshotShape, UID, VMID } from '../../test/builders/facts.ts';
import { WaitingError } from '../errors.ts';
import type { VmRef } from '../pve/client.ts';
import { PveError } from '../pve/errors.ts';
import { CLONE_PLACEHOLDER, printStamp } from '../pve/stamp.ts';
import type { ClusterConnection } from './clusters.ts';
import { observeVm } from './observe.ts';

/** Configurations by `node/vmid`; an Error is thrown. */
let configs: Record<string, Record<string, string> | Error>;
/** What the inventory shows before and after a look. */
let known: SnapshotShape | undefined;
let fresh: SnapshotShape;
let quorate: boolean;
let calls: string[];

const STAMP = printStamp({ uid: UID, vmid: VMID });
const onNode = (node: string) => ({ vms: [aListedVm(VMID, { node })], nodes: [aNode('pve1'), aNode('pve2')] });

beforeEach(() => {
  configs = {};
  known = { nodes: [aNode('pve1'), aNode('pve2')] };
  fresh = { nodes: [aNode('pve1'), aNode('pve2')] };
  quorate = true;
  calls = [];
});

function connection(): ClusterConnection {
  const api = {
    config: async ({ node, vmid }: VmRef) => {
      calls.push(`config ${node}`);
      const config = configs[`${node}/${vmid}`];
      if (config instanceof Error) throw config;
      if (config === undefined) throw new PveError({ kind: 'not-found', call: 'GET config', detail: 'does not exist' });
      return { digest: 'd1', values: new Map(Object.entries(config)) };
    },
    clusterStatus: async () => {
      calls.push('quorum');
      return { quorate, nodes: [] };
    },
  };
  const inventory = {
    snapshot: () => (known === undefined ? undefined : aSnapshot(known)),
    refresh: async () => {
      calls.push('list');
      return aSnapshot(fresh);
    },
  };
  return { name: 'lab', api, inventory } as unknown as ClusterConnection;
}

const observe = async (...nodeHints: string[]) => observeVm(connection(), { uid: UID, vmid: VMID, nodeHints });

describe('a VM that is there', () => {
  test.each<{ name: string; config: Record<string, string>; want: object }>([
    {
      name: 'carries our stamp',
      config: { description: `made by us\n${STAMP}`, cores: '2' },
      want: { kind: 'ours', node: 'pve1', digest: 'd1' },
    },
    {
      name: 'carries our stamp and a lock',
      config: { description: STAMP, lock: 'backup' },
      want: { kind: 'ours', lock: 'backup' },
    },
    {
      name: "carries another object's stamp",
      config: { description: printStamp({ uid: 'other', vmid: VMID }) },
      want: { kind: 'foreign', node: 'pve1', stamped: true },
    },
    {
      name: 'carries our stamp for another VMID: a restored copy',
      config: { description: printStamp({ uid: UID, vmid: 999 }) },
      want: { kind: 'foreign', stamped: true },
    },
    { name: 'carries no stamp', config: { description: 'mine' }, want: { kind: 'foreign', stamped: false } },
    { name: 'has no description', config: {}, want: { kind: 'foreign', stamped: false } },
    {
      name: 'is half made',
      config: { description: CLONE_PLACEHOLDER, lock: 'clone' },
      want: { kind: 'cloning', node: 'pve1' },
    },
    {
      name: 'has the placeholder without the lock: somebody unlocked it',
      config: { description: CLONE_PLACEHOLDER },
      want: { kind: 'foreign', stamped: false },
    },
  ])('$name', async ({ config, want }) => {
    configs['pve1/2000'] = config;
    expect(await observe('pve1')).toMatchObject(want);
    expect(calls).toEqual(['config pve1']);
  });

  test('keeps its configuration lines', async () => {
    configs['pve1/2000'] = { description: STAMP, cores: '2' };
    const seen = await observe('pve1');
    expect(seen.kind === 'ours' && seen.config.get('cores')).toBe('2');
    expect(seen).not.toHaveProperty('lock');
  });

  test('is found on its new node after it moved', async () => {
    fresh = onNode('pve2');
    configs['pve2/2000'] = { description: STAMP };
    expect(await observe('pve1')).toMatchObject({ kind: 'ours', node: 'pve2' });
    expect(calls).toEqual(['config pve1', 'list', 'config pve2']);
  });

  test('is not looked for on a node that is known to be offline', async () => {
    known = { nodes: [aNode('pve1', { status: 'offline' }), aNode('pve2')] };
    configs['pve2/2000'] = { description: STAMP };
    expect(await observe('pve1', 'pve2')).toMatchObject({ kind: 'ours', node: 'pve2' });
    expect(calls).toEqual(['config pve2']);
  });

  test('is found by the list when there is no hint', async () => {
    fresh = onNode('pve2');
    configs['pve2/2000'] = { description: STAMP };
    expect(await observe()).toMatchObject({ kind: 'ours', node: 'pve2' });
  });

  test('is looked for before the first list as well', async () => {
    known = undefined;
    configs['pve1/2000'] = { description: STAMP };
    expect(await observe('pve1')).toMatchObject({ kind: 'ours' });
  });

  test('is a stranger when it is a container', async () => {
    fresh = { vms: [aListedVm(VMID, { type: 'lxc', node: 'pve2' })] };
    expect(await observe('pve1')).toEqual({ kind: 'foreign', node: 'pve2', stamped: false });
  });
});

describe('a VM that is gone', () => {
  test('is gone when its node does not have it, no list has it and the cluster is quorate', async () => {
    expect(await observe('pve1')).toEqual({ kind: 'absent' });
    expect(calls).toEqual(['config pve1', 'list', 'quorum']);
  });

  test('is gone when its node does not have it and only the list has not noticed', async () => {
    fresh = onNode('pve1');
    expect(await observe('pve1')).toEqual({ kind: 'absent' });
    expect(calls.at(-1)).toBe('quorum');
  });
});

describe('what cannot be told', () => {
  test.each([
    { name: 'no list has it', listed: undefined },
    { name: 'only the list has it', listed: 'pve1' },
  ])('without quorum nothing is gone: $name', async ({ listed }) => {
    quorate = false;
    if (listed !== undefined) fresh = onNode(listed);
    const seen = observe('pve1');
    await expect(seen).rejects.toBeInstanceOf(WaitingError);
    await expect(seen).rejects.toMatchObject({ reason: 'WaitingForQuorum', message: expect.stringContaining('2000') });
  });

  test('a node that is offline may hold it', async () => {
    fresh = { vms: [aListedVm(VMID, { node: 'pve2' })], nodes: [aNode('pve2', { status: 'offline' })] };
    await expect(observe('pve2')).rejects.toMatchObject({ reason: 'WaitingForNode', afterMs: 10_000 });
  });

  test('a list that names another node than the one that denied it is asked again', async () => {
    fresh = onNode('pve2');
    await expect(observe('pve1')).rejects.toMatchObject({ reason: 'Verifying' });
    expect(calls).not.toContain('quorum');
  });

  test('an error of the call is no absence', async () => {
    configs['pve1/2000'] = new PveError({ kind: 'unreachable', call: 'GET config', detail: 'no route' });
    await expect(observe('pve1')).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test('a broken configuration is no absence either', async () => {
    configs['pve1/2000'] = new PveError({ kind: 'refused', call: 'GET config', detail: 'unable to parse' });
    await expect(observe('pve1')).rejects.toMatchObject({ kind: 'refused' });
  });
});
