import { describe, expect, test } from 'vitest';
import { VMID } from '../builders/facts.ts';
import { SETUP, type Setup } from './operator-pass.ts';
import { forgetful, impatient, without } from './safeguards.ts';
import { printResult, searchStates } from './state-search.ts';

const TIMEOUT_MS = 120_000;

describe('the engine, whatever happens around it', () => {
  test.each([
    { interruptions: 0, foreign: 1, atLeast: 1_000 },
    { interruptions: 1, foreign: 1, atLeast: 5_000 },
    { interruptions: 2, foreign: 0, atLeast: 4_000 },
  ])(
    'keeps to the invariants with $interruptions interruptions and $foreign foreign changes',
    async ({ atLeast, ...bounds }) => {
      const result = await searchStates(SETUP, bounds);

      expect(printResult(result)).toMatch(/: nothing wrong$/);
      // Fewer would mean that something does not happen any more.
      expect(result.states).toBeGreaterThan(atLeast);
    },
    TIMEOUT_MS,
  );

  test(
    'needs no order of the calls to one VM',
    async () => {
      const result = await searchStates(without('order'), { interruptions: 1, foreign: 0 });

      expect(printResult(result)).toMatch(/: nothing wrong$/);
    },
    TIMEOUT_MS,
  );
});

interface Case {
  name: string;
  setup: Setup;
  interruptions: number;
  foreign: number;
  /** What goes wrong, and what the shortest way to it tells. */
  problem: RegExp;
  trace: RegExp;
}

const cases: Case[] = [
  {
    name: 'a VM is known by its VMID',
    setup: without('stamps'),
    interruptions: 0,
    foreign: 1,
    problem: /stranger's/,
    trace: /a stranger makes VM 2000/,
  },
  {
    name: 'no intent is stored before a clone',
    setup: without('durableIntents'),
    interruptions: 1,
    foreign: 0,
    problem: /not reserved while a VM of ours/,
    trace: /clone VM 2000/,
  },
  {
    name: 'a status is written onto whatever version there is',
    setup: without('conditionalWrites'),
    interruptions: 1,
    foreign: 0,
    problem: /./,
    trace: /the object is/,
  },
  {
    name: 'a deletion does not wait for a clone call without an answer',
    setup: { ...SETUP, terminate: impatient(SETUP.terminate, { kind: 'skip', why: 'impatient' }) },
    interruptions: 1,
    foreign: 0,
    problem: /not reserved while a VM of ours/,
    trace: /clone VM 2000 \(to be carried out later/,
  },
  {
    name: 'a clone call is forgotten once it was repeated',
    setup: { ...SETUP, deploy: forgetful(SETUP.deploy), terminate: forgetful(SETUP.terminate) },
    interruptions: 1,
    foreign: 0,
    problem: /not reserved while a VM of ours/,
    trace: /clone VM 2000 \(to be carried out later/,
  },
  {
    name: 'a VMID is given up while a clone call to it has no answer',
    setup: {
      ...SETUP,
      deploy: impatient(SETUP.deploy, {
        kind: 'act',
        action: { kind: 'releaseVmid', vmid: VMID, because: 'impatient' },
        why: 'impatient',
      }),
    },
    interruptions: 1,
    foreign: 1,
    problem: /not reserved while a VM of ours/,
    trace: /release VMID 2000/,
  },
];

describe('the search finds the shortest way to the trouble when', () => {
  test.each(cases)(
    '$name',
    async ({ setup, interruptions, foreign, problem, trace }) => {
      const { counterexample } = await searchStates(setup, { interruptions, foreign });

      expect(counterexample?.problem).toMatch(problem);
      expect(counterexample?.trace.join('\n')).toMatch(trace);
    },
    TIMEOUT_MS,
  );
});
