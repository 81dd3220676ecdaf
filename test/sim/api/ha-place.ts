// The place of a managed VM as rules, groups and the rest of the cluster ask for it.
import { resourceOf } from '../state/ha-services.ts';
import { companionsOf, nodePriorities, nodeRuleOf, readRule, rivalsOf, soundRules } from '../state/ha-rules.ts';
import type { HaRule, HaWish } from '../state/ha-rules.ts';
import type { ClusterNode, World } from '../state/world.ts';
import { chooseNode } from './ha-choice.ts';
import type { Preference, Surroundings } from './ha-choice.ts';

/** Every rule of the cluster, in the order they were made. */
export function rulesOf(world: World): HaRule[] {
  return [...world.haRules].map(([id, entry]) => readRule(id, entry));
}

function keptRules(world: World): HaRule[] {
  return soundRules(rulesOf(world), world.nodes.size);
}

/** Whether the managers' daemons on that node are heard by the cluster. */
export function isHeard(node: ClusterNode | undefined): boolean {
  return node?.state === 'up' || node?.state === 'paused';
}

/** The node the resource is to be on. */
export function placeOf(world: World, sid: string, preference: Preference): string | undefined {
  return chooseNode(wishOf(world, sid), surroundings(world, sid), nodeOf(world, sid) ?? '', preference);
}

/** A group of release 8 says what later a rule and the resource itself say. */
function wishOf(world: World, sid: string): HaWish {
  const resource = world.haResources.get(sid) ?? {};
  const group = world.topology.haGroups.find(({ group: name }) => name === resource['group']);
  if (group !== undefined)
    return { nodes: nodePriorities(group.nodes), strict: group.restricted, failback: !group.nofailback };
  const rule = nodeRuleOf(keptRules(world), sid);
  const failback = Number(resource['failback'] ?? 1) === 1;
  return { nodes: rule?.nodes, strict: rule?.strict === true, failback };
}

function surroundings(world: World, sid: string): Surroundings {
  const usage = new Map<string, number>();
  for (const node of world.nodes.values()) if (isHeard(node)) usage.set(node.name, 0);
  for (const other of world.haServices.keys()) {
    for (const node of carriersOf(world, other)) if (usage.has(node)) usage.set(node, (usage.get(node) ?? 0) + 1);
  }
  const rules = keptRules(world);
  const together = new Map<string, number>();
  for (const node of destinations(world, companionsOf(rules, sid))) together.set(node, (together.get(node) ?? 0) + 1);
  return { usage, together, apart: new Set(destinations(world, rivalsOf(rules, sid))) };
}

/** Both ends of a move have to carry the resource; one that is stopped weighs nothing. */
function carriersOf(world: World, sid: string): string[] {
  const service = world.haServices.get(sid);
  if (service === undefined || service.state === 'stopped') return [];
  return [nodeOf(world, sid), service.target].filter((node) => node !== undefined);
}

function destinations(world: World, sids: Iterable<string>): string[] {
  return [...sids].flatMap((sid) => {
    const node = carriersOf(world, sid).at(-1);
    return node === undefined || !isHeard(world.nodes.get(node)) ? [] : [node];
  });
}

/** The node of the resource's VM. */
export function nodeOf(world: World, sid: string): string | undefined {
  return world.vms.get(Number(sid.split(':')[1]))?.node;
}

/** What a move of a VM would pull along, and what forbids it on that node. */
export function motionOf(world: World, vmid: number): { along: string[]; blockedBy(node: string): string[] } {
  const rules = keptRules(world);
  const sid = resourceOf(vmid);
  const isKnown = (other: string): boolean => world.haServices.has(other);
  const rivals = [...rivalsOf(rules, sid)].filter(isKnown).sort();
  return {
    along: [...companionsOf(rules, sid)].filter(isKnown).sort(),
    blockedBy: (node) =>
      rivals.filter((rival) => (world.haServices.get(rival)?.target ?? nodeOf(world, rival)) === node),
  };
}
