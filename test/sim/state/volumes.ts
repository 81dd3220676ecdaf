// Storages and the volumes on them: names, allocation, content lists.
import { failure } from '../errors.ts';

type StorageType = 'dir' | 'nfs' | 'cifs' | 'lvm' | 'lvmthin' | 'zfspool' | 'rbd';

/** A storage of the cluster as /etc/pve/storage.cfg defines it. */
export interface Storage {
  id: string;
  type: StorageType;
  content: string[];
  shared: boolean;
  /** Nodes that have it; undefined means all. */
  nodes: string[] | undefined;
  path: string | undefined;
  disabled: boolean;
  totalBytes: number;
  /** Bytes in use besides the volumes the simulator knows. */
  otherBytes: number;
  pruneBackups: string | undefined;
}

/** What a backup archive holds. */
export interface Archive {
  vmid: number;
  options: Record<string, string>;
  /** Drive slot and size of every disk in it. */
  disks: { slot: string; sizeBytes: number; format: string }[];
}

/** One volume. `name` is what follows the colon of the volume id. */
export interface Volume {
  storage: string;
  /** Undefined on shared storage. */
  node: string | undefined;
  name: string;
  content: string;
  vmid: number | undefined;
  format: string;
  sizeBytes: number;
  usedBytes: number;
  /** Size of the disk inside an image to be imported, where it differs from the file's. */
  virtualBytes: number | undefined;
  /** Seconds since the epoch. */
  createdAt: number;
  /** Name of the base volume this is a linked clone of. */
  base: string | undefined;
  /** Sizes at the time of each snapshot, oldest first. */
  snapshots: { name: string; sizeBytes: number }[];
  notes: string | undefined;
  protected: boolean;
  archive: Archive | undefined;
  /** Moved out of sight by hand: configurations still name it. */
  hidden: boolean;
  /** Holds an operating system, so a VM that boots from it comes up. */
  bootable: boolean;
  /** A qcow2 image of version 2, as some vendors still publish: no size per snapshot, so it cannot grow with some. */
  isVersion2?: boolean;
}

export function volumeId(volume: Volume): string {
  return `${volume.storage}:${volume.name}`;
}

/** Storage and name of a volume id; undefined when it is none. */
export function splitVolumeId(volid: string): { storage: string; name: string } | undefined {
  const match = /^([a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]):(.+)$/.exec(volid);
  return match === null ? undefined : { storage: match[1] ?? '', name: match[2] ?? '' };
}

const fileTypes = new Set<StorageType>(['dir', 'nfs', 'cifs']);

/** Whether volumes are files in a directory (and so may be raw, qcow2 or vmdk). */
export function isFileBased(storage: Storage): boolean {
  return fileTypes.has(storage.type);
}

/** Names of volumes as each type of storage writes them. */
const volumeNames: Readonly<Record<StorageType, { kind: string; pattern: RegExp }>> = (() => {
  const directory = {
    kind: 'directory',
    pattern: /^(?:\d+\/\S+\/\d+\/\S+|\d+\/\S+|(?:iso|vztmpl|rootdir|backup|snippets|import)\/[^/]+)$/,
  };
  const lvm = { kind: 'lvm', pattern: /^(?:vm|base)-\d+-\S+$/ };
  return {
    dir: directory,
    nfs: directory,
    cifs: directory,
    lvm,
    lvmthin: lvm,
    zfspool: { kind: 'zfs', pattern: /^(?:(?:base|basevol)-\d+-\S+\/)?(?:base|basevol|vm|subvol)-\d+-\S+$/ },
    rbd: { kind: 'rbd', pattern: /^(?:base-\d+-\S+\/)?(?:base|vm)-\d+-\S+$/ },
  };
})();

/** Refuses a name no volume of such a storage can have. */
export function requireVolumeName(storage: Storage, name: string): void {
  const { kind, pattern } = volumeNames[storage.type];
  if (!pattern.test(name)) throw failure(`unable to parse ${kind} volume name '${name}'`);
  const file = isFileBased(storage) && /^\d+\//.test(name) ? (name.split('/').at(-1) ?? '') : undefined;
  if (file !== undefined && !/\.(?:raw|qcow2|vmdk|subvol)$/.test(file))
    throw failure(`unable to parse volume filename '${file}'`);
}

export type NewVolume = Pick<Volume, 'name' | 'content' | 'format' | 'sizeBytes'> & Partial<Volume>;

/** All storages and volumes of a cluster. */
export class Volumes {
  readonly storages = new Map<string, Storage>();
  readonly #places = new Map<string, Map<string, Volume>>();
  readonly #byOwner = new Map<number, Set<Volume>>();
  readonly #nowSeconds: () => number;

  constructor(nowSeconds: () => number) {
    this.#nowSeconds = nowSeconds;
  }

  /** The storage on that node, or the failure Proxmox gives for an unknown, disabled or absent one. */
  storage(id: string, node?: string): Storage {
    const storage = this.storages.get(id);
    if (storage === undefined) throw failure(`storage '${id}' does not exist`);
    if (storage.disabled) throw failure(`storage '${id}' is disabled`);
    if (node !== undefined && !this.isOn(storage, node))
      throw failure(`storage '${id}' is not available on node '${node}'`);
    return storage;
  }

