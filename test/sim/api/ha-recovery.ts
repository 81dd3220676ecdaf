// What the high-availability managers do when a node is lost: its managed VMs appear on other nodes, without anybody's call.
import type { Vm } from '../state/vm.ts';
import type { World } from '../state/world.ts';
import { wantedState } from '../state/ha-services.ts';
import { markFenced, pass } from './ha-manager.ts';

/** A lost node counts as fenced after that long: its watchdog has ended it by then. */
export const fencedMs = 120_000;

/** States in which a resource is left alone. */
const leftAlone = new Set(['stopped', 'disabled', 'ignored']);

/** Begins the recovery of a node that has just been lost; it does not happen if the node is back in time. */
export function recoverLater(world: World, name: string): void {
  const { changedAt } = world.nodes.get(name) ?? {};
  if (!world.topology.ha) return;
  world.clock.after(fencedMs, () => {
    const node = world.nodes.get(name);
    if (node === undefined || node.changedAt !== changedAt || !world.quorate) return;
    for (const vm of managedOn(world, name)) markFenced(world, vm.vmid);
    pass(world);
  });
}

function managedOn(world: World, name: string): Vm[] {
  return [...world.vms.values()].filter((vm) => {
    const resource = world.haResources.get(`vm:${vm.vmid}`);
    return vm.node === name && resource !== undefined && !leftAlone.has(wantedState(resource));
  });
}
