// Computes every condition of a VM from its progress. Conditions are a mirror for people; no logic reads them.
import {
  ABNORMAL_CONDITIONS,
  type ConditionType,
  type Reason,
  STEP_CONDITIONS,
  type StepCondition,
} from '../api/conditions.ts';
import type { Condition } from '../api/object.ts';
import type { StepRecord, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { sentence } from '../domain/sentence.ts';
import { type PowerSpec, standing } from '../domain/standing.ts';
import type { ObservedVm } from './facts.ts';
import type { Trouble } from './outcome.ts';
import type { ConditionNote, Machine, MachineEntry } from './vocabulary.ts';

export interface Mirror {
  machine: Machine;
  spec: PowerSpec;
  status: VirtualMachineStatus;
  /** The step whose turn it is; undefined when the pipeline is complete. */
  current?: MachineEntry;
  trouble?: Trouble;
  notes: readonly ConditionNote[];
  generation: number;
  now: string;
}

const LONGEST_MESSAGE = 300;

type Wanted = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** The conditions that a status should show; identical input gives identical output, so that nothing flaps. */
export function mirrorConditions(mirror: Mirror): Condition[] {
  const wanted = new Map<string, Wanted>();
  for (const condition of [...stepConditions(mirror), ...summaryConditions(mirror), ...noteConditions(mirror)]) {
    wanted.set(condition.type, condition);
  }
  const kept = keptConditions(mirror).filter((condition) => !wanted.has(condition.type));
  return [...kept, ...[...wanted.values()].map((condition) => dated(condition, mirror))].sort(byOrder);
}

// A condition that several steps share shows the last of them.
function stepConditions(mirror: Mirror): Wanted[] {
  const { machine, status, current, trouble } = mirror;
  if (machine.removes === true) return undoneConditions(mirror);
  const records = status.operation?.steps ?? [];
  const done = machine.entries.flatMap((entry, index): Wanted[] => {
    const record = records.find((candidate) => candidate.number === index + 1);
    return record === undefined ? [] : [recordedCondition(entry, record, status)];
  });
  if (current === undefined) return done;
  const reason = trouble?.reason ?? 'InProgress';
  const message = trouble?.message ?? `${current.step.title} is under way.`;
  return [...done, { type: current.step.condition, status: 'False', reason, message }];
}

// A deletion takes back what a deploy has made; until its step is done, what was made is still there.
function undoneConditions({ machine, status }: Mirror): Wanted[] {
  const done = new Set((status.operation?.steps ?? []).map(({ number }) => number));
  const made = new Set((status.conditions ?? []).filter((one) => one.status === 'True').map(({ type }) => type));
  return machine.entries.flatMap(({ step }, index): Wanted[] => {
    // What several steps take away is gone with the last of them.
    const isLast = machine.entries.findLastIndex((other) => other.step.condition === step.condition) === index;
    if (!isLast || !done.has(index + 1) || !made.has(step.condition)) return [];
    const message = `${step.title} is done, because the object is being deleted.`;
    return [{ type: step.condition, status: 'False', reason: 'Terminating', message }];
  });
}

function recordedCondition({ step }: MachineEntry, record: StepRecord, status: VirtualMachineStatus): Wanted {
  if (step.undoes === true) {
    const message = `${step.title} is done; what was there is made anew.`;
    return { type: step.condition, status: 'False', reason: 'InProgress', message };
  }
  const shortfall = step.shortfall?.(status);
  if (shortfall !== undefined) return { type: step.condition, status: 'False', ...shortfall };
  const reason = record.result === 'Skipped' ? 'Skipped' : 'Succeeded';
  return { type: step.condition, status: 'True', reason, message: messageOf(step, record) };
}

function messageOf({ condition }: MachineEntry['step'], { message }: StepRecord): string {
  return message === undefined ? STEP_CONDITIONS[condition] : sentence(message).slice(0, LONGEST_MESSAGE);
}

function summaryConditions(mirror: Mirror): Wanted[] {
  const { current, trouble, status, spec } = mirror;
  if (current === undefined) {
    const { reason, message } = standing(spec, status.powerState);
    return [ready('True', reason, message)];
  }
  const step = current.step.title;
  const message = trouble === undefined ? `${step} is under way.` : `${step}: ${trouble.message}`;
  const reason = summaryReason(mirror);
  const stalled = trouble?.class === 'stalled' || trouble?.class === 'defect';
  return [
    ready('False', reason, message),
    stalled
      ? { type: 'Stalled', status: 'True', reason, message }
      : { type: 'Reconciling', status: 'True', reason, message },
  ];
}

/** What takes its normal course has the reason of the whole: of a deletion people want to see that it is one. */
function summaryReason({ machine, trouble }: Mirror): Reason {
  const reason = trouble?.reason ?? 'InProgress';
  return machine.removes === true && NORMAL_COURSE.has(reason) ? 'Terminating' : reason;
}

const NORMAL_COURSE: ReadonlySet<Reason> = new Set(['InProgress', 'WaitingForTask']);

function ready(status: 'True' | 'False', reason: Reason, message: string): Wanted {
  return { type: 'Ready', status, reason, message };
}

function noteConditions({ notes, trouble }: Mirror): Wanted[] {
  const raised = notes.flatMap((note): Wanted[] =>
    note.reason === undefined
      ? []
      : [{ type: note.type, status: 'True', reason: note.reason, message: note.message ?? '' }],
  );
  return [...raised, ...abnormalOfTrouble(trouble)];
}

const TROUBLE_CONDITIONS: Partial<Record<Reason, ConditionType>> = {
  WaitingForLock: 'Locked',
  IdentityMismatch: 'IdentityMismatch',
  CloneBroken: 'LeftBehind',
};

function abnormalOfTrouble(trouble: Trouble | undefined): Wanted[] {
  const type = trouble === undefined ? undefined : TROUBLE_CONDITIONS[trouble.reason];
  return type === undefined ? [] : [{ type, status: 'True', reason: trouble!.reason, message: trouble!.message }];
}

/**
 * The abnormal conditions that a sight of the VM shows to be over. Without one none is: a pass that did not get as far as
 * looking knows nothing of a lock.
 */
export function clearedBy(observed: ObservedVm | undefined): ConditionNote[] {
  if (observed === undefined) return [];
  const lock = observed.kind === 'ours' ? observed.lock : undefined;
  const isUnfinished = observed.kind === 'cloning' || lock === 'clone';
  return [
    ...(lock === undefined ? [{ type: 'Locked' as const }] : []),
    ...(observed.kind === 'foreign' ? [] : [{ type: 'IdentityMismatch' as const }]),
    ...(isUnfinished ? [] : [{ type: 'LeftBehind' as const }]),
  ];
}

// Conditions of steps already recorded in an earlier run stay until their step is done again, abnormal ones until
// something clears them; summaries are computed anew.
function keptConditions({ status, notes }: Mirror): Condition[] {
  const cleared = new Set(notes.filter((note) => note.reason === undefined).map((note) => note.type as string));
  return (status.conditions ?? []).filter(
    ({ type }) =>
      type in STEP_CONDITIONS || type === 'PackageUpToDate' || (type in ABNORMAL_CONDITIONS && !cleared.has(type)),
  );
}

function dated(wanted: Wanted, { status, generation, now }: Mirror): Condition {
  const before = (status.conditions ?? []).find((condition) => condition.type === wanted.type);
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : now;
  return { ...wanted, lastTransitionTime, observedGeneration: generation };
}

const ORDER: readonly string[] = [
  'Ready',
  'Stalled',
  'Reconciling',
  'PackageUpToDate',
  ...Object.keys(ABNORMAL_CONDITIONS),
  ...(Object.keys(STEP_CONDITIONS) as StepCondition[]),
];

function byOrder(left: Condition, right: Condition): number {
  return ORDER.indexOf(left.type) - ORDER.indexOf(right.type);
}
