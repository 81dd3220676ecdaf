// Equivalent mutants: each is taken as often as it is named, and those that were not met are told.
import { describe, expect, test } from 'vitest';
import { EQUIVALENTS, equivalentsOf } from './equivalents.ts';

const one = { file: 'a.ts', line: 'x ?? 0;', from: '0', to: '1' };
const twice = { ...one, line: '(x ?? 0) + (y ?? 0);', times: 2, because: '' };
const all = [{ ...one, because: '' }, twice, { ...one, file: 'b.ts', because: '' }];

describe('equivalentsOf', () => {
  test('takes each once, or as often as it says', () => {
    const found = equivalentsOf(['a.ts'], all);
    expect([found.takes(one), found.takes(one)]).toEqual([true, false]);
    const { times: _, because: __, ...both } = twice;
    expect([found.takes(both), found.takes(both), found.takes(both)]).toEqual([true, true, false]);
    expect(found.unused()).toEqual([]);
  });

  test.each([{ file: 'c.ts' }, { line: 'y ?? 0;' }, { from: '2' }, { to: '3' }, { file: 'b.ts' }])(
    'takes nothing else: %o',
    (change) => {
      expect(equivalentsOf(['a.ts', 'c.ts'], all).takes({ ...one, ...change })).toBe(false);
    },
  );

  test('tells of those that were not met, of the files that were looked at', () => {
    const found = equivalentsOf(['a.ts'], all);
    found.takes(one);
    expect(found.unused()).toEqual(['a.ts  (x ?? 0) + (y ?? 0);  0  →  1']);
    expect(found.unused(['a.ts'])).toEqual([]);
  });
});

test('every one that is named has its reason', () => {
  expect(EQUIVALENTS.filter(({ because }) => !/^[A-Z].*\.$/.test(because))).toEqual([]);
});
