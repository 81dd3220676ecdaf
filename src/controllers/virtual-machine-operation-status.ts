// Decides what the status of an operation says, and until when its object is kept.
import type { Reason } from '../api/conditions.ts';
import {
  OPERATION_DEFAULTS,
  type VirtualMachineOperation,
  type VirtualMachineOperationStatus,
} from '../api/virtual-machine-operation.ts';
import type { ExecutedOperation } from '../api/virtual-machine-status.ts';
import type { OperationFate } from '../domain/operations.ts';
import { findCondition, setCondition, timestamp } from '../kube/conditions.ts';

type Spec = VirtualMachineOperation['spec'];

interface Said {
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

/** The status of an operation with this fate. `now` is in milliseconds since the epoch. */
export function operationStatus(
  operation: VirtualMachineOperation,
  fate: OperationFate,
  now: number,
): VirtualMachineOperationStatus {
  const { metadata, status = {} } = operation;
  if (fate.kind === 'settled') return status;
  const observedGeneration = metadata.generation;
  const said = saidOf(operation, fate);
  const condition = { type: 'Succeeded', ...said, observedGeneration };
  return {
    ...status,
    ...(said.status === 'Unknown' ? {} : { completedAt: timestamp(now) }),
    ...timesOf(fate),
    observedGeneration,
    conditions: [...setCondition(status.conditions, condition, now)],
  };
}

/** Where the run began and ended, and what records it. */
function timesOf(fate: OperationFate): VirtualMachineOperationStatus {
  switch (fate.kind) {
    case 'running':
      return { startedAt: fate.run.startedAt, runName: fate.run.runName };
    case 'finished': {
      const { startedAt, completedAt, runName, observations } = fate.entry;
      return {
        // A short one is done before anybody has told that it runs.
        ...(startedAt === undefined ? {} : { startedAt }),
        completedAt,
        runName,
        ...(observations === undefined ? {} : { observations }),
      };
    }
    // The record is that of the first request: there is no other.
    case 'alreadyExecuted':
      return { runName: fate.entry.runName };
    default:
      return {};
  }
}

type Undecided = Exclude<OperationFate, { kind: 'settled' }>;

const SAYINGS: { readonly [K in Undecided['kind']]: (fate: Extract<Undecided, { kind: K }>, spec: Spec) => Said } = {
  finished: ({ entry }) => finishedWith(entry),
  running: ({ run }) => unknown('InProgress', `The pipeline ${run.machine} is under way.`),
  alreadyExecuted: ({ entry }) => alreadyExecuted(entry),
  refused: ({ reason, message }) => refused(reason, message),
  superseded: ({ by }) => refused('Superseded', `Operation ${by} was made later and takes the place of this one.`),
  expired: (_fate, { deadlineSeconds = OPERATION_DEFAULTS.deadlineSeconds }) =>
    refused('DeadlineExceeded', `It had not begun ${deadlineSeconds} s after its creation and is not executed.`),
  waiting: ({ reason, message }) => unknown(reason, message),
  next: () => unknown('Queued', 'The operation is about to begin.'),
};

function saidOf({ spec }: VirtualMachineOperation, fate: Undecided): Said {
  // The compiler does not see that the kind chooses the sentence for itself.
  return (SAYINGS[fate.kind] as (fate: Undecided, spec: Spec) => Said)(fate, spec);
}

function finishedWith({ result, reason, message, type }: ExecutedOperation): Said {
  if (result === 'Failed') return { status: 'False', reason, message: message ?? `${type} failed.` };
  return { status: 'True', reason, message: message ?? `${type} is done.` };
}

function alreadyExecuted({ completedAt, result, reason }: ExecutedOperation): Said {
  const end = result === 'Succeeded' ? 'succeeded' : `failed (${reason})`;
  return {
    status: result === 'Succeeded' ? 'True' : 'False',
    reason: 'AlreadyExecuted' satisfies Reason,
    message: `The same request was executed until ${completedAt} and ${end}. Give the operation another name to ask for it once more.`,
  };
}

function refused(reason: Reason, message: string): Said {
  return { status: 'False', reason, message };
}

function unknown(reason: Reason, message: string): Said {
  return { status: 'Unknown', reason, message };
}

/** Whether nothing changes the operation any more. */
export function isFinal(status: VirtualMachineOperationStatus | undefined): boolean {
  const condition = findCondition(status?.conditions, 'Succeeded');
  return condition !== undefined && condition.status !== 'Unknown';
}

/** When the object of a final operation is to be deleted, in milliseconds since the epoch; undefined for never. */
export function expiryOf({ spec, status }: VirtualMachineOperation): number | undefined {
  const { ttlSecondsAfterFinished } = spec;
  const end = status?.completedAt ?? findCondition(status?.conditions, 'Succeeded')?.lastTransitionTime;
  if (ttlSecondsAfterFinished === undefined || end === undefined || !isFinal(status)) return undefined;
  return Date.parse(end) + ttlSecondsAfterFinished * 1_000;
}
