// Holds that the order of changes does not matter: two ways to the same declaration end with the same VM.
import { expect, test } from 'vitest';
import { playJourneys } from './orders.ts';

test('whatever the order of changes, the end is the same', { timeout: 120_000 }, async () => {
  const { transitions, findings } = await playJourneys(7, { journeys: 6, orders: 2 });
  process.stdout.write(`transitions of options, in random orders: ${transitions}\n`);
  expect(findings).toEqual([]);
  expect(transitions).toBeGreaterThan(60);
});
