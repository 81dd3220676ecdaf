// Judges where a disturbed run has come to: nothing lost, nothing twice, nothing of others touched, nothing else than wanted.
import type { Condition } from '../../src/api/object.ts';
import { ABNORMAL_CONDITIONS } from '../../src/api/conditions.ts';
import { resources } from '../../src/api/resources.ts';
import { differences, type EndState, endState, mapsAsLists, ownVms } from './end-state.ts';
import type { CrashKind } from './interruption.ts';
import { type CrashWorld, STRANGER, vmOf } from './world.ts';

/** Where a run has come to. */
export interface Outcome {
  end: EndState;
  /** What nobody owns or nobody finished, in words. */
  leaks: readonly string[];
  machines: number;
  /**
   * How often a guest was restarted on request. Not part of the end: a restart whose call was lost is not repeated,
   * because nothing in the VM tells whether it happened.
   */
  restarts: number;
  /** Whether a VM of somebody else was changed or removed. */
  strangerTouched: boolean;
  /** What is said to people that is out of the ordinary. */
  told: readonly string[];
}

/** `stranger` is the state of somebody else's VM as it was made, if there was one. */
export function outcomeOf(world: CrashWorld, stranger: string | undefined): Outcome {
  return {
    end: endState(world),
    leaks: leaksOf(world),
    machines: ownVms(world).length,
    restarts: restartsOf(world),
    strangerTouched: stranger !== strangerState(world),
    told: toldAbout(world),
  };
}

export interface Judgement {
  problems: string[];
  leaks: 0 | 1;
  duplicates: 0 | 1;
}

export function judged({ kind, outcome, wanted }: { kind: CrashKind; outcome: Outcome; wanted: Outcome }): Judgement {
  const problems: string[] = [];
  if (outcome.strangerTouched) problems.push('a VM of somebody else was touched');
  const isLeak = outcome.leaks.length > wanted.leaks.length;
  if (isLeak) problems.push(`left behind: ${outcome.leaks.join(', ')}`);
  const isDuplicate = sizesOf(outcome).some((size, index) => size > (sizesOf(wanted)[index] ?? 0));
  if (isDuplicate)
    problems.push(`machines, reservations, restarts: ${sizesOf(outcome).join()} instead of ${sizesOf(wanted).join()}`);
  const told = outcome.told.filter((text) => !wanted.told.includes(text));
  if (!mayEndElsewhere(kind, told)) problems.push(...differences(outcome.end, wanted.end));
  const about = told.length === 0 ? '' : ` (told: ${told.join('; ')})`;
  return { problems: problems.map((text) => text + about), leaks: isLeak ? 1 : 0, duplicates: isDuplicate ? 1 : 0 };
}

function sizesOf({ machines, restarts, end }: Outcome): readonly number[] {
  return [machines, end.reservations.length, restarts];
}

// What a late call or a stranger brings about cannot always be mended, and must not be without a person. It must be told.
function mayEndElsewhere(kind: CrashKind, told: readonly string[]): boolean {
  return (kind === 'late' || kind === 'stolen') && told.length > 0;
}

function toldAbout(world: CrashWorld): string[] {
  const { conditions = [], powerState = 'Unknown' } = vmOf(world)?.status ?? {};
  const told = conditions
    .filter(isOutOfTheOrdinary)
    .map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`);
  return [...told, `power: ${powerState}`, ...world.warnings];
}

function isOutOfTheOrdinary({ type, status }: Condition): boolean {
  if (type === 'Ready') return status !== 'True';
  return status === 'True' && (type === 'Stalled' || type in ABNORMAL_CONDITIONS);
}

/** Everything about the stranger's VM that a call could change; undefined when there is none. */
export function strangerState({ sim }: CrashWorld): string | undefined {
  const stranger = [...sim.world.vms.values()].find(({ options }) => options['name'] === STRANGER);
  if (stranger === undefined) return undefined;
  const { vmid, node, options, pending, snapshots, running } = stranger;
  return JSON.stringify([vmid, node, options, pending, [...snapshots.keys()], running], mapsAsLists);
}

function restartsOf({ sim }: CrashWorld): number {
  return sim.world.tasks.save().tasks.filter(({ upid }) => /:qm(reboot|reset):/.test(upid)).length;
}

function leaksOf({ sim, kube }: CrashWorld): string[] {
  const { orphanVolumes, lockedVms, halfClones, firewallFiles } = sim.leaks();
  const holders = new Set(kube.objects(resources.virtualMachine).map(({ metadata }) => metadata.uid));
  const ownerless = kube.objects(resources.quotaSlot).filter(({ spec }) => !holders.has(spec.virtualMachine.uid));
  return [
    ...orphanVolumes,
    ...lockedVms.map(({ vmid, lock }) => `VM ${vmid} locked: ${lock}`),
    ...halfClones.map((vmid) => `half clone ${vmid}`),
    ...firewallFiles.map((vmid) => `firewall file of ${vmid}`),
    ...ownerless.map(({ metadata }) => `slot ${metadata.name} of a VM that is gone`),
  ];
}
