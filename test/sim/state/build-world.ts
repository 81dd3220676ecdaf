// Builds the state of a cluster from its topology.
import type { SimClock } from '../clock.ts';
import type { Topology } from '../topology.ts';
import { Vm } from './vm.ts';
import { World } from './world.ts';

/** A fresh world; its status broadcasts have run once. */
export function buildWorld(topology: Topology, clock: SimClock, seed: number): World {
  // The world keeps its VMs itself; the descriptions of thousands would only take memory.
  const world = new World({ ...topology, vms: [] }, clock, seed);
  addNodes(world);
  addStorages(world);
  addAccess(world);
  for (const pool of topology.pools)
    world.pools.set(pool.id, { id: pool.id, comment: pool.comment, vms: new Set(), storages: new Set() });
  for (const description of topology.vms) addVm(world, description);
  return world;
}

function addNodes(world: World): void {
  const now = world.clock.now();
  for (const [index, node] of world.topology.nodes.entries()) {
    const fingerprint = (world.random.hex(64).toUpperCase().match(/../g) ?? []).join(':');
    world.nodes.set(node.name, {
      ...node,
      id: index + 1,
      bootedAt: now - 6_550_000,
      state: 'up',
      changedAt: 0,
      fingerprint,
    });
  }
}

function addStorages(world: World): void {
  for (const storage of world.topology.storages) {
    world.volumes.storages.set(storage.id, {
      id: storage.id,
      type: storage.type,
      content: storage.content,
      shared: storage.shared,
      nodes: storage.nodes,
      path: storage.path ?? (storage.type === 'dir' ? '/var/lib/vz' : undefined),
      disabled: storage.disabled,
      totalBytes: storage.totalBytes,
      otherBytes: storage.usedBytes,
      pruneBackups: storage.pruneBackups,
    });
  }
  for (const file of world.topology.files) {
    const node = file.node ?? world.topology.nodes[0]?.name ?? '';
    const { name, content, format, sizeBytes } = file;
    world.volumes.add(file.storage, node, {
      name,
      content,
      format,
      sizeBytes,
      usedBytes: sizeBytes,
      bootable: content === 'import',
      virtualBytes: file.virtualBytes,
    });
  }
}

function addAccess(world: World): void {
  const { users, roles, tokens, acl } = world.topology;
  for (const user of users) world.access.users.add(user);
  for (const [role, privileges] of Object.entries(roles)) world.access.setRole(role, privileges);
  for (const token of tokens) world.access.tokens.set(token.id, token);
  world.access.acl = acl.map((entry) => ({ ...entry }));
}

function addVm(world: World, description: Topology['vms'][number]): void {
  const vm = new Vm(description.vmid, description.node, { ...description.options });
  world.vms.set(vm.vmid, vm);
  for (const { storage, name, format, sizeBytes, usedBytes } of description.volumes) {
    const owner = Number(/(\d+)-(?:disk|cloudinit)/.exec(name)?.[1] ?? vm.vmid);
    const volume = { name, content: 'images', format, sizeBytes, vmid: owner, bootable: !/cloudinit/.test(name) };
    world.volumes.add(storage, vm.node, usedBytes === undefined ? volume : { ...volume, usedBytes });
  }
  if (description.guestBootMs !== undefined) world.guestBootMs.set(vm.vmid, description.guestBootMs);
  if (description.running) {
    vm.running = {
      startedAt: world.clock.now(),
      pid: 1000 + world.random.below(9000),
      qmpStatus: 'running',
      agentReadyAt: world.clock.now(),
      options: { ...vm.options },
    };
    world.history.started(vm.vmid, world.clock.now() / 1000);
  }
}
