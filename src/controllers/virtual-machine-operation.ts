// Reconciles a VirtualMachineOperation: tells what became of it, ties it to its VM, and deletes it when its time is over.
// It executes nothing: the reconcile of the VM does, and both ask the same rules.
import { API_VERSION } from '../api/object.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { deadlineOf, operationFate, type OperationFate } from '../domain/operations.ts';
import { findCondition } from '../kube/conditions.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { isNotFound } from '../kube/errors.ts';
import { patchStatus } from '../kube/status.ts';
import type { Context } from './context.ts';
import { expiryOf, isFinal, operationStatus } from './virtual-machine-operation-status.ts';
import { operationSurroundings, vmKeyOf } from './virtual-machine-operation-surroundings.ts';

/** Timers cannot be set for longer than 24 days, and a clock that was set wrong must not decide for as long. */
const LONGEST_WAIT_MS = 3_600_000;

/** How long the VM is left to end an operation whose deadline is over; a task of Proxmox VE is not cut off. */
const OVERDUE_RECHECK_MS = 60_000;

export interface OperationParts {
  context: Context;
  /** Makes a VM due at once. */
  enqueue(key: string): void;
}

/** `key` is `namespace/name` of the operation. */
export async function reconcileVirtualMachineOperation(
  key: string,
  { context, enqueue }: OperationParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const known = context.stores.virtualMachineOperations.get(key);
  if (known === undefined || known.metadata.deletionTimestamp !== undefined || signal.aborted) return { kind: 'done' };
  const { vm } = operationSurroundings(vmKeyOf(known), context);
  const operation = await ownedBy(vm, known, context);
  // Looked at again: what happened while the owner was written is not decided on the state before.
  const fate = await certainFate(operation, context);
  const told = await tell(operation, operationStatus(operation, fate, context.now()), context);
  if (isFinal(told.status)) return keepUntilExpiry(told, context);
  const deadline = deadlineOf(told);
  if (deadline === undefined || context.now() < deadline) return atTime(deadline, context);
  // It runs: to give it up is for the VM, which nothing else may lead to a look.
  enqueue(vmKeyOf(told));
  return { kind: 'after', ms: OVERDUE_RECHECK_MS };
}

/**
 * What becomes of the operation. That another one took its place is the one end that is told from what is missing in the
 * VM's status, and there a watch that lags behind looks the same: it is decided on what the API server has.
 */
async function certainFate(operation: VirtualMachineOperation, context: Context): Promise<OperationFate> {
  const surroundings = operationSurroundings(vmKeyOf(operation), context);
  const fate = operationFate(operation, surroundings);
  if (fate.kind !== 'refused' || fate.reason !== 'Interrupted') return fate;
  const { metadata, spec } = operation;
  const vm = await context.client.get(resources.virtualMachine, spec.virtualMachineName, metadata.namespace);
  return operationFate(operation, { ...surroundings, vm });
}

/** The operation with the VM as its owner, so that it goes when the VM goes; a final one stays as it is. */
async function ownedBy(
  vm: VirtualMachine | undefined,
  operation: VirtualMachineOperation,
  { client, stores }: Context,
): Promise<VirtualMachineOperation> {
  const { name, namespace, resourceVersion, ownerReferences = [] } = operation.metadata;
  const isOwned = ownerReferences.some(({ kind }) => kind === 'VirtualMachine');
  if (vm === undefined || isOwned || isFinal(operation.status)) return operation;
  const owner = {
    apiVersion: API_VERSION,
    kind: 'VirtualMachine',
    name: vm.metadata.name,
    uid: vm.metadata.uid ?? '',
  };
  const body = { metadata: { resourceVersion, ownerReferences: [...ownerReferences, owner] } };
  const type = resources.virtualMachineOperation;
  const owned = await client.patch(type, { name, namespace }, body, { kind: 'merge' });
  stores.virtualMachineOperations.observe(owned);
  return owned;
}

async function tell(
  operation: VirtualMachineOperation,
  status: NonNullable<VirtualMachineOperation['status']>,
  { client, stores, events }: Context,
): Promise<VirtualMachineOperation> {
  const { written, object } = await patchStatus(client, resources.virtualMachineOperation, operation, status);
  if (!written) return operation;
  stores.virtualMachineOperations.observe(object);
  const end = findCondition(status.conditions, 'Succeeded');
  if (end !== undefined && end.status !== 'Unknown') {
    const type = end.status === 'True' || end.reason === 'Superseded' ? 'Normal' : 'Warning';
    events.emit(object, { type, reason: end.reason, message: end.message });
  }
  return object;
}

async function keepUntilExpiry(operation: VirtualMachineOperation, context: Context): Promise<ReconcileResult> {
  const expiry = expiryOf(operation);
  if (expiry === undefined || context.now() < expiry) return atTime(expiry, context);
  const { name, namespace, uid } = operation.metadata;
  try {
    await context.client.delete(resources.virtualMachineOperation, name, namespace, { uid });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  context.stores.virtualMachineOperations.forget(operation);
  return { kind: 'done' };
}

function atTime(time: number | undefined, { now }: Context): ReconcileResult {
  if (time === undefined) return { kind: 'done' };
  return { kind: 'after', ms: Math.min(Math.max(0, time - now()), LONGEST_WAIT_MS) };
}
