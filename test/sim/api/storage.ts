// Storages: definitions, status per node, and their content.
import { failure, parameterError } from '../errors.ts';
import { splitList } from '../schema/formats.ts';
import { flag, formatted, node, oneOf, optionalVmid, required, storageId } from '../schema/parameter.ts';
import type { Storage, Volume } from '../state/volumes.ts';
import { volumeId } from '../state/volumes.ts';
import { may, needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

const storageTypes = [
  'btrfs',
  'cephfs',
  'cifs',
  'dir',
  'esxi',
  'iscsi',
  'iscsidirect',
  'lvm',
  'lvmthin',
  'nfs',
  'pbs',
  'rbd',
  'zfs',
  'zfspool',
];

function definition(storage: Storage): Record<string, unknown> {
  const item: Record<string, unknown> = {
    content: storage.content.join(','),
    digest: 'b05678d110d9b0087e8179f8d6e5176cf2b06e33',
    storage: storage.id,
    type: storage.type,
  };
  if (storage.path !== undefined) item['path'] = storage.path;
  if (storage.shared) item['shared'] = 1;
  if (storage.disabled) item['disable'] = 1;
  if (storage.nodes !== undefined) item['nodes'] = storage.nodes.join(',');
  if (storage.pruneBackups !== undefined) item['prune-backups'] = storage.pruneBackups;
  return item;
}

function listDefinitions(call: Call): unknown {
  const type = optionalText(call.params['type']);
  return [...call.world.volumes.storages.values()]
    .filter((storage) => may(call, `/storage/${storage.id}`, 'Datastore.Audit', 'Datastore.AllocateSpace'))
    .filter((storage) => type === undefined || storage.type === type)
    .map(definition);
}

/** Numbers of a storage as a node sees it. */
function statusOf(call: Call, storage: Storage): Record<string, unknown> {
  const base = { content: [...storage.content].sort().join(','), shared: storage.shared ? 1 : 0, type: storage.type };
  if (storage.disabled) return { ...base, active: 0, enabled: 0, avail: 0, total: 0, used: 0 };
  const used = call.world.volumes.usedBytes(storage, textOf(call.params['node']));
  return {
    ...base,
    active: 1,
    enabled: 1,
    avail: Math.max(0, storage.totalBytes - used),
    total: storage.totalBytes,
    used,
  };
}

function listStatus(call: Call): unknown {
  const { world, params } = call;
  const name = textOf(params['node']);
  const target = optionalText(params['target']);
  const contents = splitList(textOf(params['content']));
  const only = optionalText(params['storage']);
  if (only !== undefined && !world.volumes.storages.has(only)) throw parameterError({ storage: 'No such storage.' });
  return [...world.volumes.storages.values()]
    .filter((storage) => may(call, `/storage/${storage.id}`, 'Datastore.Audit', 'Datastore.AllocateSpace'))
    .filter(
      (storage) =>
        world.volumes.isOn(storage, name) &&
        (target === undefined || (storage.shared && world.volumes.isOn(storage, target))),
    )
    .filter((storage) => only === undefined || storage.id === only)
    .filter((storage) => !storage.disabled || params['enabled'] !== 1)
    .filter((storage) => contents.length === 0 || contents.some((kind) => storage.content.includes(kind)))
    .map((storage) => listItem(call, storage));
}

function listItem(call: Call, storage: Storage): Record<string, unknown> {
  const item: Record<string, unknown> = { ...statusOf(call, storage), storage: storage.id };
  if (Number(item['total']) > 0) item['used_fraction'] = Number(item['used']) / Number(item['total']);
  if (call.params['format'] === 1) Object.assign(item, formats(storage));
  return item;
}

/** What `format=1` adds, in the old and in the new shape. */
function formats(storage: Storage): Record<string, unknown> {
  const supported = storage.path === undefined ? ['raw'] : ['qcow2', 'raw', 'subvol', 'vmdk'];
  return {
    format: [Object.fromEntries(supported.map((name) => [name, 1])), 'raw'],
    formats: { default: 'raw', supported },
  };
}

function one(call: Call): Storage {
  const id = textOf(call.params['storage']);
  const storage = call.world.volumes.storages.get(id);
  if (storage === undefined || !call.world.volumes.isOn(storage, textOf(call.params['node'])))
    throw parameterError({ storage: 'No such storage.' });
  return storage;
}

function contentItem(volume: Volume): Record<string, unknown> {
  const item: Record<string, unknown> = {
    content: volume.content,
    ctime: volume.createdAt,
    format: volume.format,
    size: volume.sizeBytes,
    volid: volumeId(volume),
  };
  if (volume.vmid !== undefined) item['vmid'] = volume.vmid;
  if (volume.content === 'images') {
    item['used'] = volume.usedBytes;
    item['parent'] = volume.base === undefined ? null : `../${volume.base}`;
  }
  if (volume.content === 'backup') item['subtype'] = 'qemu';
  if (volume.notes !== undefined) item['notes'] = volume.notes.split('\n')[0];
  if (volume.protected) item['protected'] = 1;
  return item;
}

function content(call: Call): unknown {
  const name = textOf(call.params['node']);
  const storage = call.world.volumes.storage(textOf(call.params['storage']), name);
  const type = optionalText(call.params['content']);
  const id = call.params['vmid'];
  return [...call.world.volumes.list(storage.id, name)]
    .filter(
      (volume) =>
        !volume.hidden && storage.content.includes(volume.content) && (type === undefined || volume.content === type),
    )
    .filter((volume) => id === undefined || volume.vmid === undefined || volume.vmid === id)
    .filter((volume) => id === undefined || volume.vmid !== undefined || volume.content === 'import')
    .filter((volume) => maySee(call, storage, volume))
    .sort((left, right) => (volumeId(left) < volumeId(right) ? -1 : 1))
    .map(contentItem);
}

/** Whether the caller may read that volume. */
export function maySee(call: Call, storage: Storage, volume: Volume): boolean {
  if (may(call, `/storage/${storage.id}`, 'Datastore.Allocate')) return true;
  if (volume.vmid === undefined)
    return may(call, `/storage/${storage.id}`, 'Datastore.Audit', 'Datastore.AllocateSpace');
  if (volume.content === 'backup')
    return (
      may(call, `/vms/${volume.vmid}`, 'VM.Backup') && may(call, `/storage/${storage.id}`, 'Datastore.AllocateSpace')
    );
  return may(call, `/storage/${storage.id}`, 'Datastore.Audit') && may(call, `/vms/${volume.vmid}`, 'VM.Config.Disk');
}

const readStorage = needs('/storage/{storage}', 'Datastore.Audit', 'Datastore.AllocateSpace');
const here = { node, storage: required(storageId) };

export const storageRoutes: Route[] = [
  {
    method: 'GET',
    path: '/storage',
    permission: 'all',
    parameters: { type: oneOf(...storageTypes) },
    run: listDefinitions,
  },
  {
    method: 'GET',
    path: '/storage/{storage}',
    permission: needs('/storage/{storage}', 'Datastore.Allocate'),
    parameters: { storage: required(storageId) },
    run: (call) => {
      const storage = call.world.volumes.storages.get(textOf(call.params['storage']));
      if (storage === undefined) throw failure(`storage '${textOf(call.params['storage'])}' does not exist`);
      return definition(storage);
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/storage',
    permission: 'all',
    proxied: true,
    parameters: {
      node,
      storage: storageId,
      content: formatted('pve-storage-content-list'),
      enabled: flag(),
      target: formatted('pve-node'),
      format: flag(),
    },
    run: listStatus,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/storage/{storage}/status',
    permission: readStorage,
    proxied: true,
    parameters: here,
    run: (call) => statusOf(call, one(call)),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/storage/{storage}/content',
    permission: readStorage,
    proxied: true,
    parameters: { ...here, content: formatted('pve-storage-content'), vmid: optionalVmid },
    run: content,
  },
];
