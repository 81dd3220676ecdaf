// Chooses what a VM needs next: the pipeline that runs, one that somebody asked for, one that the declaration asks for, or none.
import { isDeepStrictEqual } from 'node:util';
import type { StepCondition } from '../api/conditions.ts';
import type { PlanSpec } from '../api/plan.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { Explanation } from '../errors.ts';
import { corrected, correctionHistory, correctionTrigger } from '../domain/drift.ts';
import { isRemembered, operationDigest } from '../domain/operations-memory.ts';
import { reinstallation } from '../domain/reinstallation.ts';
import { type Opening, openOperation } from '../machine/progress.ts';
import type { Machine } from '../machine/vocabulary.ts';
import {
  changePackage,
  deploy,
  machineNamed,
  OPERATION_MACHINES,
  redeploy,
  reinstall,
  setDnsRecords,
  start,
  stop,
} from '../machines.ts';
import { powerTurn } from './declared-power.ts';
import { withInterruptedRequest } from './executed-operations.ts';
import type { PackageWish } from './package-wish.ts';

export interface Situation {
  vm: VirtualMachine;
  /** Milliseconds since the epoch. */
  now: number;
  /** The operation that begins now, if there is one. */
  operation: VirtualMachineOperation | undefined;
  wish(options?: { newest?: boolean }): PackageWish;
  /** Whether the VM runs, as the newest list shows it: the status is written only after this was decided. */
  powerState: VirtualMachineStatus['powerState'];
  /** The plan in the revision that the VM keeps, or as it stands where it keeps none. */
  plan: PlanSpec | undefined;
  /** Whether the operation that asked for the running pipeline is past its deadline. */
  expired: boolean;
  /** Whether the VM was changed in Proxmox VE and that is to be corrected. */
  correctsDrift: boolean;
  /** Whether a list that can be trusted does not show the VM any more. */
  isMissing?: boolean;
}

export type NextWork =
  | { kind: 'rest'; status: VirtualMachineStatus }
  | { kind: 'run'; machine: Machine; status: VirtualMachineStatus }
  /** An operation that changes what the status says, and runs nothing. */
  | { kind: 'reset'; operation: VirtualMachineOperation }
  | { kind: 'adopt'; operation: VirtualMachineOperation }
  /** The deadline of the operation is over: it ends, and with it a pipeline that can be given up. */
  | { kind: 'expire'; machine: Machine; request: NonNullable<OperationStatus['request']> }
  | { kind: 'refuse'; operation: VirtualMachineOperation; explanation: Explanation };

/** What is done for a VM that is not being deleted. Pure. */
export function nextWork(situation: Situation): NextWork {
  if (situation.operation !== undefined) return requested(situation, situation.operation);
  const { operation, state } = situation.vm.status ?? {};
  if (operation !== undefined) return underWay(situation, operation);
  if (state !== 'ready') return run(situation, interruptedMachine(situation.vm.status), { trigger: CREATED });
  return declared(situation);
}

const CREATED = 'VirtualMachine created';

type OpeningOptions = Partial<Omit<Opening, 'vm' | 'nowMs'>> & { trigger: string };

function run(
  { vm, now }: Situation,
  machine: Machine,
  options: OpeningOptions,
  change: Partial<VirtualMachineStatus> = {},
): NextWork {
  const owner = { name: vm.metadata.name, uid: vm.metadata.uid ?? '' };
  const before = vm.status ?? {};
  const isReplaced = options.anew === true && before.operation?.request?.uid !== options.request?.uid;
  const current = isReplaced ? withInterruptedRequest(before, options.trigger, now) : before;
  const status = openOperation(machine, current, { ...options, vm: owner, nowMs: now });
  return { kind: 'run', machine, status: { ...withoutFindings(machine, status), ...change } };
}

const SIZE_CONDITIONS: readonly StepCondition[] = ['SystemDiskSized', 'AdditionalDiskSized'];

function isAboutDisks({ entries }: Machine): boolean {
  return entries.some(({ step }) => SIZE_CONDITIONS.includes(step.condition));
}

/** Machines that look at all that a package decides on: what the sweep found is theirs to find anew. */
const COMPARE_ALL: ReadonlySet<Machine> = new Set([deploy, changePackage, reinstall, redeploy]);

// What an earlier pipeline or the sweep found is found again, if it still holds.
function withoutFindings(machine: Machine, status: VirtualMachineStatus): VirtualMachineStatus {
  const ofDisks = isAboutDisks(machine) ? withoutDiskFindings(status) : status;
  return COMPARE_ALL.has(machine) ? withoutDrift(ofDisks) : ofDisks;
}

function withoutDiskFindings({ snapshotsInTheWay: _found, ...status }: VirtualMachineStatus): VirtualMachineStatus {
  const conditions = status.conditions?.filter(({ type }) => type !== 'ShrinkRefused' && type !== 'ConsentRequired');
  return { ...status, conditions };
}

function withoutDrift({ drift, ...status }: VirtualMachineStatus): VirtualMachineStatus {
  const conditions = status.conditions?.filter(({ type }) => type !== 'DriftDetected' && type !== 'RestartRequired');
  const history = correctionHistory(drift);
  return { ...status, conditions, ...(history === undefined ? {} : { drift: history }) };
}

/** The pipeline that a status without an operation was in: its states tell. */
function interruptedMachine(status: VirtualMachineStatus | undefined): Machine {
  const [own] = [changePackage, reinstall, setDnsRecords].filter(
    ({ initial, entries }) =>
      status?.state === initial || (!sharesStates(entries) && entries.some(({ state }) => state === status?.state)),
  );
  return own ?? deploy;
}

