// Statuses as the search compares them: without what nothing is decided by, each kept once and known by a number.
import { at, NOW } from '../builders/facts.ts';
import { TICK_MS, type VmStatus } from './model-world.ts';

type Operation = NonNullable<VmStatus['operation']>;

const kept = new Map<string, VmStatus>();
const numbers = new WeakMap<VmStatus, number>();
const olderOnes = new WeakMap<VmStatus, VmStatus>();

const LONG_AGO = at(-3600);
/** Older than this nothing is told apart. */
const OLDEST_TICKS = 3;
/** Actions after which something is decided by the time that has passed. */
const TIMED: ReadonlySet<string> = new Set(['clone', 'shutdown', 'stop']);

/**
 * The status as it is stored: records for people go, and so does what follows from the design, which never changes;
 * moments become ages in whole ticks. Equal ones are the same object.
 */
export function canonicalStatus(status: VmStatus): VmStatus {
  if (numbers.has(status)) return status;
  return once(compared(status, 0));
}

/** The canonical status, a tick later. */
export function aTickOlder(status: VmStatus): VmStatus {
  const known = olderOnes.get(status);
  if (known !== undefined) return known;
  const older = once(compared(status, TICK_MS));
  olderOnes.set(status, older);
  return older;
}

function compared(status: VmStatus, passedMs: number): VmStatus {
  const { clusterName, state, vmid, node, powerState, operation, clonedAt, cloneUnansweredAt, settledAt } = status;
  return {
    clusterName,
    state,
    vmid,
    node,
    powerState,
    ...(clonedAt === undefined ? {} : { clonedAt: LONG_AGO }),
    ...(cloneUnansweredAt === undefined ? {} : { cloneUnansweredAt: agedTime(cloneUnansweredAt, passedMs) }),
    ...(settledAt === undefined ? {} : { settledAt: LONG_AGO }),
    ...(operation === undefined ? {} : { operation: comparedOperation(operation, passedMs) }),
  };
}

function comparedOperation(operation: Operation, passedMs: number): Operation {
  const { steps: _steps, runName: _name, from: _from, stepStartedAt: _began, changed: _changed, ...rest } = operation;
  const { taskIDs, intent, ...others } = rest;
  return {
    ...others,
    startedAt: LONG_AGO,
    // Whether there was a task is looked at, which one is not.
    taskIDs: taskIDs === undefined ? undefined : ['a task'],
    intent: intent === undefined ? undefined : { ...intent, attempt: 1, sentAt: aged(intent, passedMs) },
  };
}

function aged({ action, sentAt }: NonNullable<Operation['intent']>, passedMs: number): string {
  if (!TIMED.has(action)) return LONG_AGO;
  return agedTime(sentAt, passedMs);
}

function agedTime(time: string, passedMs: number): string {
  const ticks = Math.min(OLDEST_TICKS, Math.floor((NOW + passedMs - Date.parse(time)) / TICK_MS));
  return at((-ticks * TICK_MS) / 1000);
}

function once(status: VmStatus): VmStatus {
  const text = textOf(status);
  const before = kept.get(text);
  if (before !== undefined) return before;
  kept.set(text, status);
  numbers.set(status, kept.size);
  return status;
}

// The order in which fields were added says nothing.
function textOf({ operation, ...rest }: VmStatus): string {
  return JSON.stringify([sortedFields(rest), operation === undefined ? [] : sortedFields(operation)]);
}

function sortedFields(value: object): unknown[] {
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** The number of a canonical status. */
export function statusNumber(status: VmStatus): number {
  const number = numbers.get(status);
  if (number === undefined) throw new TypeError('The status was not made canonical.');
  return number;
}
