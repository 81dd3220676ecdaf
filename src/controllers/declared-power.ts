// What a VM at rest gets for its power: a start or stop that is declared, its turn after a pause, or nothing.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type PowerWish, powerWish } from '../domain/power.ts';
import { restartsOfRunning, type RestartTurn, restartTurn } from '../domain/restarts.ts';
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
  if (isHeldOff(vm, now)) return { kind: 'rest', status: vm.status ?? {} };
  // That a suspension is over is only forgotten when the VM is as it was before: a start may fail.
  const begun = { ...(change?.suspension === undefined ? {} : change), powerState: seen };
  if (power === 'Stopped') return { kind: 'stop', trigger, change: { ...begun, restarts: undefined } };
  if (!isAlways(vm) || !hasStopped(vm)) return { kind: 'start', trigger, change: begun };
  const { starts, restarts } = nextRestart(vm, now);
  return starts
    ? { kind: 'start', trigger, change: { ...begun, restarts } }
    : { kind: 'rest', status: { ...vm.status, restarts } };
}

// An edit may have helped: the machine is started at once, and its starts are counted anew.
function nextRestart(vm: VirtualMachine, now: number): RestartTurn {
  return restartTurn(isEdited(vm) ? undefined : vm.status?.restarts, now);
}

// What was refused a moment ago is refused again, unless somebody has edited the object.
function isHeldOff(vm: VirtualMachine, now: number): boolean {
  const retryAt = vm.status?.powerRetryAt;
  return retryAt !== undefined && now < Date.parse(retryAt) && !isEdited(vm);
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
