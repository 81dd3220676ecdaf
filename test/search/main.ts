// `npm run test:search`: searches as far as the bounds of its table go and prints the numbers and the first thing that is wrong.
import { SETUP } from './operator-pass.ts';
import { printResult, searchStates } from './state-search.ts';

const BOUNDS = [
  { interruptions: 1, foreign: 1 },
  { interruptions: 2, foreign: 0 },
  { interruptions: 2, foreign: 1 },
];

for (const bounds of BOUNDS) {
  const result = await searchStates(SETUP, bounds);
  const title = `up to ${bounds.interruptions} interruptions and ${bounds.foreign} foreign changes`;
  process.stdout.write(`${title}: ${printResult(result)}\n`);
  if (result.counterexample !== undefined) process.exitCode = 1;
}
