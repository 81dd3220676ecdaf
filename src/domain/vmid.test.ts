// The next VMID, by example and against a naive search.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextVmid } from './vmid.ts';

describe('nextVmid', () => {
  it.each([
    { name: 'the first one', first: 2000, used: [], reserved: [], want: 2000 },
    { name: 'past used ones', first: 2000, used: [2000, 2001], reserved: [], want: 2002 },
    { name: 'past reserved ones', first: 2000, used: [], reserved: [2000], want: 2001 },
    { name: 'past both', first: 2000, used: [2000, 2002], reserved: [2001, 2003], want: 2004 },
    { name: 'a gap', first: 2000, used: [2000, 2002], reserved: [], want: 2001 },
    { name: 'nothing below the first', first: 2000, used: [], reserved: [1999], want: 2000 },
    { name: 'nothing below 100', first: 1, used: [100], reserved: [], want: 101 },
    { name: 'the last one', first: 999_999_999, used: [], reserved: [], want: 999_999_999 },
    { name: 'none beyond the last', first: 999_999_999, used: [999_999_999], reserved: [], want: undefined },
    { name: 'none at all', first: 1_000_000_000, used: [], reserved: [], want: undefined },
  ])('gives $name', ({ first, used, reserved, want }) => {
    expect(nextVmid({ first, used: new Set<number>(used), reserved: new Set<number>(reserved) })).toBe(want);
  });

  it('is the smallest id from the first on that is in neither set', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 100, max: 160 }));
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 150 }), ids, ids, (first, used, reserved) => {
        const taken = new Set([...used, ...reserved]);
        const candidates = Array.from({ length: 200 }, (_, index) => first + index);
        const want = candidates.find((vmid) => !taken.has(vmid));
        expect(nextVmid({ first, used: new Set(used), reserved: new Set(reserved) })).toBe(want);
      }),
    );
  });
});
