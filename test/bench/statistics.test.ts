import { describe, expect, test } from 'vitest';
import { percentile, summaryOf } from './statistics.ts';

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

describe('percentile', () => {
  test.each([
    { name: 'the median of an odd number is the middle one', values: [9, 1, 5], share: 0.5, want: 5 },
    { name: 'the median of an even number is the lower one', values: [4, 1, 3, 2], share: 0.5, want: 2 },
    { name: '99 of 100 are not above it', values: hundred, share: 0.99, want: 99 },
    { name: 'of few values it is the largest', values: [3, 1, 2], share: 0.99, want: 3 },
    { name: 'of one value it is that one', values: [7], share: 0.5, want: 7 },
    { name: 'all', values: hundred, share: 1, want: 100 },
    { name: 'none', values: hundred, share: 0, want: 1 },
    { name: 'numbers are not sorted as words', values: [100, 9, 20], share: 0.5, want: 20 },
  ])('$name', ({ values, share, want }) => {
    expect(percentile(values, share)).toBe(want);
  });

  test('of nothing there is none', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});

test('a summary names count, median, worst of a hundred and worst', () => {
  expect(summaryOf(hundred)).toEqual({ count: 100, p50: 50, p99: 99, max: 100 });
});
