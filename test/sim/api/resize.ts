// Growing a disk. Every error but a wrong parameter appears in the task only.
import { failure, forbidden, parameterError } from '../errors.ts';
import { driveNames } from '../schema/drive-format.ts';
import { digest, flag, node, oneOf, required, text, vmid } from '../schema/parameter.ts';
import type { Drive } from '../state/drive.ts';
import type { Vm } from '../state/vm.ts';
import { formatSize, isCdrom, parseDrive, parseSize, printDrive } from '../state/drive.ts';
import { requireVolume } from '../state/disk-work.ts';
import { splitVolumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireDigest, requireUnlocked } from './config/option-groups.ts';
import { may, needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { lockConfig } from './vm-lock.ts';

/** The biggest image qemu-img makes (2 PiB for the default cluster size). */
const largestImage = 2 * 1024 ** 5;

function resize(call: Call): string {
  const { world, params } = call;
  if (params['skiplock'] !== undefined) throw parameterError({ skiplock: 'Only root may use this option.' });
  const owner = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  const kind = { node: owner.node, type: 'resize', id: String(owner.vmid), caller: call.caller };
  return world.tasks.start(kind, (task) => lockConfig(world, owner, () => resizeLocked(call, owner, task), { task }))
    .upid;
}

/** What can be refused is refused before anything is waited for, so the lock is free again at once. */
function resizeLocked(call: Call, owner: { vmid: number; node: string }, task: Task): Promise<void> {
  const { world, params } = call;
  const slot = textOf(params['disk']);
  const vm = world.vm(owner.vmid, owner.node);
  requireDigest(vm, params['digest']);
  requireUnlocked(vm);
  const value = vm.options[slot];
  if (value === undefined) throw failure(`disk '${slot}' does not exist`);
  const drive = parseDrive(slot, value);
  if (drive === undefined) throw failure(`disk '${slot}' has no associated volume`);
  if (isCdrom(drive)) throw failure("you can't resize a cdrom");
  const storage = splitVolumeId(drive.file)?.storage ?? '';
  if (!may(call, `/storage/${storage}`, 'Datastore.AllocateSpace'))
    throw forbidden(`/storage/${storage}, Datastore.AllocateSpace`);
  const volume = requireVolume(world, drive.file, vm.node);
  const wanted = wantedBytes(textOf(params['size']), volume.sizeBytes);
  if (wanted < volume.sizeBytes) throw failure('shrinking disks is not supported');
  return growAndNote({ call, vm, slot, drive, volume, wanted }, task);
}

interface Growth {
  call: Call;
  vm: Vm;
  slot: string;
  drive: Drive;
  volume: Volume;
  wanted: number;
}

async function growAndNote({ call, vm, slot, drive, volume, wanted }: Growth, task: Task): Promise<void> {
  const { world } = call;
  if (wanted > volume.sizeBytes) await grow(call, volume, wanted, task);
  if (!world.quorate)
    throw failure(
      `unable to open file '/etc/pve/nodes/${vm.node}/qemu-server/${vm.vmid}.conf.tmp.${task.pid}' - Permission denied`,
    );
  vm.options[slot] = printDrive({ ...drive, size: formatSize(volume.sizeBytes) });
  vm.touch();
}

function wantedBytes(size: string, current: number): number {
  const bytes = parseSize(size.replace(/^\+/, '')) ?? 0;
  return size.startsWith('+') ? current + bytes : bytes;
}

async function grow(call: Call, volume: Volume, wanted: number, task: Task): Promise<void> {
  const { world } = call;
  const running = volume.vmid !== undefined && world.vms.get(volume.vmid)?.running !== undefined;
  await task.wait(durations.resize);
  if (volume.isVersion2 === true && volume.snapshots.length > 0) throw blockedBySnapshots(call, volume, wanted, task);
  const storage = world.volumes.storages.get(volume.storage);
  const bytes = Math.ceil(wanted / 1024) * 1024;
  if (storage !== undefined && wanted > largestImage) {
    task.print('qemu-img: Failed to grow the L1 table: File too large');
    throw commandFailed(call, volume, wanted);
  }
  volume.sizeBytes = running ? wanted : bytes;
  if (!running) task.print('Image resized.');
}

// QEMU's own words (block/qcow2.c). A running VM's QEMU is asked, for a stopped one qemu-img is.
function blockedBySnapshots(call: Call, volume: Volume, wanted: number, task: Task): Error {
  const reason = "Can't resize a v2 image which has snapshots";
  const vm = call.world.vms.get(volume.vmid ?? 0);
  if (vm?.running !== undefined) return failure(`VM ${vm.vmid} qmp command 'block_resize' failed - ${reason}`);
  task.print(`qemu-img: ${reason}`);
  return commandFailed(call, volume, wanted);
}

function commandFailed({ world }: Call, volume: Volume, wanted: number): Error {
  const options = volume.format === 'qcow2' ? "'--preallocation=metadata' " : '';
  return failure(
    `command '/usr/bin/qemu-img resize ${options}-f ${volume.format} ${world.volumes.path(volume)} ${BigInt(wanted)}' failed: exit code 1`,
  );
}

export const resizeRoutes: Route[] = [
  {
    method: 'PUT',
    path: '/nodes/{node}/qemu/{vmid}/resize',
    permission: needs('/vms/{vmid}', 'VM.Config.Disk'),
    proxied: true,
    parameters: {
      node,
      vmid,
      skiplock: flag(),
      disk: required(oneOf(...driveNames)),
      size: required(text({ pattern: /\+?\d+(\.\d+)?[KMGT]?/ })),
      digest,
    },
    run: resize,
  },
];
