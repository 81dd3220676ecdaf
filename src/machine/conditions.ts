// Computes every condition of a VM from its progress. Conditions are a mirror for people; no logic reads them.
import {
  ABNORMAL_CONDITIONS,
  type ConditionType,
  type Reason,
  STEP_CONDITIONS,
  type StepCondition,
} from '../api/conditions.ts';
import type { Condition } from '../api/object.ts';
import type { StepRecord, VirtualMachineStatus } from '../api/virtual-machine.ts';
import type { Trouble } from './outcome.ts';
import type { ConditionNote, Machine, MachineEntry } from './vocabulary.ts';

export interface Mirror {
  machine: Machine;
  status: VirtualMachineStatus;
  /** The step whose turn it is; undefined when the pipeline is complete. */
  current?: MachineEntry;
  trouble?: Trouble;
  notes: readonly ConditionNote[];
  generation: number;
  now: string;
}

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

// A step that several entries share (deletion has one word for all) shows the last of them.
function stepConditions({ machine, status, current, trouble }: Mirror): Wanted[] {
  if (!machine.resumes) return [];
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

function recordedCondition({ step }: MachineEntry, record: StepRecord, status: VirtualMachineStatus): Wanted {
  const shortfall = step.shortfall?.(status);
  if (shortfall !== undefined) return { type: step.condition, status: 'False', ...shortfall };
  const reason = record.result === 'Skipped' ? 'Skipped' : 'Succeeded';
  return { type: step.condition, status: 'True', reason, message: record.message ?? STEP_CONDITIONS[step.condition] };
}

function summaryConditions(mirror: Mirror): Wanted[] {
  const { current, trouble, machine } = mirror;
  if (current === undefined) return [ready('True', 'Ready', 'The virtual machine is up as declared.')];
  const step = current.step.title;
  const message = trouble === undefined ? `${step} is under way.` : `${step}: ${trouble.message}`;
  const reason: Reason = trouble?.reason ?? (machine.resumes ? 'InProgress' : 'Terminating');
  const stalled = trouble?.class === 'stalled' || trouble?.class === 'defect';
  return [
    ready('False', reason, message),
    stalled
      ? { type: 'Stalled', status: 'True', reason, message }
      : { type: 'Reconciling', status: 'True', reason, message },
  ];
}

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

// Conditions of steps already recorded in an earlier run stay until their step is done again; summaries are computed anew.
function keptConditions({ status, notes }: Mirror): Condition[] {
  const cleared = new Set(notes.filter((note) => note.reason === undefined).map((note) => note.type as string));
  const causedByTrouble = new Set<string>(Object.values(TROUBLE_CONDITIONS));
  return (status.conditions ?? []).filter((condition) => {
    if (condition.type in STEP_CONDITIONS || condition.type === 'PackageUpToDate') return true;
    return (
      condition.type in ABNORMAL_CONDITIONS && !cleared.has(condition.type) && !causedByTrouble.has(condition.type)
    );
  });
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
