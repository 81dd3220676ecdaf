// How far the virtual machines are: what was seen of each, kept across changes, and the table that shows it.
import { DEPLOY_STATES, type State } from '../../src/api/states.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { OperationStatus, StepRecord } from '../../src/api/virtual-machine-status.ts';

/** What is known of one machine's deployment. */
export interface VmProgress {
  name: string;
  /** The finished steps by the state that they led to. */
  steps: ReadonlyMap<string, StepRecord>;
  /** The state that is being worked on, and since when (milliseconds since 1970). */
  current?: { state: string; startedAtMs: number };
  /** What it waits for, in a person's words; empty while a step is simply being done. */
  message: string;
  ready: boolean;
}

// Reasons that only repeat what the table shows.
const ordinary: ReadonlySet<string> = new Set(['Ready', 'InProgress', 'WaitingForTask']);

const rows: readonly State[] = DEPLOY_STATES.slice(1);

/** The progress after `vm` was seen. Steps stay known although the object forgets them when the pipeline ends. */
export function progressOf(vm: VirtualMachine, before?: VmProgress): VmProgress {
  const operation = vm.status?.operation;
  const seen: [string, StepRecord][] = (operation?.steps ?? []).map((step) => [step.to, step]);
  const steps = new Map([...(before?.steps ?? []), ...seen]);
  const progress = { name: vm.metadata.name, steps, ...readiness(vm) };
  const current = progress.ready ? undefined : currentOf(operation, steps);
  return current === undefined ? progress : { ...progress, current };
}

function readiness(vm: VirtualMachine): Pick<VmProgress, 'ready' | 'message'> {
  const condition = vm.status?.conditions?.find(({ type }) => type === 'Ready');
  const ready = condition?.status === 'True';
  const isNews = condition !== undefined && !ordinary.has(condition.reason);
  return { ready, message: isNews ? condition.message : '' };
}

function currentOf(operation: OperationStatus | undefined, steps: VmProgress['steps']): VmProgress['current'] {
  const state = rows.find((row) => !steps.has(row));
  if (operation === undefined || state === undefined) return undefined;
  return { state, startedAtMs: Date.parse(operation.stepStartedAt ?? operation.startedAt) };
}

/** A duration for people: `45 ms`, `1.3 s`, `2 min 5 s`. */
export function durationText(ms: number): string {
  if (ms < 950) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const stateWidth = Math.max(...rows.map((row) => row.length)) + 2;
const leastCellWidth = 12;

/** The table of states as lines: a row for each state, a column for each machine, then what each waits for. */
export function tableLines(machines: readonly VmProgress[], nowMs: number): string[] {
  const cellWidth = Math.max(leastCellWidth, ...machines.map(({ name }) => name.length + 3));
  const header = ''.padEnd(stateWidth) + machines.map(({ name }) => name.padStart(cellWidth)).join('');
  const body = rows.map(
    (row) => row.padEnd(stateWidth) + machines.map((vm) => cellText(vm, row, nowMs).padStart(cellWidth)).join(''),
  );
  const waiting = machines
    .filter(({ ready, message }) => !ready && message !== '')
    .map(({ name, message }) => `${name}: ${message}`);
  return [header, ...body, ...waiting];
}

function cellText(vm: VmProgress, state: State, nowMs: number): string {
  const step = vm.steps.get(state);
  if (step?.result === 'Skipped') return 'skipped';
  if (step?.result === 'Failed') return 'failed';
  if (step !== undefined) return durationText(step.durationMs);
  if (vm.current?.state === state) return `… ${durationText(Math.max(0, nowMs - vm.current.startedAtMs))}`;
  // The write that makes a machine ready also ends the pipeline: its last step is only in the run's record.
  return vm.ready ? '✓' : '·';
}

/** What changed between two looks at one machine, as lines for where nothing can be overwritten. */
export function newLines(before: VmProgress | undefined, after: VmProgress): string[] {
  const steps = [...after.steps.values()].filter(({ to }) => !(before?.steps.has(to) ?? false));
  const lines = steps.map((step) => `${after.name}  ${step.to}  ${outcomeText(step)}`);
  if (after.message !== '' && after.message !== before?.message) lines.push(`${after.name}  ${after.message}`);
  if (after.ready && before?.ready !== true) lines.push(`${after.name}  is ready`);
  return lines;
}

/** How a step ended. */
export function outcomeText(step: StepRecord): string {
  const duration = durationText(step.durationMs);
  if (step.result === 'Succeeded') return duration;
  return `${step.result.toLowerCase()}${step.message === undefined ? '' : `: ${step.message}`}`;
}
