// The cluster of the search as the operator's own look-up sees it: a connection of which only the reads exist.
import type { ClusterConnection } from '../../src/controllers/clusters.ts';
import { PveError } from '../../src/pve/errors.ts';
import { CLONE_PLACEHOLDER, printStamp } from '../../src/pve/stamp.ts';
import { aConfig, aListedVm, aSnapshot, NOW, UID } from '../builders/facts.ts';
import { digestOf } from './model-calls.ts';
import { existing, type ModelVm, type World } from './model-world.ts';

/** How the operator sees the world. */
export interface Sight {
  world: World;
  /** Whether the stamp in a description is looked at; without, every VM under the VMID passes for ours. */
  readsStamps: boolean;
  /** Whether a list that is made now still shows VMs that are gone. */
  lags(): boolean;
}

/** A connection to the cluster of the world. */
export function connectionTo({ world, readsStamps, lags }: Sight): ClusterConnection {
  const connection = {
    name: 'lab',
    inventory: {
      health: { state: 'reachable', since: NOW },
      snapshot: () => snapshotOf(world.listed),
      refresh: async () => {
        const there = existing(world);
        const gone = world.listed.filter((vmid) => !there.includes(vmid));
        world.listed = gone.length > 0 && lags() ? [...there, ...gone].toSorted((a, b) => a - b) : there;
        return snapshotOf(world.listed);
      },
    },
    api: {
      config: async ({ vmid }: { vmid: number }) => {
        const vm = world.vms[vmid];
        if (vm === undefined) throw new PveError({ kind: 'not-found', call: 'GET config', detail: `No VM ${vmid}` });
        const seen: ModelVm = readsStamps || vm.stamp === 'placeholder' ? vm : { ...vm, stamp: 'ours' };
        return { digest: digestOf(vm), values: configOf(vmid, seen) };
      },
      clusterStatus: async () => ({ quorate: true, nodes: [] }),
    },
  };
  return connection as unknown as ClusterConnection;
}

const snapshots = new Map<string, ReturnType<typeof aSnapshot>>();

function snapshotOf(vmids: readonly number[]): ReturnType<typeof aSnapshot> {
  const key = vmids.join();
  const known = snapshots.get(key) ?? aSnapshot({ vms: vmids.map((vmid) => aListedVm(vmid)) });
  snapshots.set(key, known);
  return known;
}

const configs = new Map<string, ReadonlyMap<string, string>>();

function configOf(vmid: number, vm: ModelVm): ReadonlyMap<string, string> {
  const key = `${vmid} ${digestOf(vm)}`;
  const known = configs.get(key) ?? aConfig(linesOf(vmid, vm));
  configs.set(key, known);
  return known;
}

function linesOf(vmid: number, { stamp, cores }: ModelVm): Record<string, string> {
  const lines = { cores: String(cores) };
  if (stamp === 'placeholder') return { ...lines, description: CLONE_PLACEHOLDER, lock: 'clone' };
  if (stamp === 'ours') return { ...lines, description: printStamp({ uid: UID, vmid }) };
  return stamp === 'stranger' ? { ...lines, description: "somebody else's" } : lines;
}
