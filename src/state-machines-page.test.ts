import { describe, expect, test } from 'vitest';
import { DEPLOY_STATES, TERMINATE_STATES } from './api/states.ts';
import { deploy, MACHINES } from './machines.ts';
import { stateMachinesPage } from './state-machines-page.ts';

const page = stateMachinesPage();

/** The part of the page about one machine. */
function section(name: string): string {
  const [, after = ''] = page.split(`\n## ${name}\n`);
  return after.split('\n## ')[0] ?? '';
}

/** Cells of the rows of the first table in a text, without its head. */
function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |[|]$/g, '').trim()));
}

describe('stateMachinesPage', () => {
  test.each(DEPLOY_STATES)('deploy shows the state %s in table and diagram', (state) => {
    expect(section('deploy')).toContain(`\`${state}\``);
    expect(section('deploy')).toMatch(new RegExp(`^ {2}.*\\b${state}\\b`, 'm'));
  });

  test.each(TERMINATE_STATES)('terminate shows the state %s', (state) => {
    expect(section('terminate')).toContain(`\`${state}\``);
  });

  test('deploy has 15 steps between 16 states, each beginning where the one before ended', () => {
    const transitions = rows(section('deploy')).map(([number, states]) => `${number}: ${states}`);
    const wanted = DEPLOY_STATES.slice(1).map(
      (state, index) => `${index + 1}: \`${DEPLOY_STATES[index]}\` → \`${state}\``,
    );
    expect(transitions).toEqual(wanted);
  });

  test.each(MACHINES)('$name shows every step with its id, condition and whether it is batchable', (machine) => {
    const shown = rows(section(machine.name)).map(([, , title, id, condition, , batchable]) => ({
      title,
      id,
      condition,
      batchable,
    }));
    const wanted = machine.entries.map(({ step }) => ({
      title: step.title,
      id: `\`${step.id}\``,
      condition: `\`${step.condition}\``,
      batchable: step.batchable === true ? 'yes' : '',
    }));
    expect(shown).toEqual(wanted);
  });

  test.each([
    { id: 'reserve-addresses', want: '`addresses`' },
    { id: 'publish-dns', want: '' },
    { id: 'start-vm', want: '`observed`, `power` once `start` was sent' },
  ])('$id needs: $want', ({ id, want }) => {
    const row = rows(section('deploy')).find((cells) => cells[3] === `\`${id}\``);
    expect(row?.[5]).toBe(want);
  });

  test('every fact that a step of deploy asks for is explained', () => {
    const needs = new Set(deploy.entries.flatMap(({ step }) => step.needs({})));
    for (const need of needs) expect(section('Facts')).toContain(`| \`${need}\` |`);
  });

  test('says which condition does not hold the machine up', () => {
    expect(section('deploy')).toContain('`publish-dns` can be False although the machine goes on');
    expect(section('terminate')).not.toContain('although the machine goes on');
  });
});
