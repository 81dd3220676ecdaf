// The deploy log: one VirtualMachineRun object per run of a pipeline, the newest 50 of a VM.
import { API_VERSION } from '../api/object.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { StepRecord, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { VirtualMachineRun, VirtualMachineRunStatus } from '../api/virtual-machine-run.ts';
import { sentence } from '../domain/sentence.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../kube/errors.ts';
import { patchStatus } from '../kube/status.ts';
import { keyOf } from '../kube/types.ts';
import type { Trouble } from '../machine/outcome.ts';
import { isoTime, operationOf } from '../machine/progress.ts';
import type { MachineEntry } from '../machine/vocabulary.ts';
import { type Context, INDEX } from './context.ts';

const KEPT_RUNS = 50;

/** Creates the run that the status names, if it is not there yet. A failure is logged: a record must not hold a VM up. */
export async function openRun(
  context: Context,
  vm: VirtualMachine,
  status: VirtualMachineStatus,
  trigger: string,
): Promise<void> {
  const key = `${vm.metadata.namespace}/${status.operation?.runName}`;
  if (status.operation?.runName === undefined || context.stores.virtualMachineRuns.get(key) !== undefined) return;
  try {
    const run = await context.client.create(resources.virtualMachineRun, newRun(vm, status, trigger));
    context.stores.virtualMachineRuns.observe(run);
  } catch (error) {
    // With its namespace the record would go as well.
    if (!isAlreadyExists(error) && !isNamespaceTerminating(error))
      context.log.warn({ err: error, VirtualMachine: keyOf(vm) }, 'Recording a run failed');
  }
}

function newRun(vm: VirtualMachine, status: VirtualMachineStatus, trigger: string) {
  const { machine, runName = '', from, steps = [] } = operationOf(status);
  const { name, namespace, uid = '' } = vm.metadata;
  return {
    metadata: {
      name: runName,
      namespace,
      ownerReferences: [{ apiVersion: API_VERSION, kind: 'VirtualMachine', name, uid }],
    },
    spec: {
      virtualMachineName: name,
      number: status.runCount ?? 1,
      machine,
      trigger,
      // The record may be made in a later pass than the one that the run began with.
      from: from ?? steps[0]?.from ?? vm.status?.state ?? 'creation',
    },
  };
}

export interface RunEnd {
  status: VirtualMachineStatus;
  result: VirtualMachineRunStatus['result'];
  trouble?: Trouble;
  /** The step that is in trouble. */
  current?: MachineEntry;
}

/** What the record says of a run as it stands. Pure. */
export function runStatus(end: RunEnd, now: number): VirtualMachineRunStatus {
  const { status, result, trouble } = end;
  const { operation, state } = status;
  const startedAt = operation?.startedAt;
  return {
    result,
    to: state,
    error: trouble === undefined ? undefined : `${trouble.reason}: ${trouble.message}`.slice(0, 300),
    startedAt,
    ...(result === 'Succeeded' ? endTimes(startedAt, now) : {}),
    steps: [...(operation?.steps ?? []).map(inSentences), ...failedStep(end, now)],
    taskIDs: operation?.taskIDs,
  };
}

// A step says why in a few words; here they stand alone.
function inSentences(step: StepRecord): StepRecord {
  return step.message === undefined ? step : { ...step, message: sentence(step.message).slice(0, 300) };
}

/** The step at which the run stands still. It is not in the status: there it is the one that is being done. */
function failedStep({ status: { operation }, trouble, current }: RunEnd, now: number): StepRecord[] {
  if (trouble === undefined || current === undefined) return [];
  const { steps = [], from, stepStartedAt } = operation ?? {};
  const startedAt = stepStartedAt ?? isoTime(now);
  const record = {
    number: steps.length + 1,
    name: current.step.title,
    result: 'Failed' as const,
    message: trouble.message,
    from: steps.at(-1)?.to ?? from ?? current.state,
    to: current.state,
    startedAt,
    durationMs: Math.max(0, Math.round(now - Date.parse(startedAt))),
  };
  return [record];
}

function endTimes(
  startedAt: string | undefined,
  now: number,
): Pick<VirtualMachineRunStatus, 'completedAt' | 'durationMs' | 'duration'> {
  const completedAt = new Date(now).toISOString();
  if (startedAt === undefined) return { completedAt };
  const durationMs = Math.max(0, now - Date.parse(startedAt));
  return { completedAt, durationMs, duration: durationText(durationMs) };
}

/** A duration for people, as exact as it is long: `12.3s`, `4m05s`, `1h02m`. Pure. */
export function durationText(durationMs: number): string {
  const tenths = Math.floor(durationMs / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}s`;
  const seconds = Math.floor(durationMs / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${twoDigits(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** Writes the end, or the standstill, of a run into its record, and removes records beyond the newest 50. */
export async function recordRun(context: Context, vm: VirtualMachine, end: RunEnd): Promise<void> {
  const run = context.stores.virtualMachineRuns.get(`${vm.metadata.namespace}/${end.status.operation?.runName}`);
  if (run === undefined) return;
  try {
    const { object } = await patchStatus(
      context.client,
      resources.virtualMachineRun,
      run,
      runStatus(end, context.now()),
    );
    context.stores.virtualMachineRuns.observe(object);
    await removeOldRuns(context, vm);
  } catch (error) {
    context.log.warn({ err: error, VirtualMachineRun: run.metadata.name }, 'Recording a run failed');
  }
}

async function removeOldRuns(context: Context, vm: VirtualMachine): Promise<void> {
  const runs = context.stores.virtualMachineRuns.byIndex(INDEX.virtualMachine, vm.metadata.uid ?? '');
  for (const run of oldRuns(runs)) {
    await context.client
      .delete(resources.virtualMachineRun, run.metadata.name, run.metadata.namespace)
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    context.stores.virtualMachineRuns.forget(run);
  }
}

/** Runs beyond the newest 50. Pure. */
export function oldRuns(runs: readonly VirtualMachineRun[]): readonly VirtualMachineRun[] {
  return runs.toSorted((left, right) => right.spec.number - left.spec.number).slice(KEPT_RUNS);
}
