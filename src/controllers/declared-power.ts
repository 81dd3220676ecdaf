// What a VM at rest gets for its power: a start or stop that is declared, its turn after a pause, or nothing.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type PowerWish, powerWish } from '../domain/power.ts';
import { restartsOfRunning, restartTurn } from '../domain/restarts.ts';
import { isoTime } from '../machine/progress.ts';

export interface PowerSituation {
  vm: VirtualMachine;
  /** Milliseconds since the epoch. */
  now: number;
  /** Whether the VM runs, as the newest list shows it; the status has what was seen before. */
  powerState: VirtualMachineStatus['powerState'];
  /** Whether a list that can be trusted does not show the VM any more. */
  isMissing?: boolean;
}

export type PowerTurn =
  /** `change` is what the status says when the pipeline begins. */
  | { kind: 'start' | 'stop'; trigger: string; change: Partial<VirtualMachineStatus> }
  | { kind: 'rest'; status: VirtualMachineStatus };

/** Decides about the power of a VM at rest. Pure. */
export function powerTurn(situation: PowerSituation): PowerTurn {
  const { vm, now, powerState, isMissing = false } = situation;
  const { status = {} } = vm;
  // Under its VMID is another machine, or none: there is nothing to start, and nothing to wait for.
  if (isMissing || status.drift?.identity !== undefined) return { kind: 'rest', status: withoutAttempts(status) };
  if (powerState === 'Unknown' || powerState === undefined) return { kind: 'rest', status };
  const wish = powerWish(vm, powerState, isoTime(now));
  return wish.power === powerState
    ? { kind: 'rest', status: asWished(situation, wish) }
    : notAsWished(situation, { ...wish, seen: powerState });
}

function withoutAttempts({ powerRetryAt: _retry, restarts: _restarts, ...status }: VirtualMachineStatus) {
  return status;
}

function asWished({ vm, now }: PowerSituation, { power, change }: PowerWish): VirtualMachineStatus {
  const { restarts } = vm.status ?? {};
  const kept = power === 'Running' && isAlways(vm) ? restartsOfRunning(restarts, now) : undefined;
  return { ...withoutAttempts(vm.status ?? {}), ...(kept === undefined ? {} : { restarts: kept }), ...change };
}

function notAsWished(
  { vm, now }: PowerSituation,
  { power, change, trigger, seen }: PowerWish & { seen: 'Running' | 'Stopped' },
): PowerTurn {
  const { status = {} } = vm;
  const { restarts, ...rest } = status;
  // What was refused a moment ago is refused again, unless somebody has edited the object.
  const isHeldOff = status.powerRetryAt !== undefined && now < Date.parse(status.powerRetryAt);
  if (isHeldOff && !isEdited(vm)) return { kind: 'rest', status };
  // That a suspension is over is only forgotten when the VM is as it was before: a start may fail.
  const begun = change?.suspension === undefined ? undefined : change;
  const opening = { trigger, change: { ...begun, powerState: seen } };
  if (power === 'Stopped') return { kind: 'stop', ...opening, change: { ...opening.change, restarts: undefined } };
  if (!isAlways(vm) || !hasStopped(vm)) return { kind: 'start', ...opening };
  const turn = restartTurn(isEdited(vm) ? undefined : restarts, now);
  if (!turn.starts) return { kind: 'rest', status: { ...rest, restarts: turn.restarts } };
  return { kind: 'start', ...opening, change: { ...opening.change, restarts: turn.restarts } };
}

// A VM that was stopped before it was declared to run, or whose start was refused, has not stopped by itself.
function hasStopped({ status }: VirtualMachine): boolean {
  return status?.powerState === 'Running' || status?.restarts?.retryAt !== undefined;
}

function isAlways({ spec }: VirtualMachine): boolean {
  return spec.runStrategy === 'Always' && spec.suspension === undefined;
}

function isEdited({ metadata, status }: VirtualMachine): boolean {
  return (metadata.generation ?? 0) !== (status?.observedGeneration ?? 0);
}