// A reinstallation goes on with the states of the deploy; those are the deploy's.
function sharesStates(entries: Machine['entries']): boolean {
  return entries.some(({ state }) => state === 'set_ip');
}

function underWay(situation: Situation, operation: OperationStatus): NextWork {
  const machine = machineNamed(operation.machine) ?? deploy;
  if (situation.expired && operation.request !== undefined && operation.taskID === undefined)
    return { kind: 'expire', machine, request: operation.request };
  // What is asked for now counts, not what was asked for when the change began.
  const wish = machine === changePackage && operation.taskID === undefined ? otherWish(situation) : undefined;
  if (wish === undefined) return { kind: 'run', machine, status: situation.vm.status ?? {} };
  return changed(situation, wish, { trigger: 'package changed again', request: operation.request });
}

function otherWish(situation: Situation): Extract<PackageWish, { kind: 'differs' }> | undefined {
  const wish = situation.wish();
  return wish.kind === 'differs' && !isWorkedTowards(situation.vm, wish) ? wish : undefined;
}

// A consent that came meanwhile is read by the steps as they go; it is no reason to begin anew.
function isWorkedTowards({ status }: VirtualMachine, wish: Extract<PackageWish, { kind: 'differs' }>): boolean {
  return wish.planRevision === status?.planRevision && isDeepStrictEqual(wish.package, status.effective);
}

function requested(situation: Situation, operation: VirtualMachineOperation): NextWork {
  const { spec } = operation;
  switch (spec.type) {
    case 'ResetStatus':
    case 'RetryTerminate':
      return { kind: 'reset', operation };
    case 'Adopt':
      return { kind: 'adopt', operation };
    case 'ChangePackage':
      return requestedChange(situation, operation);
    case 'Redeploy':
      return run(situation, redeploy, opening(operation));
    case 'Reinstall':
      return requestedReinstallation(situation, operation);
    default:
      return run(situation, OPERATION_MACHINES[spec.type], opening(operation));
  }
}

function opening(operation: VirtualMachineOperation): OpeningOptions {
  const { metadata, spec } = operation;
  const { name, uid = '' } = metadata;
  const grace = spec.stop?.gracePeriodSeconds;
  return {
    trigger: `VirtualMachineOperation ${name} (${spec.type})`.slice(0, 128),
    request: { name, uid, type: spec.type, digest: operationDigest(operation), remembered: isRemembered(operation) },
    anew: true,
    ...(grace === undefined ? {} : { parameters: { gracePeriodSeconds: grace } }),
  };
}

// A template that is named is chosen once, for this reinstallation. What admission refuses is refused here too: the disks
// are gone afterwards, and the webhook may have been stopped.
function requestedReinstallation(situation: Situation, operation: VirtualMachineOperation): NextWork {
  const { vm, plan } = situation;
  const effective = vm.status?.effective;
  if (plan === undefined) return run(situation, reinstall, opening(operation));
  const found = reinstallation(vm, plan, operation.spec.reinstall?.template);
  if (found.kind === 'refused') return { kind: 'refuse', operation, explanation: found.refusal };
  const { operatingSystem } = found;
  const isKnown = effective !== undefined && operatingSystem !== undefined;
  const change = isKnown ? { effective: { ...effective, operatingSystem } } : {};
  return run(situation, reinstall, opening(operation), change);
}

// With nothing to change it compares all the same: that is how a VM that was changed by hand is corrected.
function requestedChange(situation: Situation, operation: VirtualMachineOperation): NextWork {
  const wish = situation.wish({ newest: true });
  if (wish.kind === 'refused') return { kind: 'refuse', operation, explanation: wish.explanation };
  if (wish.kind === 'differs') return changed(situation, wish, opening(operation));
  return run(situation, changePackage, opening(operation));
}

function changed(
  situation: Situation,
  wish: Extract<PackageWish, { kind: 'differs' }>,
  options: OpeningOptions,
): NextWork {
  const { status } = situation.vm;
  // Limits are cleared where an earlier package had some, also when the wish changes again in between.
  const previous = status?.operation?.previous ?? status?.effective;
  const change = { effective: wish.package, planRevision: wish.planRevision };
  return run(situation, changePackage, { ...options, previous, anew: true }, change);
}

/** What the declaration asks of a VM at rest. */
function declared(situation: Situation): NextWork {
  const turn = powerTurn(situation);
  if (turn.kind !== 'rest') {
    const { kind, trigger, change } = turn;
    return run(situation, kind === 'start' ? start : stop, { trigger }, change);
  }
  const { status } = turn;
  const rested = { ...situation, vm: { ...situation.vm, status } };
  const isStranger = situation.isMissing === true || status.drift?.identity !== undefined;
  // Under its VMID is another machine, or none: every pipeline would only find that out.
  const change = isStranger ? undefined : (packageChange(rested) ?? driftCorrection(rested));
  return change ?? { kind: 'rest', status };
}

function packageChange(situation: Situation): NextWork | undefined {
  const wish = situation.wish();
  if (wish.kind !== 'differs') return undefined;
  return changed(situation, wish, { trigger: `package: ${wish.changes.join(', ')}`.slice(0, 128) });
}

function driftCorrection(situation: Situation): NextWork | undefined {
  const { drift } = situation.vm.status ?? {};
  if (!situation.correctsDrift || drift === undefined) return undefined;
  const options = { trigger: correctionTrigger(drift), anew: true };
  return run(situation, changePackage, options, { drift: corrected(drift, situation.now) });
}
