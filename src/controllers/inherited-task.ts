// A task that one pipeline began and the next one waits for: its failure is told as that of the step which began it.
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { Advance } from '../machine/advance.ts';
import type { Machine } from '../machine/vocabulary.ts';
import { machineNamed } from '../machines.ts';

const LONGEST_MESSAGE = 300;

/** The status with the pipeline that has just been opened, and whose the task is that it has taken over, if there is one. */
export function withInheritedTask(
  before: OperationStatus | undefined,
  status: VirtualMachineStatus,
): VirtualMachineStatus {
  const { operation } = status;
  const taskID = operation?.taskID;
  if (operation === undefined || taskID === undefined || before?.step === undefined) return status;
  if (before.machine === operation.machine || before.taskID !== taskID) return status;
  return { ...status, operation: { ...operation, inherited: { machine: before.machine, step: before.step, taskID } } };
}

/** A task that has failed, and the error that its pipeline ends its pass with. */
export interface FailedTask {
  upid: string;
  failure: Error;
}

/** How a pass of `machine` ended, and the pipeline that it is told of: the one before, where a task of that one failed. */
export function blamed(
  machine: Machine,
  result: Advance,
  failed: FailedTask | undefined,
): { machine: Machine; result: Advance } {
  const inherited = result.status.operation?.inherited;
  const isInherited = failed !== undefined && inherited?.taskID === failed.upid && result.cause === failed.failure;
  const before = isInherited ? machineNamed(inherited.machine) : undefined;
  const current = before?.entries.find(({ step }) => step.id === inherited?.step);
  if (before === undefined || current === undefined || result.trouble === undefined) return { machine, result };
  const message = `A task of the pipeline ${before.name}, which ${machine.name} has taken the place of: ${result.trouble.message}`;
  const trouble = { ...result.trouble, message: message.slice(0, LONGEST_MESSAGE) };
  return { machine: before, result: { ...result, current, trouble } };
}
