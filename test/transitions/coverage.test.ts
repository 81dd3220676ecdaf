// Tests of the pairwise covering: nothing is left out, and it is short.
import { describe, expect, test } from 'vitest';
import { Random } from '../sim/random.ts';
import { pairwiseRows, shuffled } from './coverage.ts';

function rowsOf(levels: readonly number[], seed = 1) {
  const random = new Random(seed);
  return pairwiseRows(levels, () => random.next());
}

/** Every pair of levels of two factors, as text. */
function pairsOf(levels: readonly number[]): string[] {
  return levels.flatMap((count, left) =>
    levels.flatMap((otherCount, right) =>
      right <= left
        ? []
        : Array.from(
            { length: count * otherCount },
            (_, index) => `${left}=${Math.floor(index / otherCount)} ${right}=${index % otherCount}`,
          ),
    ),
  );
}

describe('pairwise covering', () => {
  test.each([
    { name: 'two factors', levels: [2, 3], most: 6 },
    { name: 'factors of several sizes', levels: [4, 3, 2, 2, 3], most: 16 },
    { name: 'a factor with one level', levels: [1, 3, 3], most: 11 },
    { name: 'many factors', levels: Array.from({ length: 18 }, () => 3), most: 24 },
  ])('$name: every pair is there, in few rows', ({ levels, most }) => {
    const rows = rowsOf(levels);
    const found = new Set(
      rows.flatMap((row) =>
        row.flatMap((level, left) =>
          row.slice(left + 1).map((other, gap) => `${left}=${level} ${left + 1 + gap}=${other}`),
        ),
      ),
    );
    expect(pairsOf(levels).filter((pair) => !found.has(pair))).toEqual([]);
    expect(rows.length).toBeLessThanOrEqual(most);
    for (const row of rows)
      expect(row.every((level, factor) => level >= 0 && level < (levels[factor] ?? 0))).toBe(true);
  });

  test('the same seed gives the same rows, another one others', () => {
    const levels = [3, 3, 3, 3, 3];
    expect(rowsOf(levels, 5)).toEqual(rowsOf(levels, 5));
    expect(rowsOf(levels, 5)).not.toEqual(rowsOf(levels, 6));
  });
});

test('shuffling loses nothing and adds nothing', () => {
  const random = new Random(3);
  const items = Array.from({ length: 40 }, (_, index) => index);
  const order = shuffled(items, () => random.next());
  expect(order).not.toEqual(items);
  expect(order.toSorted((left, right) => left - right)).toEqual(items);
});
