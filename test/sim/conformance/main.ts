// The command `npm run simulator:conformance`: plays recorded scenarios and prints how many steps match.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { playAll } from './run.ts';

const help = `Plays recorded scenarios on the simulator and compares every answer.

  npm run simulator:conformance -- DIR [--baseline FILE] [--all]

  DIR               folder of scenarios
  --baseline FILE   state they start from (default: baseline.json beside DIR)
  --all             print every difference, not only the first of a scenario
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      baseline: { type: 'string' },
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [folder] = positionals;
  if (values.help || folder === undefined) {
    process.stdout.write(help);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const baseline: unknown = JSON.parse(
    await readFile(values.baseline ?? join(dirname(folder.replace(/\/+$/, '')), 'baseline.json'), 'utf8'),
  );
  const result = await playAll(folder, baseline, (outcome) => {
    const complete = outcome.matched === outcome.steps;
    process.stdout.write(`${complete ? 'ok  ' : 'DIFF'} ${outcome.name} ${outcome.matched}/${outcome.steps}\n`);
    for (const line of values.all ? outcome.differences : outcome.differences.slice(0, 1))
      process.stdout.write(`       ${line}\n`);
  });
  process.stdout.write(
    `steps matched: ${result.stepsMatched} / ${result.steps}, scenarios matched: ${result.scenariosMatched} / ${result.scenarios}\n`,
  );
}

await main();
