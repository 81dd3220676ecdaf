// A storage's figures on a node in the shape of /cluster/resources, which pools show too.
import type { Storage } from '../state/volumes.ts';
import type { World } from '../state/world.ts';

/** An entry of /cluster/resources. Sizes in bytes. */
export function storageItem(world: World, storage: Storage, node: string): Record<string, unknown> {
  return {
    content: [...storage.content].sort().join(','),
    disk: world.volumes.usedBytes(storage, node),
    id: `storage/${node}/${storage.id}`,
    maxdisk: storage.totalBytes,
    node,
    plugintype: storage.type,
    shared: storage.shared ? 1 : 0,
    status: 'available',
    storage: storage.id,
    type: 'storage',
  };
}
