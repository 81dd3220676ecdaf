// What can be asked about backups: the defaults of vzdump and the configuration inside an archive.
import { failure, forbidden } from '../errors.ts';
import { node, required, storageId, text } from '../schema/parameter.ts';
import { requireVolume } from '../state/disk-work.ts';
import { isFileBased } from '../state/volumes.ts';
import { may, optionalText, requireAny, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { maySee } from './storage.ts';

/** What vzdump does when nobody says otherwise. */
const usual = {
  all: 0,
  bwlimit: 0,
  compress: '0',
  lockwait: 180,
  mailnotification: 'always',
  mode: 'snapshot',
  'notification-mode': 'auto',
  pigz: 0,
  'prune-backups': 'keep-all=1',
  quiet: 0,
  remove: 1,
  stdexcludes: 1,
  stop: 0,
  stopwait: 10,
  zstd: 1,
};

/** The defaults, with what the storage says; where things lie on the node is for those who may look at it. */
function defaults(call: Call): Record<string, unknown> {
  const { world, params } = call;
  const onNode = textOf(params['node']);
  const id = optionalText(params['storage']) ?? 'local';
  requireAny(call, `/storage/${id}`, ['Datastore.Audit', 'Datastore.AllocateSpace']);
  const storage = world.volumes.storage(id, onNode);
  if (!storage.content.includes('backup')) throw failure(`can't use storage '${id}' for backups - wrong content type`);
  const told: Record<string, unknown> = { ...usual, storage: id };
  if (storage.pruneBackups !== undefined) told['prune-backups'] = storage.pruneBackups;
  if (!may(call, `/nodes/${onNode}`, 'Sys.Audit')) return told;
  const dumpdir = isFileBased(storage) ? `${storage.path ?? `/mnt/pve/${id}`}/dump` : undefined;
  return { ...told, ionice: 7, ...(dumpdir === undefined ? {} : { dumpdir }) };
}

function extractConfig(call: Call): string {
  const volid = textOf(call.params['volume']);
  const volume = requireVolume(call.world, volid, textOf(call.params['node']));
  if (volume.content === 'backup') requireAny(call, `/vms/${volume.vmid}`, ['VM.Backup']);
  if (!maySee(call, call.world.volumes.storage(volume.storage), volume))
    throw forbidden(`/storage/${volume.storage}, Datastore.AllocateSpace`);
  if (volume.archive === undefined) throw failure(`cannot determine backup guest type for backup archive '${volid}'`);
  const { options, disks } = volume.archive;
  const lines = Object.keys(options)
    .sort()
    .map((key) => `${key}: ${options[key]}`);
  const map = disks.map((disk) => `#qmdump#map:${disk.slot}:drive-${disk.slot}:${volume.storage}:${disk.format}:`);
  return `${[...lines, ...map].join('\n')}\n`;
}

export const backupReadRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/vzdump/defaults',
    permission: 'all',
    proxied: true,
    parameters: { node, storage: storageId },
    run: defaults,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/vzdump/extractconfig',
    permission: 'all',
    proxied: true,
    parameters: { node, volume: required(text()) },
    run: extractConfig,
  },
];
