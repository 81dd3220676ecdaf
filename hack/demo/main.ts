// `npm run demo`: from nothing to running virtual machines on a simulated Proxmox VE cluster, before your eyes.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ProxmoxCluster } from '../../src/api/proxmox-cluster.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import { NoBinariesError } from '../control-plane/binaries.ts';
import { ensureControlPlaneBinaries } from '../control-plane/control-plane.ts';
import { catchInterruptions } from '../process/interrupt.ts';
import { LiveView } from './live-view.ts';
import { durationText } from './progress.ts';
import { conditionLines, deployLog, listening, logLine, machineSummary } from './report.ts';
import { vmKeys } from './samples.ts';
import { Stage } from './stage.ts';
import { NotReadyError, untilReady } from './until-ready.ts';

const usage = `usage: npm run demo [-- OPTION...]

Starts a Kubernetes control plane, a simulated Proxmox VE cluster, PowerDNS when it is
installed, and the operator; applies config/samples/, shows how the machines are deployed,
and removes everything again.

  --keep  stay up afterwards, until Ctrl-C
  --help  print this`;

const readyTimeoutMs = 120_000;
const logLinesOnFailure = 20;

function print(lines: readonly string[]): void {
  console.log(['', ...lines].join('\n'));
}

async function timed<T>(title: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  console.log(`${title.padEnd(62)} ${durationText(performance.now() - startedAt)}`);
  return result;
}

async function play(stage: Stage): Promise<void> {
  await timed('Control plane and Proxmox VE simulator started', () => stage.startServers(console.log));
  if ('unavailable' in stage.powerDns) console.log(`Without DNS zones: ${stage.powerDns.unavailable}`);
  await timed('Applied crds/ and config/rbac/', () => stage.applyBasics());
  await timed('Operator started, with its admission webhook', () => stage.startOperator());
  const manifests = await timed('Applied config/samples/', () => stage.applySamples());
  console.log('');
  const view = new LiveView(process.stdout, Date.now);
  try {
    await untilReady(stage, { wanted: vmKeys(manifests), view, timeoutMs: readyTimeoutMs });
  } finally {
    view.close();
  }
  print([`Everything is ready, ${durationText(performance.now())} after the start.`]);
}

async function printResult(stage: Stage): Promise<void> {
  const runs = await stage.list<VirtualMachineRun>('virtualmachineruns');
  for (const run of runs) print(deployLog(run));
  const machines = await stage.list<VirtualMachine>('virtualmachines');
  for (const vm of machines) print(machineSummary(vm));
  const vm = machines.find(({ spec }) => spec.billing !== undefined);
  if (vm === undefined) return;
  const { name, namespace = 'default' } = vm.metadata;
  print(['What would lose data is not let in:', ...(await stage.refusedShrink({ namespace, name }))]);
}

async function explain(stage: Stage, error: NotReadyError): Promise<void> {
  const objects = [
    ...(await stage.list<ProxmoxCluster>('proxmoxclusters')),
    ...(await stage.list<VirtualMachine>('virtualmachines')),
  ];
  for (const object of objects) print(conditionLines(object));
  print(['Last lines of the operator:', ...stage.operator.lastLines(logLinesOnFailure).map(logLine)]);
  print([error.message]);
}

async function stay(stage: Stage, interrupted: Promise<unknown>): Promise<void> {
  print(listening(stage));
  print([
    'Everything stays up until Ctrl-C. In another terminal:',
    '',
    `export KUBECONFIG=${stage.plane.kubeconfig}`,
    'kubectl get pvm --all-namespaces --watch',
    `tail -f ${stage.operator.logFile}`,
    '',
    'What to try: docs/operations.md.',
  ]);
  await interrupted;
  print(['Ending everything.']);
}

async function perform(stage: Stage, keep: boolean, interrupted: Promise<unknown>): Promise<void> {
  try {
    await play(stage);
    await printResult(stage);
  } catch (error) {
    if (!(error instanceof NotReadyError)) throw error;
    await explain(stage, error);
    process.exitCode = 1;
  }
  if (keep) await stay(stage, interrupted);
  else print(['Ending everything; `npm run demo -- --keep` stays up to be looked at.']);
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  // May take minutes the first time; an interruption here simply ends it.
  await ensureControlPlaneBinaries(console.log);
  using interruption = catchInterruptions();
  await using stage = await Stage.open(resolve(import.meta.dirname, '../..'));
  const interrupted = interruption.signal.then(() => 'interrupted' as const);
  const outcome = await Promise.race([perform(stage, values.keep, interrupted), interrupted]);
  if (outcome === 'interrupted' && !values.keep) process.exitCode = 130;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof NoBinariesError || error instanceof TypeError ? error.message : error);
  process.exitCode = 1;
}
