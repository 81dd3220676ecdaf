// The state of a cluster as text and back, so that a simulator can be ended and go on later.
import { FirewallFile } from './firewall-file.ts';
import { Vm } from './vm.ts';
import type { World } from './world.ts';

/** Parts of the world that are plain maps and come back as they were. */
const plainMaps = [
  'pools',
  'backupJobs',
  'haResources',
  'haRules',
  'haServices',
  'haCommands',
  'guestBootMs',
  'agentModes',
  'nodes',
] as const;

type FirewallContent = Pick<FirewallFile, 'options' | 'rules' | 'ipsets' | 'aliases'>;
type VmContent = Pick<
  Vm,
  'vmid' | 'node' | 'options' | 'pending' | 'pendingDelete' | 'snapshots' | 'cloudInit' | 'running'
>;

interface SavedWorld extends Pick<World, (typeof plainMaps)[number] | 'options'> {
  vms: VmContent[];
  storages: World['volumes']['storages'];
  volumes: ReturnType<World['volumes']['all']>;
  access: Pick<World['access'], 'users' | 'tokens' | 'roles' | 'acl'>;
  clusterFirewall: FirewallContent;
  firewall: Map<number, FirewallContent>;
  history: ReturnType<World['history']['save']>;
  tasks: ReturnType<World['tasks']['save']>;
  random: number;
}

/** Everything that outlives a restart of the cluster's hosts. Locks on files, consoles and running workers do not. */
export function saveWorld(world: World): SavedWorld {
  const { users, tokens, roles, acl } = world.access;
  return {
    nodes: world.nodes,
    pools: world.pools,
    backupJobs: world.backupJobs,
    haResources: world.haResources,
    haRules: world.haRules,
    haServices: world.haServices,
    haCommands: world.haCommands,
    guestBootMs: world.guestBootMs,
    agentModes: world.agentModes,
    options: world.options,
    vms: [...world.vms.values()].map(contentOf),
    storages: world.volumes.storages,
    volumes: [...world.volumes.all()],
    access: { users, tokens, roles, acl },
    clusterFirewall: firewallContent(world.clusterFirewall),
    firewall: new Map([...world.firewall].map(([vmid, file]) => [vmid, firewallContent(file)])),
    history: world.history.save(),
    tasks: world.tasks.save(),
    random: world.random.state,
  };
}

/** Replaces the content of a world. */
export function restoreWorld(world: World, saved: SavedWorld): void {
  for (const name of plainMaps) refill<unknown, unknown>(world[name], saved[name]);
  Object.assign(world.options, saved.options);
  refill(
    world.vms,
    saved.vms.map((vm) => [vm.vmid, Object.assign(new Vm(vm.vmid, vm.node, vm.options), vm)]),
  );
  world.volumes.restore(saved.storages, saved.volumes);
  refill(world.access.tokens, saved.access.tokens);
  refill(world.access.roles, saved.access.roles);
  for (const user of saved.access.users) world.access.users.add(user);
  world.access.acl = saved.access.acl;
  Object.assign(world.clusterFirewall, saved.clusterFirewall);
  refill(
    world.firewall,
    [...saved.firewall].map(([vmid, content]) => [vmid, Object.assign(new FirewallFile(), content)]),
  );
  world.history.restore(saved.history);
  world.tasks.restore(saved.tasks);
  world.random.state = saved.random;
  world.view.refresh();
}

function contentOf({ vmid, node, options, pending, pendingDelete, snapshots, cloudInit, running }: Vm): VmContent {
  return { vmid, node, options, pending, pendingDelete, snapshots, cloudInit, running };
}

function firewallContent({ options, rules, ipsets, aliases }: FirewallFile): FirewallContent {
  return { options, rules, ipsets, aliases };
}

function refill<Key, Value>(map: Map<Key, Value>, entries: Iterable<[Key, Value]>): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}

/** JSON that keeps maps and sets apart from plain objects. */
export function toText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Map) return { $map: [...(part as Map<unknown, unknown>)] };
    if (part instanceof Set) return { $set: [...(part as Set<unknown>)] };
    return part;
  });
}

/** The value of such JSON. */
export function fromText(text: string): unknown {
  return JSON.parse(text, (_, part: unknown) => {
    if (typeof part !== 'object' || part === null) return part;
    if ('$map' in part) return new Map(part.$map as [unknown, unknown][]);
    if ('$set' in part) return new Set(part.$set as unknown[]);
    return part;
  });
}
