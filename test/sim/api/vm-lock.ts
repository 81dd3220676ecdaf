// The file lock on a VM's configuration, as calls and tasks take it.
import type { Task } from '../tasks/task-registry.ts';
import type { World } from '../state/world.ts';
import { durations } from '../tasks/durations.ts';

export interface LockOptions {
  timeoutMs?: number;
  shared?: boolean;
  task?: Task;
}

/** Runs the work with the configuration locked. */
export function lockConfig<T>(
  world: World,
  vm: { vmid: number; node: string },
  work: () => T | Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const { task, shared = false, timeoutMs = durations.configLockTimeout } = options;
  const request = {
    key: `${vm.node}/${vm.vmid}`,
    file: `/var/lock/qemu-server/lock-${vm.vmid}.conf`,
    timeoutMs,
    shared,
  };
  return world.locks.hold(task === undefined ? request : { ...request, onWait: task.lockNotice }, work);
}
