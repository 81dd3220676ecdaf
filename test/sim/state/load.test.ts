// Tests of the load model: bounds, reproducibility, and that counters and averages add up.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadModel, overlaps } from './load.ts';
import type { Span } from './load.ts';

const seed = fc.integer({ min: 1, max: 1e9 });
const vmid = fc.integer({ min: 100, max: 999_999_999 });
const time = fc.integer({ min: 1_700_000_000, max: 1_900_000_000 });

describe('the load', () => {
  it('stays within what a guest can use', () => {
    fc.assert(
      fc.property(seed, vmid, time, (one, vm, now) => {
        const load = new LoadModel(one);
        expect(load.cpu(vm, now)).toBeGreaterThanOrEqual(0.01);
        expect(load.cpu(vm, now)).toBeLessThanOrEqual(0.99);
        expect(load.memory(vm, now)).toBeGreaterThan(0.1);
        expect(load.memory(vm, now)).toBeLessThan(1);
      }),
    );
  });

  it('is the same for the same seed, and another for another VM', () => {
    fc.assert(
      fc.property(seed, vmid, time, (one, vm, now) => {
        expect(new LoadModel(one).cpu(vm, now)).toBe(new LoadModel(one).cpu(vm, now));
        const day = { from: now, to: now + 86_400 };
        expect(new LoadModel(one).traffic(vm, 'in', day)).not.toBe(new LoadModel(one).traffic(vm + 1, 'in', day));
      }),
    );
  });

  it('adds up: the traffic of two spans is that of both, and never negative', () => {
    const length = fc.integer({ min: 0, max: 200_000 });
    fc.assert(
      fc.property(vmid, time, length, length, (vm, start, first, second) => {
        const load = new LoadModel(1);
        const [middle, end] = [start + first, start + first + second];
        for (const direction of ['in', 'out'] as const) {
          const whole = load.traffic(vm, direction, { from: start, to: end });
          const parts =
            load.traffic(vm, direction, { from: start, to: middle }) +
            load.traffic(vm, direction, { from: middle, to: end });
          expect(whole).toBeCloseTo(parts, 3);
          expect(whole).toBeGreaterThanOrEqual(-0.001);
        }
        expect(load.disk(vm, 'write', { from: start, to: end })).toBeGreaterThanOrEqual(-0.001);
      }),
    );
  });

  it('moves over the day', () => {
    const load = new LoadModel(1);
    const hours = Array.from({ length: 24 }, (_, hour) =>
      load.traffic(100, 'out', { from: hour * 3600, to: (hour + 1) * 3600 }),
    );
    expect(Math.max(...hours)).toBeGreaterThan(Math.min(...hours) * 1.3);
  });
});

describe('overlaps', () => {
  const span: Span = { from: 100, to: 200 };
  const rows: { name: string; periods: Partial<Span>[]; want: Span[] }[] = [
    { name: 'nothing ran', periods: [], want: [] },
    { name: 'it ran before', periods: [{ from: 10, to: 100 }], want: [] },
    { name: 'it ran all the time', periods: [{ from: 10, to: 900 }], want: [span] },
    { name: 'it runs still', periods: [{ from: 150 }], want: [{ from: 150, to: 200 }] },
    { name: 'it ended', periods: [{ to: 120 }], want: [{ from: 100, to: 120 }] },
    {
      name: 'it was restarted',
      periods: [{ from: 50, to: 110 }, { from: 120, to: 130 }, { from: 190 }],
      want: [
        { from: 100, to: 110 },
        { from: 120, to: 130 },
        { from: 190, to: 200 },
      ],
    },
  ];
  it.each(rows)('when $name', ({ periods, want }) => {
    expect(overlaps(periods, span)).toEqual(want);
  });
});
