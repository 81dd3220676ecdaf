// Which node a managed VM goes to: pve-ha-manager's choice among nodes, priorities and other resources.
import type { HaWish } from '../state/ha-rules.ts';

/** What the cluster looks like around a resource. */
export interface Surroundings {
  /** Nodes that are online, with the number of resources each has to carry. */
  usage: ReadonlyMap<string, number>;
  /** How many resources it has to be with are on a node. */
  together: ReadonlyMap<string, number>;
  /** Nodes with a resource it must not be with. */
  apart: ReadonlySet<string>;
}

/** `stay`: where it is, if nothing is against it; `best`: the best node; `elsewhere`: one where it did not fail yet. */
export type Preference = { kind: 'stay' } | { kind: 'best' } | { kind: 'elsewhere'; failedNodes: readonly string[] };

/** The node to be on; undefined when there is none. */
export function chooseNode(
  wish: HaWish,
  around: Surroundings,
  current: string,
  preference: Preference,
): string | undefined {
  const allowed = allowedNodes(wish, around.usage);
  const isKept = preference.kind === 'stay' && !wish.failback && allowed.has(current);
  if (isKept && (around.together.has(current) || !around.apart.has(current))) return current;
  const failed = preference.kind === 'elsewhere' ? preference.failedNodes : [];
  const candidates = besideOthers(
    highest(allowed).filter((node) => !failed.includes(node)),
    around,
  );
  if (preference.kind === 'stay' && candidates.includes(current)) return current;
  return candidates.toSorted((one, other) => usageOf(around, one) - usageOf(around, other) || byName(one, other))[0];
}

/** Priorities of the nodes it may be on; those no rule names come last. */
function allowedNodes(wish: HaWish, usage: ReadonlyMap<string, number>): Map<string, number> {
  const allowed = new Map<string, number>();
  for (const node of usage.keys()) {
    const priority = wish.nodes === undefined ? 0 : (wish.nodes.get(node) ?? (wish.strict ? undefined : -1));
    if (priority !== undefined) allowed.set(node, priority);
  }
  return allowed;
}

function highest(allowed: ReadonlyMap<string, number>): string[] {
  const top = Math.max(...allowed.values());
  return [...allowed].filter(([, priority]) => priority === top).map(([node]) => node);
}

/** With most of those it has to be with, and with none it must not be with. */
function besideOthers(nodes: readonly string[], { together, apart }: Surroundings): string[] {
  const [majority] = nodes
    .filter((node) => together.has(node))
    .toSorted((one, other) => (together.get(other) ?? 0) - (together.get(one) ?? 0) || byName(one, other));
  return (majority === undefined ? nodes : [majority]).filter((node) => !apart.has(node));
}

function usageOf({ usage }: Surroundings, node: string): number {
  return usage.get(node) ?? 0;
}

function byName(one: string, other: string): number {
  return one < other ? -1 : 1;
}
