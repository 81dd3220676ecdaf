// What happens in the world of the search without the operator: tasks end, late calls arrive, people and strangers act.
import { endTask, takeIn } from './model-calls.ts';
import { aTickOlder } from './model-status.ts';
import {
  existing,
  LATE_TICKS,
  type LateCall,
  newestView,
  ownVmid,
  TICK_MS,
  withView,
  withVm,
  type World,
} from './model-world.ts';

export interface WorldEvent {
  /** For the trace. */
  label: string;
  /** Changes the copy of the world that it is given. */
  happen(world: World): void;
}

/**
 * What can happen in Proxmox VE at any moment, also in the middle of a pass of the operator. With `quietIds` a stranger
 * does not take an id that a call is still on its way to, unless the call is a clone and finds out by itself.
 */
export function clusterEvents(world: World, quietIds: boolean): WorldEvent[] {
  const isAwaited = world.late.some(({ kind, vmid }) => kind !== 'clone' && world.vms[vmid] === undefined);
  const changes = quietIds && isAwaited ? [] : foreignChanges(world);
  return [...taskEnds(world), ...lateCalls(world), ...changes];
}

/** What can happen between two passes of the operator. */
export function events(world: World, quietIds: boolean): WorldEvent[] {
  return [...clusterEvents(world, quietIds), ...deletionRequest(world), ...taskFailures(world), TICK];
}

// Proxmox VE works on a VM under a lock: what was taken in first is done first.
function runningTasks({ tasks }: World): World['tasks'] {
  const running = tasks.filter(({ end }) => end === undefined);
  return running.filter((task) => running.find(({ call }) => call.vmid === task.call.vmid) === task);
}

/** Tasks that end well. */
export function taskEnds(world: World): WorldEvent[] {
  return runningTasks(world).map((task) => ({
    label: `${task.id} ends`,
    happen: (next) => endTask(next, task, 'ok'),
  }));
}

function taskFailures(world: World): WorldEvent[] {
  if (world.interruptionsLeft === 0) return [];
  return runningTasks(world).flatMap((task) => {
    const ends = task.call.kind === 'clone' ? (['failed', 'cut-off'] as const) : (['failed'] as const);
    return ends.map((end) => ({
      label: `${task.id}: ${end}`,
      happen: (next: World) => {
        next.interruptionsLeft -= 1;
        endTask(next, task, end);
      },
    }));
  });
}

/** Calls without an answer that are carried out after all. */
export function lateCalls(world: World): WorldEvent[] {
  return world.late.map((call) => ({
    label: `the ${call.kind} of VM ${call.vmid} that got no answer is carried out`,
    happen: (next) => arrive(next, call),
  }));
}

function arrive(world: World, call: LateCall): void {
  world.late = world.late.filter((other) => other !== call);
  try {
    takeIn(world, call);
  } catch {
    // Proxmox VE refuses it, and nobody listens.
  }
}

/** The object may be deleted, once. */
export function deletionRequest(world: World): WorldEvent[] {
  if (world.gone || newestView(world).deleting) return [];
  return [
    {
      label: 'the object is deleted',
      happen: (next) => withView(next, { ...newestView(next), deleting: true }),
    },
  ];
}

function foreignChanges(world: World): WorldEvent[] {
  if (world.foreignLeft === 0) return [];
  const vmid = ownVmid(world);
  const vm = world.vms[vmid];
  if (vm === undefined) {
    return [foreign(`a stranger makes VM ${vmid}`, vmid, { stamp: 'stranger', running: true, cores: 8 })];
  }
  // A task that works on the VM holds its lock, also against people.
  if (vm.stamp !== 'ours' || runningTasks(world).some(({ call }) => call.vmid === vmid)) return [];
  return [
    foreign(`a person destroys VM ${vmid}`, vmid, undefined),
    foreign(`a person changes VM ${vmid}`, vmid, { ...vm, cores: 8 }),
    foreign(`a person takes the stamp off VM ${vmid}`, vmid, { ...vm, stamp: 'removed' }),
    foreign(`a person ${vm.running ? 'stops' : 'starts'} VM ${vmid}`, vmid, { ...vm, running: !vm.running }),
  ];
}

function foreign(label: string, vmid: number, vm: Parameters<typeof withVm>[2]): WorldEvent {
  return {
    label,
    happen: (world) => {
      world.foreignLeft -= 1;
      withVm(world, vmid, vm);
    },
  };
}

/** Time passes: the cluster is polled, calls grow old, and one that is too old will not be carried out any more. */
export const TICK: WorldEvent = {
  label: `${TICK_MS / 1000} s pass`,
  happen: (world) => {
    world.listed = existing(world);
    const older = world.late.map((call) => ({ ...call, age: call.age + 1 }));
    world.late = older.filter(({ age }) => age <= LATE_TICKS);
    world.views = world.views.map((view) => ({ ...view, status: aTickOlder(view.status) }));
  },
};
