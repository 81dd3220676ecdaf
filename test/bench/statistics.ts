// Percentiles of what was measured.

/** What a row of measurements comes to. */
export interface Summary {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** The smallest value that at least this share (0 to 1) of all values do not exceed; NaN of no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function summaryOf(values: readonly number[]): Summary {
  return {
    count: values.length,
    p50: percentile(values, 0.5),
    p99: percentile(values, 0.99),
    max: percentile(values, 1),
  };
}
