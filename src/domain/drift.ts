// What becomes of a VM that somebody changed in Proxmox VE: what is remembered of it, shown of it, and when it is changed back.
import type { ConditionType, Reason } from '../api/conditions.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';

export type DriftStatus = NonNullable<VirtualMachineStatus['drift']>;
export type Difference = NonNullable<DriftStatus['differences']>[number];

/** What one look at a VM at rest has shown. */
export type DriftSight =
  /** Under the VMID is a VM that does not carry our stamp; nothing of it was compared. */
  | { readonly kind: 'stranger'; readonly stamped: boolean }
  | {
      readonly kind: 'compared';
      /** What was looked at: differences found by anything else stay as they are. */
      readonly steps: readonly string[];
      readonly differences: readonly Difference[];
      /** Options whose change waits for a start; undefined when that was not looked at. */
      readonly pending?: readonly string[];
    };

/** Pause after the first correction; every further one doubles it, so that two who correct each other soon rest. */
const FIRST_PAUSE_MS = 10 * 60_000;
const LONGEST_PAUSE_MS = 24 * 60 * 60_000;
const MOST_DIFFERENCES = 32;
const MOST_PENDING = 64;
const LONGEST_MESSAGE = 300;

/** What is remembered after a look; undefined when there is nothing to remember. */
export function driftAfter(
  before: DriftStatus | undefined,
  sight: DriftSight,
  nowIso: string,
): DriftStatus | undefined {
  const history = correctionHistory(before);
  const found = sight.kind === 'stranger' ? strangerFound(sight) : compared(before ?? {}, sight);
  if (Object.keys(found).length === 0) return history;
  // Another machine is other news than a changed one.
  const since = before?.identity === found.identity ? before?.detectedAt : undefined;
  return { ...history, detectedAt: since ?? nowIso, ...found };
}

type Found = Pick<DriftStatus, 'identity' | 'differences' | 'pending'>;

function strangerFound({ stamped }: Extract<DriftSight, { kind: 'stranger' }>): Found {
  return { identity: stamped ? 'Foreign' : 'Unstamped' };
}

function compared(before: DriftStatus, sight: Extract<DriftSight, { kind: 'compared' }>): Found {
  const kept = (before.differences ?? []).filter(({ step }) => !sight.steps.includes(step));
  const differences = [...kept, ...sight.differences].slice(0, MOST_DIFFERENCES);
  const pending = (sight.pending ?? before.pending ?? []).slice(0, MOST_PENDING);
  return { ...(differences.length === 0 ? {} : { differences }), ...(pending.length === 0 ? {} : { pending }) };
}

/** What outlives a pipeline that compares everything: how often was corrected, and when last. */
export function correctionHistory(drift: DriftStatus | undefined): DriftStatus | undefined {
  const { correctedAt, corrections } = drift ?? {};
  return correctedAt === undefined ? undefined : { correctedAt, corrections: corrections ?? 1 };
}

/** What is remembered when a correction begins. One that comes long after the last is the first again. */
export function corrected(drift: DriftStatus | undefined, nowMs: number): DriftStatus {
  const { correctedAt, corrections = 0 } = drift ?? {};
  const isLongAgo = correctedAt === undefined || nowMs - Date.parse(correctedAt) >= LONGEST_PAUSE_MS;
  return { correctedAt: new Date(nowMs).toISOString(), corrections: isLongAgo ? 1 : corrections + 1 };
}

/**
 * In how many milliseconds a VM is to be changed back: 0 for now, undefined for never by itself. A VM whose correction
 * would make an empty disk in the place of one that is gone is left to an operation.
 */
export function correctionDueMs(
  { driftPolicy }: Pick<VirtualMachineSpec, 'driftPolicy'>,
  drift: DriftStatus | undefined,
  nowMs: number,
): number | undefined {
  if (driftPolicy !== 'Correct' || drift === undefined || drift.identity !== undefined) return undefined;
  const corrections = (drift.differences ?? []).map(({ correction }) => correction);
  if (!corrections.includes('Automatic') || corrections.includes('OnRequest')) return undefined;
  if (drift.correctedAt === undefined) return 0;
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** ((drift.corrections ?? 1) - 1), LONGEST_PAUSE_MS);
  return Math.max(0, Date.parse(drift.correctedAt) + pauseMs - nowMs);
}

/** Why a correction begins, for the record of the run. */
export function correctionTrigger({ differences = [] }: DriftStatus): string {
  const texts = differences.filter(({ correction }) => correction === 'Automatic').map(({ message }) => message);
  return `drift: ${texts.join('; ')}`.slice(0, 128);
}

export interface ShownCondition {
  type: ConditionType;
  reason: Reason;
  message: string;
}

/** The abnormal conditions that show what is remembered; those that are not in the list are over. */
export function driftConditions(drift: DriftStatus | undefined, vmid: number | undefined): ShownCondition[] {
  const { identity, differences = [], pending = [] } = drift ?? {};
  return [
    ...(identity === undefined ? [] : [mismatch(identity, vmid)]),
    ...(differences.length === 0 ? [] : [detected(drift ?? {}, differences)]),
    ...(pending.length === 0 ? [] : [restartRequired(pending)]),
  ];
}

/** What is said of a VM that does not carry our stamp. */
export function mismatch(identity: NonNullable<DriftStatus['identity']>, vmid: number | undefined): ShownCondition {
  const what = identity === 'Foreign' ? 'carries the stamp of another object' : 'carries no stamp of this operator';
  const message = `VM ${vmid ?? '?'} ${what}. Nothing is touched until its description has the line again.`;
  return { type: 'IdentityMismatch', reason: 'IdentityMismatch', message };
}

function detected({ correctedAt }: DriftStatus, differences: readonly Difference[]): ShownCondition {
  const again = correctedAt === undefined ? '' : 'Changed again after it was corrected: ';
  const message = `${again}${differences.map((difference) => difference.message).join('; ')}.`;
  return { type: 'DriftDetected', reason: 'Drifted', message: message.slice(0, LONGEST_MESSAGE) };
}

function restartRequired(pending: readonly string[]): ShownCondition {
  const message = `Changes wait for the next start of the VM: ${pending.join(', ')}.`;
  return { type: 'RestartRequired', reason: 'RestartRequired', message: message.slice(0, LONGEST_MESSAGE) };
}
