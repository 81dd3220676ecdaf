// Tests of the numbers that a test run ends with.
import { describe, expect, test } from 'vitest';
import {
  failuresIn,
  type FileReport,
  isGood,
  nothing,
  type RunReport,
  skipReasonsIn,
  sum,
  summary,
  tallyOf,
} from './tally.ts';

function file(name: string, states: string[], ok = !states.includes('failed')): FileReport {
  return { name, ok, tests: states.map((state, index) => ({ name: `test ${index}`, state })) };
}

const report = (...files: FileReport[]): RunReport => ({ files, errors: 0 });

describe('tallyOf', () => {
  const table: { name: string; report: RunReport | undefined; code: number; want: [number, number, number] }[] = [
    { name: 'no tests', report: report(), code: 0, want: [0, 0, 0] },
    {
      name: 'all good',
      report: report(file('a', ['passed', 'passed']), file('b', ['passed'])),
      code: 0,
      want: [3, 0, 0],
    },
    {
      name: 'failures and skips',
      report: report(file('a', ['passed', 'failed', 'skipped'])),
      code: 1,
      want: [1, 1, 1],
    },
    {
      name: 'a test that never ran counts as skipped',
      report: report(file('a', ['pending'])),
      code: 0,
      want: [0, 0, 1],
    },
    { name: 'a file that could not be loaded', report: report(file('a', [], false)), code: 1, want: [0, 1, 0] },
    { name: 'a hook that failed', report: report(file('a', ['skipped', 'skipped'], false)), code: 1, want: [0, 1, 2] },
    { name: 'an error outside of any test', report: report(file('a', ['passed'])), code: 1, want: [1, 1, 0] },
    { name: 'a crash before the report', report: undefined, code: 1, want: [0, 1, 0] },
  ];
  test.each(table)('$name', ({ report: given, code, want: [passed, failed, skipped] }) => {
    expect(tallyOf(given, code)).toEqual({ passed, failed, skipped });
  });
});

test('sum', () => {
  expect(sum([])).toEqual(nothing);
  expect(
    sum([
      { passed: 1, failed: 2, skipped: 3 },
      { passed: 10, failed: 20, skipped: 30 },
    ]),
  ).toEqual({
    passed: 11,
    failed: 22,
    skipped: 33,
  });
});

test('failuresIn names tests, or the file when it is no test that failed', () => {
  const files = [file('a.ts', ['passed', 'failed']), file('b.ts', [], false), file('c.ts', ['passed'])];
  expect(failuresIn(report(...files))).toEqual(['a.ts: test 1', 'b.ts']);
  expect(failuresIn(undefined)).toEqual([]);
});

test('skipReasonsIn names each reason once', () => {
  const tests = [
    { name: 'a', state: 'skipped', note: 'no DNS' },
    { name: 'b', state: 'skipped', note: 'no DNS' },
    { name: 'c', state: 'skipped' },
    { name: 'd', state: 'skipped', note: 'no disk' },
  ];
  expect(skipReasonsIn(report({ name: 'x', ok: true, tests }))).toEqual(['no DNS', 'no disk']);
});

test.each([
  { tally: { passed: 3, failed: 0, skipped: 0 }, line: '3 passed, 0 failed', good: true },
  { tally: { passed: 3, failed: 1, skipped: 0 }, line: '3 passed, 1 failed', good: false },
  { tally: { passed: 3, failed: 0, skipped: 2 }, line: '3 passed, 0 failed, 2 skipped', good: true },
  { tally: nothing, line: '0 passed, 0 failed', good: false },
  { tally: { ...nothing, skipped: 5 }, line: '0 passed, 0 failed, 5 skipped', good: false },
])('$line', ({ tally, line, good }) => {
  expect(summary(tally)).toBe(line);
  expect(isGood(tally)).toBe(good);
});
