// A VM that is being deleted: destroyed, retained, or let go by force; the object goes when nothing is left to look after.
import type { Condition } from '../api/object.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { ABNORMAL_CONDITIONS, type Reason } from '../api/conditions.ts';
import { nextOperation } from '../domain/operations.ts';
import { setCondition } from '../kube/conditions.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { removeFinalizer } from '../kube/finalizers.ts';
import { keyOf } from '../kube/types.ts';
import type { Advance } from '../machine/advance.ts';
import { openOperation } from '../machine/progress.ts';
import { terminate } from '../machines.ts';
import { tellRaised } from './condition-events.ts';
import { type Context, INDEX } from './context.ts';
import type { Reservation } from './allocations.ts';
import { type OperationEnd, withEndedOperation } from './executed-operations.ts';
import { withInheritedTask } from './inherited-task.ts';
import { FORCE_REMOVE_ANNOTATION } from './reset-status.ts';
import { runPipeline, type Turn, type VirtualMachineParts } from './run-pipeline.ts';
import { recordRun } from './runs.ts';
import { FINALIZER } from './finalizer.ts';
import { writeStatus } from './vm-status.ts';

export async function reconcileDeletion(
  vm: VirtualMachine,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context } = parts;
  if (vm.metadata.annotations?.[FORCE_REMOVE_ANNOTATION] === 'true') return leave(vm, FORCED, parts);
  if (vm.spec.deletionProtection === true) return protect(vm, context);
  if (vm.spec.deletionPolicy === 'Retain') return leave(vm, RETAINED, parts);
  const opening = {
    vm: { name: vm.metadata.name, uid: vm.metadata.uid ?? '' },
    nowMs: context.now(),
    trigger: TRIGGER,
  };
  const open = openOperation(terminate, withoutAbnormal(vm.status ?? {}, 'DeletionProtected', 'Paused'), opening);
  const status = withRetry(vm, withInheritedTask(vm.status?.operation, open), context);
  return runPipeline({ machine: terminate, vm, status, finish }, parts, signal);
}

const TRIGGER = 'VirtualMachine deleted';

/** A retry is an operation only so that it can be asked for: being looked at is what it wants. */
function withRetry(
  vm: VirtualMachine,
  status: VirtualMachineStatus,
  { stores, now }: Context,
  end: OperationEnd = { result: 'Succeeded', reason: 'Succeeded', message: 'The deletion was tried again.' },
): VirtualMachineStatus {
  const operations = stores.virtualMachineOperations.byIndex(INDEX.virtualMachine, keyOf(vm));
  const retry = nextOperation(vm, operations, { snapshotShowsVm: true, now: now() });
  return retry === undefined ? status : withEndedOperation(status, retry, end, now());
}

async function finish({ allocations, context, vm, visit }: Turn, result: Advance): Promise<ReconcileResult> {
  await recordRun(context, vm, { status: result.status, result: 'Succeeded' });
  // Once more, as the API server knows it: nothing may be held by an object that is gone.
  await allocations.releaseAll(vm);
  await letGo(visit.object, { context, allocations });
  context.log.info({ VirtualMachine: keyOf(vm), vmid: result.status.vmid }, 'Terminated virtual machine');
  return { kind: 'done' };
}

// The watch shows the end of the object only a moment later. What woke it until then, above all the release of its own
// reservations, would find it as it was and terminate it once more.
async function letGo(
  vm: VirtualMachine,
  { context, allocations }: Pick<VirtualMachineParts, 'context' | 'allocations'>,
): Promise<void> {
  // It counts until the last moment: what is still being taken down must not make room for another.
  await allocations.quotaSlots.releaseAll(vm);
  const { virtualMachines } = context.stores;
  const left = await removeFinalizer(context.client, resources.virtualMachine, vm, FINALIZER);
  if (left === undefined || (left.metadata.finalizers ?? []).length === 0) virtualMachines.forget(vm);
  else virtualMachines.observe(left);
}

/** Admission refuses to delete a protected object; where there is no admission, nothing is destroyed all the same. */
async function protect(vm: VirtualMachine, context: Context): Promise<ReconcileResult> {
  const message =
    'The object is being deleted and spec.deletionProtection is true: nothing is destroyed until it is false. To keep the machine for good, set spec.deletionPolicy to Retain with it.';
  const refused: OperationEnd = { result: 'Failed', reason: 'DeletionProtected', message };
  const status = withRetry(vm, vm.status ?? {}, context, refused);
  await showHeld({ ...vm, status }, context, { type: 'DeletionProtected', reason: 'DeletionProtected', message }, vm);
  return { kind: 'done' };
}

