// What a VM remembers of the operations that it has executed. It is written together with the end of their pipeline.
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { ExecutedOperation, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { isRemembered, operationDigest, withExecuted } from '../domain/operations-memory.ts';
import { isoTime } from '../machine/progress.ts';

export type OperationEnd = Pick<
  ExecutedOperation,
  'result' | 'reason' | 'message' | 'observations' | 'vmid' | 'runName'
>;

/** The end of the operation that asked for the running pipeline, if one did. */
export function withEndedRequest(status: VirtualMachineStatus, end: OperationEnd, nowMs: number): VirtualMachineStatus {
  const { request, runName, startedAt } = status.operation ?? {};
  if (request === undefined) return status;
  const times = { startedAt, completedAt: isoTime(nowMs) };
  const entry = { ...request, ...end, ...times, ...(runName === undefined ? {} : { runName }) };
  return { ...status, executedOperations: withExecuted(status.executedOperations, entry) };
}

/** Another one takes the place of the pipeline: who asked for it must not begin once more by itself. */
export function withInterruptedRequest(status: VirtualMachineStatus, by: string, nowMs: number): VirtualMachineStatus {
  const message = `The operation had begun, and ${by} took its place before it was done.`;
  return withEndedRequest(status, { result: 'Failed', reason: 'Interrupted', message }, nowMs);
}

/** The end of an operation that needed no pipeline. */
export function withEndedOperation(
  status: VirtualMachineStatus,
  operation: VirtualMachineOperation,
  end: OperationEnd,
  nowMs: number,
): VirtualMachineStatus {
  const { name, uid = '' } = operation.metadata;
  const entry = {
    uid,
    name,
    type: operation.spec.type,
    digest: operationDigest(operation),
    remembered: isRemembered(operation),
    ...end,
    completedAt: isoTime(nowMs),
  };
  return { ...status, executedOperations: withExecuted(status.executedOperations, entry) };
}
