// Setups of the search with one protection taken away, to see that the search can tell.
import type { Machine, Step, Verdict } from '../../src/machine/vocabulary.ts';
import type { Safeguards } from './model-visit.ts';
import { SETUP, type Setup } from './operator-pass.ts';

/** One of the protections around the steps is missing. */
export function without(safeguard: keyof Safeguards): Setup {
  return { ...SETUP, safeguards: { ...SETUP.safeguards, [safeguard]: false } };
}

/** No step waits until a clone call without an answer cannot be carried out any more: `instead` is what it says then. */
export function impatient(machine: Machine, instead: Verdict): Machine {
  return withPlans(machine, (plan) => (facts) => {
    const verdict = plan(facts);
    return verdict.kind === 'wait' && verdict.reason === 'Verifying' ? instead : verdict;
  });
}

/** No step knows of a clone call without an answer once it was repeated. */
export function forgetful(machine: Machine): Machine {
  return withPlans(machine, (plan) => (facts) => {
    const { cloneUnansweredAt: _forgotten, ...status } = facts.status;
    return plan({ ...facts, status });
  });
}

function withPlans(machine: Machine, patched: (plan: Step['plan']) => Step['plan']): Machine {
  const entries = machine.entries.map(({ state, step }) => ({ state, step: { ...step, plan: patched(step.plan) } }));
  return { ...machine, entries };
}
