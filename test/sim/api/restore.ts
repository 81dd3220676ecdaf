// Restoring a VM from a backup archive.
import { failure, messageOf, parameterError } from '../errors.ts';
import { isDriveName } from '../schema/drive-format.ts';
import { allocateDisk, cloudInitBytes, requireVolume } from '../state/disk-work.ts';
import {
  drivesOf,
  formatSize,
  isCdrom,
  isCloudInit,
  parseDrive,
  parseNet,
  printDrive,
  printNet,
} from '../state/drive.ts';
import { startProcess } from '../state/power.ts';
import { Vm } from '../state/vm.ts';
import type { Options } from '../state/vm.ts';
import { splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Archive, Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { addUnused } from './config/pending-section.ts';
import { referencedVolumes } from './destroy.ts';
import { optionalText, textOf } from './route.ts';
import type { Call } from './route.ts';
import { maySee } from './storage.ts';
import { lockConfig } from './vm-lock.ts';

interface Restore {
  archive: Archive;
  volume: Volume;
  path: string;
  overrides: Options;
  storage: string | undefined;
  unique: boolean;
  start: boolean;
  /** The VM is to run while it is restored. */
  live: boolean;
}

/** Checks what can be checked at once and starts the task. */
export function restore(call: Call, overrides: Options): string {
  const { world, params } = call;
  const owner = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  for (const key of Object.keys(overrides)) {
    if (isDriveName(key)) throw parameterError({ [key]: "option conflicts with option 'archive'" });
  }
  const volid = textOf(params['archive']);
  const volume = requireVolume(world, volid, owner.node);
  if (volume.content !== 'backup') throw failure(`unable to use volume ${volid} - content type needs to be 'backup'`);
  if (!maySee(call, world.volumes.storage(volume.storage), volume))
    throw failure(`Permission check failed (/storage/${volume.storage}, Datastore.AllocateSpace)`);
  if (volume.archive === undefined) throw failure(`${volid} is not a backup archive`);
  world.requireQuorum();
  const existing = world.vms.get(owner.vmid);
  requireReplaceable(existing, owner, params['force'] === 1);
  const job: Restore = {
    archive: volume.archive,
    volume,
    path: world.volumes.path(volume),
    overrides,
    storage: optionalText(params['storage']),
    unique: params['unique'] === 1,
    start: params['start'] === 1,
    live: params['live-restore'] === 1,
  };
  if (existing === undefined) world.vms.set(owner.vmid, new Vm(owner.vmid, owner.node, { lock: 'create' }));
  const kind = { node: owner.node, type: 'qmrestore', id: String(owner.vmid), caller: call.caller };
  return world.tasks.start(kind, async (task) => {
    const vm = await lockConfig(world, owner, () => restoreInTask(call, owner, job, task), { task });
    if (job.start) startAfterwards(call, vm, task);
  }).upid;
}

function requireReplaceable(existing: Vm | undefined, owner: { vmid: number; node: string }, force: boolean): void {
  if (existing === undefined) return;
  if (existing.node !== owner.node) {
    throw failure(
      `unable to restore VM ${owner.vmid} - close (rename) atomic file '/etc/pve/nodes/${owner.node}/qemu-server/${owner.vmid}.conf' failed: File exists`,
    );
  }
  if (!force)
    throw failure(`unable to restore VM ${owner.vmid} - VM ${owner.vmid} already exists on node '${existing.node}'`);
  if (existing.lock !== undefined)
    throw failure(`unable to restore VM ${owner.vmid} - VM is locked (${existing.lock})`);
}

function startAfterwards(call: Call, vm: Vm, task: Task): void {
  task.print('Execute autostart');
  const kind = { node: vm.node, type: 'qmstart', id: String(vm.vmid), caller: call.caller };
  call.world.tasks.start(kind, (worker) =>
    lockConfig(call.world, vm, () => startProcess(call.world, vm, worker), { task: worker }),
  );
}

async function restoreInTask(call: Call, owner: { vmid: number; node: string }, job: Restore, task: Task): Promise<Vm> {
  const { world } = call;
  const vm = world.vm(owner.vmid, owner.node);
  const notCleaned = `error before or during data restore, some or all disks were not completely restored. VM ${vm.vmid} state is NOT cleaned up.`;
  try {
    if (vm.options['protection'] === '1') throw failure(`unable to restore VM ${vm.vmid} - - protection mode enabled`);
    if (vm.running !== undefined) throw failure(`unable to restore VM ${vm.vmid} - vm is running`);
    if (vm.lock !== 'create') requireUnlocked(vm);
    if (job.live) throw failure('live-restore is only compatible with backup images from a Proxmox Backup Server');
    await task.wait(durations.restore / 3);
    const command = extractCommand(job, task);
    task.print(`restore vma archive: ${command}`, ...headerLines(world, job));
    requireTargets(world, job, command, owner.node);
    const kept = freeOld(world, vm, task);
    const options = restoredOptions(world, vm, job, task);
    await task.wait((durations.restore * 2) / 3);
    vm.options = options;
    vm.snapshots.clear();
    vm.pending = {};
    vm.pendingDelete.clear();
    vm.touch();
    rescan(world, vm, kept, task);
  } catch (error) {
    task.print(notCleaned);
    throw error instanceof Error ? error : failure(messageOf(error));
  }
  return vm;
}

function extractCommand(job: Restore, task: Task): string {
  const decompress = { 'vma.zst': 'zstd -q -d -c', 'vma.gz': 'zcat', 'vma.lzo': 'lzop -d -c' }[job.volume.format];
  const temporary = `/var/tmp/vzdumptmp${task.pid}`;
  if (decompress === undefined) return `vma extract -v -r ${temporary}.fifo ${job.path} ${temporary}`;
  return `${decompress} ${job.path} | vma extract -v -r ${temporary}.fifo - ${temporary}`;
}

function headerLines(world: World, job: Restore): string[] {
  const devices = job.archive.disks.map(
    (disk, index) => `DEV: dev_id=${index + 1} size: ${disk.sizeBytes} devname: drive-${disk.slot}`,
  );
  return [...devices, `CTIME: ${ctimeText(job.volume.createdAt || world.nowSeconds())}`];
}

/** The time as C's `ctime` prints it. */
function ctimeText(seconds: number): string {
  const [day, month, date, year, time] = new Date(seconds * 1000)
    .toUTCString()
    .replace(',', '')
    .split(' ')
    .map((part, index, all) => (index === 1 ? all[2] : index === 2 ? all[1] : part));
  return `${day} ${month} ${String(Number(date)).padStart(2, ' ')} ${time} ${year}`;
}

function requireTargets(world: World, job: Restore, command: string, node: string): void {
  for (const disk of job.archive.disks) {
    const id = targetStorage(job, disk.slot);
    try {
      const { content } = world.volumes.storage(id, node);
      if (!content.includes('images')) throw failure(`Content type 'images' is not available on storage '${id}'`);
    } catch (error) {
      throw failure(`command 'set -o pipefail && ${command}' failed: ${messageOf(error)}`);
    }
  }
}

function targetStorage(job: Restore, slot: string): string {
  const drive = parseDrive(slot, job.archive.options[slot] ?? '');
  return job.storage ?? splitVolumeId(drive?.file ?? '')?.storage ?? 'local';
}

/** Frees what the VM had; a base that clones use stays behind. */
function freeOld(world: World, vm: Vm, task: Task): Volume[] {
  const kept: Volume[] = [];
  const restored = new Set(drivesOf(vm.options).map(([, drive]) => drive.file));
  for (const volume of referencedVolumes(world, vm)) {
    if (world.volumes.clonesOf(volume).length > 0) {
      task.print(`base volume '${volume.name}' is still in use by linked clones`);
      kept.push(volume);
    } else if (restored.has(volumeId(volume))) world.volumes.remove(volume);
    else kept.push(volume);
  }
  return kept;
}

const neverRestored = /^(?:lock|parent|template|snaptime|vmstate|unused\d+|running.*)$/;

function restoredOptions(world: World, vm: Vm, job: Restore, task: Task): Options {
  const options = archivedOptions(world, job);
  restoreCloudInit(world, vm, job, { options, task });
  restoreDisks(world, vm, job, { options, task });
  return { ...options, ...withMacs(world, job.overrides) };
}

/** The configuration in the archive, with new identifiers when the VM is to be unique. */
function archivedOptions(world: World, job: Restore): Options {
  const options: Options = {};
  for (const [key, value] of Object.entries(job.archive.options)) {
    if (neverRestored.test(key)) continue;
    options[key] =
      job.unique && /^net\d+$/.test(key) ? printNet({ ...parseNet(value), macaddr: world.random.mac() }) : value;
  }
  if (job.unique && options['smbios1'] !== undefined)
    options['smbios1'] = options['smbios1'].replace(/uuid=[^,]+/, `uuid=${world.random.uuid()}`);
  if (options['vmgenid'] !== undefined) options['vmgenid'] = world.random.uuid();
  return options;
}

function restoreDisks(world: World, vm: Vm, job: Restore, { options, task }: { options: Options; task: Task }): void {
  const maps: string[] = [];
  const done: string[] = [];
  for (const disk of job.archive.disks) {
    const made = allocateDisk(
      world,
      {
        storage: targetStorage(job, disk.slot),
        node: vm.node,
        vmid: vm.vmid,
        format: disk.format,
        sizeBytes: disk.sizeBytes,
        bootable: true,
      },
      task,
    );
    task.print(`new volume ID is '${volumeId(made)}'`);
    maps.push(`map 'drive-${disk.slot}' to '${world.volumes.path(made)}' (write zeros = 0)`);
    done.push(`restored drive-${disk.slot}`);
    const drive = parseDrive(disk.slot, options[disk.slot] ?? '');
    if (drive !== undefined)
      options[disk.slot] = printDrive({ ...drive, file: volumeId(made), size: formatSize(made.sizeBytes) });
  }
  task.print(...maps, ...done);
}

function withMacs(world: World, overrides: Options): Options {
  return Object.fromEntries(
    Object.entries(overrides).map(([key, value]) => {
      if (!/^net\d+$/.test(key)) return [key, value];
      const net = parseNet(value) ?? {};
      net['macaddr'] ??= world.random.mac();
      return [key, printNet(net)];
    }),
  );
}

/** The cloud-init drive is not in the archive; it is made anew. */
function restoreCloudInit(
  world: World,
  vm: Vm,
  job: Restore,
  { options, task }: { options: Options; task: Task },
): void {
  for (const [slot, drive] of drivesOf(options)) {
    if (!isCloudInit(drive) || !isCdrom(drive)) continue;
    const format = /\.(\w+)$/.exec(drive.file)?.[1] ?? 'raw';
    const made = allocateDisk(
      world,
      {
        storage: targetStorage(job, slot),
        node: vm.node,
        vmid: vm.vmid,
        format,
        sizeBytes: cloudInitBytes,
        plainName: `vm-${vm.vmid}-cloudinit`,
      },
      task,
    );
    task.print(`new volume ID is '${volumeId(made)}'`);
    options[slot] = printDrive({ ...drive, file: volumeId(made), size: '4M' });
  }
}

function rescan(world: World, vm: Vm, kept: readonly Volume[], task: Task): void {
  task.print('rescan volumes...');
  for (const volume of kept) {
    const key =
      world.volumes.find(volumeId(volume), vm.node) === undefined ? undefined : addUnused(vm.options, volumeId(volume));
    if (key !== undefined)
      task.print(`VM ${vm.vmid} add unreferenced volume '${volumeId(volume)}' as '${key}' to config`);
  }
  vm.touch();
}