  isOn(storage: Storage, node: string): boolean {
    return storage.nodes === undefined || storage.nodes.includes(node);
  }

  /** Volumes of a storage as that node sees it. */
  list(storageId: string, node: string): Iterable<Volume> {
    return this.#places.get(this.#place(storageId, node))?.values() ?? [];
  }

  /** Every volume whose name carries the VMID. */
  ownedBy(vmid: number): Volume[] {
    return [...(this.#byOwner.get(vmid) ?? [])];
  }

  *all(): Iterable<Volume> {
    for (const place of this.#places.values()) yield* place.values();
  }

  find(volid: string, node: string): Volume | undefined {
    const parts = splitVolumeId(volid);
    if (parts === undefined) return undefined;
    const volume = this.#places.get(this.#place(parts.storage, node))?.get(parts.name);
    return volume?.hidden === true ? undefined : volume;
  }

  add(storageId: string, node: string, made: NewVolume): Volume {
    const storage = this.storages.get(storageId);
    const volume: Volume = {
      vmid: undefined,
      usedBytes: made.format === 'raw' ? 4096 : 266240,
      createdAt: this.#nowSeconds(),
      base: undefined,
      snapshots: [],
      notes: undefined,
      protected: false,
      archive: undefined,
      hidden: false,
      bootable: false,
      virtualBytes: undefined,
      ...made,
      storage: storageId,
      node: storage?.shared === true ? undefined : node,
    };
    this.#put(volume);
    return volume;
  }

  remove(volume: Volume): void {
    this.#places.get(this.#place(volume.storage, volume.node ?? ''))?.delete(volume.name);
    if (volume.vmid !== undefined) this.#byOwner.get(volume.vmid)?.delete(volume);
  }

  /** Replaces all storages and volumes. */
  restore(storages: Map<string, Storage>, volumes: Iterable<Volume>): void {
    this.storages.clear();
    this.#places.clear();
    this.#byOwner.clear();
    for (const storage of storages.values()) this.storages.set(storage.id, storage);
    for (const volume of volumes) this.#put(volume);
  }

  /** Gives a volume another name or place (renaming to a base, migration, reassigning). */
  move(volume: Volume, to: { storage?: string; node?: string; name?: string; vmid?: number }): void {
    this.remove(volume);
    Object.assign(volume, to);
    this.#put(volume);
  }

  /** Linked clones of a base volume. */
  clonesOf(volume: Volume): Volume[] {
    const found: Volume[] = [];
    for (const other of this.#places.get(this.#place(volume.storage, volume.node ?? ''))?.values() ?? []) {
      if (other.base === volume.name) found.push(other);
    }
    return found;
  }

  /** The next free name of a disk: the lowest number no volume of the VM has on that storage. */
  freeDiskName(storageId: string, node: string, vmid: number, format: string): string {
    const taken = new Set<number>();
    const key = this.#place(storageId, node);
    for (const volume of this.#byOwner.get(vmid) ?? []) {
      if (this.#place(volume.storage, volume.node ?? '') !== key) continue;
      const match = /(?:vm|base)-\d+-disk-(\d+)/.exec(volume.name.split('/').at(-1) ?? '');
      if (match !== null) taken.add(Number(match[1]));
    }
    let number = 0;
    while (taken.has(number)) number += 1;
    return this.imageName(storageId, vmid, `vm-${vmid}-disk-${number}`, format);
  }

  /** The volume name of an image with that plain name. */
  imageName(storageId: string, vmid: number, plain: string, format: string): string {
    const storage = this.storages.get(storageId);
    return storage !== undefined && isFileBased(storage) ? `${vmid}/${plain}.${format}` : plain;
  }

  /** The file or device of a volume as log lines show it. */
  path(volume: Volume): string {
    const storage = this.storages.get(volume.storage);
    const name = volume.name.split('/');
    if (storage !== undefined && isFileBased(storage)) {
      const root = storage.path ?? `/mnt/pve/${storage.id}`;
      if (volume.content === 'images') return `${root}/images/${name.slice(-2).join('/')}`;
      const folder = {
        iso: 'template/iso',
        vztmpl: 'template/cache',
        backup: 'dump',
        import: 'import',
        snippets: 'snippets',
      };
      return `${root}/${folder[volume.content as keyof typeof folder] ?? volume.content}/${name.at(-1)}`;
    }
    return `/dev/${volume.storage}/${name.at(-1)}`;
  }

  usedBytes(storage: Storage, node: string): number {
    let used = storage.otherBytes;
    for (const volume of this.list(storage.id, node)) used += volume.usedBytes;
    return used;
  }

  #place(storageId: string, node: string): string {
    return this.storages.get(storageId)?.shared === true ? storageId : `${storageId}@${node}`;
  }

  #put(volume: Volume): void {
    const key = this.#place(volume.storage, volume.node ?? '');
    const place = this.#places.get(key) ?? new Map<string, Volume>();
    this.#places.set(key, place.set(volume.name, volume));
    if (volume.vmid === undefined) return;
    const owned = this.#byOwner.get(volume.vmid) ?? new Set<Volume>();
    this.#byOwner.set(volume.vmid, owned.add(volume));
  }
}
