// `npm run test:crash`: runs the crash matrix alone and prints what it found. `--only=…` and `--kind=…` choose a part of it.
import { CRASH_KINDS } from './interruption.ts';
import { type MatrixResult, runMatrix } from './matrix.ts';
import { SCENARIOS } from './scenarios.ts';

const given = (option: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${option}=`))?.slice(option.length + 3);
const [only, wantedKind] = [given('only'), given('kind')];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

let printed = 0;
function printProgress(name: string, { findings, points }: MatrixResult): void {
  print(`${name}: ${points} points so far`);
  for (const { scenario, effect, call, kind, problem } of findings.slice(printed)) {
    print(`  ${scenario}, effect ${effect} (${call}) ${kind}: ${problem}`);
  }
  printed = findings.length;
}

const { findings, points, leaks, duplicates } = await runMatrix({
  scenarios: SCENARIOS.filter(({ name }) => only === undefined || name.includes(only)),
  kinds: CRASH_KINDS.filter((kind) => wantedKind === undefined || kind === wantedKind),
  onScenario: printProgress,
  ...(process.argv.includes('--verbose') ? { onRun: print } : {}),
});
print(`findings: ${findings.length}`);
print(`crash points: ${points}, leaks: ${leaks}, duplicates: ${duplicates}`);
process.exitCode = findings.length === 0 ? 0 : 1;
