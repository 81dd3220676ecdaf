// What high-availability rules say: which of them are sound, and what they ask of the place of a resource.
import { splitList } from '../schema/formats.ts';

/** A rule as it stands in the cluster's file, read. */
export interface HaRule {
  id: string;
  type: 'node-affinity' | 'resource-affinity';
  resources: string[];
  /** Priorities by node; of node affinity only. */
  nodes: Map<string, number>;
  strict: boolean;
  affinity: 'positive' | 'negative';
  isDisabled: boolean;
}

/** Where a resource may be and where it had better be. */
export interface HaWish {
  /** Priorities by node; undefined when nothing names nodes, which means any. */
  nodes: ReadonlyMap<string, number> | undefined;
  /** Only these nodes. */
  strict: boolean;
  /** It goes back to a better node as soon as there is one. */
  failback: boolean;
}

type Entry = Readonly<Record<string, string | number>>;

/** Reads one entry of the file. */
export function readRule(id: string, entry: Entry): HaRule {
  return {
    id,
    type: entry['type'] === 'node-affinity' ? 'node-affinity' : 'resource-affinity',
    resources: splitList(String(entry['resources'] ?? '')),
    nodes: nodePriorities(String(entry['nodes'] ?? '')),
    strict: entry['strict'] === 1,
    affinity: entry['affinity'] === 'negative' ? 'negative' : 'positive',
    isDisabled: entry['disable'] === 1,
  };
}

/** `pve1:2,pve2` as priorities; without one a node has 0. */
export function nodePriorities(list: string): Map<string, number> {
  return new Map(
    splitList(list).map((item) => {
      const [name = '', priority = '0'] = item.split(':');
      return [name, Number(priority)] as const;
    }),
  );
}

type Complaint = readonly [rule: string, text: string];

/** Why rules cannot be kept, by rule; the managers leave such rules out, and disabled ones are not looked at. */
export function ruleErrors(rules: readonly HaRule[], nodeCount: number): Map<string, string[]> {
  const enabled = rules.filter((rule) => !rule.isDisabled);
  const errors = new Map<string, string[]>();
  const complaints = [sharedByNodeRules, tooFewResources, tooManyResources, togetherAndApart, severalNodeRules].flatMap(
    (check) => check(enabled, nodeCount),
  );
  for (const [rule, text] of complaints) errors.set(rule, [...(errors.get(rule) ?? []), text]);
  return errors;
}

function sharedByNodeRules(rules: readonly HaRule[]): Complaint[] {
  const nodeRules = rules.filter(({ type }) => type === 'node-affinity');
  return nodeRules.flatMap((rule) =>
    rule.resources
      .filter((sid) => nodeRules.some((other) => other !== rule && other.resources.includes(sid)))
      .map((sid) => [rule.id, `resource '${sid}' is already used in another node affinity rule`] as const),
  );
}

function tooFewResources(rules: readonly HaRule[]): Complaint[] {
  return rules
    .filter(({ type, resources }) => type === 'resource-affinity' && resources.length < 2)
    .map(({ id }) => [id, 'rule is ineffective as there are less than two resources']);
}

function tooManyResources(rules: readonly HaRule[], nodeCount: number): Complaint[] {
  return rulesOf(rules, 'negative')
    .filter(({ resources }) => resources.length > nodeCount)
    .map(({ id }) => [id, 'rule defines more resources than available nodes']);
}

function togetherAndApart(rules: readonly HaRule[]): Complaint[] {
  const sign = { positive: 'negative', negative: 'positive' } as const;
  return (['positive', 'negative'] as const).flatMap((affinity) =>
    rulesOf(rules, affinity)
      .filter((rule) => rulesOf(rules, sign[affinity]).some((other) => inBoth(rule, other) >= 2))
      .map(
        ({ id }) => [id, `rule shares two or more resources with a ${sign[affinity]} resource affinity rule`] as const,
      ),
  );
}

function severalNodeRules(rules: readonly HaRule[]): Complaint[] {
  const nodeRules = rules.filter(({ type }) => type === 'node-affinity');
  return rulesOf(rules, 'positive')
    .filter((rule) => nodeRules.filter((other) => inBoth(rule, other) > 0).length > 1)
    .map(({ id }) => [id, 'resources are in multiple node affinity rules']);
}

function rulesOf(rules: readonly HaRule[], affinity: 'positive' | 'negative'): HaRule[] {
  return rules.filter((rule) => rule.type === 'resource-affinity' && rule.affinity === affinity);
}

function inBoth(one: HaRule, other: HaRule): number {
  return one.resources.filter((sid) => other.resources.includes(sid)).length;
}

/** The rules the managers keep. */
export function soundRules(rules: readonly HaRule[], nodeCount: number): HaRule[] {
  const errors = ruleErrors(rules, nodeCount);
  return rules.filter((rule) => !rule.isDisabled && !errors.has(rule.id));
}

/** Resources that must be where this one is, over any number of rules. */
export function companionsOf(rules: readonly HaRule[], sid: string): Set<string> {
  const found = new Set([sid]);
  for (const member of found) {
    for (const rule of rulesOf(rules, 'positive').filter(({ resources }) => resources.includes(member)))
      for (const other of rule.resources) found.add(other);
  }
  found.delete(sid);
  return found;
}

/** Resources that must not be where this one is, or where one of its companions is. */
export function rivalsOf(rules: readonly HaRule[], sid: string): Set<string> {
  const together = new Set([sid, ...companionsOf(rules, sid)]);
  const rivals = rulesOf(rules, 'negative')
    .filter(({ resources }) => resources.some((member) => together.has(member)))
    .flatMap(({ resources }) => resources);
  return new Set(rivals.filter((other) => !together.has(other)));
}

/** The nodes a resource is bound to by its own rule or a companion's. */
export function nodeRuleOf(rules: readonly HaRule[], sid: string): HaRule | undefined {
  const members = [sid, ...companionsOf(rules, sid)];
  return rules.find(
    ({ type, resources }) => type === 'node-affinity' && members.some((member) => resources.includes(member)),
  );
}
