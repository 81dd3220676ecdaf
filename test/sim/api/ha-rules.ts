// The rules of high availability, and the groups that releases before 9 have instead.
import { createHash } from 'node:crypto';
import { ApiError, failure, messageOf } from '../errors.ts';
import { splitList } from '../schema/formats.ts';
import { flag, formatted, oneOf, required, text } from '../schema/parameter.ts';
import type { Parameters } from '../schema/parameter.ts';
import { isUpTo, releaseOf } from '../schema/release.ts';
import { nodePriorities, readRule, ruleErrors } from '../state/ha-rules.ts';
import type { World } from '../state/world.ts';
import { rulesOf } from './ha-place.ts';
import { needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

type Entry = Record<string, string | number>;

/** What each type of rule must have and may have. */
const optionsOf: Readonly<Record<string, { must: readonly string[]; may: readonly string[] }>> = {
  'node-affinity': { must: ['resources', 'nodes'], may: ['affinity', 'strict', 'disable', 'comment'] },
  'resource-affinity': { must: ['resources', 'affinity'], may: ['disable', 'comment'] },
};

function create(call: Call): null {
  const { world, params } = call;
  world.requireQuorum();
  const id = textOf(params['rule']);
  const entry = checked(textOf(params['type']), params);
  try {
    add(world, id, entry);
  } catch (error) {
    throw failure(`create ha rule failed: ${messageOf(error)}`);
  }
  world.wakeHaManagers();
  return null;
}

function checked(type: string, params: Parameters): Entry {
  const { must, may } = optionsOf[type] ?? { must: [], may: [] };
  const entry: Entry = { type };
  for (const [key, value] of Object.entries(params)) {
    if (['rule', 'type'].includes(key) || value === undefined || Array.isArray(value)) continue;
    if (!must.includes(key) && !may.includes(key)) throw failure(`unexpected property '${key}'`);
    entry[key] = value;
  }
  for (const key of must) if (entry[key] === undefined) throw failure(`missing value for required option '${key}'`);
  return normalized(entry);
}

/** Lists are written sorted, and priorities only where there is one. */
function normalized(entry: Entry): Entry {
  const written: Entry = { ...entry, resources: splitList(String(entry['resources'])).toSorted().join(',') };
  if (entry['nodes'] === undefined) return written;
  const nodes = [...nodePriorities(String(entry['nodes']))].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return {
    ...written,
    nodes: nodes.map(([name, priority]) => (priority > 0 ? `${name}:${priority}` : name)).join(','),
  };
}

function add(world: World, id: string, entry: Entry): void {
  if (world.haRules.has(id)) throw failure(`HA rule '${id}' already defined`);
  const rule = readRule(id, entry);
  const unmanaged = rule.resources.filter((sid) => !world.haResources.has(sid));
  if (unmanaged.length > 0) throw failure(`cannot use unmanaged resource(s) ${unmanaged.join(', ')}.`);
  const unknown = [...rule.nodes.keys()].filter((name) => !world.nodes.has(name));
  if (unknown.length > 0) throw failure(`cannot use non-existant node(s) ${unknown.join(', ')}.`);
  const errors = ruleErrors([...rulesOf(world), rule], world.nodes.size).get(id);
  if (errors !== undefined) throw new ApiError(400, `Rule '${id}' is invalid.`, { resources: errors.join(', ') });
  world.haRules.set(id, entry);
}

function list({ world, params }: Call): unknown {
  const type = optionalText(params['type']);
  const resource = optionalText(params['resource']);
  const rules = rulesOf(world);
  const errors = ruleErrors(rules, world.nodes.size);
  const digest = createHash('sha1')
    .update(JSON.stringify([...world.haRules]))
    .digest('hex');
  return rules.flatMap((rule, index) => {
    if (type !== undefined && rule.type !== type) return [];
    if (resource !== undefined && !rule.resources.includes(resource)) return [];
    const defaults = rule.type === 'node-affinity' ? { affinity: 'positive', strict: 0 } : {};
    const complaints = errors.get(rule.id);
    return [
      {
        ...defaults,
        ...world.haRules.get(rule.id),
        rule: rule.id,
        digest,
        order: index + 1,
        ...(complaints === undefined ? {} : { errors: { resources: complaints } }),
      },
    ];
  });
}

/** Takes a resource out of every rule; a rule without resources goes. */
export function forgetInRules(world: World, sid: string): void {
  for (const { id, resources } of rulesOf(world)) {
    const rest = resources.filter((other) => other !== sid);
    if (rest.length === 0) world.haRules.delete(id);
    else world.haRules.set(id, { ...world.haRules.get(id), resources: rest.join(',') });
  }
}

/** Refuses a group: since 9 all are rules, before it must be there when a resource is changed. */
export function requireGroup(world: World, params: Parameters, isNew: boolean): void {
  const name = optionalText(params['group']);
  if (name === undefined) return;
  if (!hasGroups(world)) throw failure("invalid parameter 'group': ha groups have been migrated to rules");
  if (!isNew && !world.topology.haGroups.some(({ group }) => group === name))
    throw failure(`HA group '${name}' does not exist`);
}

function hasGroups(world: World): boolean {
  return isUpTo(releaseOf(world.topology.version.version), '8.4');
}

function groups({ world }: Call): unknown {
  if (!hasGroups(world)) throw failure('cannot index groups: ha groups have been migrated to rules');
  const digest = createHash('sha1').update(JSON.stringify(world.topology.haGroups)).digest('hex');
  return world.topology.haGroups.map(({ group, nodes, comment, restricted, nofailback }) => ({
    group,
    type: 'group',
    nodes,
    digest,
    restricted: restricted ? 1 : undefined,
    nofailback: nofailback ? 1 : undefined,
    comment,
  }));
}

const audit = needs('/', 'Sys.Audit');

export const haRuleRoutes: Route[] = [
  {
    method: 'GET',
    path: '/cluster/ha/rules',
    permission: audit,
    parameters: { resource: text(), type: oneOf('node-affinity', 'resource-affinity') },
    run: list,
  },
  {
    method: 'POST',
    path: '/cluster/ha/rules',
    permission: needs('/', 'Sys.Console'),
    parameters: {
      rule: required(formatted('pve-configid')),
      type: required(oneOf('node-affinity', 'resource-affinity')),
      resources: required(formatted('pve-ha-resource-id-list')),
      nodes: formatted('pve-ha-node-list'),
      affinity: oneOf('positive', 'negative'),
      strict: flag(),
      disable: flag(),
      comment: text({ maxLength: 4096 }),
    },
    run: create,
  },
  { method: 'GET', path: '/cluster/ha/groups', permission: audit, parameters: {}, run: groups },
];
