// Destroying a VM with its volumes, and what purge removes besides.
import { failure, parameterError } from '../errors.ts';
import { isDriveName } from '../schema/drive-format.ts';
import { flag, node, vmid } from '../schema/parameter.ts';
import { isCdrom, isCloudInit, parseDrive } from '../state/drive.ts';
import { freeVolume } from '../state/disk-work.ts';
import type { Options, Vm } from '../state/vm.ts';
import type { Volume } from '../state/volumes.ts';
import { volumeId } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { lockConfig } from './vm-lock.ts';

function destroy(call: Call): string {
  const { world, params } = call;
  if (params['skiplock'] !== undefined) throw parameterError({ skiplock: 'Only root may use this option.' });
  const owner = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  const vm = world.vm(owner.vmid, owner.node);
  requireDestroyable(world, vm, params['purge'] === 1);
  const kind = { node: owner.node, type: 'qmdestroy', id: String(owner.vmid), caller: call.caller };
  return world.tasks.start(kind, (task) => lockConfig(world, owner, () => destroyLocked(call, owner, task), { task }))
    .upid;
}

function requireDestroyable(world: World, vm: Vm, purge: boolean): void {
  if (vm.options['protection'] === '1') throw failure(`can't remove VM ${vm.vmid} - protection mode enabled`);
  if (world.haResources.has(`vm:${vm.vmid}`) && !purge) {
    throw failure(`unable to remove VM ${vm.vmid} - used in HA resources and purge parameter not set.`);
  }
  if (vm.running !== undefined) throw failure(`VM ${vm.vmid} is running - destroy failed`);
}

async function destroyLocked(call: Call, owner: { vmid: number; node: string }, task: Task): Promise<void> {
  const { world, params } = call;
  const vm = world.vm(owner.vmid, owner.node);
  if (vm.lock !== 'suspended') requireUnlocked(vm);
  requireDestroyable(world, vm, params['purge'] === 1);
  if (!world.quorate) {
    await failToFree(world, vm, task);
    throw failure(
      `unable to open file '/etc/pve/nodes/${vm.node}/qemu-server/${vm.vmid}.conf.tmp.${task.pid}' - Permission denied`,
    );
  }
  await task.wait(durations.destroy);
  freeVolumes(world, vm, params['destroy-unreferenced-disks'] === 1);
  world.vms.delete(vm.vmid);
  world.firewall.delete(vm.vmid);
  for (const pool of world.pools.values()) pool.vms.delete(vm.vmid);
  world.access.acl = world.access.acl.filter((entry) => entry.path !== `/vms/${vm.vmid}`);
  if (params['purge'] === 1) purgeFrom(world, vm.vmid, task);
}

/** Without quorum the lock of shared storage cannot be had: ten tries a volume, then the next. */
async function failToFree(world: World, vm: Vm, task: Task): Promise<void> {
  for (const volume of referencedVolumes(world, vm)) {
    if (volume.node !== undefined) continue;
    for (let attempt = 1; attempt < 10; attempt += 1) {
      task.print(`trying to acquire cfs lock 'storage-${volume.storage}' ...`);
      await task.wait(1000);
    }
    await task.wait(1000);
    task.print(
      `WARN: Could not remove disk '${volumeId(volume)}', check manually: cfs-lock 'storage-${volume.storage}' error: no quorum!`,
    );
  }
}

/** Frees every volume the configuration names; fails before the first when a base has clones. */
function freeVolumes(world: World, vm: Vm, unreferenced: boolean): void {
  const volumes = referencedVolumes(world, vm);
  for (const volume of volumes) {
    if (world.volumes.clonesOf(volume).length > 0)
      throw failure(`base volume '${volumeId(volume)}' is still in use by linked cloned`);
  }
  for (const volume of volumes) freeVolume(world, volume);
  if (unreferenced)
    for (const volume of world.volumes.ownedBy(vm.vmid)) if (volume.content === 'images') freeVolume(world, volume);
}

/** Volumes of the configuration, its pending section and its snapshots that belong to the VM. */
export function referencedVolumes(world: World, vm: Vm): Set<Volume> {
  const found = new Set<Volume>();
  const collect = (options: Options): void => {
    for (const [key, value] of Object.entries(options)) {
      const volid = key === 'vmstate' ? value : volumeOf(key, value);
      const volume = volid === undefined ? undefined : world.volumes.find(volid, vm.node);
      if (volume !== undefined && volume.vmid === vm.vmid) found.add(volume);
    }
  };
  for (const options of [vm.options, vm.pending]) collect(options);
  for (const section of vm.snapshots.values()) {
    collect(section.options);
    if (section.vmstate !== undefined) collect({ vmstate: section.vmstate });
  }
  return found;
}

function volumeOf(key: string, value: string): string | undefined {
  if (/^unused\d+$/.test(key)) return value.split(',')[0];
  const drive = isDriveName(key) ? parseDrive(key, value) : undefined;
  return drive === undefined || (isCdrom(drive) && !isCloudInit(drive)) ? undefined : drive.file;
}

function purgeFrom(world: World, id: number, task: Task): void {
  task.print(`purging VM ${id} from related configurations..`);
  world.haResources.delete(`vm:${id}`);
  for (const [jobId, job] of world.backupJobs) {
    if (job['vmid'] === undefined) continue;
    const rest = String(job['vmid'])
      .split(',')
      .filter((other) => other !== String(id));
    if (rest.length === 0) world.backupJobs.delete(jobId);
    else job['vmid'] = rest.join(',');
  }
}

export const destroyRoutes: Route[] = [
  {
    method: 'DELETE',
    path: '/nodes/{node}/qemu/{vmid}',
    permission: needs('/vms/{vmid}', 'VM.Allocate'),
    proxied: true,
    parameters: { node, vmid, skiplock: flag(), purge: flag(), 'destroy-unreferenced-disks': flag() },
    run: destroy,
  },
];
