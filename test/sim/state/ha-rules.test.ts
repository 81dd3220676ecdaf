// Tests of what rules say: pve-ha-manager's checks, and who belongs with whom.
import { describe, expect, it } from 'vitest';
import { companionsOf, nodePriorities, nodeRuleOf, readRule, rivalsOf, ruleErrors, soundRules } from './ha-rules.ts';
import type { HaRule } from './ha-rules.ts';

const on = (id: string, resources: string, nodes: string, more: Record<string, number> = {}): HaRule =>
  readRule(id, { type: 'node-affinity', resources, nodes, ...more });
const together = (id: string, resources: string, more: Record<string, number> = {}): HaRule =>
  readRule(id, { type: 'resource-affinity', affinity: 'positive', resources, ...more });
const apart = (id: string, resources: string): HaRule =>
  readRule(id, { type: 'resource-affinity', affinity: 'negative', resources });

it('a list of nodes has priorities', () => {
  expect([...nodePriorities('pve1:2,pve2;pve3:10')]).toEqual([
    ['pve1', 2],
    ['pve2', 0],
    ['pve3', 10],
  ]);
});

describe('a rule cannot be kept', () => {
  const rows: { name: string; rules: HaRule[]; want: Record<string, string[]> }[] = [
    { name: 'unless it is sound', rules: [on('a', 'vm:1', 'pve1'), together('b', 'vm:1,vm:2')], want: {} },
    {
      name: 'when another one binds the same resource to nodes',
      rules: [on('a', 'vm:1,vm:2', 'pve1'), on('b', 'vm:2', 'pve2')],
      want: {
        a: ["resource 'vm:2' is already used in another node affinity rule"],
        b: ["resource 'vm:2' is already used in another node affinity rule"],
      },
    },
    {
      name: 'which is no reason when that one is disabled',
      rules: [on('a', 'vm:1', 'pve1'), on('b', 'vm:1', 'pve2', { disable: 1 })],
      want: {},
    },
    {
      name: 'with one resource only',
      rules: [together('a', 'vm:1'), apart('b', 'vm:2')],
      want: {
        a: ['rule is ineffective as there are less than two resources'],
        b: ['rule is ineffective as there are less than two resources'],
      },
    },
    {
      name: 'with more to be kept apart than there are nodes',
      rules: [apart('a', 'vm:1,vm:2,vm:3,vm:4'), apart('b', 'vm:1,vm:2,vm:3')],
      want: { a: ['rule defines more resources than available nodes'] },
    },
    {
      name: 'when two resources are to be together and apart',
      rules: [together('a', 'vm:1,vm:2,vm:3'), apart('b', 'vm:2,vm:3'), apart('c', 'vm:3,vm:4')],
      want: {
        a: ['rule shares two or more resources with a negative resource affinity rule'],
        b: ['rule shares two or more resources with a positive resource affinity rule'],
      },
    },
    {
      name: 'when those to be together are bound to nodes by different rules',
      rules: [together('a', 'vm:1,vm:2'), on('b', 'vm:1', 'pve1'), on('c', 'vm:2', 'pve1')],
      want: { a: ['resources are in multiple node affinity rules'] },
    },
    {
      name: 'for two reasons at once',
      rules: [apart('a', 'vm:1,vm:2,vm:3,vm:4'), together('b', 'vm:1,vm:2')],
      want: {
        a: [
          'rule defines more resources than available nodes',
          'rule shares two or more resources with a positive resource affinity rule',
        ],
        b: ['rule shares two or more resources with a negative resource affinity rule'],
      },
    },
  ];
  it.each(rows)('$name', ({ rules, want }) => {
    expect(Object.fromEntries(ruleErrors(rules, 3))).toEqual(want);
    const kept = rules.filter(({ id, isDisabled }) => want[id] === undefined && !isDisabled);
    expect(soundRules(rules, 3)).toEqual(kept);
  });
});

describe('who belongs with whom', () => {
  const chain = [together('a', 'vm:1,vm:2'), together('b', 'vm:2,vm:3'), together('c', 'vm:8,vm:9')];
  const rows: { name: string; rules: HaRule[]; companions: string[]; rivals: string[] }[] = [
    { name: 'nobody without rules', rules: [], companions: [], rivals: [] },
    { name: 'over several rules', rules: chain, companions: ['vm:2', 'vm:3'], rivals: [] },
    { name: 'apart by its own rule', rules: [apart('n', 'vm:1,vm:7')], companions: [], rivals: ['vm:7'] },
    {
      name: 'apart by a companion’s rule, over several',
      rules: [...chain, apart('n', 'vm:3,vm:8')],
      companions: ['vm:2', 'vm:3'],
      rivals: ['vm:8'],
    },
    {
      name: 'not apart from others than it is told',
      rules: [apart('n', 'vm:7,vm:8')],
      companions: [],
      rivals: [],
    },
  ];
  it.each(rows)('$name', ({ rules, companions, rivals }) => {
    expect([...companionsOf(rules, 'vm:1')]).toEqual(companions);
    expect([...rivalsOf(rules, 'vm:1')]).toEqual(rivals);
  });

  it('a companion’s nodes are its own', () => {
    const rule = on('n', 'vm:3', 'pve2:5', { strict: 1 });
    expect(nodeRuleOf([...chain, rule], 'vm:1')).toBe(rule);
    expect(nodeRuleOf([...chain, rule], 'vm:9')).toBeUndefined();
  });
});
