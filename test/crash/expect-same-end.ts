// The claim of every scenario: wherever it is disturbed, it ends as it does undisturbed, with nothing lost and nothing twice.
import { expect } from 'vitest';
import { runMatrix } from './matrix.ts';
import type { Scenario } from './scenarios.ts';

/** The shortest scenario has five effects, each with three kinds of death; fewer would mean that effects are not counted. */
const LEAST_POINTS = 15;

export async function expectSameEnd(scenario: Scenario): Promise<void> {
  const { points, leaks, duplicates, findings } = await runMatrix({ scenarios: [scenario] });
  expect(findings.map(({ kind, effect, call, problem }) => `${kind} ${effect} ${call}: ${problem}`)).toEqual([]);
  expect({ leaks, duplicates }).toEqual({ leaks: 0, duplicates: 0 });
  expect(points).toBeGreaterThanOrEqual(LEAST_POINTS);
}
