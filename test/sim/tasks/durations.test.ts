// Tests of how long copying takes.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyMs } from './durations.ts';

const MiB = 1024 ** 2;

describe('copyMs', () => {
  const rows = [
    { name: 'nothing takes no time', bytes: 0, want: 0 },
    { name: 'a byte takes the whole first second', bytes: 1, want: 1000 },
    { name: 'a second moves 180 MiB', bytes: 180 * MiB, want: 1000 },
    { name: 'one more byte begins another', bytes: 180 * MiB + 1, want: 2000 },
    { name: 'a gibibyte', bytes: 1024 * MiB, want: 6000 },
  ];
  it.each(rows)('$name', ({ bytes, want }) => {
    expect(copyMs(bytes)).toBe(want);
  });

  it('never takes less for more', () => {
    const size = fc.nat({ max: 10 ** 12 });
    fc.assert(fc.property(size, size, (one, more) => copyMs(one) <= copyMs(one + more)));
  });
});
