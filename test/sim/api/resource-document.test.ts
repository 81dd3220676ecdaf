// Tests of the shared answers of /cluster/resources: the same bytes while nothing has changed, other bytes as soon as something has.
import { describe, expect, it } from 'vitest';
import { Lab, operatorToken } from '../testing.ts';
import { resourceDocument } from './resource-document.ts';

async function answer(lab: Lab, path: string): Promise<Buffer | undefined> {
  const sent = lab.simulator.handle({ method: 'GET', path, authorization: operatorToken });
  return (await lab.clock.runUntil(sent)).bytes;
}

describe('an answer', () => {
  it.each(['/cluster/resources', '/cluster/resources?type=vm', '/cluster/resources?type=storage'])(
    'is the very same bytes when asked again (%s)',
    async (path) => {
      const lab = new Lab();
      const first = await answer(lab, path);
      expect(first).toBeInstanceOf(Buffer);
      expect(await answer(lab, path)).toBe(first);
    },
  );

  const changes: { name: string; change: (lab: Lab) => unknown }[] = [
    { name: 'a VM came', change: (lab) => lab.simulator.stealVmid(100) },
    { name: 'a VM went', change: (lab) => lab.simulator.world.vms.delete(9001) },
    { name: 'a VM moved', change: (lab) => lab.simulator.moveVm(9000, 'pve2') },
    { name: 'a VM was locked', change: (lab) => lab.simulator.setLock(9000, 'backup') },
    { name: 'tags changed', change: (lab) => lab.simulator.changeByHand(9000, (options) => (options['tags'] = 'red')) },
    {
      name: 'a VM became managed',
      change: (lab) => lab.simulator.world.haResources.set('vm:9000', { state: 'stopped' }),
    },
    {
      name: 'a VM got a pool',
      change: ({ simulator: { world } }) =>
        world.pools.set('team', { id: 'team', comment: undefined, vms: new Set([9000]), storages: new Set() }),
    },
    {
      name: 'rights were taken',
      change: (lab) => lab.simulator.revokePrivilege('PveOperator', 'VM.Audit'),
    },
    {
      name: 'a broadcast told of another name',
      change: async (lab) => {
        lab.simulator.changeByHand(9000, (options) => (options['name'] = 'other'));
        await lab.clock.advance(10_000);
      },
    },
  ];
  it.each(changes)('is another one when $name', async ({ change }) => {
    const lab = new Lab();
    const before = await answer(lab, '/cluster/resources?type=vm');
    await change(lab);
    const after = await answer(lab, '/cluster/resources?type=vm');
    expect(after?.toString()).not.toBe(before?.toString());
    expect(() => JSON.parse(after?.toString() ?? '') as unknown).not.toThrow();
  });

  it('stays the same over a broadcast when nothing runs', async () => {
    const lab = new Lab();
    const before = await answer(lab, '/cluster/resources?type=vm');
    await lab.clock.advance(10_000);
    expect(await answer(lab, '/cluster/resources?type=vm')).toBe(before);
  });
});

describe('documents', () => {
  it('are kept of a few callers only', () => {
    const { world } = new Lab().simulator;
    const first = resourceDocument(world, 'a', ['{}']);
    expect(resourceDocument(world, 'a', ['{}'])).toBe(first);
    for (const other of ['b', 'c', 'd', 'e']) resourceDocument(world, other, ['{}']);
    expect(resourceDocument(world, 'a', ['{}'])).not.toBe(first);
  });

  const rows = [
    { name: 'nothing', entries: [], want: '{"data":[]}' },
    { name: 'one entry', entries: ['{"a":1}'], want: '{"data":[{"a":1}]}' },
    { name: 'two entries', entries: ['1', '2'], want: '{"data":[1,2]}' },
  ];
  it.each(rows)('of $name', ({ entries, want }) => {
    const document = resourceDocument(new Lab().simulator.world, 'x', entries);
    expect([document.body, document.bytes.toString()]).toEqual([want, want]);
    expect(document.bytes).toBe(document.bytes);
  });

  it('of clusters are apart', () => {
    const one = resourceDocument(new Lab().simulator.world, 'x', ['1']);
    expect(resourceDocument(new Lab().simulator.world, 'x', ['1'])).not.toBe(one);
  });
});
