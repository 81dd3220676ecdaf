// Joins neighbouring configuration changes of one VM into one call.
import type { Facts, Need } from './facts.ts';
import type { Action, Machine, MachineEntry } from './vocabulary.ts';

export type Configure = Extract<Action, { kind: 'configure' }>;

export interface Batch {
  action: Configure;
  /** Steps whose changes are in it, by id. */
  steps: readonly string[];
}

/** What the steps that may join a batch look at, so that their plans can be asked ahead of their turn. */
export function batchNeeds(machine: Machine, from: number, status: Facts['status']): Need[] {
  const needs = machine.entries
    .slice(from)
    .filter((entry) => entry.step.batchable)
    .flatMap((entry) => entry.step.needs(status));
  return [...new Set(needs)];
}

/**
 * The change of the step whose turn it is, joined with those of the steps behind it that ask for a change now.
 * Steps that touch a key which is in the batch already stay out: they are asked again when the first is in force.
 */
export function joinedChange(entries: readonly MachineEntry[], first: Configure, facts: Facts): Batch {
  const set: Record<string, string | number> = { ...first.set };
  const remove = new Set(first.remove);
  const [own, ...behind] = entries;
  const steps = own === undefined ? [] : [own.step.id];
  for (const entry of behind) {
    const action = plannedChange(entry, facts);
    if (action === undefined || keysOf(action).some((key) => key in set || remove.has(key))) continue;
    Object.assign(set, action.set);
    for (const key of action.remove ?? []) remove.add(key);
    steps.push(entry.step.id);
  }
  return { action: { kind: 'configure', set, ...(remove.size === 0 ? {} : { remove: [...remove] }) }, steps };
}

function plannedChange(entry: MachineEntry, facts: Facts): Configure | undefined {
  if (entry.step.batchable !== true) return undefined;
  const verdict = entry.step.plan(facts);
  // What a step has to remember with its change is only written down when it is its turn.
  return verdict.kind === 'act' && verdict.note === undefined && verdict.action.kind === 'configure'
    ? verdict.action
    : undefined;
}

export function keysOf(action: Configure): string[] {
  return [...Object.keys(action.set), ...(action.remove ?? [])];
}
