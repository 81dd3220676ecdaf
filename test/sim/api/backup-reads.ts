// What can be asked about backups: the defaults of vzdump and the configuration inside an archive.
import { failure } from '../errors.ts';
import { node, required, storageId, text } from '../schema/parameter.ts';
import { requireVolume } from '../state/disk-work.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

function extractConfig(call: Call): string {
  const volume = requireVolume(call.world, textOf(call.params['volume']), textOf(call.params['node']));
  if (volume.archive === undefined) throw failure(`'${textOf(call.params['volume'])}' is not a backup archive`);
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
    run: () => ({ mode: 'snapshot', remove: 1, 'prune-backups': { 'keep-all': '1' } }),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/vzdump/extractconfig',
    permission: needs('/', 'VM.Backup'),
    proxied: true,
    parameters: { node, volume: required(text()) },
    run: extractConfig,
  },
];
