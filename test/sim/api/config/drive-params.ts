// Drive strings given to create and config calls: checks before the work, and creating what they ask for.
import { failure, parameterError } from '../../errors.ts';
import type { ApiError } from '../../errors.ts';
import { isDriveName } from '../../schema/drive-format.ts';
import { formatSize, isCdrom, isCloudInit, parseDrive, printDrive } from '../../state/drive.ts';
import type { Drive } from '../../state/drive.ts';
import { allocateDisk, cloudInitBytes, requireVolume } from '../../state/disk-work.ts';
import type { Log } from '../../state/disk-work.ts';
import type { Options } from '../../state/vm.ts';
import { isFileBased, requireVolumeName, splitVolumeId, volumeId } from '../../state/volumes.ts';
import type { Volume } from '../../state/volumes.ts';
import type { World } from '../../state/world.ts';
import { requireAny } from '../route.ts';
import type { Call } from '../route.ts';

const newDisk = /^([^/:\s]+):(\d+(?:\.\d+)?)$/;

/** A disk to be made. */
interface DiskSize {
  storage: string;
  sizeGiB: number;
}

/** Storage and GiB of a `STORAGE:SIZE` request; undefined for a volume. */
function newDiskRequest(file: string): DiskSize | undefined {
  const match = newDisk.exec(file);
  return match === null ? undefined : { storage: match[1] ?? '', sizeGiB: Number(match[2]) };
}

/** Reads and reprints every drive string; refuses contradictions. */
export function normalizeDrives(options: Options): void {
  for (const [slot, text] of Object.entries(options)) {
    if (!isDriveName(slot)) continue;
    const drive = parseDrive(slot, text);
    if (drive === undefined) throw parameterError({ [slot]: 'unable to parse drive options' });
    checkImport(slot, drive);
    if (drive.file.endsWith(':cloudinit') || drive.file === 'cloudinit') drive['media'] = 'cdrom';
    options[slot] = printDrive(drive);
  }
}

function checkImport(slot: string, drive: Drive): void {
  if (drive['import-from'] === undefined) return;
  const request = newDiskRequest(drive.file);
  if (request?.sizeGiB !== 0) {
    throw parameterError({ [slot]: "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>" });
  }
}

/** Rights on the storages and volumes the drive strings name. */
export function requireStorageAccess(call: Call, owner: { vmid: number; node: string }, options: Options): void {
  for (const [slot, text] of Object.entries(options)) {
    const drive = isDriveName(slot) ? parseDrive(slot, text) : undefined;
    if (drive !== undefined) requireDriveAccess(call, owner, slot, drive);
  }
  const stateStorage = options['vmstatestorage'];
  if (stateStorage !== undefined) requireAny(call, `/storage/${stateStorage}`, ['Datastore.AllocateSpace']);
}

function requireDriveAccess(call: Call, owner: { vmid: number; node: string }, slot: string, drive: Drive): void {
  const { file } = drive;
  if (file === 'none' || file === 'cloudinit' || file.endsWith(':cloudinit')) return;
  if (isCdrom(drive) && file === 'cdrom') return requireAny(call, '/', ['Sys.Console']);
  const request = isCdrom(drive) ? undefined : newDiskRequest(file);
  if (request === undefined) return requireExisting(call, owner, slot, drive);
  requireAny(call, `/storage/${request.storage}`, ['Datastore.AllocateSpace']);
  requireImages(call.world, request.storage);
  requireImportAccess(call, owner, drive['import-from']);
}

