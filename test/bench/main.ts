// `npm run bench`: what the operator costs in time, calls, writes and memory, beside what is wanted.
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { NoBinariesError } from '../../hack/control-plane/binaries.ts';
import { measure, type RunPlan, type RunResult } from './measure.ts';
import { type BenchOptions, HELP, parseOptions, UsageError } from './options.ts';
import { reportLines } from './report.ts';

function plansOf({ vms, repeat, restSeconds }: BenchOptions): RunPlan[] {
  return vms.map((count) =>
    count === 1
      ? { atOnce: 1, thenOneByOne: repeat - 1, speed: 1, restSeconds }
      : { atOnce: count, thenOneByOne: 0, speed: 'instant', restSeconds },
  );
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === 'help') {
    process.stdout.write(HELP);
    return;
  }
  const host = { cpus: cpus().length, loadAverage: loadavg()[0], node: process.version, at: new Date().toISOString() };
  console.log(`On ${host.cpus} processors with a load of ${host.loadAverage?.toFixed(1)} before the start.\n`);
  const runs: RunResult[] = [];
  for (const plan of plansOf(options)) {
    const result = await measure(plan);
    runs.push(result);
    console.log(reportLines(result).join('\n'));
  }
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify({ host, runs }, null, 2)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof NoBinariesError || error instanceof UsageError ? error.message : error);
  process.exitCode = 1;
}
