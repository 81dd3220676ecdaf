// Tests of the tree of snapshots: who is whose parent, whatever is taken, dropped and rolled back.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labWith, read, taskEnd } from './call-table.ts';
import type { ApiCall } from './call-table.ts';
import type { Lab } from '../testing.ts';

const take = (snapname: string): ApiCall => ['POST qemu/100/snapshot', { snapname }];
const rollback = (snapname: string): ApiCall => [`POST qemu/100/snapshot/${snapname}/rollback`];
const drop = (snapname: string): ApiCall => [`DELETE qemu/100/snapshot/${snapname}`];

/** Parents by name; `current` is the VM as it is. */
async function parents(lab: Lab): Promise<Record<string, string | undefined>> {
  const items = (await read(lab, 'GET qemu/100/snapshot')) as { name: string; parent?: string }[];
  return Object.fromEntries(items.map(({ name, parent }) => [name, parent]));
}

describe('the tree of snapshots', () => {
  const rows: { name: string; steps: ApiCall[]; want: Record<string, string | undefined> }[] = [
    { name: 'is empty at first', steps: [], want: { current: undefined } },
    { name: 'begins with the first', steps: [take('s1')], want: { s1: undefined, current: 's1' } },
    { name: 'grows', steps: [take('s1'), take('s2')], want: { s1: undefined, s2: 's1', current: 's2' } },
    {
      name: 'goes on from where it was rolled back to',
      steps: [take('s1'), take('s2'), rollback('s1')],
      want: { s1: undefined, s2: 's1', current: 's1' },
    },
    {
      name: 'branches',
      steps: [take('s1'), take('s2'), rollback('s1'), take('s3')],
      want: { s1: undefined, s2: 's1', s3: 's1', current: 's3' },
    },
    {
      name: 'closes over a parent that is deleted (snapshot-lifecycle)',
      steps: [take('s1'), take('s2'), take('s3'), drop('s2')],
      want: { s1: undefined, s3: 's1', current: 's3' },
    },
    {
      name: 'loses its root',
      steps: [take('s1'), take('s2'), rollback('s1'), drop('s1')],
      want: { s2: undefined, current: undefined },
    },
    { name: 'is empty again', steps: [take('s1'), drop('s1')], want: { current: undefined } },
  ];
  it.each(rows)('$name', async ({ steps, want }) => {
    expect(await parents(await labWith(...steps))).toEqual(want);
  });

  it('always hangs together, whatever is taken, dropped and rolled back', async () => {
    const step = fc.record({ kind: fc.constantFrom('take', 'drop', 'rollback'), which: fc.nat({ max: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const lab = await labWith();
        for (const { kind, which } of steps) {
          const call = { take, drop, rollback }[kind as 'take'](`s${which}`);
          await taskEnd(lab, call);
          const tree = await parents(lab);
          for (const parent of Object.values(tree)) if (parent !== undefined) expect(tree).toHaveProperty(parent);
        }
        expect(lab.simulator.leaks().lockedVms).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });
});
