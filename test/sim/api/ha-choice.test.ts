// Tests of the choice of a node: pve-ha-manager's select_service_node.
import { describe, expect, it } from 'vitest';
import type { HaWish } from '../state/ha-rules.ts';
import { chooseNode } from './ha-choice.ts';
import type { Preference, Surroundings } from './ha-choice.ts';

const stay: Preference = { kind: 'stay' };
const best: Preference = { kind: 'best' };
const elsewhere = (...failedNodes: string[]): Preference => ({ kind: 'elsewhere', failedNodes });

interface Row {
  name: string;
  wish?: { nodes?: Record<string, number>; strict?: boolean; failback?: boolean };
  usage?: Record<string, number>;
  together?: Record<string, number>;
  apart?: string[];
  preference: Preference;
  want: string | undefined;
}

function wishOf({ nodes, strict = false, failback = true }: NonNullable<Row['wish']>): HaWish {
  return { nodes: nodes === undefined ? undefined : new Map(Object.entries(nodes)), strict, failback };
}

function around({ usage = { pve1: 0, pve2: 0, pve3: 0 }, together = {}, apart = [] }: Row): Surroundings {
  return { usage: new Map(Object.entries(usage)), together: new Map(Object.entries(together)), apart: new Set(apart) };
}

const rows: Row[] = [
  { name: 'nothing to say: it stays', preference: stay, want: 'pve1' },
  { name: 'it stays though others are emptier', usage: { pve1: 9, pve2: 0, pve3: 0 }, preference: stay, want: 'pve1' },
  { name: 'the best is the emptiest', usage: { pve1: 2, pve2: 1, pve3: 0 }, preference: best, want: 'pve3' },
  { name: 'among equals the first by name', usage: { pve1: 2, pve3: 1, pve2: 1 }, preference: best, want: 'pve2' },
  { name: 'a better node pulls it', wish: { nodes: { pve2: 0 } }, preference: stay, want: 'pve2' },
  {
    name: 'a higher priority pulls it',
    wish: { nodes: { pve1: 1, pve2: 3, pve3: 2 } },
    preference: stay,
    want: 'pve2',
  },
  { name: 'equal priority does not', wish: { nodes: { pve1: 2, pve2: 2 } }, preference: stay, want: 'pve1' },
  {
    name: 'without failback it stays where it may be',
    wish: { nodes: { pve1: 1, pve2: 3 }, failback: false },
    preference: stay,
    want: 'pve1',
  },
  {
    name: 'without failback it stays also where no rule names the node',
    wish: { nodes: { pve2: 0 }, failback: false },
    preference: stay,
    want: 'pve1',
  },
  {
    name: 'without failback it leaves where it must not be',
    wish: { nodes: { pve2: 0 }, failback: false, strict: true },
    preference: stay,
    want: 'pve2',
  },
  {
    name: 'nodes that are not there do not count',
    wish: { nodes: { pve2: 2, pve3: 1 } },
    usage: { pve1: 0, pve3: 0 },
    preference: stay,
    want: 'pve3',
  },
  {
    name: 'when all named are gone any will do',
    wish: { nodes: { pve2: 2 } },
    usage: { pve1: 1, pve3: 0 },
    preference: best,
    want: 'pve3',
  },
  {
    name: 'unless the rule is strict',
    wish: { nodes: { pve2: 2 }, strict: true },
    usage: { pve1: 1, pve3: 0 },
    preference: best,
    want: undefined,
  },
  { name: 'it joins those it has to be with', together: { pve3: 1 }, preference: stay, want: 'pve3' },
  { name: 'it joins where most are', together: { pve2: 1, pve3: 2 }, preference: stay, want: 'pve3' },
  {
    name: 'it joins nobody on a node it may not be on',
    wish: { nodes: { pve1: 0, pve2: 0 }, strict: true },
    together: { pve3: 2 },
    preference: stay,
    want: 'pve1',
  },
  { name: 'it leaves whom it must not be with', apart: ['pve1'], preference: stay, want: 'pve2' },
  {
    name: 'without failback it leaves them too',
    wish: { failback: false },
    apart: ['pve1'],
    preference: stay,
    want: 'pve2',
  },
  { name: 'with them everywhere there is no node', apart: ['pve1', 'pve2', 'pve3'], preference: best, want: undefined },
  { name: 'elsewhere is not where it failed', preference: elsewhere('pve1', 'pve2'), want: 'pve3' },
  {
    name: 'elsewhere is only among the best',
    wish: { nodes: { pve1: 2, pve2: 1 } },
    preference: elsewhere('pve1'),
    want: undefined,
  },
  { name: 'nothing online', usage: {}, preference: best, want: undefined },
];

describe('a managed VM on pve1', () => {
  it.each(rows)('$name', (row) => {
    expect(chooseNode(wishOf(row.wish ?? {}), around(row), 'pve1', row.preference)).toBe(row.want);
  });
});
