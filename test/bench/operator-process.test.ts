import { expect, test } from 'vitest';
import { metric } from './operator-process.ts';

const text = ['# HELP cpu Time.', '# TYPE cpu counter', 'cpu_total{core="0"} 9', 'cpu 1.25', 'memory 1.5e+08', ''].join(
  '\n',
);

test.each([
  { name: 'cpu', want: 1.25 },
  { name: 'memory', want: 150_000_000 },
  { name: 'cpu_total', want: Number.NaN },
  { name: 'heap', want: Number.NaN },
])('$name is $want', ({ name, want }) => {
  expect(metric(text, name)).toBe(want);
});
