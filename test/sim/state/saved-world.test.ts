// Tests of the state as text: maps and sets come back as such, and a whole world as it was.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labWith } from '../api/call-table.ts';
import { VirtualClock } from '../clock.ts';
import { demoTopology } from '../testing.ts';
import { buildWorld } from './build-world.ts';
import { fromText, restoreWorld, saveWorld, toText } from './saved-world.ts';

describe('text', () => {
  const rows: { name: string; value: unknown }[] = [
    { name: 'plain values', value: { a: 1, b: ['x', null, true], c: { d: '' } } },
    { name: 'a map', value: new Map([['a', 1]]) },
    { name: 'a map of maps by number', value: new Map([[1, new Map([[2, { x: 3 }]])]]) },
    { name: 'a set', value: new Set(['a', 'b']) },
    { name: 'sets in a map in a list', value: [new Map([['a', new Set([1])]])] },
    { name: 'an empty map and an empty set', value: { map: new Map(), set: new Set() } },
  ];
  it.each(rows)('keeps $name', ({ value }) => {
    expect(fromText(toText(value))).toEqual(value);
  });

  it('keeps whatever is made of these', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.array(fc.tuple(fc.string(), tie('tree')), { maxLength: 3 }).map((entries) => new Map(entries)),
        fc.array(leaf, { maxLength: 3 }).map((items) => new Set(items)),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(fromText(toText(value))).toEqual(value);
      }),
    );
  });
});

describe('a world', () => {
  it('comes back as it was: VMs, volumes, rights, pools, jobs, firewall, tasks, random numbers', async () => {
    const lab = await labWith(
      ['PUT qemu/100/config', { scsi1: 'local:1' }],
      ['POST /pools', { poolid: 'team' }],
      ['PUT /pools', { poolid: 'team', vms: '100' }],
      ['POST /cluster/backup', { id: 'j1', schedule: 'sun 02:00', vmid: '100', storage: 'shared' }],
      ['PUT qemu/100/firewall/options', { enable: 1 }],
      ['POST qemu/100/firewall/ipset', { name: 'ipfilter-net0' }],
      ['POST qemu/100/status/start'],
      ['PUT qemu/100/config', { cores: 4, delete: 'ostype' }],
    );
    const { world } = lab.simulator;
    const text = toText(saveWorld(world));
    const again = buildWorld(demoTopology(), new VirtualClock(lab.clock.now()), 99);
    restoreWorld(again, fromText(text) as ReturnType<typeof saveWorld>);
    expect(toText(saveWorld(again))).toBe(text);
    expect(again.vms.get(100)?.digest).toBe(world.vms.get(100)?.digest);
    expect(again.firewallOf(100).digest).toBe(world.firewallOf(100).digest);
    expect(again.volumes.ownedBy(100).map(({ name }) => name)).toEqual(
      world.volumes.ownedBy(100).map(({ name }) => name),
    );
    expect(again.random.next()).toBe(world.random.next());
  });
});