/** Shows that nothing is done for a VM, and why; its other conditions stay. `stored` is the VM as the API server has it. */
export async function showHeld(
  vm: VirtualMachine,
  context: Context,
  { type, reason, message }: { type: keyof typeof ABNORMAL_CONDITIONS; reason: Reason; message: string },
  stored = vm,
): Promise<void> {
  const observedGeneration = vm.metadata.generation ?? 0;
  const held = { type, status: 'True' as const, reason, message, observedGeneration };
  const conditions = setCondition(vm.status?.conditions ?? [], held, context.now());
  const status = { ...vm.status, conditions: conditions.filter(isNoProgress) };
  const { written, object } = await writeStatus(context, stored, status);
  if (written) tellRaised(context, stored, object, TOLD_WHEN_HELD);
}

/** Whoever asked for a deletion waits for its end. A pause was set by somebody who knows of it. */
const TOLD_WHEN_HELD: ReadonlySet<string> = new Set(['DeletionProtected']);

// kstatus: nothing is on its way while everything is held.
function isNoProgress({ type }: Condition): boolean {
  return type !== 'Reconciling';
}

export function withoutAbnormal(
  status: VirtualMachineStatus,
  ...types: readonly (keyof typeof ABNORMAL_CONDITIONS)[]
): VirtualMachineStatus {
  const gone: ReadonlySet<string> = new Set(types);
  const conditions = status.conditions?.filter(({ type }) => !gone.has(type));
  return conditions === undefined ? status : { ...status, conditions };
}

/** How an object is let go whose VM is not destroyed: what is told of it, where, and how loudly. */
interface Parting {
  /** What is told of the VM at `place`, once the object `key` is gone. */
  text(place: string, key: string): string;
  event: 'Normal' | 'Warning';
  level: 'info' | 'warn';
  logged: string;
}

/** The VM stays as it is. Its addresses stay reserved: it still uses them. */
const RETAINED: Parting = {
  text: (place, key) => `VM ${place} was retained when ${key} was deleted.`,
  event: 'Normal',
  level: 'info',
  logged: 'Retained virtual machine',
};

/** Proxmox VE is not touched. What may still be there keeps its reservations, which say so. */
const FORCED: Parting = {
  text: (place, key) => `VM ${place} may be left: ${key} was removed by force.`,
  event: 'Warning',
  level: 'warn',
  logged: 'Removed by force',
};

async function leave(
  vm: VirtualMachine,
  { text, event, level, logged }: Parting,
  { context, allocations }: VirtualMachineParts,
): Promise<ReconcileResult> {
  const held = await allocations.allHeld(vm);
  if (neverExisted(vm, held)) {
    await allocations.releaseAll(vm);
  } else {
    const message = text(whereabouts(vm, held), keyOf(vm));
    await allocations.leaveBehind(vm, message);
    // A namespace that is being deleted takes no events: the reservations and the log tell it too.
    context.events.emit(vm, { type: event, reason: 'LeftBehind', message });
    context.log[level]({ VirtualMachine: keyOf(vm), vmid: vm.status?.vmid, node: vm.status?.node }, logged);
  }
  await letGo(vm, { context, allocations });
  return { kind: 'done' };
}

// A VMID is reserved before anything is made under it, and given back only when nothing can be made under it any more.
function neverExisted({ status }: VirtualMachine, held: readonly Reservation[]): boolean {
  return status?.vmid === undefined && status?.operation?.intent?.action !== 'clone' && vmidsOf(held).length === 0;
}

function vmidsOf(held: readonly Reservation[]): number[] {
  return held.flatMap(({ spec }) => ('vmid' in spec ? [spec.vmid] : []));
}

function whereabouts({ status }: VirtualMachine, held: readonly Reservation[]): string {
  const { vmid = vmidsOf(held)[0], node, clusterName } = status ?? {};
  if (vmid === undefined) return 'without a VMID';
  return `${vmid}${node === undefined ? '' : ` on node ${node}`}${clusterName === undefined ? '' : ` of cluster ${clusterName}`}`;
}
