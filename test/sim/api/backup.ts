// Backups: vzdump of one or several VMs, one job at a time on a node.
import { failure, forbidden, messageOf, parameterError } from '../errors.ts';
import type { Parameters, ParameterTable } from '../schema/parameter.ts';
import { rootUser } from '../state/access.ts';
import { drivesOf, formatSize, isCdrom } from '../state/drive.ts';
import { agentEnabled, endProcess, guestIsUp, startProcess } from '../state/power.ts';
import type { Vm } from '../state/vm.ts';
import { volumeId } from '../state/volumes.ts';
import type { Storage, Volume } from '../state/volumes.ts';
import type { BackupJob, World } from '../state/world.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { guestsOf } from './backup-guests.ts';
import { vzdumpOptions } from './backup-options.ts';
import { requireNotesTemplate, notesFrom } from './backup-notes.ts';
import { keepPolicy, marks } from './backup-prune.ts';
import { may, optionalText, requireAny, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { lockConfig } from './vm-lock.ts';

/** VMs are named, or all are meant, or those of a pool. */
function requireSelection(params: Parameters): void {
  if (params['vmid'] === undefined) {
    if (params['all'] !== 1 && params['pool'] === undefined) throw parameterError({ vmid: 'property is missing' });
    return;
  }
  const other =
    ['pool', 'exclude'].find((name) => params[name] !== undefined) ?? (params['all'] === 1 ? 'all' : undefined);
  if (other !== undefined) throw parameterError({ [other]: "option conflicts with option 'vmid'" });
}

/** Options that need more than the right to back up. */
function requireOptionRights(call: Call): void {
  const { params, caller } = call;
  if (caller.id === rootUser) return;
  for (const option of ['tmpdir', 'dumpdir', 'script', 'job-id'])
    if (params[option] !== undefined) throw parameterError({ [option]: 'Only root may set this option.' });
  if (['bwlimit', 'ionice', 'performance'].some((option) => params[option] !== undefined))
    requireAny(call, '/', ['Sys.Modify']);
  if (params['prune-backups'] !== undefined)
    requireAny(call, `/storage/${optionalText(params['storage']) ?? 'local'}`, ['Datastore.Allocate']);
}

/** Starts a backup of the call's VMs that its node holds; `OK` when it holds none. */
export function startBackup(call: Call): string {
  const { world, params } = call;
  requireSelection(params);
  requireOptionRights(call);
  const target = optionalText(params['storage']);
  if (target !== undefined) requireAny(call, `/storage/${target}`, ['Datastore.AllocateSpace']);
  requireNotesTemplate(optionalText(params['notes-template']));
  const here = textOf(params['node']);
  const ids = guestsOf(world, params as BackupJob);
  const local = ids.filter((id) => !world.vms.has(id) || world.vms.get(id)?.node === here);
  if (local.length === 0) return 'OK';
  const kind = { node: here, type: 'vzdump', id: local.length === 1 ? String(local[0]) : '', caller: call.caller };
  return world.tasks.start(kind, (task) => runJob(call, local, task)).upid;
}

async function runJob(call: Call, ids: readonly number[], task: Task): Promise<void> {
  const { world } = call;
  const here = textOf(call.params['node']);
  const onWait = (): (() => void) => {
    task.print('INFO: trying to get global lock - waiting...');
    return () => task.print('INFO: got global lock');
  };
  const storage = backupStorage(call);
  await world.locks.hold(
    { key: `vzdump/${here}`, file: '/var/run/vzdump.lock', timeoutMs: 3 * 3600 * 1000, onWait },
    () => runAll(call, ids, { task, storage }),
  );
}

function backupStorage(call: Call): Storage {
  const id = optionalText(call.params['storage']) ?? 'local';
  try {
    const storage = call.world.volumes.storage(id, textOf(call.params['node']));
    if (!storage.content.includes('backup'))
      throw failure(
        `could not get storage information for '${id}': can't use storage '${id}' for backups - wrong content type`,
      );
    return storage;
  } catch (error) {
    const text = messageOf(error);
    if (!text.includes('does not exist')) throw error;
    throw failure(`could not activate storage '${id}': ${text} could not get storage information for '${id}': ${text}`);
  }
}

interface Job {
  task: Task;
  storage: Storage;
}

async function runAll(call: Call, ids: readonly number[], job: Job): Promise<void> {
  const { task } = job;
  task.print(
    `INFO: starting new backup job: vzdump ${[...ids].sort((left, right) => left - right).join(' ')}${commandLine(call)}`,
  );
  for (const id of ids) {
    if (call.world.vms.has(id) && !may(call, `/vms/${id}`, 'VM.Backup')) throw forbidden(`/vms/${id}, VM.Backup`);
  }
  let failed = 0;
  for (const id of ids) {
    try {
      await backUp(call, id, job);
    } catch (error) {
      failed += 1;
      const isKilled = messageOf(error) === 'received interrupt';
      const reason = isKilled ? 'interrupted by signal' : messageOf(error);
      task.print(`ERROR: Backup of VM ${id} failed - ${reason}`, `INFO: Failed at ${stamp(call)}`);
      if (!isKilled) continue;
      task.print(`ERROR: Backup job failed - ${reason}`);
      throw failure(reason);
    }
  }
  if (failed > 0) {
    task.print('INFO: Backup job finished with errors');
    throw failure('job errors');
  }
  task.print('INFO: Backup job finished successfully');
}

function commandLine(call: Call): string {
  const skipped = new Set(['vmid']);
  return Object.entries(call.params)
    .filter(([key, value]) => !skipped.has(key) && value !== undefined)
    .map(([key, value]) => ` --${key} ${/^[\w.,:/-]*$/.test(String(value)) ? String(value) : `'${String(value)}'`}`)
    .join('');
}

function stamp(call: Call): string {
  return new Date(call.world.clock.now()).toISOString().slice(0, 19).replace('T', ' ');
}

async function backUp(call: Call, id: number, job: Job): Promise<void> {
  const { world } = call;
  const { task } = job;
  const vm = world.vms.get(id);
  if (vm === undefined) throw failure(`unable to find VM '${id}'`);
  const startedAt = world.clock.now();
  const running = vm.running !== undefined;
  task.print(
    `INFO: Starting Backup of VM ${id} (qemu)`,
    `INFO: Backup started at ${stamp(call)}`,
    `INFO: status = ${running ? 'running' : 'stopped'}`,
  );
  await lockConfig(world, vm, () => {
    if (vm.lock !== undefined) throw failure(`VM is locked (${vm.lock})`);
    if (!world.quorate)
      throw failure(
        `unable to open file '/etc/pve/nodes/${vm.node}/qemu-server/${id}.conf.tmp.${task.pid}' - Permission denied`,
      );
    vm.options['lock'] = 'backup';
    vm.touch();
  });
  try {
    await (running ? backUpRunning(call, vm, job) : backUpStopped(call, vm, job));
  } finally {
    delete vm.options['lock'];
    vm.touch();
  }
  const seconds = Math.floor((world.clock.now() - startedAt) / 1000);
  const part = (value: number): string => String(value).padStart(2, '0');
  task.print(
    `INFO: Finished Backup of VM ${id} (${part(Math.floor(seconds / 3600))}:${part(Math.floor(seconds / 60) % 60)}:${part(seconds % 60)})`,
    `INFO: Backup finished at ${stamp(call)}`,
  );
}

function diskLines(call: Call, vm: Vm): string[] {
  return drivesOf(vm.options)
    .filter(([, drive]) => !isCdrom(drive))
    .map(([slot, drive]) => {
      const volume = call.world.volumes.find(drive.file, vm.node);
      if (drive['backup'] === '0') return `INFO: exclude disk '${slot}' '${drive.file}' (backup=no)`;
      if (volume === undefined) throw failure(`volume '${drive.file}' does not exist`);
      return `INFO: include disk '${slot}' '${drive.file}' ${formatSize(volume.sizeBytes)}`;
    });
}

async function backUpStopped(call: Call, vm: Vm, job: Job): Promise<void> {
  const { task } = job;
  task.print(
    'INFO: backup mode: stop',
    'INFO: ionice priority: 7',
    `INFO: VM Name: ${vm.name}`,
    ...diskLines(call, vm),
  );
  const archive = nameArchive(call, vm, job);
  task.print(`INFO: creating vzdump archive '${archive.path}'`, 'INFO: starting kvm to execute backup task');
  await startProcess(call.world, vm, task, true);
  task.print(
    'INFO: starting backup via QMP command',
    "INFO: started backup task '00000000-0000-0000-0000-000000000000'",
  );
  await task.wait(durations.backupBase);
  task.print(...doneLines(vm), 'INFO: stopping kvm after backup task');
  endProcess(call.world, vm);
  await task.wait(durations.stop);
  finish(call, vm, job, archive.name);
}

function doneLines(vm: Vm): string[] {
  return includedDisks(vm).map((slot) => `INFO: drive-${slot} done`);
}

function includedDisks(vm: Vm): string[] {
  return drivesOf(vm.options)
    .filter(([, drive]) => !isCdrom(drive) && drive['backup'] !== '0')
    .map(([slot]) => slot);
}

/** Whether the guest's file systems stand still for the copy. */
async function freezeGuest(world: World, vm: Vm, task: Task): Promise<boolean> {
  if (guestIsUp(world, vm)) {
    task.print("INFO: issuing guest-agent 'fs-freeze' command");
    return true;
  }
  await task.wait(durations.agentTimeout);
  task.print('INFO: skipping guest filesystem freeze - agent configured but not running?');
  return false;
}

async function backUpRunning(call: Call, vm: Vm, job: Job): Promise<void> {
  const { task } = job;
  const mode = optionalText(call.params['mode']) ?? 'snapshot';
  const modeLines = [`INFO: backup mode: ${mode}`, 'INFO: ionice priority: 7'];
  const about = [`INFO: VM Name: ${vm.name}`, ...diskLines(call, vm)];
  task.print(...(mode === 'snapshot' ? [...about, ...modeLines] : [...modeLines, ...about]));
  const stoodStillAt = call.world.clock.now();
  if (mode === 'suspend') await suspendGuest(vm, task);
  if (mode === 'stop') await stopGuest(call, vm, task);
  const archive = nameArchive(call, vm, job);
  task.print(`INFO: creating vzdump archive '${archive.path}'`);
  const frozen = agentEnabled(vm.options) && (await freezeGuest(call.world, vm, task));
  task.print(
    'INFO: starting backup via QMP command',
    "INFO: started backup task '00000000-0000-0000-0000-000000000000'",
  );
  await task.wait(durations.backupBase);
  if (vm.running !== undefined) vm.running.qmpStatus = 'running';
  task.print(
    `INFO: resuming VM again${mode === 'snapshot' ? '' : ` after ${Math.round((call.world.clock.now() - stoodStillAt) / 1000)} seconds`}`,
    ...doneLines(vm),
  );
  if (frozen) task.print("INFO: issuing guest-agent 'fs-thaw' command");
  finish(call, vm, job, archive.name);
  if (mode === 'suspend') task.print('INFO: resume vm');
}

async function suspendGuest(vm: Vm, task: Task): Promise<void> {
  task.print('INFO: suspending guest');
  if (vm.running !== undefined) vm.running.qmpStatus = 'paused';
  await task.wait(durations.pause);
}

async function stopGuest(call: Call, vm: Vm, task: Task): Promise<void> {
  task.print('INFO: stopping virtual guest');
  await task.wait(durations.shutdownGuest);
  endProcess(call.world, vm);
  await startProcess(call.world, vm, { print: () => undefined, wait: (ms) => task.wait(ms) });
}

const extensions: Readonly<Record<string, string>> = { zstd: '.zst', gzip: '.gz', lzo: '.lzo', '1': '.lzo' };

function nameArchive(call: Call, vm: Vm, { storage }: Job): { name: string; path: string; format: string } {
  const time = new Date(call.world.clock.now())
    .toISOString()
    .slice(0, 19)
    .replace('T', '-')
    .replaceAll(':', '_')
    .replace(/^(\d+)-(\d+)-(\d+)/, '$1_$2_$3');
  const format = `vma${extensions[textOf(call.params['compress'])] ?? ''}`;
  const name = `backup/vzdump-qemu-${vm.vmid}-${time}.${format}`;
  const path = call.world.volumes.path({ storage: storage.id, name, content: 'backup' } as Volume);
  return { name, path, format };
}

/** Bytes an archive takes: the data of the disks and what they are based on, less what compression saves. */
function archiveBytes(call: Call, vm: Vm, compressed: boolean): number {
  let bytes = 0;
  for (const [, drive] of drivesOf(vm.options)) {
    for (let volume = call.world.volumes.find(drive.file, vm.node); volume !== undefined && !isCdrom(drive);) {
      bytes += volume.usedBytes;
      volume =
        volume.base === undefined ? undefined : call.world.volumes.find(`${volume.storage}:${volume.base}`, vm.node);
    }
  }
  return Math.floor(bytes * (compressed ? 0.92 : 0.96));
}

function finish(call: Call, vm: Vm, { task, storage }: Job, name: string): void {
  const { world, params } = call;
  const format = /vma(?:\.\w+)?$/.exec(name)?.[0] ?? 'vma';
  const size = archiveBytes(call, vm, format !== 'vma');
  const { lock: _, parent: _parent, ...options } = vm.options;
  const disks = includedDisks(vm).map((slot) => {
    const volume = world.volumes.find(vm.options[slot]?.split(',')[0] ?? '', vm.node);
    return { slot, sizeBytes: volume?.sizeBytes ?? 0, format: volume?.format ?? 'raw' };
  });
  const notes = notesFrom(call, vm);
  const made = world.volumes.add(storage.id, vm.node, {
    name,
    content: 'backup',
    format,
    sizeBytes: size,
    usedBytes: size,
    vmid: vm.vmid,
    archive: { vmid: vm.vmid, options, disks },
    notes,
    protected: false,
  });
  task.print(`INFO: archive file size: ${Math.floor(size / 1024 ** 2)}MB`);
  if (notes !== undefined) task.print('INFO: adding notes to backup');
  if (params['protected'] === 1) {
    task.print('INFO: marking backup as protected');
    made.protected = true;
  }
  prune(call, vm, { task, storage });
}

function prune(call: Call, vm: Vm, { task, storage }: Job): void {
  const policy = optionalText(call.params['prune-backups']) ?? storage.pruneBackups ?? 'keep-all=1';
  const keep = keepPolicy(policy);
  if (keep === undefined || call.params['remove'] === 0) return;
  task.print(`INFO: prune older backups with retention: ${policy}`);
  const removed = marks(call.world, storage, { node: vm.node, vmid: vm.vmid, keep }).filter(
    (item) => item.mark === 'remove',
  );
  for (const { volume } of removed) {
    task.print(`INFO: removing backup '${volumeId(volume)}'`);
    call.world.volumes.remove(volume);
  }
  task.print(
    `INFO: pruned ${removed.length} backup(s)${removed.length === 0 ? '' : ' not covered by keep-retention policy'}`,
  );
}

const parameters: ParameterTable = {
  ...vzdumpOptions,
  stdout: { type: 'boolean' },
  'job-id': { type: 'string', maxLength: 50, pattern: /\S+/ },
};

export const backupRoutes: Route[] = [
  { method: 'POST', path: '/nodes/{node}/vzdump', permission: 'all', proxied: true, parameters, run: startBackup },
];
