// Tests the growth, the cap and the spread of back-off delays.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffDelayMs } from './backoff.ts';

const limits = { baseDelayMs: 1_000, maxDelayMs: 300_000, jitter: 0.2 };

test.each([
  { name: 'first failure', failures: 1, random: 0, want: 1_000 },
  { name: 'doubles', failures: 2, random: 0, want: 2_000 },
  { name: 'fifth', failures: 5, random: 0, want: 16_000 },
  { name: 'capped', failures: 10, random: 0, want: 300_000 },
  { name: 'far beyond the cap', failures: 5_000, random: 0, want: 300_000 },
  { name: 'full jitter takes its share', failures: 1, random: 1, want: 800 },
  { name: 'no failure counts as the first', failures: 0, random: 0, want: 1_000 },
])('$name', ({ failures, random, want }) => {
  expect(backoffDelayMs(limits, failures, () => random)).toBe(want);
});

test('never leaves its bounds and never shrinks with failures', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const delayMs = backoffDelayMs(limits, failures, () => random);
      expect(delayMs).toBeGreaterThanOrEqual(limits.baseDelayMs * (1 - limits.jitter));
      expect(delayMs).toBeLessThanOrEqual(limits.maxDelayMs);
      expect(backoffDelayMs(limits, failures + 1, () => random)).toBeGreaterThanOrEqual(delayMs);
    }),
  );
});
