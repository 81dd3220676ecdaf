// The checks before the tests: types, lint, format, generated files. Each counts as one test.
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../process/run.ts';
import type { Tally } from './tally.ts';

/** One check: a script that exits with 0 when all is well. */
export interface Gate {
  name: string;
  /** Path of a script that Node runs, and its arguments. */
  command: readonly string[];
  cure?: string;
}

/** The checks of the repository at `root`. */
export function gatesOf(root: string): Gate[] {
  const tool = (name: string): string => realpathSync(join(root, 'node_modules/.bin', name));
  return [
    { name: 'types', command: [tool('tsc'), '--noEmit', '-p', '.'] },
    { name: 'lint', command: [tool('oxlint'), '--type-aware'] },
    { name: 'format', command: [tool('prettier'), '--check', '.'], cure: 'npm run format' },
    { name: 'generated files', command: [join(root, 'hack/verify.ts')], cure: 'npm run generate' },
  ];
}

/** Runs one check and prints how it went. */
export async function runGate(gate: Gate, root: string): Promise<Tally> {
  const startedAt = performance.now();
  const result = await run(process.execPath, gate.command, { cwd: root });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (result.code === 0) {
    console.log(` ✓ ${gate.name} (${seconds} s)`);
    return { passed: 1, failed: 0, skipped: 0 };
  }
  console.log(` ✗ ${gate.name} (${seconds} s)\n${result.stdout}${result.stderr}`);
  if (gate.cure !== undefined) console.log(`   ${gate.cure} puts it right.`);
  return { passed: 0, failed: 1, skipped: 0 };
}
