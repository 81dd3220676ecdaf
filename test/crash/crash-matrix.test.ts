// Holds the promise of the crash matrix: wherever the operator is interrupted, the end is that of the undisturbed run.
import { expect, test } from 'vitest';
import { runMatrix } from './matrix.ts';
import { PROFILES } from './profiles.ts';

test.each(PROFILES)('$name: deploy and deletion end alike after every interruption', async (profile) => {
  const { points, leaks, duplicates, findings } = await runMatrix({ profiles: [profile] });

  expect(findings.map(({ phase, point, effect, problem }) => `${phase} ${point.kind} ${effect}: ${problem}`)).toEqual(
    [],
  );
  expect({ leaks, duplicates }).toEqual({ leaks: 0, duplicates: 0 });
  // Every effect in three ways; fewer would mean that effects are not counted any more.
  expect(points).toBeGreaterThanOrEqual(60);
});
