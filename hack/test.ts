// `npm test`: sets up what the tests need, runs every check and test, and ends with one line of numbers.
import { resolve } from 'node:path';
import { NoBinariesError } from './control-plane/binaries.ts';
import { ensureControlPlaneBinaries } from './control-plane/control-plane.ts';
import { ensureHelm } from './control-plane/helm.ts';
import { ensurePowerDns } from './powerdns.ts';
import { gatesOf, runGate } from './test-run/gates.ts';
import { parseSelection, type Selection, usage, UsageError } from './test-run/selection.ts';
import { isGood, nothing, sum, summary, type Tally } from './test-run/tally.ts';
import { runProject } from './test-run/vitest.ts';

const root = resolve(import.meta.dirname, '..');

function heading(text: string): void {
  console.log(`\n== ${text}`);
}

/** Says what to do when the integration tests cannot run, and counts that as a failure. */
async function setUpControlPlane(selection: Selection): Promise<Tally> {
  if (!selection.projects.includes('integration')) return nothing;
  try {
    await ensureControlPlaneBinaries((line) => console.log(line));
    console.log(' ✓ control plane');
    // The tests of the chart find it or skip; built here, its progress is seen.
    await ensureHelm((line) => console.log(line)).then(
      () => console.log(' ✓ Helm'),
      (error: unknown) => console.log(` - Helm: its tests are skipped. ${String(error)}`),
    );
    return nothing;
  } catch (error) {
    if (!(error instanceof NoBinariesError)) throw error;
    console.log(` ✗ control plane\n${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** Returns why tests that need PowerDNS are skipped, or undefined when they are not. */
async function setUpPowerDns(selection: Selection): Promise<string | undefined> {
  if (!selection.projects.some((project) => project === 'contract' || project === 'integration')) return undefined;
  const state = await ensurePowerDns((line) => console.log(line));
  console.log(state.available ? ' ✓ PowerDNS' : ` - PowerDNS: its tests are skipped. ${state.reason}`);
  return state.available ? undefined : state.reason;
}

/** What is printed after everything ran, and what is counted. */
interface Outcome {
  tallies: Tally[];
  failures: string[];
  skipReasons: string[];
}

async function runGates(outcome: Outcome): Promise<void> {
  heading('Checks');
  for (const gate of gatesOf(root)) {
    const tally = await runGate(gate, root);
    outcome.tallies.push(tally);
    if (tally.failed > 0) outcome.failures.push(gate.name);
  }
}

async function runAll(selection: Selection): Promise<Outcome> {
  heading('Set-up');
  const powerDns = await setUpPowerDns(selection);
  const setUp = await setUpControlPlane(selection);
  const outcome: Outcome = {
    tallies: [setUp],
    failures: setUp.failed > 0 ? ['control plane'] : [],
    skipReasons: powerDns === undefined ? [] : [powerDns],
  };
  if (selection.gates) await runGates(outcome);
  for (const project of selection.projects) {
    if (project === 'integration' && setUp.failed > 0) continue;
    heading(`Tests: ${project}`);
    const result = await runProject(root, project, selection.filters);
    outcome.tallies.push(result.tally);
    outcome.failures.push(...result.failures);
    outcome.skipReasons.push(...result.skipReasons);
  }
  return outcome;
}

function printList(title: string, items: readonly string[]): void {
  if (items.length > 0) console.log(['', title, ...new Set(items.map((item) => `  ${item}`))].join('\n'));
}

async function main(args: readonly string[]): Promise<void> {
  const selection = parseSelection(args);
  if (selection.help) {
    console.log(usage);
    return;
  }
  const { tallies, failures, skipReasons } = await runAll(selection);
  printList('Failed:', failures);
  printList('Skipped, because:', skipReasons);
  const tally = sum(tallies);
  console.log(`\n${summary(tally)}`);
  process.exitCode = isGood(tally) ? 0 : 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = 1;
}
