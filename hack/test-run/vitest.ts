// Runs one vitest project: its progress goes to the terminal, its numbers come back.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportVariable } from './reporter.ts';
import { failuresIn, type RunReport, skipReasonsIn, type Tally, tallyOf } from './tally.ts';

/** What one project's tests left. */
export interface ProjectResult {
  tally: Tally;
  failures: string[];
  skipReasons: string[];
}

/** Runs the tests of one project. */
export async function runProject(root: string, project: string, filters: readonly string[]): Promise<ProjectResult> {
  const folder = await mkdtemp(join(tmpdir(), 'pve-operator-test-'));
  try {
    const file = join(folder, 'report.json');
    const args = ['run', '--project', project, '--passWithNoTests', ...filters];
    const code = await vitest(root, args, file);
    const report = await readReport(file);
    const skipReasons = skipReasonsIn(report);
    return { tally: tallyOf(report, code), failures: failuresIn(report), skipReasons };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function vitest(root: string, args: readonly string[], reportFile: string): Promise<number> {
  const script = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', `--reporter=${join(import.meta.dirname, 'reporter.ts')}`];
  const child = spawn(process.execPath, [script, ...args, ...reporters], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, [reportVariable]: reportFile },
  });
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code) => done(code ?? 1));
  });
}

async function readReport(file: string): Promise<RunReport | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as RunReport;
  } catch {
    return undefined;
  }
}
