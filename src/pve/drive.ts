// Answers for drive strings: what is attached where, how large, with which limits, and which disk is the system's.
import { parseBoot } from './boot.ts';
import {
  parsePropertyNumber,
  parsePropertyString,
  printPropertyString,
  PropertyStringError,
} from './property-string.ts';
import { parseSize } from './size.ts';

/** Where a drive can be attached. */
export type DriveKey = `scsi${number}` | `virtio${number}` | `ide${number}` | `sata${number}`;

export interface Drive {
  /** A volume id such as `local-lvm:vm-100-disk-0`, `none`, a path, or `storage:GiB` for a disk to be made. */
  readonly volume: string;
  /** The volume id's storage; absent for `none` and for paths. */
  readonly storage?: string;
  /** From `format=`, else from the volume's extension; absent on block storages, whose volumes have none. */
  readonly format?: 'raw' | 'qcow2' | 'vmdk' | 'subvol';
  readonly media?: string;
  /** As the config says. Proxmox ignores a size that is written back: growing takes the resize call. */
  readonly sizeBytes?: number;
  /** Every property but the volume, in the order in which they came; what printDrive writes. */
  readonly options: ReadonlyMap<string, string>;
}

/** 0 means unlimited, undefined leaves what is there. MB/s may be fractions (Proxmox counts MiB/s). */
export interface DriveLimits {
  readonly readMBps?: number;
  readonly writeMBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}

/** What a function here needs of a VM's config. */
export interface ConfigValues {
  readonly values: ReadonlyMap<string, string>;
}

const FORMAT = { defaultKey: 'file', aliases: { volume: 'file' } } as const;

const LIMIT_KEYS = {
  readMBps: 'mbps_rd',
  writeMBps: 'mbps_wr',
  readIops: 'iops_rd',
  writeIops: 'iops_wr',
} as const satisfies Record<keyof DriveLimits, string>;

const BUSES = { scsi: 31, virtio: 16, ide: 4, sata: 6 } as const;

/** Every place for a drive: scsi0–30, virtio0–15, ide0–3, sata0–5. */
export const driveKeys: readonly DriveKey[] = (Object.keys(BUSES) as (keyof typeof BUSES)[]).flatMap((bus) =>
  Array.from({ length: BUSES[bus] }, (_, index): DriveKey => `${bus}${index}`),
);

const driveKeySet: ReadonlySet<string> = new Set(driveKeys);

export function isDriveKey(key: string): key is DriveKey {
  return driveKeySet.has(key);
}

export function parseDrive(text: string): Drive {
  const { file, ...rest } = splitVolume(parsePropertyString(text, FORMAT));
  const media = rest.options.get('media');
  const size = rest.options.get('size');
  const storage = storageOf(file);
  const format = formatOf(file, rest.options.get('format'));
  return {
    volume: file,
    ...(storage === undefined ? {} : { storage }),
    ...(format === undefined ? {} : { format }),
    ...(media === undefined ? {} : { media }),
    ...(size === undefined ? {} : { sizeBytes: parseSize(size) }),
    options: rest.options,
  };
}

function splitVolume(properties: Map<string, string>): { file: string; options: Map<string, string> } {
  const file = properties.get('file');
  if (file === undefined) throw new PropertyStringError('The drive names no volume.');
  const options = new Map(properties);
  options.delete('file');
  return { file, options };
}

function storageOf(volume: string): string | undefined {
  if (volume === 'none' || volume === 'cdrom' || volume.startsWith('/')) return undefined;
  const colon = volume.indexOf(':');
  return colon <= 0 ? undefined : volume.slice(0, colon);
}

// Storage names and directories may contain dots: only the last part's known extensions are a format.
function formatOf(volume: string, option: string | undefined): Drive['format'] {
  const word = option ?? /\.(raw|qcow2|vmdk|subvol)$/.exec(volume)?.[1];
  return word === 'raw' || word === 'qcow2' || word === 'vmdk' || word === 'subvol' ? word : undefined;
}

/** The string Proxmox takes: the volume, then exactly `options`. */
export function printDrive(drive: Pick<Drive, 'volume' | 'options'>): string {
  return printPropertyString([['file', drive.volume], ...drive.options], FORMAT);
}

export function isCloudInit(drive: Drive): boolean {
  return /(^|:)cloudinit$/.test(drive.volume) || /[:/]vm-\d+-cloudinit(\.(raw|qcow2))?$/.test(drive.volume);
}

/** True for anything that is no disk of the guest: ISO images, empty trays and the cloud-init drive. */
export function isCdrom(drive: Drive): boolean {
  return drive.media === 'cdrom' || drive.volume === 'none' || drive.volume === 'cdrom' || isCloudInit(drive);
}

/** The same drive with other limits. A property of 0 would stay in the config for ever, so 0 removes the key. */
export function withLimits(drive: Drive, limits: DriveLimits): Drive {
  const options = new Map(drive.options);
  for (const [name, key] of Object.entries(LIMIT_KEYS) as [keyof DriveLimits, string][]) {
    const value = limits[name];
    if (value === undefined) continue;
    if (!Number.isFinite(value) || value < 0) throw new PropertyStringError(`The limit ${name} must not be ${value}.`);
    if (value === 0) options.delete(key);
    else options.set(key, String(value));
  }
  return { ...drive, options };
}

/** The drive's limits, 0 where there is none. */
export function limitsOf(drive: Drive): Required<DriveLimits> {
  const limit = (key: string): number => parsePropertyNumber(drive.options.get(key) ?? '0');
  return {
    readMBps: limit('mbps_rd'),
    writeMBps: limit('mbps_wr'),
    readIops: limit('iops_rd'),
    writeIops: limit('iops_wr'),
  };
}

/** Every attached drive, by its place. */
export function drivesOf(config: ConfigValues): ReadonlyMap<DriveKey, Drive> {
  const drives = new Map<DriveKey, Drive>();
  for (const key of driveKeys) {
    const text = config.values.get(key);
    if (text !== undefined) drives.set(key, parseDrive(text));
  }
  return drives;
}

/** Finds the disk that the guest boots from: by boot order, else by `bootdisk`, else the only disk there is. */
export function findSystemDisk(config: ConfigValues): { key: DriveKey; drive: Drive } | { error: string } {
  const disks = new Map([...drivesOf(config)].filter(([, drive]) => !isCdrom(drive)));
  const boot = config.values.get('boot');
  const order = boot === undefined ? undefined : parseBoot(boot);
  const named = [...(order?.kind === 'devices' ? order.devices : []), config.values.get('bootdisk')];
  for (const key of named) {
    const drive = key === undefined ? undefined : disks.get(key as DriveKey);
    if (drive !== undefined) return { key: key as DriveKey, drive };
  }
  const [only, second] = disks;
  if (only === undefined) return { error: 'The VM has no disk.' };
  if (second !== undefined) {
    return {
      error: `The VM has several disks (${[...disks.keys()].join(', ')}) and its boot order names none of them.`,
    };
  }
  return { key: only[0], drive: only[1] };
}
