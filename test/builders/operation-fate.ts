// Asks for the fate of an operation in a few words: kind, and the reason, name or result that belongs to it.
import type { VirtualMachineOperation } from '../../src/api/virtual-machine-operation.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import type { ExecutedOperation, OperationStatus, VirtualMachineStatus } from '../../src/api/virtual-machine-status.ts';
import { isRemembered, operationDigest } from '../../src/domain/operations-memory.ts';
import { type OperationFate, operationFate } from '../../src/domain/operations.ts';
import { anOwner } from './facts.ts';
import { anExecution, anOperation } from './operations.ts';

/** When the operations of `anOperation` were created, in milliseconds since the epoch. */
export const CREATED = Date.parse('2026-03-01T10:00:00Z');
export const HOUR_MS = 3_600_000;

const owner = anOwner();

/** web-1, ready and idle unless something else is said. */
export function aVm({
  status = { state: 'ready' },
  spec,
  deleted = false,
  annotations,
}: {
  status?: VirtualMachineStatus;
  spec?: Partial<VirtualMachineSpec>;
  deleted?: boolean;
  annotations?: Record<string, string>;
} = {}): VirtualMachine {
  const deletionTimestamp = deleted ? '2026-03-01T10:00:00Z' : undefined;
  return {
    ...owner,
    metadata: { ...owner.metadata, deletionTimestamp, annotations },
    spec: { ...owner.spec, ...spec },
    status,
  };
}

/** A pipeline under way, a deploy unless something else is said. */
export function aRun(change: Partial<OperationStatus> = {}): OperationStatus {
  return { machine: 'deploy', startedAt: '2026-03-01T09:59:00Z', ...change };
}

/** What a pipeline says of the operation that asked for it. */
export function requestOf(operation: VirtualMachineOperation): NonNullable<OperationStatus['request']> {
  const { metadata, spec } = operation;
  const memory = { digest: operationDigest(operation), remembered: isRemembered(operation) };
  return { name: metadata.name, uid: metadata.uid ?? '', type: spec.type, ...memory };
}

/** What a VM knows of this very operation after executing it. */
export function executed(
  operation: VirtualMachineOperation,
  change: Partial<ExecutedOperation> = {},
): ExecutedOperation {
  return anExecution({ ...requestOf(operation), ...change });
}

/** The status of an operation with its condition. */
export function succeeded(status: 'True' | 'False' | 'Unknown'): VirtualMachineOperation['status'] {
  return { conditions: [{ type: 'Succeeded', status, reason: 'x', message: '', lastTransitionTime: '' }] };
}

/** An operation and what is around it: a reboot of an idle VM that is shown, asked for at this moment. */
export interface FateRow {
  name: string;
  operation?: VirtualMachineOperation;
  vm?: VirtualMachine;
  siblings?: VirtualMachineOperation[];
  shown?: boolean;
  now?: number;
}

export function fateOf(row: FateRow): OperationFate {
  const { operation = anOperation('Reboot'), siblings = [], shown = true, now = CREATED } = row;
  const vm = 'vm' in row ? row.vm : aVm();
  return operationFate(operation, { vm, siblings: [operation, ...siblings], snapshotShowsVm: shown, now });
}

export function said(row: FateRow): string {
  const fate = fateOf(row);
  switch (fate.kind) {
    case 'waiting':
    case 'refused':
      return `${fate.kind} ${fate.reason}`;
    case 'superseded':
      return `superseded by ${fate.by}`;
    case 'finished':
    case 'alreadyExecuted':
      return `${fate.kind} ${fate.entry.result}`;
    case 'running':
      return `running ${fate.run.machine}`;
    default:
      return fate.kind;
  }
}
