// Runs one pass of one pipeline over one VM, and writes down how it ended.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { withObservedDisks } from '../domain/observed-disks.ts';
import { sentence } from '../domain/sentence.ts';
import { findCondition } from '../kube/conditions.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { isEqualJson } from '../kube/status.ts';
import { keyOf } from '../kube/types.ts';
import { type Advance, advance } from '../machine/advance.ts';
import { clearedBy } from '../machine/conditions.ts';
import type { ObservedVm } from '../machine/facts.ts';
import type { Trouble } from '../machine/outcome.ts';
import { closeOperation, isoTime } from '../machine/progress.ts';
import type { Machine, MachineEntry } from '../machine/vocabulary.ts';
import type { Allocations } from './allocations.ts';
import { completion } from './completion.ts';
import { type Context, INDEX } from './context.ts';
import type { CredentialSource } from './credentials.ts';
import { withEndedRequest } from './executed-operations.ts';
import { FIRST_SIGHT_MS } from './keep-ready.ts';
import { blamed } from './inherited-task.ts';
import { packageWish } from './package-wish.ts';
import { withPackageCondition } from './pending-changes.ts';
import { recordRun } from './runs.ts';
import { isFinal } from './virtual-machine-operation-status.ts';
import { VirtualMachineVisit } from './visit.ts';

export interface VirtualMachineParts {
  context: Context;
  allocations: Allocations;
  credentials: CredentialSource;
  /** Makes a VM due at once. */
  enqueue(key: string): void;
}

/** One pass of one pipeline over one VM. */
export interface Turn {
  context: Context;
  allocations: Allocations;
  machine: Machine;
  vm: VirtualMachine;
  visit: VirtualMachineVisit;
}

export interface Pass {
  machine: Machine;
  vm: VirtualMachine;
  /** With the operation open. */
  status: VirtualMachineStatus;
  /** What follows on the last step; the default closes the operation. */
  finish?(turn: Turn, result: Advance): Promise<ReconcileResult>;
}

export async function runPipeline(
  { machine, vm, status, finish = close }: Pass,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context, allocations, credentials } = parts;
  const wake = () => parts.enqueue(keyOf(vm));
  const visit = new VirtualMachineVisit({ context, allocations, credentials, machine, vm, signal, wake });
  const turn: Turn = { context, allocations, machine, vm, visit };
  let observed: ObservedVm | undefined;
  const result = await advance(machine, status, {
    facts: async (current, needs) => {
      const facts = await visit.facts(current, needs);
      observed = facts.observed ?? observed;
      return facts;
    },
    perform: (action, facts) => visit.perform(action, facts),
    task: (upid, current) => visit.task(upid, current),
    save: (current) => visit.save(current),
    now: () => visit.now(),
    onStep: ({ entry, status: after }) => reportStep(turn, entry, after),
  });
  releaseCloneSlot(turn, result);
  const sized = observed?.kind === 'ours' ? withObservedDisks(result.status, observed) : result.status;
  const seen = { ...result, status: sized, notes: [...clearedBy(observed), ...result.notes] };
  return result.complete ? finish(turn, seen) : pause(turn, blamed(machine, seen, visit.failedTask));
}

async function close(turn: Turn, result: Advance): Promise<ReconcileResult> {
  const { context, vm, visit } = turn;
  const { powerRetryAt: _over, ...done } = result.status;
  // Who waits for an edit must not take the end of something else for the end of it.
  const isPending = isEdited({ ...vm, status: done }, context);
  const observedGeneration = isPending ? vm.status?.observedGeneration : (vm.metadata.generation ?? 0);
  const built = withoutEndedSuspension(vm, { ...done, observedGeneration });
  const status = withPackageCondition(vm, built, context);
  // The record first: after the status nobody comes back to it, and who waits for Ready wants to read it whole.
  await visit.openRecord(status);
  await recordRun(context, vm, { status, result: 'Succeeded' });
  const now = context.now();
  const ended = withEndedRequest(status, { result: 'Succeeded', reason: 'Succeeded' }, now);
  const closed = closeOperation(ended, now);
  await visit.record(status, { notes: result.notes }, closed);
  context.events.emit(vm, completion(turn.machine, status));
  return isWaitedFor(turn) || isPending ? AT_ONCE : { kind: 'after', ms: FIRST_SIGHT_MS };
}

function withoutEndedSuspension({ spec }: VirtualMachine, status: VirtualMachineStatus): VirtualMachineStatus {
  const { suspension, ...rest } = status;
  const isOver = spec.suspension === undefined && status.powerState === suspension?.powerBefore;
  return isOver ? rest : status;
}

// An edit that was made while something else ran woke the VM too early.
function isEdited(vm: VirtualMachine, context: Context): boolean {
  return packageWish(vm, context).kind === 'differs';
}

/** A start or stop that is declared and refused is tried again after this long, or when the object is edited. */
const POWER_RETRY_MS = 10 * 60_000;

const AT_ONCE: ReconcileResult = { kind: 'after', ms: 0 };

