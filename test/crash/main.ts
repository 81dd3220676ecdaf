// `npm run test:crash`: runs the crash matrix alone and prints what it found.
import { runMatrix } from './matrix.ts';

const verbose = process.argv.includes('--verbose');
const result = await runMatrix(verbose ? { onRun: (run) => process.stdout.write(`${run}\n`) } : {});
for (const { profile, phase, point, effect, problem } of result.findings) {
  process.stdout.write(`${profile} ${phase}, effect ${point.effect} (${effect}) ${point.kind}: ${problem}\n`);
}
const others = result.findings.length;
process.stdout.write(
  `findings: ${others}\ncrash points: ${result.points}, leaks: ${result.leaks}, duplicates: ${result.duplicates}\n`,
);
process.exitCode = others === 0 ? 0 : 1;
