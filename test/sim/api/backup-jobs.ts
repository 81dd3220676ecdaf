// Scheduled backup jobs of the cluster.
import { failure, parameterError } from '../errors.ts';
import { splitList } from '../schema/formats.ts';
import { configIdList, flag, formatted, required, text } from '../schema/parameter.ts';
import type { ParameterTable, Parameters } from '../schema/parameter.ts';
import type { BackupJob } from '../state/world.ts';
import { guestsOf } from './backup-guests.ts';
import { eventOf } from './backup-schedule.ts';
import { nextRun } from './calendar-event.ts';
import { vzdumpOptions } from './backup-options.ts';
import { underClusterLock } from './cluster-lock.ts';
import { needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

const jobOptions: ParameterTable = {
  ...vzdumpOptions,
  schedule: formatted('pve-calendar-event', { maxLength: 128 }),
  starttime: text({ pattern: /\d{1,2}:\d{1,2}/ }),
  dow: formatted('pve-day-of-week-list', { requires: 'starttime' }),
  enabled: flag(),
  comment: text({ maxLength: 512 }),
  'repeat-missed': flag(),
};

/** A refused parameter from deep inside: its 400 text arrives as the message of a 500. */
function wrapped(errors: Record<string, string>): Error {
  const lines = Object.entries(errors).map(([key, complaint]) => `${key}: ${complaint}`);
  return failure(`400 Parameter verification failed.\n${lines.join('\n')}`);
}

function shown(id: string, job: BackupJob): Record<string, unknown> {
  const item: Record<string, unknown> = { ...job, id, type: 'vzdump' };
  const policy = job['prune-backups'];
  if (policy !== undefined)
    item['prune-backups'] = Object.fromEntries(
      String(policy)
        .split(',')
        .map((part) => part.split('=') as [string, string]),
    );
  return item;
}

function list(call: Call): unknown {
  return [...call.world.backupJobs].map(([id, job]) => ({
    ...shown(id, job),
    ...upcoming(job, call.world.clock.now()),
  }));
}

function upcoming(job: BackupJob, nowMs: number): { 'next-run'?: number } {
  const next = job['enabled'] === 0 ? undefined : nextRun(eventOf(job), nowMs);
  return next === undefined ? {} : { 'next-run': next };
}

function take(job: BackupJob, params: Parameters): void {
  for (const [key, value] of Object.entries(params)) {
    if (key !== 'id' && key !== 'delete' && value !== undefined)
      job[key] = Array.isArray(value) ? value.join('\0') : value;
  }
}

function requireGuests(job: BackupJob): void {
  const chosen = ['vmid', 'all', 'pool'].filter((key) => job[key] !== undefined && job[key] !== 0);
  if (chosen.length === 0) throw wrapped({ vmid: 'property is missing' });
  if (chosen.length > 1) throw wrapped({ [chosen[1] ?? '']: `option conflicts with option '${chosen[0]}'` });
}

function create(call: Call): null {
  const { world, params } = call;
  if (params['schedule'] === undefined && params['starttime'] === undefined)
    throw parameterError({ schedule: "neither 'starttime' nor 'schedule' were set" });
  if (params['schedule'] !== undefined && params['starttime'] !== undefined)
    throw parameterError({ starttime: "'starttime' and 'schedule' cannot both be set" });
  const id = optionalText(params['id']) ?? `backup-${world.random.hex(8)}-${world.random.hex(4)}`;
  if (world.backupJobs.has(id)) throw failure(`Job '${id}' already exists`);
  const job: BackupJob = { enabled: 1 };
  take(job, params);
  requireGuests(job);
  world.backupJobs.set(id, job);
  return null;
}

function change(call: Call): null {
  const { world, params } = call;
  const job = world.backupJobs.get(textOf(params['id']));
  if (job === undefined) throw failure('no such vzdump job');
  const { id: _, ...rest } = params;
  if (Object.keys(rest).length === 0) throw failure('no options specified');
  const changed = { ...job };
  for (const key of splitList(textOf(params['delete']))) {
    if (jobOptions[key] === undefined) throw wrapped({ delete: `unknown option '${key}'` });
    delete changed[key];
  }
  take(changed, rest);
  requireGuests(changed);
  world.backupJobs.set(textOf(params['id']), changed);
  return null;
}

function read(call: Call): unknown {
  const id = textOf(call.params['id']);
  const job = call.world.backupJobs.get(id);
  if (job === undefined) throw parameterError({ id: `No such job '${id}'` });
  return shown(id, job);
}

function remove(call: Call): null {
  const id = textOf(call.params['id']);
  if (!call.world.backupJobs.delete(id)) throw wrapped({ id: `No such job '${id}'` });
  return null;
}

function notBackedUp(call: Call): unknown {
  const { world } = call;
  const covered = new Set([...world.backupJobs.values()].flatMap((job) => guestsOf(world, job)));
  return [...world.vms.values()]
    .filter((vm) => !covered.has(vm.vmid))
    .map((vm) => ({ name: vm.name, type: 'qemu', vmid: vm.vmid }));
}

const jobsFile = { lock: 'file-jobs_cfg' };
const jobId = required(text({ pattern: /\S+/, maxLength: 50 }));
const audit = needs('/', 'Sys.Audit');
const modify = needs('/', 'Sys.Modify');

export const backupJobRoutes: Route[] = [
  { method: 'GET', path: '/cluster/backup', permission: audit, parameters: {}, run: list },
  {
    method: 'POST',
    path: '/cluster/backup',
    permission: modify,
    parameters: { ...jobOptions, id: formatted('pve-configid') },
    run: underClusterLock(jobsFile, create),
  },
  { method: 'GET', path: '/cluster/backup/{id}', permission: audit, parameters: { id: jobId }, run: read },
  {
    method: 'PUT',
    path: '/cluster/backup/{id}',
    permission: modify,
    parameters: { ...jobOptions, id: jobId, delete: configIdList },
    run: underClusterLock(jobsFile, change),
  },
  {
    method: 'DELETE',
    path: '/cluster/backup/{id}',
    permission: modify,
    parameters: { id: jobId },
    run: underClusterLock(jobsFile, remove),
  },
  { method: 'GET', path: '/cluster/backup-info/not-backed-up', permission: audit, parameters: {}, run: notBackedUp },
];
