// The cluster's own endpoints: version, permissions, status, resources, the next free VMID, options.
import { failure, forbidden, parameterError } from '../errors.ts';
import { oneOf, optionalVmid, text } from '../schema/parameter.ts';
import { callerOf } from '../state/access.ts';
import type { Caller } from '../state/access.ts';
import type { ClusterNode, World } from '../state/world.ts';
import { may, needs, optionalText } from './route.ts';
import type { Call, Route } from './route.ts';
import { resourceDocument } from './resource-document.ts';
import { storageItem } from './storage-item.ts';
import { vmResources } from './vm-resources.ts';
import { nodeItem } from './node-item.ts';

const alwaysShownPaths = ['/', '/access', '/access/groups', '/nodes', '/pool', '/sdn', '/storage', '/vms'];

function permissionPaths(call: Call): string[] {
  const fromAcl = call.world.access.acl.map((entry) => entry.path);
  return [...new Set([...alwaysShownPaths, ...fromAcl])];
}

function permissions(call: Call): unknown {
  const who = subject(call, optionalText(call.params['userid']));
  const path = optionalText(call.params['path']);
  const data: Record<string, Record<string, number>> = {};
  for (const one of path === undefined ? permissionPaths(call) : [path]) {
    const granted = call.world.access.privileges(who, one);
    if (granted.size === 0 && path === undefined) continue;
    data[one] = Object.fromEntries([...granted].map(([privilege, propagate]) => [privilege, propagate ? 1 : 0]));
  }
  return data;
}

/** Whose permissions are asked for; those of others need a privilege. */
function subject(call: Call, wanted: string | undefined): Caller {
  if (wanted === undefined) return call.caller;
  if (wanted === call.caller.id || wanted.startsWith(`${call.caller.id}!`)) return callerOf(wanted);
  if (!may(call, '/access', 'Sys.Audit')) throw forbidden('/access, Sys.Audit');
  if (!call.world.access.users.has(callerOf(wanted).user)) throw failure(`no such user ('${wanted}')`);
  return callerOf(wanted);
}

function nextId(call: Call): unknown {
  const wanted = call.params['vmid'];
  if (wanted !== undefined) {
    if (call.world.vms.has(Number(wanted))) throw parameterError({ vmid: `VM ${Number(wanted)} already exists` });
    return String(wanted);
  }
  const range = (call.world.options['next-id'] as string | undefined) ?? '';
  const lower = Number(/lower=(\d+)/.exec(range)?.[1] ?? 100);
  const upper = Number(/upper=(\d+)/.exec(range)?.[1] ?? 1_000_000);
  for (let id = lower; id < upper; id += 1) if (!call.world.vms.has(id)) return String(id);
  throw failure(`unable to get any free VMID in range [${lower}, ${upper}]`);
}

function clusterStatus(call: Call): unknown {
  const { world } = call;
  const nodes = [...world.nodes.values()];
  const local = world.nodes.get(call.node);
  return [
    {
      type: 'cluster',
      id: 'cluster',
      name: world.topology.cluster,
      nodes: nodes.length,
      quorate: seesQuorum(world, local) ? 1 : 0,
      version: nodes.length,
    },
    ...nodes.map((node) => ({
      type: 'node',
      id: `node/${node.name}`,
      name: node.name,
      nodeid: node.id,
      ip: node.ip,
      level: '',
      local: node.name === call.node ? 1 : 0,
      online: world.isSeen(node) || local?.state === 'cut' ? 1 : 0,
    })),
  ];
}

/** A node that was cut off believes in the old cluster for longer. */
const ownBeliefMs = 60_000;

function seesQuorum(world: World, local: ClusterNode | undefined): boolean {
  if (world.quorate && local?.state !== 'cut') return true;
  if (local?.state === 'cut') return world.clock.now() - local.changedAt < ownBeliefMs;
  return local !== undefined && [...world.nodes.values()].every((node) => world.isSeen(node));
}

function resources(call: Call): unknown {
  const { world, params } = call;
  const type = optionalText(params['type']);
  const items: Record<string, unknown>[] = [];
  if (type === undefined || type === 'node')
    items.push(...[...world.nodes.values()].map((node) => nodeItem(call, node)));
  if (type === undefined || type === 'storage') items.push(...storageResources(call));
  if (type === undefined) items.push(...poolResources(call));
  if (type === undefined || type === 'sdn') items.push(...networkResources(call));
  const vms = type === undefined || type === 'vm' ? vmResources(call) : [];
  const entries = [...vms, ...items.map((item) => JSON.stringify(item))];
  return resourceDocument(world, `${call.caller.id} ${type}`, entries);
}

function storageResources(call: Call): Record<string, unknown>[] {
  const { world } = call;
  const items: Record<string, unknown>[] = [];
  for (const storage of world.volumes.storages.values()) {
    if (!may(call, `/storage/${storage.id}`, 'Datastore.Audit')) continue;
    for (const node of world.nodes.values()) {
      if (!world.volumes.isOn(storage, node.name) || storage.disabled) continue;
      items.push(storageItem(world, storage, node.name));
    }
  }
  return items;
}

function poolResources(call: Call): Record<string, unknown>[] {
  return [...call.world.pools.values()]
    .filter((pool) => may(call, `/pool/${pool.id}`, 'Pool.Audit'))
    .map((pool) => ({ id: `/pool/${pool.id}`, pool: pool.id, type: 'pool' }));
}

function networkResources(call: Call): Record<string, unknown>[] {
  if (!may(call, '/sdn/zones/localnetwork', 'SDN.Audit', 'SDN.Use', 'SDN.Allocate')) return [];
  return [...call.world.nodes.keys()].map((name) => ({
    id: `network/${name}/zone/localnetwork`,
    network: 'localnetwork',
    'network-type': 'zone',
    node: name,
    status: 'ok',
    type: 'network',
  }));
}

export const clusterRoutes: Route[] = [
  { method: 'GET', path: '/version', permission: 'all', parameters: {}, run: ({ world }) => world.topology.version },
  {
    method: 'GET',
    path: '/access/permissions',
    permission: 'all',
    parameters: {
      path: text(),
      userid: text({
        pattern: /(?:^(?:[^\s:/]+)@(?:[A-Za-z][A-Za-z0-9.\-_]+)(?:!(?:[A-Za-z][A-Za-z0-9.\-_]+))?$)/,
      }),
    },
    run: permissions,
  },
  { method: 'GET', path: '/cluster/nextid', permission: 'all', parameters: { vmid: optionalVmid }, run: nextId },
  { method: 'GET', path: '/cluster/status', permission: needs('/', 'Sys.Audit'), parameters: {}, run: clusterStatus },
  {
    method: 'GET',
    path: '/cluster/resources',
    permission: 'all',
    parameters: { type: oneOf('vm', 'storage', 'node', 'sdn') },
    run: resources,
  },
];
