// Retention of backups: which ones a policy keeps, asked for or carried out.
import { forbidden } from '../errors.ts';
import { node, oneOf, optionalVmid, required, storageId } from '../schema/parameter.ts';
import { volumeId } from '../state/volumes.ts';
import type { Storage, Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { prunePolicy } from './backup-options.ts';
import { may, needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

type Period = 'last' | 'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly';
const periods: readonly Period[] = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'];

/** How many backups of each kind are kept. */
export type Keep = Partial<Record<Period, number>>;

/** The policy's numbers; undefined when it keeps everything. */
export function keepPolicy(policy: string): Keep | undefined {
  const given = new Map(policy.split(',').map((part) => part.split('=') as [string, string]));
  if (given.get('keep-all') === '1') return undefined;
  const keep: Keep = {};
  for (const period of periods) if (given.has(`keep-${period}`)) keep[period] = Number(given.get(`keep-${period}`));
  return Object.values(keep).some((count) => count > 0) ? keep : undefined;
}

/** What the policy says about one backup. */
export interface Mark {
  volume: Volume;
  mark: 'keep' | 'remove' | 'protected';
}

function slotOf(period: Period, seconds: number): string {
  const time = new Date(seconds * 1000).toISOString();
  const day = Math.floor(seconds / 86400);
  const slots: Record<Period, string> = {
    last: String(seconds),
    hourly: time.slice(0, 13),
    daily: time.slice(0, 10),
    weekly: String(Math.floor((day + 3) / 7)),
    monthly: time.slice(0, 7),
    yearly: time.slice(0, 4),
  };
  return slots[period];
}

/** Marks the backups of a VM (or of all) on a storage, oldest first. */
export function marks(
  world: World,
  storage: Storage,
  wanted: { node: string; vmid?: number | undefined; keep: Keep | undefined },
): Mark[] {
  const backups = [...world.volumes.list(storage.id, wanted.node)]
    .filter((volume) => volume.content === 'backup' && (wanted.vmid === undefined || volume.vmid === wanted.vmid))
    .sort((left, right) => left.createdAt - right.createdAt);
  const byGuest = Map.groupBy(backups, (volume) => volume.vmid);
  return [...byGuest.values()].flatMap((list) => markGroup(list, wanted.keep));
}

function markGroup(list: readonly Volume[], keep: Keep | undefined): Mark[] {
  const kept = new Set<Volume>();
  const open = list.filter((volume) => !volume.protected).toReversed();
  for (const period of periods) keepPeriod(open, period, keep?.[period] ?? 0, kept);
  return list.map((volume) => ({
    volume,
    mark: volume.protected ? 'protected' : keep === undefined || kept.has(volume) ? 'keep' : 'remove',
  }));
}

/** Keeps the newest of each of the last `count` slots that no earlier rule has covered. */
function keepPeriod(newestFirst: readonly Volume[], period: Period, count: number, kept: Set<Volume>): void {
  const covered = new Set([...kept].map((volume) => slotOf(period, volume.createdAt)));
  const used = new Set<string>();
  for (const volume of newestFirst) {
    if (used.size >= count) return;
    const slot = period === 'last' ? volume.name : slotOf(period, volume.createdAt);
    if (kept.has(volume) || covered.has(slot) || used.has(slot)) continue;
    used.add(slot);
    kept.add(volume);
  }
}

function wantedMarks(call: Call): Mark[] {
  const storage = call.world.volumes.storage(textOf(call.params['storage']), textOf(call.params['node']));
  const policy = optionalText(call.params['prune-backups']) ?? storage.pruneBackups ?? 'keep-all=1';
  const id = call.params['vmid'];
  return marks(call.world, storage, {
    node: textOf(call.params['node']),
    vmid: id === undefined ? undefined : Number(id),
    keep: keepPolicy(policy),
  });
}

function dryRun(call: Call): unknown {
  return wantedMarks(call).map(({ volume, mark }) => ({
    ctime: volume.createdAt,
    mark,
    type: 'qemu',
    vmid: volume.vmid,
    volid: volumeId(volume),
  }));
}

function carryOut(call: Call): string {
  const { world, params } = call;
  const path = `/storage/${textOf(params['storage'])}`;
  const allowed =
    may(call, path, 'Datastore.Allocate') ||
    (params['vmid'] !== undefined &&
      may(call, path, 'Datastore.AllocateSpace') &&
      may(call, `/vms/${textOf(params['vmid'])}`, 'VM.Backup'));
  if (!allowed) throw forbidden(`${path}, Datastore.Allocate`);
  const id =
    params['vmid'] === undefined ? textOf(params['storage']) : `${textOf(params['vmid'])}@${textOf(params['storage'])}`;
  const kind = { node: textOf(params['node']), type: 'prunebackups', id, caller: call.caller };
  return world.tasks.start(kind, async (task) => {
    await task.wait(100);
    for (const { volume, mark } of wantedMarks(call)) {
      if (mark !== 'remove') continue;
      task.print(`removing backup '${volumeId(volume)}'`);
      world.volumes.remove(volume);
    }
  }).upid;
}

const parameters = {
  node,
  storage: required(storageId),
  'prune-backups': prunePolicy,
  type: oneOf('qemu', 'lxc'),
  vmid: optionalVmid,
};
const path = '/nodes/{node}/storage/{storage}/prunebackups';

export const pruneRoutes: Route[] = [
  {
    method: 'GET',
    path,
    permission: needs('/storage/{storage}', 'Datastore.Audit', 'Datastore.AllocateSpace'),
    proxied: true,
    parameters,
    run: dryRun,
  },
  { method: 'DELETE', path, permission: 'all', proxied: true, parameters, run: carryOut },
];