function requireExisting(call: Call, owner: { vmid: number; node: string }, slot: string, drive: Drive): void {
  if (!isCdrom(drive) && /^[^:]+:iso\//.test(drive.file)) throw isoWithoutMedia(slot);
  requireVolumeAccess(call, owner, drive.file, slot);
}

/** Whether the storage can be used at all shows only when the disk is made. */
function requireImages(world: World, name: string): void {
  const storage = world.volumes.storages.get(name) ?? world.volumes.storage(name);
  if (!storage.content.includes('images'))
    throw parameterError({ storage: `storage '${name}' does not support vm images` });
}

function requireImportAccess(call: Call, owner: { vmid: number; node: string }, source: string | undefined): void {
  if (source === undefined) return;
  if (source.startsWith('/')) {
    throw failure('Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.');
  }
  requireVolumeAccess(call, owner, source, undefined);
  if (call.world.volumes.find(source, owner.node) === undefined) {
    const parts = splitVolumeId(source);
    const path = call.world.volumes.path({
      storage: parts?.storage ?? '',
      name: parts?.name ?? '',
      content: 'import',
    } as Volume);
    throw failure(`failed to stat '${path}'`);
  }
}

function requireVolumeAccess(
  call: Call,
  owner: { vmid: number; node: string },
  volid: string,
  slot: string | undefined,
): void {
  if (volid.startsWith('/')) throw failure('Only root can pass arbitrary filesystem paths.');
  const parts = splitVolumeId(volid);
  if (parts === undefined) throw failure(`unable to parse volume ID '${volid}'`);
  requireVolumeName(call.world.volumes.storage(parts.storage), parts.name);
  const kind = /^(iso|vztmpl|import|snippets|backup)\//.exec(parts.name)?.[1];
  if (kind !== undefined) {
    requireAny(call, `/storage/${parts.storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace', 'Datastore.Allocate']);
    if (slot !== undefined && kind !== 'iso')
      throw parameterError({ [slot]: `content type needs to be 'images' or 'iso'` });
    return;
  }
  const volumeOwner = call.world.volumes.find(volid, owner.node)?.vmid;
  if (volumeOwner === owner.vmid || volumeOwner === undefined) return;
  requireAny(call, `/storage/${parts.storage}`, ['Datastore.Allocate', 'Datastore.AllocateSpace']);
}

/** What creating a drive works on. */
export interface DriveContext {
  world: World;
  vmid: number;
  node: string;
  /** Options of the VM, to find a cloud-init drive it has already. */
  options: Options;
  log: Log;
}

/** Creates or looks up what the drive string asks for; the answer is the string for the configuration. */
export function createDrive(
  context: DriveContext,
  slot: string,
  text: string,
): { text: string; made: Volume | undefined } {
  const drive = parseDrive(slot, text);
  if (drive === undefined) throw parameterError({ [slot]: 'unable to parse drive options' });
  if (drive.file === 'none' || drive.file === 'cdrom') {
    delete drive['size'];
    return { text: printDrive(drive), made: undefined };
  }
  if (drive.file.endsWith(':cloudinit')) return createCloudInit(context, slot, drive);
  const request = isCdrom(drive) ? undefined : newDiskRequest(drive.file);
  if (request === undefined) return attachExisting(context, slot, drive);
  return createDisk(context, slot, drive, request);
}

function isoWithoutMedia(slot: string): ApiError {
  return parameterError({ [slot]: "explicit 'media=cdrom' is required for iso images" });
}

function attachExisting(context: DriveContext, slot: string, drive: Drive): { text: string; made: undefined } {
  const volume = requireVolume(context.world, drive.file, context.node);
  if (volume.content === 'iso' && !isCdrom(drive)) throw isoWithoutMedia(slot);
  drive['size'] = formatSize(volume.sizeBytes);
  return { text: printDrive(drive), made: undefined };
}

function createCloudInit(context: DriveContext, slot: string, drive: Drive): { text: string; made: Volume } {
  const { world, vmid, node, log } = context;
  const attached = Object.entries(context.options).find(([key, text]) => {
    const other = key === slot || !isDriveName(key) ? undefined : parseDrive(key, text);
    return other !== undefined && isCloudInit(other);
  });
  if (attached !== undefined) throw failure(`${slot} - cloud-init drive is already attached at '${attached[0]}'`);
  const id = splitVolumeId(drive.file)?.storage ?? '';
  const storage = world.volumes.storage(id, node);
  const format = drive['format'] ?? (isFileBased(storage) ? 'qcow2' : 'raw');
  const made = allocateDisk(
    world,
    { storage: id, node, vmid, format, sizeBytes: cloudInitBytes, plainName: `vm-${vmid}-cloudinit` },
    log,
  );
  const created: Drive = { ...drive, file: volumeId(made), media: 'cdrom' };
  delete created['format'];
  return finish(context, slot, created, made);
}

function createDisk(
  context: DriveContext,
  slot: string,
  drive: Drive,
  { storage, sizeGiB }: DiskSize,
): { text: string; made: Volume } {
  const { world, vmid, node, log } = context;
  const { 'import-from': from, format, ...rest } = drive;
  const made =
    from === undefined
      ? allocateDisk(
          world,
          { storage, node, vmid, format: format ?? 'raw', sizeBytes: Math.floor(sizeGiB * 1024 ** 2) * 1024 },
          log,
        )
      : importDisk(context, from, { storage, format });
  return finish(context, slot, { ...rest, file: volumeId(made), size: formatSize(made.sizeBytes) }, made);
}

function importDisk(context: DriveContext, from: string, to: { storage: string; format: string | undefined }): Volume {
  const { world, vmid, node, log } = context;
  const source = requireVolume(world, from, node);
  log.print(importLine(context, from, source));
  const { format, bootable } = source;
  const sizeBytes = source.virtualBytes ?? source.sizeBytes;
  const made = allocateDisk(
    world,
    { storage: to.storage, node, vmid, format: to.format ?? format, sizeBytes, bootable },
    log,
  );
  logAllocated(log, made);
  logCopy(log, made, 'begin');
  logCopy(log, made, 'end');
  return made;
}

function importLine(context: DriveContext, volid: string, source: Volume): string {
  const owner = source.vmid === undefined ? undefined : context.world.vms.get(source.vmid);
  const slot = Object.entries(owner?.options ?? {}).find(
    ([key, text]) => isDriveName(key) && text.split(',')[0] === volid,
  )?.[0];
  return `create full clone of drive${slot === undefined ? '' : ` ${slot}`} (${volid})`;
}

/** The line that follows the allocation of a copy. */
export function logAllocated(log: Log, made: Volume): void {
  log.print(`allocated target volume '${volumeId(made)}'`);
}

/** The lines of a full copy: one when it begins, one when it is done. */
export function logCopy(log: Log, made: Volume, part: 'begin' | 'end'): void {
  const size = `${(made.sizeBytes / 1024 ** 2).toFixed(1)} MiB`;
  log.print(part === 'begin' ? `transferred 0.0 B of ${size} (0.00%)` : `transferred ${size} of ${size} (100.00%)`);
}

function finish(context: DriveContext, slot: string, drive: Drive, made: Volume): { text: string; made: Volume } {
  const text = printDrive(drive);
  context.log.print(`${slot}: successfully created disk '${text}'`);
  return { text, made };
}
