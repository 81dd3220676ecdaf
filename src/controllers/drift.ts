// Compares a VM that was looked at with what is declared of it, by asking the steps of the change of package.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { driftAfter, type Difference, type DriftSight } from '../domain/drift.ts';
import type { Facts, Need, OwnVm } from '../machine/facts.ts';
import { isoTime } from '../machine/progress.ts';
import type { Action, Step, Verdict } from '../machine/vocabulary.ts';
import { changePackage } from '../machines.ts';
import { isDriveKey } from '../pve/drive.ts';
import type { Allocations } from './allocations.ts';
import type { Context } from './context.ts';
import { Gatherer } from './gather.ts';
import type { Sighting } from './sweep-sightings.ts';

const LONGEST_VALUE = 120;
const LONGEST_MESSAGE = 300;

export interface Taken {
  status: VirtualMachineStatus;
  /** The look that the status has taken in; it is to be taken away when the status is written. */
  sighting?: Sighting;
}

/** The status with what the sweep has seen of the VM; as it was when there is nothing new, or nothing that can be compared. */
export async function withSighting(
  vm: VirtualMachine,
  status: VirtualMachineStatus,
  parts: { context: Context; allocations: Allocations },
): Promise<Taken> {
  const { sightings, now } = parts.context;
  const sighting = sightings.get(vm.metadata.uid);
  if (sighting === undefined) return { status };
  // What was seen before the last pipeline ended is not so any more.
  const isOld = status.settledAt !== undefined && sighting.seenAt <= Date.parse(status.settledAt);
  const sight = isOld ? undefined : await sightOf({ ...vm, status }, sighting, parts);
  if (sight === undefined) {
    sightings.done(vm.metadata.uid, sighting);
    return { status };
  }
  return { status: { ...status, drift: driftAfter(status.drift, sight, isoTime(now())) }, sighting };
}

async function sightOf(
  vm: VirtualMachine,
  { observed, firewall, pending }: Sighting,
  { context, allocations }: { context: Context; allocations: Allocations },
): Promise<DriftSight | undefined> {
  if (observed.kind === 'foreign') return { kind: 'stranger', stamped: observed.stamped };
  // Under a lock Proxmox VE is at work on it, and what it is going to be is not known.
  if (observed.kind !== 'ours' || observed.lock !== undefined) return undefined;
  const base = await baseFacts(vm, context, allocations);
  if (base === undefined) return undefined;
  return { ...comparison({ ...base, observed, firewall }, observed), ...(pending === undefined ? {} : { pending }) };
}

// A plan that cannot be resolved, or a cluster that is gone, is told elsewhere; there is nothing to compare with then.
async function baseFacts(vm: VirtualMachine, context: Context, allocations: Allocations): Promise<Facts | undefined> {
  const gatherer = new Gatherer({ context, allocations, vm, deleting: false, wake: () => undefined });
  try {
    return await gatherer.facts(vm.status ?? {}, []);
  } catch (error) {
    context.log.debug({ err: error, VirtualMachine: vm.metadata.name }, 'Comparing is not possible');
    return undefined;
  }
}

/** What the steps of the change of package would change. Pure; `facts` has `firewall` when it was looked at. */
export function comparison(facts: Facts, vm: OwnVm): Extract<DriftSight, { kind: 'compared' }> {
  const steps = changePackage.entries.map(({ step }) => step).filter((step) => comparesVmAlone(step, facts));
  return {
    kind: 'compared',
    steps: steps.map(({ id }) => id),
    differences: steps.flatMap((step) => differenceOf(step, facts, vm)),
  };
}

// Reservations and power are looked after elsewhere.
function comparesVmAlone(step: Step, { status, firewall }: Facts): boolean {
  const known: readonly Need[] = firewall === undefined ? ['observed'] : ['observed', 'firewall'];
  return step.condition !== 'Started' && step.needs(status).every((need) => known.includes(need));
}

function differenceOf(step: Step, facts: Facts, vm: OwnVm): Difference[] {
  const verdict = verdictOf(step, facts);
  switch (verdict.kind) {
    case 'act':
      return [difference(step, textOf(verdict, vm), makesAnew(verdict.action, vm) ? 'OnRequest' : 'Automatic')];
    case 'stall':
      return [difference(step, verdict.message, 'None')];
    case 'skip':
      return grown(verdict, facts).map((message) => difference(step, message, 'None'));
    default:
      return [];
  }
}

// What somebody wrote by hand may be nothing that can be read.
function verdictOf(step: Step, facts: Facts): Verdict {
  try {
    return step.plan(facts);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { kind: 'stall', reason: 'Drifted', message: `${step.title}: ${problem}` };
  }
}

function difference({ id }: Step, message: string, correction: Difference['correction']): Difference {
  return { step: id, message: message.replace(/\.$/, '').slice(0, LONGEST_MESSAGE), correction };
}

// A drive that is gone would be made anew, empty.
function makesAnew(action: Action, { config }: OwnVm): boolean {
  return action.kind === 'configure' && Object.keys(action.set).some((key) => isDriveKey(key) && !config.has(key));
}

// What the pipeline has said already of a package that became smaller is no news; the condition is its only record.
function grown({ note }: Extract<Verdict, { kind: 'skip' }>, { status }: Facts): string[] {
  const refused = (note?.conditions ?? []).find(({ type }) => type === 'ShrinkRefused');
  const isKnown = status.conditions?.some(({ type, message }) => type === refused?.type && message === refused.message);
  return refused?.message === undefined || isKnown === true ? [] : [refused.message];
}

function textOf({ action, why }: Extract<Verdict, { kind: 'act' }>, { config }: OwnVm): string {
  switch (action.kind) {
    case 'configure': {
      const set = Object.entries(action.set).map(([key, value]) => instead(key, config.get(key), value));
      return [...set, ...(action.remove ?? []).map((key) => `${key} is set`)].join('; ');
    }
    case 'setFirewallOptions':
      return `firewall options differ: ${Object.entries(action.set)
        .map(([key, value]) => `${key} is not ${value}`)
        .join(', ')}`;
    case 'createIpset':
      return `the address set ${action.name} is missing`;
    case 'deleteIpset':
      return `there is an address set ${action.name}`;
    case 'addToIpset':
      return `${action.cidr} is missing in the address set ${action.name}`;
    case 'removeFromIpset':
      return `${action.cidr} is in the address set ${action.name}`;
    default:
      return why;
  }
}

function instead(key: string, found: string | undefined, wanted: string | number): string {
  const shown = (text: string): string => (text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text);
  return `${key} is ${found === undefined ? 'missing' : shown(found)} instead of ${shown(String(wanted))}`;
}
