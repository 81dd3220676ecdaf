// Suspending a VM to disk and taking it up again.
import { failure } from '../errors.ts';
import { allocateDisk } from '../state/disk-work.ts';
import { drivesOf, isCdrom } from '../state/drive.ts';
import { endProcess } from '../state/power.ts';
import { memoryMiB } from '../state/vm-status.ts';
import type { Vm } from '../state/vm.ts';
import { splitVolumeId, volumeId } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { lockConfig } from './vm-lock.ts';

/** Size of a volume that can hold the memory: twice the RAM and half a gigabyte, as Proxmox reckons. */
export function stateBytes(vm: Vm): number {
  return (memoryMiB(vm.options) * 2 + 500) * 1024 ** 2;
}

/** The storage for memory states: the option, else that of the first disk. */
export function stateStorage(vm: Vm, wanted: string | undefined): string {
  const first = drivesOf(vm.options).find(([, drive]) => !isCdrom(drive));
  return wanted ?? vm.options['vmstatestorage'] ?? splitVolumeId(first?.[1].file ?? '')?.storage ?? 'local';
}

function dateStamp(world: World): string {
  return new Date(world.clock.now()).toISOString().slice(0, 10);
}

/** Saves the memory to a volume and ends the process; leaves the lock `suspended`. */
export async function suspendToDisk(
  world: World,
  vm: Vm,
  how: { task: Task; storage: string | undefined },
): Promise<void> {
  const { task } = how;
  await lockConfig(
    world,
    vm,
    async () => {
      requireUnlocked(vm);
      if (vm.running === undefined) throw failure(`VM ${vm.vmid} not running`);
      const storage = stateStorage(vm, how.storage);
      const plainName = `vm-${vm.vmid}-state-suspend-${dateStamp(world)}`;
      const volume = allocateDisk(
        world,
        { storage, node: vm.node, vmid: vm.vmid, format: 'raw', sizeBytes: stateBytes(vm), plainName },
        task,
      );
      await task.wait(durations.suspendToDisk);
      task.print('State saved, quitting');
      endProcess(world, vm);
      Object.assign(vm.options, {
        lock: 'suspended',
        vmstate: volumeId(volume),
        'running-nets-host-mtu': 'net0=1500',
        runningcpu: vm.options['cpu'] ?? 'kvm64',
        runningmachine: 'pc-i440fx-11.1',
      });
      vm.touch();
    },
    { task },
  );
}

/** Drops the saved state once the process runs again. */
export function resumeFromDisk(world: World, vm: Vm): void {
  const volume = world.volumes.find(vm.options['vmstate'] ?? '', vm.node);
  if (volume !== undefined) world.volumes.remove(volume);
  for (const key of ['lock', 'vmstate', 'running-nets-host-mtu', 'runningcpu', 'runningmachine'])
    delete vm.options[key];
  vm.touch();
}
