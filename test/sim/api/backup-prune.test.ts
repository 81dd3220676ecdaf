// Tests of retention: which backups a policy keeps, as tables and as rules that hold for every policy.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { buildWorld } from '../state/build-world.ts';
import type { World } from '../state/world.ts';
import { demoTopology } from '../testing.ts';
import { keepPolicy, marks } from './backup-prune.ts';
import type { Keep, Mark } from './backup-prune.ts';

const hour = 3600;
const day = 24 * hour;
/** Sunday, 22 November 2026, noon. */
const noon = Date.UTC(2026, 10, 22, 12) / 1000;

interface Backup {
  at: number;
  vmid?: number;
  protected?: boolean;
}

function worldWith(backups: readonly Backup[]): World {
  const world = buildWorld(demoTopology(), new VirtualClock(), 1);
  for (const [index, { at, vmid = 100, protected: isProtected = false }] of backups.entries()) {
    const name = `backup/vzdump-qemu-${vmid}-${index}.vma`;
    world.volumes.add('shared', 'pve1', {
      name,
      content: 'backup',
      format: 'vma',
      sizeBytes: 1,
      vmid,
      createdAt: at,
      protected: isProtected,
    });
  }
  return world;
}

function marked(backups: readonly Backup[], keep: Keep | undefined, vmid?: number): Mark[] {
  const world = worldWith(backups);
  return marks(world, world.volumes.storage('shared'), { node: 'pve1', vmid, keep });
}

/** Ages in hours of the backups that stay, youngest first. */
function kept(ages: readonly number[], keep: Keep | undefined): number[] {
  const left = marked(
    ages.map((age) => ({ at: noon - age * hour })),
    keep,
  ).filter(({ mark }) => mark !== 'remove');
  return left.map(({ volume }) => (noon - volume.createdAt) / hour).toSorted((one, other) => one - other);
}

describe('keepPolicy', () => {
  const rows: { text: string; want: Keep | undefined }[] = [
    { text: 'keep-last=3', want: { last: 3 } },
    { text: 'keep-last=1,keep-daily=7,keep-weekly=4', want: { last: 1, daily: 7, weekly: 4 } },
    { text: 'keep-hourly=1,keep-monthly=2,keep-yearly=3', want: { hourly: 1, monthly: 2, yearly: 3 } },
    { text: 'keep-all=1', want: undefined },
    { text: 'keep-all=0,keep-last=2', want: { last: 2 } },
    { text: 'keep-last=0', want: undefined },
  ];
  it.each(rows)('$text', ({ text, want }) => {
    expect(keepPolicy(text)).toEqual(want);
  });
});