/** Whether another operation may be waiting for the VM to be at rest. */
function isWaitedFor({ context, vm }: Turn): boolean {
  const operations = context.stores.virtualMachineOperations.byIndex(INDEX.virtualMachine, keyOf(vm));
  const ended = vm.status?.operation?.request?.uid;
  return operations.some(({ metadata, status }) => metadata.uid !== ended && !isFinal(status));
}

/** `result` is told of `told`, the pipeline that is in trouble; it need not be the one that runs. */
async function pause(
  turn: Turn,
  { machine: told, result }: { machine: Machine; result: Advance },
): Promise<ReconcileResult> {
  const { context, machine, visit } = turn;
  const { trouble, current, notes } = result;
  if (trouble === undefined) return { kind: 'done' };
  const status = withFailure(told, result, trouble, context.now());
  await visit.record(
    status,
    { current, trouble, notes },
    isGivenUp(machine, trouble) ? givenUp(turn, status, trouble) : status,
  );
  context.metrics.troubles.inc({ reason: trouble.reason, class: trouble.class });
  if (isFailure(trouble)) await reportFailure({ ...turn, told }, { ...result, status }, trouble);
  return isGivenUp(machine, trouble) && isWaitedFor(turn) ? AT_ONCE : trouble.requeue;
}

// What can only be helped by a person is not tried for ever where nothing is left half made: who asked is told at once.
function isGivenUp({ abandonable }: Machine, { class: kind }: Trouble): boolean {
  return abandonable === true && kind === 'stalled';
}

function givenUp(
  { context, vm }: Turn,
  status: VirtualMachineStatus,
  { reason, message }: Trouble,
): VirtualMachineStatus {
  const now = context.now();
  const ended = closeOperation(withEndedRequest(status, { result: 'Failed', reason, message }, now), now);
  // Nobody asked for it but the declaration, which would ask again at every look.
  if (status.operation?.request !== undefined) return ended;
  // What is edited from now on may help, and is tried at once.
  return { ...ended, powerRetryAt: isoTime(now + POWER_RETRY_MS), observedGeneration: vm.metadata.generation ?? 0 };
}

function isFailure(trouble: Trouble): boolean {
  return trouble.class === 'stalled' || trouble.class === 'defect' || trouble.reason === 'TaskFailed';
}

// The last failure stays visible after the pipeline went on; the same one keeps the time when it was first seen.
function withFailure(
  machine: Machine,
  { status, current }: Advance,
  trouble: Trouble,
  nowMs: number,
): VirtualMachineStatus {
  if (!isFailure(trouble)) return status;
  const { reason, message } = trouble;
  const step = current?.step.id ?? machine.name;
  const before = status.lastFailure;
  const same = before?.step === step && before.reason === reason && before.message === message;
  const lastFailure = same ? before : { step, reason, message, time: isoTime(nowMs) };
  return { ...status, state: machine.failedState ?? status.state, lastFailure };
}

async function reportFailure(
  { context, vm, visit, told }: Turn & { told: Machine },
  result: Advance,
  trouble: Trouble,
): Promise<void> {
  const { current, status } = result;
  const title = current?.step.title ?? 'Pipeline';
  context.events.emit(vm, { type: 'Warning', reason: trouble.reason, message: `${title}: ${trouble.message}` });
  const fields = { VirtualMachine: keyOf(vm), machine: told.name, step: current?.step.id, reason: trouble.reason };
  if (trouble.class === 'defect') context.log.error({ ...fields, err: result.cause }, 'Meeting a defect');
  else if (!isKnown(vm, status)) context.log.warn({ ...fields, problem: trouble.message }, 'Waiting for help');
  await visit.openRecord(status);
  await recordRun(context, vm, { status, result: 'Failed', trouble, current });
}

// Whatever the VM waits for may wake it many times before it helps. What has stood there since the last pass is no news.
function isKnown({ status: before }: VirtualMachine, { lastFailure }: VirtualMachineStatus): boolean {
  const isShown = findCondition(before?.conditions, 'Ready')?.reason === lastFailure?.reason;
  return isShown && isEqualJson(before?.lastFailure, lastFailure);
}

function reportStep({ context, machine, vm }: Turn, entry: MachineEntry, status: VirtualMachineStatus): void {
  const record = status.operation?.steps?.find(({ name, to }) => name === entry.step.title && to === entry.state);
  if (record === undefined) return;
  const { number, name, result, message, from, to, durationMs } = record;
  context.metrics.stepSeconds.observe({ machine: machine.name, step: entry.step.id, result }, durationMs / 1000);
  const where = { VirtualMachine: keyOf(vm), vmid: status.vmid, machine: machine.name };
  context.log.info({ ...where, number, result, from, to, durationMs, why: message && sentence(message) }, name);
}

// A slot is held while a clone of this VM may be running, a place in the row while it waits for one, neither for longer.
function releaseCloneSlot({ context, vm }: Turn, result: Advance): void {
  if (mayBeCloning(result) || result.trouble?.reason === 'WaitingForCloneSlot') return;
  for (const { cloneSlots } of context.clusters.open()) cloneSlots.release(vm.metadata.uid ?? '');
}

function mayBeCloning({ status, trouble }: Advance): boolean {
  if (status.operation?.intent?.action !== 'clone') return false;
  return trouble?.class === 'waiting' || trouble?.class === 'unknown';
}
