// How steps become machines, and what every step of the product has.
import { describe, expect, test } from 'vitest';
import { done } from '../../test/builders/played-machine.ts';
import { STEP_CONDITIONS } from '../api/conditions.ts';
import { DEPLOY_STATES, STATES, TERMINATE_STATES } from '../api/states.ts';
import { deploy, MACHINES, terminate } from '../machines.ts';
import { defineMachine, defineStatelessMachine } from './vocabulary.ts';

describe('a machine', () => {
  test('is its list in the order in which it is written', () => {
    const machine = defineMachine('deploy', 'creation', { clone: done('b'), set_ip: done('a') });
    expect(machine).toMatchObject({ name: 'deploy', initial: 'creation' });
    expect(machine.entries.map(({ state, step }) => [state, step.id])).toEqual([
      ['clone', 'b'],
      ['set_ip', 'a'],
    ]);
  });

  test('without states of its own has one word for all', () => {
    const machine = defineStatelessMachine('terminate', 'terminate', [done('a'), done('b')], {
      failedState: 'error_terminate',
    });
    expect(machine).toMatchObject({ initial: 'terminate', failedState: 'error_terminate' });
    expect(machine.entries.map(({ state }) => state)).toEqual(['terminate', 'terminate']);
  });
});

describe('the machines of the product', () => {
  test('deploy goes through the states of the manual, in order', () => {
    expect([deploy.initial, ...deploy.entries.map(({ state }) => state)]).toEqual(DEPLOY_STATES);
  });

  test('terminate has its words', () => {
    expect([terminate.initial, terminate.failedState]).toEqual(TERMINATE_STATES);
  });

  test.each(MACHINES)('$name has names that fit into the status, each once', ({ entries }) => {
    const ids = entries.map(({ step }) => step.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { state, step } of entries) {
      expect(step.id).toMatch(/^[a-z][a-z-]{2,63}$/);
      expect(step.title.length).toBeLessThanOrEqual(64);
      expect(STATES).toContain(state);
      expect(Object.keys(STEP_CONDITIONS)).toContain(step.condition);
    }
  });

  test('every step condition belongs to a step', () => {
    const used = new Set(MACHINES.flatMap(({ entries }) => entries.map(({ step }) => step.condition)));
    expect([...used].toSorted()).toEqual(Object.keys(STEP_CONDITIONS).toSorted());
  });
});
