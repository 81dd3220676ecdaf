// The reconcile of a VirtualMachine: finalizer first, then what it needs next, then one status write.
import type { PlanSpec } from '../api/plan.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { correctionDueMs } from '../domain/drift.ts';
import { deadlineOf, isPaused, nextOperation, PAUSE_ANNOTATION } from '../domain/operations.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { addFinalizer, hasFinalizer } from '../kube/finalizers.ts';
import { keyOf } from '../kube/types.ts';
import { closeOperation, operationOf } from '../machine/progress.ts';
import type { Machine } from '../machine/vocabulary.ts';
import { adopt } from './adopt.ts';
import { type Context, INDEX } from './context.ts';
import { reconcileDeletion, showHeld, withoutAbnormal } from './deletion.ts';
import { withSighting } from './drift.ts';
import { withEndedOperation, withEndedRequest, withInterruptedRequest } from './executed-operations.ts';
import { FINALIZER } from './finalizer.ts';
import { keepReady, powerOf, showsVm } from './keep-ready.ts';
import { nextWork, type NextWork, type Situation } from './next-pipeline.ts';
import { packageWish } from './package-wish.ts';
import { FORCE_REMOVE_ANNOTATION, resetStatus } from './reset-status.ts';
import { withReservationsKept } from './kept-reservations.ts';
import { runPipeline, type VirtualMachineParts } from './run-pipeline.ts';
import { writeStatus } from './vm-status.ts';

export async function reconcileVirtualMachine(
  key: string,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context } = parts;
  const found = context.stores.virtualMachines.get(key);
  if (found === undefined) return { kind: 'done' };
  if (isPaused(found)) return whilePaused(found, parts, signal);
  if (found.metadata.deletionTimestamp !== undefined) {
    if (!hasFinalizer(found, FINALIZER)) return { kind: 'done' };
    return reconcileDeletion(found, parts, signal);
  }
  const vm = await finalized(found, context);
  if (!(await countedIn(vm, parts, signal))) return { kind: 'after', ms: STOPPING_MS };
  return carryOut(nextWork(situationOf(withoutPause(vm), context)), vm, parts, signal);
}

async function finalized(found: VirtualMachine, { client, stores }: Context): Promise<VirtualMachine> {
  const vm = await addFinalizer(client, resources.virtualMachine, found, FINALIZER);
  if (vm !== found) stores.virtualMachines.observe(vm);
  return vm;
}

const STOPPING_MS = 1_000;

/** Has the VM counted in the quotas that it counts in, before anything is made for it; false when the operator stops. */
async function countedIn(vm: VirtualMachine, parts: VirtualMachineParts, signal: AbortSignal): Promise<boolean> {
  const { quotaSlots } = parts.allocations;
  const changes = quotaSlots.changesFor(vm);
  if (changes === undefined) return true;
  if (signal.aborted || !parts.context.leads()) return false;
  await quotaSlots.settle(vm, changes);
  return true;
}

// An object is paused so that it deploys nothing until it has adopted the VM that is there.
async function whilePaused(
  found: VirtualMachine,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { operation } = situationOf(found, parts.context);
  if (operation?.spec.type !== 'Adopt') return hold(found, parts.context);
  return adopt(await finalized(found, parts.context), operation, parts, signal);
}

async function hold(vm: VirtualMachine, context: Context): Promise<ReconcileResult> {
  const message = `The annotation ${PAUSE_ANNOTATION} is set: nothing is done with this VM until it is taken away.`;
  await showHeld(vm, context, { type: 'Paused', reason: 'Paused', message });
  return { kind: 'done' };
}

function withoutPause(vm: VirtualMachine): VirtualMachine {
  return vm.status === undefined ? vm : { ...vm, status: withoutAbnormal(vm.status, 'Paused') };
}

function situationOf(vm: VirtualMachine, context: Context): Situation {
  const now = context.now();
  const operations = context.stores.virtualMachineOperations.byIndex(INDEX.virtualMachine, keyOf(vm));
  const snapshotShowsVm = showsVm(vm, context);
  return {
    vm,
    now,
    operation: nextOperation(vm, operations, { snapshotShowsVm, now }),
    powerState: powerOf(vm, context),
    wish: (options) => packageWish(vm, context, options),
    plan: planBuiltFrom(vm, context),
    expired: operations.some((operation) => isRequestOf(operation, vm) && (deadlineOf(operation) ?? now) < now),
    correctsDrift: correctionDueMs(vm.spec, vm.status?.drift, now) === 0,
    isMissing: !snapshotShowsVm,
  };
}

