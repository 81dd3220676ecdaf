// What the high-availability managers know of the VMs they look after, and whether a VM is theirs.
import type { World } from './world.ts';

/** How far the managers are with a resource; a resource they have not seen yet has none. */
export interface HaService {
  state: 'started' | 'stopped' | 'request_stop' | 'migrate' | 'recovery' | 'error';
  /** Starts that failed in a row on the same node. */
  failedStarts: number;
  /** Nodes it was given up on since it last ran, as often as it was. */
  failedNodes: readonly string[];
  /** Seconds a guest has to shut down; 0 ends it at once. Undefined when nobody asked for a stop. */
  stopTimeoutS: number | undefined;
  /** The node it is to be moved to. */
  target: string | undefined;
}

/** What a client asked of the managers; they read it at their next pass. */
export type HaCommand = { stopTimeoutS: number } | { target: string };

/** The name of a VM among the managed resources. */
export function resourceOf(vmid: number): string {
  return `vm:${vmid}`;
}

/** The state an administrator wants; resources are to be started unless they say otherwise. */
export function wantedState(resource: Readonly<Record<string, string | number>>): string {
  const state = String(resource['state'] ?? 'started');
  return state === 'enabled' ? 'started' : state;
}

/** Whether calls about the VM go through the managers; ignored resources are treated as if they were none. */
export function isHaManaged(world: World, vmid: number): boolean {
  const resource = world.haResources.get(resourceOf(vmid));
  return resource !== undefined && wantedState(resource) !== 'ignored';
}
