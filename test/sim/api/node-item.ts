// A node's figures in the shapes of /nodes and /cluster/resources.
import type { ClusterNode } from '../state/world.ts';
import { may } from './route.ts';
import type { Call } from './route.ts';

/** An entry of /cluster/resources; without Sys.Audit only name and state. */
export function nodeItem(call: Call, node: ClusterNode): Record<string, unknown> {
  const online = call.world.isSeen(node);
  const item: Record<string, unknown> = {
    id: `node/${node.name}`,
    node: node.name,
    status: online ? 'online' : 'offline',
    type: 'node',
  };
  item['level'] = '';
  item['cgroup-mode'] = 2;
  if (!may(call, `/nodes/${node.name}`, 'Sys.Audit')) return item;
  Object.assign(item, { maxcpu: node.cpus, maxmem: node.memoryBytes, maxdisk: node.rootBytes });
  if (!online) return item;
  return Object.assign(item, {
    cpu: 0.05,
    disk: Math.floor(node.rootBytes * 0.1),
    mem: usedMemory(call, node),
    uptime: Math.floor((call.world.clock.now() - node.bootedAt) / 1000),
  });
}

/** Memory of the host itself and of its running VMs. */
export function usedMemory(call: Call, node: ClusterNode): number {
  let used = 2 * 1024 ** 3;
  for (const vm of call.world.vms.values()) {
    if (vm.node === node.name && vm.running !== undefined) used += call.world.view.of(vm.vmid)?.maxMem ?? 0;
  }
  return Math.min(used, node.memoryBytes);
}
