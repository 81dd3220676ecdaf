// The VMs of /cluster/resources as JSON: asked for every few seconds by every client, so each is written once per broadcast.
import type { VmStatus } from '../state/vm-status.ts';
import type { Vm } from '../state/vm.ts';
import type { World } from '../state/world.ts';
import { may } from './route.ts';
import type { Call } from './route.ts';
import { haState, resourceItem } from './status-item.ts';

/** What of an entry changes between two broadcasts, side by side: no text is made to find that nothing has. */
interface Live {
  node: string;
  lock: string | undefined;
  pool: string | undefined;
  tags: string | undefined;
  ha: string | undefined;
}

interface Written extends Live {
  json: string;
}

const written = new WeakMap<VmStatus, Written>();

/** The entries of all VMs the caller may see. */
export function vmResources(call: Call): string[] {
  const { world } = call;
  const pools = poolsByVm(world);
  const isVisible = visibility(call, pools);
  const items: string[] = [];
  for (const vm of world.vms.values()) if (isVisible(vm.vmid)) items.push(entry(world, vm, pools.get(vm.vmid)));
  return items;
}

function entry(world: World, vm: Vm, pool: string | undefined): string {
  const status = world.view.of(vm.vmid);
  if (status === undefined) return JSON.stringify(resourceItem(world, vm, true));
  const live: Live = { node: vm.node, lock: vm.lock, pool, tags: vm.options['tags'], ha: haState(world, vm.vmid) };
  const before = written.get(status);
  if (before !== undefined && isSame(before, live)) return before.json;
  const json = JSON.stringify(resourceItem(world, vm, true));
  written.set(status, { ...live, json });
  return json;
}

function isSame(one: Live, other: Live): boolean {
  return (
    one.node === other.node &&
    one.lock === other.lock &&
    one.pool === other.pool &&
    one.tags === other.tags &&
    one.ha === other.ha
  );
}

function poolsByVm(world: World): Map<number, string> {
  const pools = new Map<number, string>();
  for (const pool of world.pools.values()) for (const vmid of pool.vms) pools.set(vmid, pool.id);
  return pools;
}

/** Rights are the same for all VMs that neither a pool nor an entry of their own sets apart; those are looked up once. */
function visibility(call: Call, pools: ReadonlyMap<number, string>): (vmid: number) => boolean {
  const own = new Set(call.world.access.acl.map(({ path }) => path));
  const others = may(call, '/vms/0', 'VM.Audit');
  return (vmid) => {
    const path = `/vms/${vmid}`;
    return own.has(path) || pools.has(vmid) ? may(call, path, 'VM.Audit') : others;
  };
}
