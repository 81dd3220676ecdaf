// The reconcile of a VirtualMachine: finalizer first, then the pipeline that its state asks for, then one status write.
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../kube/finalizers.ts';
import { keyOf } from '../kube/types.ts';
import { type Advance, advance } from '../machine/advance.ts';
import { clearedBy } from '../machine/conditions.ts';
import type { ObservedVm } from '../machine/facts.ts';
import { closeOperation, isoTime, openOperation } from '../machine/progress.ts';
import type { Machine, MachineEntry } from '../machine/vocabulary.ts';
import { deploy, terminate } from '../machines.ts';
import type { Trouble } from '../machine/outcome.ts';
import type { Allocations } from './allocations.ts';
import type { Context } from './context.ts';
import type { CredentialSource } from './credentials.ts';
import { FIRST_SIGHT_MS, keepReady } from './keep-ready.ts';
import { withPackageCondition } from './pending-changes.ts';
import { recordRun } from './runs.ts';
import { VirtualMachineVisit } from './visit.ts';

export const FINALIZER = 'pve-operator.io/virtual-machine';

export interface VirtualMachineParts {
  context: Context;
  allocations: Allocations;
  credentials: CredentialSource;
  /** Makes a VM due at once. */
  enqueue(key: string): void;
}

export async function reconcileVirtualMachine(
  key: string,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context } = parts;
  const found = context.stores.virtualMachines.get(key);
  if (found === undefined) return { kind: 'done' };
  if (found.metadata.deletionTimestamp !== undefined) {
    if (!hasFinalizer(found, FINALIZER)) return { kind: 'done' };
    return runMachine(terminate, found, parts, signal);
  }
  const vm = await addFinalizer(context.client, resources.virtualMachine, found, FINALIZER);
  if (vm !== found) context.stores.virtualMachines.observe(vm);
  if (vm.status?.state === 'ready' && vm.status.operation === undefined) {
    await keepReservations(vm, parts);
    return keepReady(vm, context);
  }
  return runMachine(deploy, vm, parts, signal);
}

// An address or a VMID that nothing holds any more would be given to the next VM.
async function keepReservations(vm: VirtualMachine, { allocations, context }: VirtualMachineParts): Promise<void> {
  const lost = await allocations.restoreMissing(vm);
  if (lost.length === 0) return;
  const message = `Reserved for another object meanwhile: ${lost.join(', ')}. Two machines may be using the same.`;
  context.events.emit(vm, { type: 'Warning', reason: 'IdentityMismatch', message });
}

/** One pass of one pipeline over one VM. */
interface Turn {
  context: Context;
  allocations: Allocations;
  machine: Machine;
  vm: VirtualMachine;
  visit: VirtualMachineVisit;
}

async function runMachine(
  machine: Machine,
  vm: VirtualMachine,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context, allocations, credentials } = parts;
  const wake = () => parts.enqueue(keyOf(vm));
  const visit = new VirtualMachineVisit({ context, allocations, credentials, machine, vm, signal, wake });
  const turn: Turn = { context, allocations, machine, vm, visit };
  const owner = { name: vm.metadata.name, uid: vm.metadata.uid ?? '' };
  const status = openOperation(machine, vm.status ?? {}, owner, context.now());
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
  const seen = { ...result, notes: [...clearedBy(observed), ...result.notes] };
  return result.complete ? finish(turn, seen) : pause(turn, seen);
}

async function finish(turn: Turn, result: Advance): Promise<ReconcileResult> {
  const { allocations, context, machine, vm, visit } = turn;
  if (machine === terminate) {
    await recordRun(context, vm, { status: result.status, result: 'Succeeded' });
    // Once more, as the API server knows it: nothing may be held by an object that is gone.
    await allocations.releaseAll(vm);
    await letGo(turn);
    context.log.info({ VirtualMachine: keyOf(vm), vmid: result.status.vmid }, 'Terminated virtual machine');
    return { kind: 'done' };
  }
  const built = { ...result.status, observedGeneration: vm.metadata.generation ?? 0 };
  const status = withPackageCondition(vm, built, context);
  // The record first: after the status nobody comes back to it, and who waits for Ready wants to read it whole.
  await recordRun(context, vm, { status, result: 'Succeeded' });
  await visit.write(status, { notes: result.notes }, closeOperation(status));
  context.events.emit(vm, { type: 'Normal', reason: 'Ready', message: readyMessage(status) });
  return { kind: 'after', ms: FIRST_SIGHT_MS };
}

// The watch shows the end of the object only a moment later. What woke it until then, above all the release of its own
// reservations, would find it as it was and terminate it once more.
async function letGo({ context, visit }: Turn): Promise<void> {
  const { virtualMachines } = context.stores;
  const left = await removeFinalizer(context.client, resources.virtualMachine, visit.object, FINALIZER);
  if (left === undefined || (left.metadata.finalizers ?? []).length === 0) virtualMachines.forget(visit.object);
  else virtualMachines.observe(left);
}

function readyMessage({ vmid, node, addresses }: VirtualMachineStatus): string {
  const address = addresses?.[0]?.address;
  return `Virtual machine ${vmid} is ready on node ${node}${address === undefined ? '' : ` with address ${address}`}.`;
}

async function pause(turn: Turn, result: Advance): Promise<ReconcileResult> {
  const { context, machine, visit } = turn;
  const { trouble, current, notes } = result;
  if (trouble === undefined) return { kind: 'done' };
  const status = withFailure(machine, result, trouble, context.now());
  await visit.write(status, { current, trouble, notes });
  context.metrics.troubles.inc({ reason: trouble.reason, class: trouble.class });
  if (isFailure(trouble)) await reportFailure(turn, result, trouble);
  return trouble.requeue;
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

async function reportFailure({ context, vm, visit }: Turn, result: Advance, trouble: Trouble): Promise<void> {
  const { current } = result;
  const title = current?.step.title ?? 'Pipeline';
  context.events.emit(vm, { type: 'Warning', reason: trouble.reason, message: `${title}: ${trouble.message}` });
  const fields = { VirtualMachine: keyOf(vm), step: current?.step.id, reason: trouble.reason };
  if (trouble.class === 'defect') context.log.error({ ...fields, err: result.cause }, 'Meeting a defect');
  else context.log.warn({ ...fields, problem: trouble.message }, 'Waiting for help');
  const status = visit.object.status ?? result.status;
  await visit.openRecord(status);
  await recordRun(context, vm, { status, result: 'Failed', trouble });
}

function reportStep({ context, machine, vm }: Turn, entry: MachineEntry, status: VirtualMachineStatus): void {
  const record = status.operation?.steps?.find(({ name, to }) => name === entry.step.title && to === entry.state);
  if (record === undefined) return;
  const { number, name, result, message, from, to, durationMs } = record;
  context.metrics.stepSeconds.observe({ machine: machine.name, step: entry.step.id, result }, durationMs / 1000);
  const where = { VirtualMachine: keyOf(vm), vmid: status.vmid, machine: machine.name };
  context.log.info({ ...where, number, result, from, to, durationMs, why: message }, name);
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
