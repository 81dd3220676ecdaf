import { assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DISK_OPTIONS, type KnownSizes, observedSizes, shrinks, sizeBytes } from './disk-shrink.ts';

const GIB = 1024 ** 3;
const sizes = (systemDiskGiB: number, additionalDiskGiB = 0) => ({ systemDiskGiB, additionalDiskGiB });

describe('shrinks', () => {
  const cases: {
    name: string;
    known: KnownSizes;
    wanted: ReturnType<typeof sizes>;
    want: ReturnType<typeof shrinks>;
  }[] = [
    { name: 'nothing is known', known: { packages: [] }, wanted: sizes(1, 1), want: [] },
    { name: 'no package is known', known: { packages: [undefined] }, wanted: sizes(1, 1), want: [] },
    { name: 'the same', known: { packages: [sizes(40, 20)] }, wanted: sizes(40, 20), want: [] },
    {
      name: 'the system disk',
      known: { packages: [sizes(40)] },
      wanted: sizes(39),
      want: [{ option: 'systemDiskGiB', fromGiB: 40, toGiB: 39 }],
    },
    {
      name: 'the additional disk',
      known: { packages: [sizes(40, 20)] },
      wanted: sizes(40, 19),
      want: [{ option: 'additionalDiskGiB', fromGiB: 20, toGiB: 19 }],
    },
    {
      name: 'both, in the order of the options',
      known: { packages: [sizes(40, 20)] },
      wanted: sizes(1, 1),
      want: [
        { option: 'systemDiskGiB', fromGiB: 40, toGiB: 1 },
        { option: 'additionalDiskGiB', fromGiB: 20, toGiB: 1 },
      ],
    },
    { name: '0 for both', known: { packages: [sizes(40, 20)] }, wanted: sizes(0, 0), want: [] },
    {
      name: 'the largest of two packages',
      known: { packages: [sizes(30), sizes(40)] },
      wanted: sizes(35),
      want: [{ option: 'systemDiskGiB', fromGiB: 40, toGiB: 35 }],
    },
    {
      name: 'what is observed',
      known: { packages: [sizes(30)], observedBytes: { systemDiskGiB: 40 * GIB } },
      wanted: sizes(35),
      want: [{ option: 'systemDiskGiB', fromGiB: 40, toGiB: 35 }],
    },
    {
      name: 'an observed size between two GiB',
      known: { packages: [], observedBytes: { systemDiskGiB: 40.5 * GIB } },
      wanted: sizes(40),
      want: [],
    },
    {
      name: 'an observed size that is less than declared',
      known: { packages: [sizes(40)], observedBytes: { systemDiskGiB: 10 * GIB } },
      wanted: sizes(20),
      want: [{ option: 'systemDiskGiB', fromGiB: 40, toGiB: 20 }],
    },
  ];
  test.each(cases)('$name', ({ known, wanted, want }) => {
    expect(shrinks(known, wanted)).toEqual(want);
  });

  test('finds every smaller size but 0, and nothing else', () => {
    const size = integer({ min: 0, max: 131_072 });
    assert(
      property(size, size, size, (declared, observed, wanted) => {
        const known = { packages: [sizes(declared)], observedBytes: { systemDiskGiB: observed * GIB } };
        const isLess = wanted !== 0 && wanted < Math.max(declared, observed);
        expect(shrinks(known, sizes(wanted)).map(({ option }) => option)).toEqual(isLess ? ['systemDiskGiB'] : []);
      }),
    );
  });
});

test('sizeBytes is 0 for a disk of which nothing is known', () => {
  for (const option of DISK_OPTIONS) expect(sizeBytes({ packages: [undefined] }, option)).toBe(0);
});

describe('observedSizes', () => {
  test.each([
    { name: 'nothing of no status', status: undefined, want: {} },
    { name: 'nothing where nobody has looked', status: { disks: { system: 'scsi0' } }, want: {} },
    {
      name: 'both disks',
      status: { disks: { observed: { systemBytes: 2, additionalBytes: 1, additionalVolume: 'a:b' } } },
      want: { systemDiskGiB: 2, additionalDiskGiB: 1 },
    },
  ])('has $name', ({ status, want }) => expect(observedSizes(status)).toEqual(want));
});
