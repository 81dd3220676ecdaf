// Single volumes: allocate, read, describe, remove.
import { failure, forbidden, parameterError } from '../errors.ts';
import { flag, integer, node, oneOf, required, storageId, text, vmid } from '../schema/parameter.ts';
import { isFileBased, splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import { durations } from '../tasks/durations.ts';
import { doneWithin } from '../tasks/task-registry.ts';
import type { Task } from '../tasks/task-registry.ts';
import { may, needs, optionalText, requireAny, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { maySee } from './storage.ts';

/** Storage and name of the volume of the path, which may come with or without its storage. */
function named(call: Call): { storage: string; name: string; volid: string } {
  const given = textOf(call.params['volume']);
  const storage = optionalText(call.params['storage']);
  const parts = splitVolumeId(given);
  if (parts === undefined) {
    if (storage === undefined) throw failure('no storage ID specified');
    return { storage, name: given, volid: `${storage}:${given}` };
  }
  if (storage !== undefined && parts.storage !== storage) {
    throw parameterError({ volume: `storage ID mismatch (${parts.storage} != ${storage})\n` });
  }
  return { ...parts, volid: given };
}

/** The volume; a linked clone is also found by its plain name, which is the same file. */
function find(call: Call, wanted: { storage: string; name: string; volid: string }): Volume | undefined {
  const { world, params } = call;
  world.volumes.storage(wanted.storage, textOf(params['node']));
  const exact = world.volumes.find(wanted.volid, textOf(params['node']));
  if (exact !== undefined) return exact;
  for (const volume of world.volumes.list(wanted.storage, textOf(params['node']))) {
    if (volume.base !== undefined && volume.name.split('/').slice(-2).join('/') === wanted.name) return volume;
  }
  return undefined;
}

function requireRead(call: Call, wanted: { storage: string; volid: string }, volume: Volume | undefined): void {
  const storage = call.world.volumes.storage(wanted.storage, textOf(call.params['node']));
  const visible =
    volume === undefined
      ? may(call, `/storage/${storage.id}`, 'Datastore.Audit', 'Datastore.AllocateSpace', 'Datastore.Allocate')
      : maySee(call, storage, volume);
  if (!visible) throw forbidden(`/storage/${storage.id}, Datastore.Allocate`);
}

function read(call: Call): unknown {
  const wanted = named(call);
  const volume = find(call, wanted);
  requireRead(call, wanted, volume);
  if (volume === undefined) throw failure(`volume_size_info on '${wanted.volid}' failed - no format`);
  const isImage = volume.content === 'images';
  const item: Record<string, unknown> = {
    path: call.world.volumes.path(volume),
    size: volume.sizeBytes,
    used: volume.usedBytes,
    format: isImage ? volume.format : 'raw',
  };
  if (volume.content === 'backup')
    Object.assign(item, { notes: volume.notes ?? '', protected: volume.protected ? 1 : 0 });
  return item;
}

function change(call: Call): null {
  const wanted = named(call);
  const volume = find(call, wanted);
  requireRead(call, wanted, volume);
  const isBackup = wanted.name.startsWith('backup/');
  if (call.params['notes'] !== undefined) {
    if (!isBackup) throw failure('only backups can have notes');
    if (volume !== undefined) volume.notes = textOf(call.params['notes']);
  }
  if (call.params['protected'] !== undefined) {
    if (!isBackup) throw failure('only backups can be protected');
    if (volume === undefined) throw failure(`volume '${wanted.volid}' does not exist`);
    volume.protected = call.params['protected'] === 1;
  }
  return null;
}

function requireRemove(call: Call, wanted: { storage: string; name: string }): void {
  const path = `/storage/${wanted.storage}`;
  if (may(call, path, 'Datastore.Allocate')) return;
  const backup = /^backup\/vzdump-qemu-(\d+)-/.exec(wanted.name);
  if (backup === null) return requireAny(call, path, ['Datastore.Allocate']);
  requireAny(call, path, ['Datastore.AllocateSpace']);
  requireAny(call, `/vms/${backup[1]}`, ['VM.Backup']);
}

async function remove(call: Call): Promise<unknown> {
  const { world, params } = call;
  const wanted = named(call);
  const owner = /^(?:backup\/vzdump-qemu-(\d+)|(\d+)\/|(?:vm|base)-(\d+))/
    .exec(wanted.name)
    ?.slice(1)
    .find((part) => part !== undefined);
  requireRemove(call, wanted);
  world.volumes.storage(wanted.storage, textOf(params['node']));
  const id = owner === undefined ? wanted.storage : `${owner}@${wanted.storage}`;
  const task = world.tasks.start({ node: textOf(params['node']), type: 'imgdel', id, caller: call.caller }, (worker) =>
    removeInTask(call, wanted, worker),
  );
  if (params['delay'] === undefined) return task.upid;
  await doneWithin(world.clock, task, Number(params['delay']) * 1000);
  if (task.status === undefined) return task.upid;
  if (task.status !== 'OK') throw failure(task.status);
  return null;
}

async function removeInTask(
  call: Call,
  wanted: { storage: string; name: string; volid: string },
  task: Task,
): Promise<void> {
  const { world } = call;
  const volume = find(call, wanted);
  if (volume?.protected === true)
    throw failure(`cannot remove protected volume '${wanted.name}' on '${wanted.storage}'`);
  if (volume !== undefined && world.volumes.clonesOf(volume).length > 0)
    throw failure(`base volume '${volume.name}' is still in use by linked clones`);
  await task.wait(durations.removeVolume);
  if (volume === undefined) task.print(`disk image '${pathOf(call, wanted)}' does not exist`);
  else world.volumes.remove(volume);
  task.print(`Removed volume '${wanted.volid}'`);
}

function pathOf(call: Call, wanted: { storage: string; name: string }): string {
  const content = /^(iso|backup|import|snippets|vztmpl)\//.exec(wanted.name)?.[1] ?? 'images';
  return call.world.volumes.path({ storage: wanted.storage, name: wanted.name, content } as Volume);
}

function allocate(call: Call): string {
  const { world, params } = call;
  const here = textOf(params['node']);
  const storage = world.volumes.storage(textOf(params['storage']), here);
  if (!storage.content.includes('images'))
    throw failure(`storage '${storage.id}' does not support content-type 'images'`);
  const filename = textOf(params['filename']);
  const owner = Number(params['vmid']);
  const format = formatOf(filename, optionalText(params['format']));
  const name = isFileBased(storage) ? `${owner}/${filename}` : filename;
  if (world.volumes.find(`${storage.id}:${name}`, here) !== undefined) {
    const path = world.volumes.path({ storage: storage.id, name, content: 'images' } as Volume);
    throw failure(`disk image '${path}' already exists`);
  }
  return volumeId(
    world.volumes.add(storage.id, here, {
      name,
      content: 'images',
      format,
      sizeBytes: bytesOf(textOf(params['size'])),
      vmid: owner,
    }),
  );
}

function formatOf(filename: string, wanted: string | undefined): string {
  const extension = /\.(raw|qcow2|vmdk)$/.exec(filename)?.[1];
  if (wanted !== undefined && extension !== undefined && extension !== wanted) {
    throw parameterError({ format: `different storage formats (${wanted} != ${extension})` });
  }
  return wanted ?? extension ?? 'raw';
}

/** Sizes without a unit are KiB here. */
function bytesOf(size: string): number {
  const factors: Readonly<Record<string, number>> = { M: 1024 ** 2, G: 1024 ** 3 };
  return parseInt(size, 10) * (factors[size.at(-1) ?? ''] ?? 1024);
}

const base = '/nodes/{node}/storage/{storage}/content';
const volumeParameters = { node, storage: storageId, volume: required(text()) };

export const storageVolumeRoutes: Route[] = [
  {
    method: 'POST',
    path: base,
    permission: needs('/storage/{storage}', 'Datastore.AllocateSpace'),
    proxied: true,
    parameters: {
      node,
      storage: required(storageId),
      filename: required(text()),
      vmid,
      size: required(text({ pattern: /\d+[MG]?/ })),
      format: { ...oneOf('raw', 'qcow2', 'subvol', 'vmdk'), requires: 'size' },
    },
    run: allocate,
  },
  {
    method: 'GET',
    path: `${base}/{volume*}`,
    permission: 'all',
    proxied: true,
    parameters: volumeParameters,
    run: read,
  },
  {
    method: 'PUT',
    path: `${base}/{volume*}`,
    permission: 'all',
    proxied: true,
    parameters: { ...volumeParameters, notes: text(), protected: flag() },
    run: change,
  },
  {
    method: 'DELETE',
    path: `${base}/{volume*}`,
    permission: 'all',
    proxied: true,
    parameters: { ...volumeParameters, delay: integer(1, 30) },
    run: remove,
  },
];
