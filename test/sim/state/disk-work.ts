// Creating, cloning and freeing the disks of a VM, with the lines Proxmox writes while doing so.
import { failure } from '../errors.ts';
import { splitVolumeId, isFileBased, volumeId } from './volumes.ts';
import type { Storage, Volume } from './volumes.ts';
import type { World } from './world.ts';

/** Where work on disks writes its lines; sync calls throw them away. */
export interface Log {
  print(...lines: string[]): void;
}

export const silent: Log = { print: () => undefined };

/** Size of every cloud-init drive. */
export const cloudInitBytes = 4 * 1024 ** 2;

/** A disk to be allocated. */
export interface DiskRequest {
  storage: string;
  node: string;
  vmid: number;
  format: string;
  sizeBytes: number;
  /** Plain name, such as `vm-401-cloudinit`; otherwise the next free number. */
  plainName?: string;
  bootable?: boolean;
}

/** Allocates a disk; fails as a full or unsuited storage does. */
export function allocateDisk(world: World, request: DiskRequest, log: Log): Volume {
  const storage = world.volumes.storage(request.storage, request.node);
  requireImages(storage);
  const format = suitedFormat(storage, request.format);
  const name =
    request.plainName === undefined
      ? world.volumes.freeDiskName(storage.id, request.node, request.vmid, format)
      : world.volumes.imageName(storage.id, request.vmid, request.plainName, format);
  requireSpace(world, storage, request);
  const volume = makeVolume(world, storage, { ...request, format }, name);
  if (isFileBased(storage)) log.print(formattingLine(world, volume));
  else log.print(...blockDeviceLines(storage, volume));
  return volume;
}

function makeVolume(world: World, storage: Storage, request: DiskRequest, name: string): Volume {
  if (world.volumes.find(`${storage.id}:${name}`, request.node) !== undefined) {
    const path = world.volumes.path({ storage: storage.id, name, content: 'images' } as Volume);
    throw failure(
      isFileBased(storage)
        ? `disk image '${path}' already exists`
        : `lvcreate '${storage.id}/${name}' error:   Logical Volume "${name}" already exists in volume group "${storage.id}"`,
    );
  }
  const { format, sizeBytes, vmid, bootable = false } = request;
  return world.volumes.add(storage.id, request.node, { name, content: 'images', format, sizeBytes, vmid, bootable });
}

function requireImages(storage: Storage): void {
  if (!storage.content.includes('images'))
    throw failure(`storage '${storage.id}' does not support content-type 'images'`);
}

function requireSpace(world: World, storage: Storage, request: DiskRequest): void {
  const free = storage.totalBytes - world.volumes.usedBytes(storage, request.node);
  // Thin images only fail when the storage is really full; thick ones need their whole size.
  const needed = storage.type === 'lvm' ? request.sizeBytes : 1024 ** 2;
  if (free < needed)
    throw failure(`unable to create image: got lock timeout - aborting command: no space left on device`);
}

/** The format a storage can hold, falling back to its default. */
export function suitedFormat(storage: Storage, wanted: string | undefined): string {
  if (!isFileBased(storage)) return 'raw';
  return wanted ?? 'raw';
}

function formattingLine(world: World, volume: Volume): string {
  const path = world.volumes.path(volume);
  if (volume.format === 'qcow2') {
    return `Formatting '${path}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib size=${volume.sizeBytes} lazy_refcounts=off refcount_bits=16`;
  }
  return `Formatting '${path}', fmt=${volume.format} size=${volume.sizeBytes} preallocation=off`;
}

function blockDeviceLines(storage: Storage, volume: Volume): string[] {
  return storage.type === 'lvmthin' || storage.type === 'lvm' ? [`  Logical volume "${volume.name}" created.`] : [];
}

/** Creates an overlay over a base volume. */
export function linkClone(world: World, source: Volume, request: { node: string; vmid: number }, log: Log): Volume {
  const storage = world.volumes.storage(source.storage, request.node);
  const { node, vmid } = request;
  const plain = world.volumes.freeDiskName(storage.id, node, vmid, source.format);
  const base = source.name.split('/').at(-1) ?? '';
  const file = plain.split('/').at(-1) ?? '';
  const name = isFileBased(storage) || storage.type === 'zfspool' ? `${source.name}/${plain}` : plain;
  const { format, sizeBytes, bootable } = source;
  const usedBytes = 528384;
  const volume = world.volumes.add(storage.id, node, {
    name,
    content: 'images',
    format,
    sizeBytes,
    usedBytes,
    vmid,
    bootable,
    base: source.name,
  });
  if (isFileBased(storage)) {
    const backing = `../${source.vmid}/${base}`;
    log.print(
      `clone ${source.name}: images, ${file}, ${vmid} to ${file} (base=${backing})`,
      `Formatting '${world.volumes.path(volume)}', fmt=qcow2 cluster_size=131072 extended_l2=on preallocation=metadata compression_type=zlib size=${sizeBytes} backing_file=${backing} backing_fmt=${format} lazy_refcounts=off refcount_bits=16`,
    );
  } else log.print(`  Logical volume "${plain}" created.`);
  return volume;
}

/** Frees a volume; a base with clones stays and fails. */
export function freeVolume(world: World, volume: Volume): void {
  if (world.volumes.clonesOf(volume).length > 0) {
    throw failure(`base volume '${volumeId(volume)}' is still in use by linked cloned`);
  }
  world.volumes.remove(volume);
}

/** The volume, or the failure of one that is gone. */
export function requireVolume(world: World, volid: string, node: string): Volume {
  const parts = splitVolumeId(volid);
  if (parts !== undefined) world.volumes.storage(parts.storage, node);
  const volume = world.volumes.find(volid, node);
  if (volume === undefined) throw failure(`volume '${volid}' does not exist`);
  return volume;
}

/** Whether the VM owns that volume (its name carries the VMID). */
export function isOwnedBy(world: World, volid: string, owner: { vmid: number; node: string }): boolean {
  return world.volumes.find(volid, owner.node)?.vmid === owner.vmid;
}

/** The failure of a copy that was stopped: it names the tool's whole command. */
export function interruptedCopy(world: World, from: Volume, to: Volume, bytesPerSecond: number | undefined): Error {
  const rate = bytesPerSecond === undefined ? '' : `-r ${bytesPerSecond / 1024}K `;
  const [source, target] = [world.volumes.path(from), world.volumes.path(to)];
  const command = `/usr/bin/qemu-img convert -p -n ${rate}-f ${from.format} -O ${to.format} ${source} zeroinit:${target}`;
  return failure(`copy failed: command '${command}' failed: interrupted by signal`);
}
