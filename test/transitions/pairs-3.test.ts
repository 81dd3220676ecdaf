// Holds that every change of options ends as declared, whatever changes with it: part 3 of 3.
import { expect, test } from 'vitest';
import { playRows } from './pairs.ts';

test('any two transitions of any two options end as declared', { timeout: 120_000 }, async () => {
  const { transitions, findings } = await playRows({ part: 3, of: 3 });
  process.stdout.write(`transitions of options, part 3: ${transitions}\n`);
  expect(findings).toEqual([]);
  expect(transitions).toBeGreaterThan(50);
});