// As for the design: without a revision of its own the VM is built from the plan as it stands.
function planBuiltFrom({ spec, status }: VirtualMachine, { stores }: Context): PlanSpec | undefined {
  const kept = stores.planRevisions.get(status?.planRevision ?? '');
  return kept?.spec.plan ?? stores.plans.get(spec.planRef.name)?.spec;
}

function isRequestOf({ metadata }: VirtualMachineOperation, { status }: VirtualMachine): boolean {
  return metadata.uid !== undefined && metadata.uid === status?.operation?.request?.uid;
}

async function carryOut(
  work: NextWork,
  vm: VirtualMachine,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context } = parts;
  switch (work.kind) {
    case 'run':
      return runPipeline({ machine: work.machine, vm, status: work.status }, parts, signal);
    case 'reset':
      return reset(vm, work.operation, context);
    case 'expire':
      return expire(vm, work.machine, context);
    case 'refuse':
      return end(vm, context, vm.status ?? {}, { operation: work.operation, ...work.explanation });
    case 'adopt':
      return adopt(vm, work.operation, parts, signal);
    case 'rest':
      return rest(vm, work.status, parts);
    default:
      return work satisfies never;
  }
}

async function rest(
  vm: VirtualMachine,
  status: VirtualMachineStatus,
  parts: VirtualMachineParts,
): Promise<ReconcileResult> {
  const kept = await withReservationsKept(vm, status, parts);
  const seen = await withSighting(vm, kept, parts);
  return keepReady({ ...vm, status: seen.status }, vm, parts.context, seen.sighting);
}

/** Writes down how an operation ended that runs no pipeline, and looks at the VM again. */
async function end(
  vm: VirtualMachine,
  context: Context,
  status: VirtualMachineStatus,
  { operation, reason, message }: { operation: VirtualMachineOperation; reason?: string; message?: string },
): Promise<ReconcileResult> {
  const result = reason === undefined ? 'Succeeded' : 'Failed';
  const ending = { result, reason: reason ?? 'Succeeded', message } as const;
  const ended = withEndedOperation(status, operation, ending, context.now());
  await writeStatus(context, vm, ended);
  return { kind: 'after', ms: 0 };
}

// A pipeline that would leave something half made goes on without the one who asked for it.
async function expire(vm: VirtualMachine, machine: Machine, context: Context): Promise<ReconcileResult> {
  const now = context.now();
  const message = machine.abandonable === true ? 'It was given up.' : 'The pipeline goes on all the same.';
  const ended = withEndedRequest(
    vm.status ?? {},
    { result: 'Failed', reason: 'DeadlineExceeded', message: `It was not done within its deadline. ${message}` },
    now,
  );
  const { request: _request, ...operation } = operationOf(ended);
  const status = machine.abandonable === true ? closeOperation(ended, now) : { ...ended, operation };
  await writeStatus(context, vm, status);
  return { kind: 'after', ms: 0 };
}

async function reset(
  vm: VirtualMachine,
  operation: VirtualMachineOperation,
  context: Context,
): Promise<ReconcileResult> {
  const target = operation.spec.resetStatus?.state ?? 'ready';
  const isEnd = target === 'remove' || target === 'terminate';
  // The deletion first: an operation that is told to be done must not lose what it was for.
  const current = isEnd ? await requestDeletion(vm, target === 'remove', context) : vm;
  const interrupted = withInterruptedRequest(vm.status ?? {}, `operation ${operation.metadata.name}`, context.now());
  return end(current, context, resetStatus(interrupted, target), { operation });
}

/** Deletes the object, which its finalizer holds until everything is given back. Returns it as it is then. */
async function requestDeletion(vm: VirtualMachine, byForce: boolean, { client }: Context): Promise<VirtualMachine> {
  const { name, namespace = '', uid } = vm.metadata;
  if (byForce) {
    const body = { metadata: { uid, annotations: { [FORCE_REMOVE_ANNOTATION]: 'true' } } };
    await client.patch(resources.virtualMachine, { name, namespace }, body, { kind: 'merge' });
  }
  await client.delete(resources.virtualMachine, name, namespace, { uid });
  return client.get(resources.virtualMachine, name, namespace);
}
