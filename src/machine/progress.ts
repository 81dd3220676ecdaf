// Pure changes of a VM's status as a pipeline goes on: which step is next, what is recorded when one is done.
import type { OperationStatus, StepRecord, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { State } from '../api/states.ts';
import type { ActionKind, Machine, MachineEntry } from './vocabulary.ts';

/** Where a pass stands: the status so far and, for machines without states of their own, how many steps this pass has done. */
export interface Position {
  status: VirtualMachineStatus;
  done: number;
}

export type Intent = NonNullable<OperationStatus['intent']>;

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The step whose turn it is, or undefined when the pipeline is complete. */
export function nextEntry(machine: Machine, position: Position): MachineEntry | undefined {
  return machine.entries[position.done];
}

/** How many steps of the machine a status has behind it. */
export function stepsDone(machine: Machine, status: VirtualMachineStatus): number {
  const { entries, initial } = machine;
  if (status.state !== initial) return entries.findLastIndex((entry) => entry.state === status.state) + 1;
  // A task that is waited for belongs to the step that began it, and so does its failure.
  const { taskID, step } = status.operation ?? {};
  if (taskID === undefined) return 0;
  const waiting = entries.findIndex((entry) => entry.state === initial && stepName(entry) === step);
  return Math.max(0, waiting);
}

export interface Opening {
  vm: { name: string; uid: string };
  nowMs: number;
  /** What began it, for the record. */
  trigger: string;
  request?: OperationStatus['request'];
  parameters?: OperationStatus['parameters'];
  previous?: OperationStatus['previous'];
  /** From its first step, although the status shows the same machine on its way. */
  anew?: boolean;
}

/** Opens a run of a machine, unless the status shows one that is on its way. */
export function openOperation(machine: Machine, status: VirtualMachineStatus, opening: Opening): VirtualMachineStatus {
  const { vm, nowMs, trigger, anew = false } = opening;
  const before = status.operation;
  if (before?.machine === machine.name && !anew) return status;
  const runCount = (status.runCount ?? 0) + 1;
  return {
    ...status,
    state: anew ? machine.initial : openingState(machine, status.state),
    runCount,
    operation: {
      machine: machine.name,
      runName: runName(vm, runCount),
      startedAt: isoTime(nowMs),
      from: status.state ?? machine.initial,
      trigger,
      ...asked(opening),
      ...(before === undefined ? {} : carriedOver(before, machine)),
    },
  };
}

// What was not asked for is not there: statuses are compared key by key.
function asked({ request, parameters, previous }: Opening): Partial<OperationStatus> {
  const given = Object.entries({ request, parameters, previous }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

// A pipeline that was interrupted goes on where it was; the end of one is the beginning of the next.
function openingState({ initial, entries, removes }: Machine, state: State | undefined): State {
  const isOnItsWay = entries.slice(0, -1).some((entry) => entry.state === state);
  return state !== undefined && isOnItsWay && removes !== true ? state : initial;
}

// A pipeline that is interrupted may have a call or a task on its way; the one that follows waits for them all the same.
// A change that begins anew may have stopped the VM already: how it was before is what the first look saw.
function carriedOver(before: OperationStatus, { name }: Machine): Partial<OperationStatus> {
  const { taskID, taskIDs, intent, powerBefore } = before;
  return { taskID, taskIDs, intent, ...(before.machine === name ? { powerBefore } : {}) };
}

/**
 * Name of a run object: deterministic, so that a crash between its creation and the status write makes no second one;
 * with a piece of the UID, so that the runs of an earlier VM of the same name are not taken for ours.
 */
export function runName(vm: { name: string; uid: string }, number: number): string {
  const suffix = `-${vm.uid.slice(0, 8)}-${number}`;
  return `${vm.name.slice(0, 253 - suffix.length)}${suffix}`;
}

/** Marks the step whose turn it is, and when it began. */
export function beginStep(status: VirtualMachineStatus, entry: MachineEntry, nowMs: number): VirtualMachineStatus {
  const operation = operationOf(status);
  if (operation.step === stepName(entry)) return status;
  return { ...status, operation: { ...operation, step: stepName(entry), stepStartedAt: isoTime(nowMs) } };
}

/** How a step ended; the message says why it was skipped. */
export interface StepEnd {
  result: 'Succeeded' | 'Skipped';
  message?: string;
}

/** Records a step as done and moves the state on. */
export function completeStep(
  machine: Machine,
  position: Position,
  entry: MachineEntry,
  end: StepEnd & { nowMs: number },
): Position {
  const { status } = position;
  const operation = operationOf(status);
  const record = stepRecord(machine, position, entry, end);
  const { intent, blockedBySnapshots: _blocked, why: _why, failedTasks: _failed, ...kept } = operation;
  // Of several clone calls one has made the VM; which one is not known, and any other may still be carried out.
  const wasRepeated = isUnansweredClone(intent) && status.cloneUnansweredAt !== undefined;
  return {
    done: position.done + 1,
    status: {
      ...(wasRepeated ? withUnansweredClone(status, intent) : status),
      state: entry.state,
      operation: { ...kept, steps: [...withoutRecord(operation, record), record] },
    },
  };
}

function stepRecord(
  machine: Machine,
  position: Position,
  entry: MachineEntry,
  end: StepEnd & { nowMs: number },
): StepRecord {
  const startedAt = operationOf(position.status).stepStartedAt ?? isoTime(end.nowMs);
  return {
    number: position.done + 1,
    name: entry.step.title,
    result: end.result,
    ...(end.message === undefined ? {} : { message: end.message.slice(0, 300) }),
    from: previousState(machine, position),
    to: entry.state,
    startedAt,
    durationMs: Math.max(0, Math.round(end.nowMs - Date.parse(startedAt))),
  };
}

function previousState(machine: Machine, position: Position): State {
  return machine.entries[position.done - 1]?.state ?? machine.initial;
}

// A pass that begins anew replaces the record of the pass before instead of adding to it.
function withoutRecord(operation: OperationStatus, record: StepRecord): StepRecord[] {
  return (operation.steps ?? []).filter((other) => other.number < record.number);
}

export function stepName(entry: MachineEntry): string {
  return entry.step.id;
}

/** Stores what is about to be done, so that a crash finds it. */
export function withIntent(status: VirtualMachineStatus, action: ActionKind, nowMs: number): VirtualMachineStatus {
  const operation = operationOf(status);
  const { intent: before } = operation;
  const attempt = before?.action === action ? before.attempt + 1 : 1;
  const next = isUnansweredClone(before) ? withUnansweredClone(status, before) : status;
  return { ...next, operation: { ...operation, intent: { action, sentAt: isoTime(nowMs), attempt } } };
}

/** Whether it is a clone call that may still be on its way. */
export function isUnansweredClone(intent: Intent | undefined): intent is Intent {
  return intent?.action === 'clone' && intent.answered !== true;
}

// A clone call that got no answer may be carried out long after the VM that a later one made has come and gone: when it
// was sent outlives its intent, its step and its run.
function withUnansweredClone(status: VirtualMachineStatus, { sentAt }: Intent): VirtualMachineStatus {
  return { ...status, cloneUnansweredAt: sentAt };
}

/** Nothing was sent: the intent that was there before is there again. */
export function withIntentBefore(status: VirtualMachineStatus, before: Intent | undefined): VirtualMachineStatus {
  return before === undefined
    ? withoutIntent(status)
    : { ...status, operation: { ...operationOf(status), intent: before } };
}

/** The call that was about to be made was not carried out, or its end is known. */
export function withoutIntent(status: VirtualMachineStatus): VirtualMachineStatus {
  const { intent: _intent, ...operation } = operationOf(status);
  return { ...status, operation };
}

/** After a refused call: the intent of an earlier call of the same kind that got no answer, or none. */
export function withIntentOf(
  status: VirtualMachineStatus,
  before: Intent | undefined,
  action: ActionKind,
): VirtualMachineStatus {
  return withIntentBefore(status, before?.action === action ? before : undefined);
}

/** Keys of a refused configuration change that may have stayed behind as pending; undefined when they are gone. */
export function withRevert(status: VirtualMachineStatus, keys: readonly string[] | undefined): VirtualMachineStatus {
  return { ...status, operation: { ...operationOf(status), revert: keys === undefined ? undefined : [...keys] } };
}

/** A call was answered with a task; what was decided before it is not on its way any more. */
export function withTask(status: VirtualMachineStatus, action: ActionKind, upid: string): VirtualMachineStatus {
  const operation = operationOf(status);
  const { intent } = operation;
  // The list is a record for people; the newest ones are what they look for.
  const taskIDs = [...(operation.taskIDs ?? []), upid].slice(-64);
  const answered = intent?.action === action ? { intent: { ...intent, answered: true } } : {};
  return { ...status, operation: { ...operation, ...answered, taskID: upid, taskIDs } };
}

/** Steps that are about to change something, so that they are not told to have found their work done. */
export function withChanged(status: VirtualMachineStatus, steps: readonly string[]): VirtualMachineStatus {
  const operation = operationOf(status);
  return { ...status, operation: { ...operation, changed: [...new Set([...(operation.changed ?? []), ...steps])] } };
}

/** Why the step changes something; the first reason is the one that began it. */
export function withWhy(status: VirtualMachineStatus, why: string): VirtualMachineStatus {
  const operation = operationOf(status);
  return operation.why === undefined ? { ...status, operation: { ...operation, why: why.slice(0, 300) } } : status;
}

/** An effect that is not tried a second time in this run. */
export function withTried(status: VirtualMachineStatus, action: ActionKind): VirtualMachineStatus {
  const operation = operationOf(status);
  return { ...status, operation: { ...operation, tried: [...new Set([...(operation.tried ?? []), action])] } };
}

export function withoutTask(status: VirtualMachineStatus): VirtualMachineStatus {
  const { taskID: _taskID, ...operation } = operationOf(status);
  return { ...status, operation };
}

/**
 * A task failed. It may have been the configuration change that carried the password, and Proxmox VE masks what it has:
 * cloud-init is given the password again if its step is still to come.
 */
export function withFailedTask(status: VirtualMachineStatus): VirtualMachineStatus {
  const { passwordHandedOver: _handedOver, ...operation } = operationOf(withoutTask(status));
  const { intent, revert, separately } = operation;
  return {
    ...status,
    operation: {
      ...operation,
      intent: intent === undefined ? undefined : { ...intent, failed: true },
      // A joint change that failed goes one by one from now on, so that the step that fails has a name.
      separately: revert === undefined ? separately : true,
      failedTasks: (operation.failedTasks ?? 0) + 1,
    },
  };
}

/** A call was refused in a way that says what is in its way; it changed nothing. */
export function withObstacle(
  status: VirtualMachineStatus,
  step: string,
  learned: Partial<OperationStatus>,
): VirtualMachineStatus {
  const operation = operationOf(withoutTask(status));
  const changed = operation.changed?.filter((id) => id !== step);
  return { ...status, operation: { ...operation, ...learned, changed } };
}

export function withSeparateChanges(status: VirtualMachineStatus): VirtualMachineStatus {
  return { ...status, operation: { ...operationOf(status), separately: true } };
}

/** The pipeline is complete: the operation goes, what it achieved stays. */
export function closeOperation(status: VirtualMachineStatus, nowMs: number): VirtualMachineStatus {
  const { operation: _operation, ...rest } = status;
  return { ...rest, settledAt: isoTime(nowMs) };
}

/** The operation that is under way; there always is one while a machine runs. */
export function operationOf(status: VirtualMachineStatus): OperationStatus {
  if (status.operation === undefined) throw new TypeError('There is no operation under way.');
  return status.operation;
}
