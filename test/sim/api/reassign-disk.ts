// Giving a disk to another VM of the same node: its volume is renamed, nothing is copied.
import { failure, messageOf, parameterError } from '../errors.ts';
import { bootOrder, isCdrom, isCloudInit, parseDrive, printBootOrder, printDrive } from '../state/drive.ts';
import type { Drive } from '../state/drive.ts';
import { canBeRenamed, isInSnapshot } from '../state/volume-features.ts';
import type { Vm } from '../state/vm.ts';
import { splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { setOptions } from './config/update.ts';
import { requireFileDigest } from './firewall-options.ts';
import { optionalText, requireAny, textOf } from './route.ts';
import type { Call } from './route.ts';
import { lockConfig } from './vm-lock.ts';

interface Reassignment {
  source: Vm;
  target: Vm;
  disk: string;
  targetDisk: string;
  /** As the target's slot reads it. */
  drive: Drive;
  volume: Volume;
}

/** Starts the task; everything that can be refused is looked at before it, and again when it has both locks. */
export function reassignDisk(call: Call, targetVmid: number): string {
  const { world, params } = call;
  const vmid = Number(params['vmid']);
  requireAny(call, `/vms/${targetVmid}`, ['VM.Config.Disk']);
  if (vmid === targetVmid)
    throw parameterError({ 'target-vmid': 'must be different than source VMID to reassign disk' });
  const { disk, targetDisk, volume, source } = checkedReassignment(call, targetVmid);
  requireAny(call, `/storage/${volume.storage}`, ['Datastore.AllocateSpace']);
  const id = `${vmid}-${disk}>${targetVmid}-${targetDisk}`;
  const { node } = source;
  return world.tasks.start({ node, type: 'qmmove', id, caller: call.caller }, (task) =>
    lockConfig(
      world,
      { vmid, node },
      () => lockConfig(world, { vmid: targetVmid, node }, () => run(call, targetVmid, task), { task }),
      { task },
    ),
  ).upid;
}

function checkedReassignment(call: Call, targetVmid: number): Reassignment {
  const { world, params } = call;
  const { source, target } = bothVms(call, targetVmid);
  requireSameFile(source, params['digest']);
  requireSameFile(target, params['target-digest']);
  const disk = textOf(params['disk']);
  const targetDisk = optionalText(params['target-disk']) ?? disk;
  const text = source.options[disk];
  if (text === undefined) throw failure(`Disk '${disk}' for VM '${source.vmid}' does not exist`);
  if (target.options[targetDisk] !== undefined)
    throw failure(`Target disk key '${targetDisk}' is already in use for VM '${target.vmid}'`);
  const drive = parseDrive(disk, text);
  if (drive === undefined) throw failure('failed to parse source disk - ');
  const volume = requireMovable(world, source, disk, drive);
  const reread = targetDisk.startsWith('unused') ? { file: drive.file } : parseDrive(targetDisk, text);
  if (reread === undefined) throw failure('failed to parse source disk for target disk format - ');
  return { source, target, disk, targetDisk, drive: reread, volume };
}

function bothVms({ world, params }: Call, targetVmid: number): { source: Vm; target: Vm } {
  const vmid = Number(params['vmid']);
  const [source, target] = [world.vms.get(vmid), world.vms.get(targetVmid)];
  if (source === undefined) throw failure(`could not find VM ${vmid}`);
  if (target === undefined) throw failure(`could not find target VM ${targetVmid}`);
  if (source.node !== target.node)
    throw failure(`Both VMs need to be on the same node (${source.node} != ${target.node})`);
  requireUnlocked(world.vm(vmid, textOf(params['node'])));
  requireUnlocked(target);
  if (source.isTemplate || target.isTemplate) throw failure("Can't move disks from or to template VMs");
  return { source, target };
}

function requireSameFile(vm: Vm, digest: unknown): void {
  try {
    requireFileDigest(vm, digest);
  } catch (error) {
    throw failure(`VM ${vm.vmid}: ${messageOf(error)}`);
  }
}

function requireMovable(world: World, vm: Vm, disk: string, drive: Drive): Volume {
  if (isCdrom(drive) && !isCloudInit(drive)) throw failure("CD drive contents can't be moved to another VM");
  if (splitVolumeId(drive.file) === undefined) throw failure(`Volume '${drive.file}' not managed by PVE`);
  if (isInSnapshot(vm, drive.file)) throw failure("Can't move disk used by a snapshot to another VM");
  const volume = world.volumes.find(drive.file, vm.node);
  if (volume === undefined || !canBeRenamed(volume))
    throw failure('Storage does not support moving of this disk to another VM');
  if (vm.running !== undefined && !disk.startsWith('unused'))
    throw failure('Cannot move disk to another VM while the source VM is running - detach first');
  return volume;
}

async function run(call: Call, targetVmid: number, task: Task): Promise<void> {
  const { source, target, disk, targetDisk, drive, volume } = checkedReassignment(call, targetVmid);
  task.print(`moving disk '${disk}' from VM '${source.vmid}' to '${targetVmid}'`);
  rename(call.world, volume, target);
  takeOut(source, disk, task);
  const text = printDrive({ ...drive, file: volumeId(volume) });
  if (!targetDisk.startsWith('unused')) return setOptions(call, target, { [targetDisk]: text }, task);
  target.options[targetDisk] = text;
  target.touch();
}

/** A linked clone keeps its base; the number is the next free one of the target. */
function rename(world: World, volume: Volume, target: Vm): void {
  const plain = world.volumes.freeDiskName(volume.storage, target.node, target.vmid, volume.format);
  const prefix = volume.base !== undefined && volume.name.startsWith(`${volume.base}/`) ? `${volume.base}/` : '';
  world.volumes.move(volume, { name: `${prefix}${plain}`, vmid: target.vmid });
}

function takeOut(vm: Vm, disk: string, task: Task): void {
  const devices = bootOrder(vm.options['boot']);
  if (devices.includes(disk)) {
    task.print(`removing disk '${disk}' from boot order config`);
    vm.options['boot'] = printBootOrder(devices.filter((device) => device !== disk));
  }
  delete vm.options[disk];
  task.print(`removing disk '${disk}' from VM '${vm.vmid}' config`);
  vm.touch();
}