describe('a policy keeps', () => {
  const rows: { name: string; ages: number[]; keep: Keep | undefined; want: number[] }[] = [
    { name: 'everything when it is none', ages: [0, 1, 2], keep: undefined, want: [0, 1, 2] },
    { name: 'the last ones', ages: [0, 1, 2, 30], keep: { last: 2 }, want: [0, 1] },
    { name: 'all when there are fewer', ages: [0, 1], keep: { last: 5 }, want: [0, 1] },
    { name: 'the youngest of each hour', ages: [0, 0.5, 1, 1.5, 2], keep: { hourly: 2 }, want: [0, 0.5] },
    { name: 'the youngest of each day', ages: [0, 2, 13, 26, 40, 50], keep: { daily: 3 }, want: [0, 13, 40] },
    { name: 'days with backups, not days of the calendar', ages: [0, 240, 480], keep: { daily: 2 }, want: [0, 240] },
    {
      name: 'the youngest of each week, which begins on Monday',
      ages: [0, 24 * 6, 24 * 7, 24 * 13, 24 * 14],
      keep: { weekly: 2 },
      want: [0, 24 * 7],
    },
    { name: 'the youngest of each month', ages: [0, 24, 24 * 22, 24 * 52], keep: { monthly: 2 }, want: [0, 24 * 22] },
    {
      name: 'the youngest of each year',
      ages: [0, 24 * 325, 24 * 326, 24 * 700],
      keep: { yearly: 2 },
      want: [0, 24 * 326],
    },
    {
      name: 'for each rule what no rule before it covered',
      ages: [0, 1, 2, 26, 50],
      keep: { last: 1, daily: 2 },
      want: [0, 26, 50],
    },
  ];
  it.each(rows)('$name', ({ ages, keep, want }) => {
    expect(kept(ages, keep)).toEqual(want);
  });

  it('protected ones besides, without counting them (behaviours.md 10)', () => {
    const list = marked([{ at: noon, protected: true }, { at: noon - hour }, { at: noon - 2 * hour }], { last: 1 });
    expect(list.map(({ mark }) => mark)).toEqual(['remove', 'keep', 'protected']);
  });

  it('its number for each VM', () => {
    const list = marked([{ at: noon }, { at: noon - hour }, { at: noon, vmid: 101 }], { last: 1 });
    expect(list.filter(({ mark }) => mark === 'keep').map(({ volume }) => volume.vmid)).toEqual([100, 101]);
  });

  it('only what belongs to the VM asked for', () => {
    expect(marked([{ at: noon }, { at: noon, vmid: 101 }], { last: 1 }, 101)).toHaveLength(1);
  });
});

describe('whatever the policy', () => {
  const times = fc.uniqueArray(
    fc.integer({ min: 0, max: 800 * 24 }).map((age) => noon - age * hour),
    { maxLength: 25 },
  );
  const count = fc.nat({ max: 4 });
  const policy = fc.record({ last: count, hourly: count, daily: count, weekly: count, monthly: count, yearly: count });
  const periods = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

  it('no more stay than its numbers allow', () => {
    fc.assert(
      fc.property(times, policy, (list, keep) => {
        const stay = marked(
          list.map((at) => ({ at })),
          keep,
        ).filter(({ mark }) => mark === 'keep').length;
        expect(stay).toBeLessThanOrEqual(periods.reduce((sum, period) => sum + keep[period], 0));
      }),
    );
  });

  it('the youngest stays, and a larger number keeps no less', () => {
    const larger = fc.constantFrom(...periods);
    fc.assert(
      fc.property(times, policy, larger, (list, keep, period) => {
        const stay = (rules: Keep): number =>
          marked(
            list.map((at) => ({ at })),
            rules,
          ).filter(({ mark }) => mark === 'keep').length;
        const more = { ...keep, [period]: keep[period] + 1 };
        if (list.length > 0) expect(stay(more)).toBeGreaterThanOrEqual(1);
        expect(stay({ last: keep.last + 1 })).toBeGreaterThanOrEqual(stay({ last: keep.last }));
      }),
    );
  });

  it('the answer does not depend on the order in which they were made known', () => {
    fc.assert(
      fc.property(times, policy, (list, keep) => {
        const stay = (order: readonly number[]): number[] =>
          marked(
            order.map((at) => ({ at })),
            keep,
          )
            .filter(({ mark }) => mark === 'keep')
            .map(({ volume }) => volume.createdAt);
        expect(stay(list)).toEqual(stay(list.toReversed()));
      }),
    );
  });

  it('pruning twice removes nothing the second time by days alone', () => {
    fc.assert(
      fc.property(times, count, (list, daily) => {
        const first = marked(
          list.map((at) => ({ at })),
          { daily: daily + 1 },
        ).filter(({ mark }) => mark === 'keep');
        const again = marked(
          first.map(({ volume }) => ({ at: volume.createdAt })),
          { daily: daily + 1 },
        );
        expect(again.every(({ mark }) => mark === 'keep')).toBe(true);
        expect(new Set(again.map(({ volume }) => Math.floor(volume.createdAt / day))).size).toBe(again.length);
      }),
    );
  });
});
