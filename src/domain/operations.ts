// What becomes of an operation: a chain of rules over the operation, its VM and the other operations of that VM.
import type { Reason } from '../api/conditions.ts';
import { GROUP } from '../api/object.ts';
import {
  OPERATION_DEFAULTS,
  type OperationType,
  type VirtualMachineOperation,
} from '../api/virtual-machine-operation.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { ExecutedOperation, OperationStatus } from '../api/virtual-machine-status.ts';
import { operationDigest } from './operations-memory.ts';
import {
  deletionRefusal,
  powerRefusal,
  protectionRefusal,
  redeployRefusal,
  type Refusal,
} from './operations-refusals.ts';
import { isLater, supersedes } from './operations-order.ts';

/** Annotation on a VM that holds everything; any value but "false" does. */
export const PAUSE_ANNOTATION = `${GROUP}/pause`;

/** What an operation's fate hangs on besides itself. */
export interface OperationSurroundings {
  /** The VM that the operation names; undefined when there is none. */
  readonly vm: VirtualMachine | undefined;
  /** The operations of the same VM, this one included or not, in any order. */
  readonly siblings: readonly VirtualMachineOperation[];
  /** False only when a list that can be trusted does not show the VM; true when nothing is known. */
  readonly snapshotShowsVm: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What becomes of an operation; `running`, `waiting` and `next` are not final. */
export type OperationFate =
  /** It has its terminal condition already, which stays as it is. */
  | { readonly kind: 'settled' }
  | { readonly kind: 'finished'; readonly entry: ExecutedOperation }
  | { readonly kind: 'running'; readonly run: OperationStatus }
  /** The same request, as an object that is gone by now, was executed: `entry`. */
  | { readonly kind: 'alreadyExecuted'; readonly entry: ExecutedOperation }
  | ({ readonly kind: 'refused' } & Refusal)
  /** `by` is the name of the later operation. */
  | { readonly kind: 'superseded'; readonly by: string }
  | { readonly kind: 'expired' }
  | { readonly kind: 'waiting'; readonly reason: Reason; readonly message: string }
  /** Nothing is in its way; the oldest of these begins. */
  | { readonly kind: 'next' };

interface Case extends OperationSurroundings {
  readonly operation: VirtualMachineOperation;
}

type Rule = (facts: Case) => OperationFate | undefined;

/**
 * What is decided whatever the others want. What happened comes before what ought to happen: an operation that runs or
 * ran is told so, even when it would be refused by now.
 */
const FIRST_RULES: readonly Rule[] = [settled, finished, running, interrupted, executedBefore, refused, expired];

/** Why an operation that is to be executed does not begin now. */
const WAITING_RULES: readonly Rule[] = [superseded, withoutVm, paused, busy];

const INTERRUPTED: Refusal = {
  reason: 'Interrupted',
  message: 'The operation had begun, and another one took its place before it was done.',
};

/** What becomes of an operation. Pure. */
export function operationFate(operation: VirtualMachineOperation, surroundings: OperationSurroundings): OperationFate {
  const facts = { ...surroundings, operation };
  return decided(FIRST_RULES, facts) ?? decided(WAITING_RULES, facts) ?? { kind: 'next' };
}

/**
 * The operation of the VM that begins now, the oldest of those that may; undefined when there is none. `operations` are
 * those that name this VM.
 */
export function nextOperation(
  vm: VirtualMachine,
  operations: readonly VirtualMachineOperation[],
  { snapshotShowsVm, now }: Pick<OperationSurroundings, 'snapshotShowsVm' | 'now'>,
): VirtualMachineOperation | undefined {
  const surroundings = { vm, siblings: operations, snapshotShowsVm, now };
  return operations
    .filter((operation) => operationFate(operation, surroundings).kind === 'next')
    .reduce<VirtualMachineOperation | undefined>(
      (oldest, operation) => (oldest === undefined || isLater(oldest, operation) ? operation : oldest),
      undefined,
    );
}

/** When an operation that has not begun expires, in milliseconds since the epoch; undefined before the API server has it. */
export function deadlineOf({ metadata, spec }: Pick<VirtualMachineOperation, 'metadata' | 'spec'>): number | undefined {
  if (metadata.creationTimestamp === undefined) return undefined;
  const { deadlineSeconds = OPERATION_DEFAULTS.deadlineSeconds } = spec;
  return Date.parse(metadata.creationTimestamp) + deadlineSeconds * 1_000;
}

/** Whether a person holds everything for the VM. */
export function isPaused({ metadata }: Pick<VirtualMachine, 'metadata'>): boolean {
  return (metadata.annotations?.[PAUSE_ANNOTATION] ?? 'false') !== 'false';
}

function decided(rules: readonly Rule[], facts: Case): OperationFate | undefined {
  for (const rule of rules) {
    const fate = rule(facts);
    if (fate !== undefined) return fate;
  }
  return undefined;
}

function settled({ operation }: Case): OperationFate | undefined {
  const condition = operation.status?.conditions?.find(({ type }) => type === 'Succeeded');
  return condition === undefined || condition.status === 'Unknown' ? undefined : { kind: 'settled' };
}

function finished({ operation, vm }: Case): OperationFate | undefined {
  const entry = vm?.status?.executedOperations?.find(({ uid }) => uid === operation.metadata.uid);
  return entry === undefined ? undefined : { kind: 'finished', entry };
}

function running({ operation, vm }: Case): OperationFate | undefined {
  const run = vm?.status?.operation;
  return run?.request?.uid === undefined || run.request.uid !== operation.metadata.uid
    ? undefined
    : { kind: 'running', run };
}

// It neither runs nor ended by itself, so another one took its place. Beginning it once more is for a person to ask.
function interrupted({ operation, vm }: Case): OperationFate | undefined {
  if (operation.status?.startedAt === undefined || vm === undefined) return undefined;
  return { kind: 'refused', ...(deletionRefusal(operation, vm) ?? INTERRUPTED) };
}

function executedBefore({ operation, vm }: Case): OperationFate | undefined {
  const remembered = vm?.status?.executedOperations?.filter((entry) => entry.remembered) ?? [];
  if (remembered.length === 0) return undefined;
  const digest = operationDigest(operation);
  const entry = remembered.find((candidate) => candidate.digest === digest);
  return entry === undefined ? undefined : { kind: 'alreadyExecuted', entry };
}

function refused({ operation, vm, snapshotShowsVm }: Case): OperationFate | undefined {
  const refusal = deletionRefusal(operation, vm) ?? (vm && typeRefusal(operation, vm, snapshotShowsVm));
  return refusal === undefined ? undefined : { kind: 'refused', ...refusal };
}

function typeRefusal(
  operation: VirtualMachineOperation,
  vm: VirtualMachine,
  snapshotShowsVm: boolean,
): Refusal | undefined {
  const { type } = operation.spec;
  const protection = protectionRefusal(operation, vm);
  if (protection !== undefined) return protection;
  return type === 'Redeploy' ? redeployRefusal(vm, snapshotShowsVm) : powerRefusal(type, vm);
}

function expired({ operation, now }: Case): OperationFate | undefined {
  const deadline = deadlineOf(operation);
  return deadline === undefined || now < deadline ? undefined : { kind: 'expired' };
}

function superseded(facts: Case): OperationFate | undefined {
  let latest: VirtualMachineOperation | undefined;
  for (const sibling of facts.siblings) {
    if (!supersedes(sibling, facts.operation) || (latest !== undefined && !isLater(sibling, latest))) continue;
    // One that is refused itself, or was done long ago, takes the place of nothing.
    if (decided(FIRST_RULES, { ...facts, operation: sibling }) === undefined) latest = sibling;
  }
  return latest === undefined ? undefined : { kind: 'superseded', by: latest.metadata.name };
}

function withoutVm({ operation, vm }: Case): OperationFate | undefined {
  if (vm !== undefined) return undefined;
  const message = `VirtualMachine ${operation.spec.virtualMachineName} does not exist yet.`;
  return { kind: 'waiting', reason: 'WaitingForVirtualMachine', message };
}

// An object is paused so that it deploys nothing before it has adopted the VM that is there.
function paused({ operation, vm }: Case): OperationFate | undefined {
  if (vm === undefined || !isPaused(vm) || operation.spec.type === 'Adopt') return undefined;
  const message = `The annotation ${PAUSE_ANNOTATION} holds everything for the VM.`;
  return { kind: 'waiting', reason: 'Paused', message };
}

function busy({ operation, vm }: Case): OperationFate | undefined {
  const { state, operation: run } = vm?.status ?? {};
  if (takesOver(operation.spec.type, state)) {
    // A task of Proxmox VE cannot be taken back: what it leaves must be seen first.
    if (run?.taskID === undefined) return undefined;
    return { kind: 'waiting', reason: 'WaitingForTask', message: 'A task of this VM runs in Proxmox VE.' };
  }
  if (run !== undefined) return queued(`Waits until ${runText(run)} is done.`);
  return state === 'ready' ? undefined : queued('Waits until the VM is ready.');
}

// Power operations run while the state stays `ready`: a deployment anew must not take the place of one.
function takesOver(type: OperationType, state: string | undefined): boolean {
  if (type === 'Redeploy') return state !== 'ready';
  return type === 'ResetStatus' || type === 'Adopt' || type === 'RetryTerminate';
}

function runText({ machine, request }: OperationStatus): string {
  return request === undefined ? `the pipeline ${machine}` : `operation ${request.name} (${request.type})`;
}

function queued(message: string): OperationFate {
  return { kind: 'waiting', reason: 'Queued', message };
}
