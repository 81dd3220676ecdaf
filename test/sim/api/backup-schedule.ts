// Runs backup jobs when they are due, as the scheduler of each node does.
import { splitList } from '../schema/formats.ts';
import type { Parameters } from '../schema/parameter.ts';
import { callerOf, rootUser } from '../state/access.ts';
import type { BackupJob, World } from '../state/world.ts';
import { guestsOf } from './backup-guests.ts';
import { startBackup } from './backup.ts';
import { isDue } from './calendar-event.ts';

const minuteMs = 60_000;

/** What of a job is about the job and not about the backup. */
const ofTheJob = new Set([
  'id',
  'enabled',
  'comment',
  'schedule',
  'starttime',
  'dow',
  'repeat-missed',
  'pool',
  'all',
  'exclude',
  'node',
]);

/** The calendar event of a job; older jobs name a time and days. */
export function eventOf(job: BackupJob): string {
  if (job['schedule'] !== undefined) return String(job['schedule']);
  const days = job['dow'] === undefined ? '' : `${splitList(String(job['dow'])).join(',')} `;
  return `${days}${job['starttime'] ?? ''}`;
}

/** Looks once a simulated minute; the answer ends that. */
export function startBackupSchedule(world: World): () => void {
  let cancel = (): void => undefined;
  const wait = (): void => {
    cancel = world.clock.after(minuteMs - (world.clock.now() % minuteMs), () => {
      for (const job of world.backupJobs.values()) if (isJobDue(world, job)) runOnEveryNode(world, job);
      wait();
    });
  };
  wait();
  return () => cancel();
}

function isJobDue(world: World, job: BackupJob): boolean {
  return job['enabled'] !== 0 && isDue(eventOf(job), world.clock.now());
}

/** Every node backs up those of the job's VMs that it holds. */
function runOnEveryNode(world: World, job: BackupJob): void {
  const vmids = guestsOf(world, job);
  const options = Object.entries(job).filter(([key, value]) => !ofTheJob.has(key) && value !== undefined);
  for (const node of world.nodes.values()) {
    const here = vmids.filter((vmid) => world.vms.get(vmid)?.node === node.name);
    if (node.state !== 'up' || here.length === 0 || !isFor(job, node.name)) continue;
    runOn(world, { ...Object.fromEntries(options), node: node.name, vmid: here.join(',') });
  }
}

/** Nobody waits for the answer: what would be refused at once shows as a task that failed. */
function runOn(world: World, params: Parameters): void {
  const caller = callerOf(rootUser);
  const node = String(params['node']);
  try {
    startBackup({ world, caller, params, node, websocket: false });
  } catch (error) {
    world.tasks.start({ node, type: 'vzdump', id: '', caller }, () => {
      throw error;
    });
  }
}

function isFor(job: BackupJob, node: string): boolean {
  return job['node'] === undefined || job['node'] === node;
}
