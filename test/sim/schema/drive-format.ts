// The keys of a drive string (`scsi0=STORAGE:VOLUME,discard=on,…`) for each bus.
import { decimal, flag, formatted, integer, oneOf, required, text } from './parameter.ts';
import type { Parameter, PropertyFormat } from './parameter.ts';

const lengthAliases = ['bps_rd', 'bps_wr', 'iops_rd', 'iops_wr'];

function throttles(): Record<string, Parameter> {
  const keys: Record<string, Parameter> = {};
  for (const direction of ['', '_rd', '_wr']) {
    keys[`bps${direction}`] = integer();
    keys[`bps${direction}_max_length`] = integer(1);
    keys[`iops${direction}`] = integer();
    keys[`iops${direction}_max`] = integer();
    keys[`iops${direction}_max_length`] = integer(1);
    keys[`mbps${direction}`] = decimal();
    keys[`mbps${direction}_max`] = decimal();
  }
  for (const alias of lengthAliases) keys[`${alias}_length`] = { type: 'integer', alias: `${alias}_max_length` };
  return keys;
}

const file = required(formatted('pve-volume-id-or-qm-path', { defaultKey: true }));
const imageFormats = ['raw', 'qcow', 'qed', 'qcow2', 'vmdk', 'cloop'];
const volume: Parameter = { type: 'string', alias: 'file' };

const anyDrive: PropertyFormat = {
  file,
  volume,
  media: oneOf('cdrom', 'disk'),
  snapshot: flag(),
  cache: oneOf('none', 'writethrough', 'writeback', 'unsafe', 'directsync'),
  format: oneOf(...imageFormats),
  size: formatted('disk-size'),
  backup: flag(),
  replicate: flag(),
  rerror: oneOf('ignore', 'report', 'stop'),
  werror: oneOf('enospc', 'ignore', 'report', 'stop'),
  aio: oneOf('native', 'threads', 'io_uring'),
  discard: oneOf('ignore', 'on'),
  detect_zeroes: flag(),
  serial: formatted('urlencoded', { maxLength: 60 }),
  shared: flag(),
  'import-from': formatted('pve-volume-id-or-absolute-path'),
  ...throttles(),
};

const ssd = { ssd: flag() };
const wwn = { wwn: text({ pattern: /(?:^(0x)[0-9a-fA-F]{16})/ }) };
const iothread = { iothread: flag() };
const readOnly = { ro: flag() };

const scsiOnly: PropertyFormat = {
  queues: integer(2),
  scsiblock: flag(),
  product: text({ pattern: /[A-Za-z0-9\-_\s]{0,16}/ }),
  vendor: text({ pattern: /[A-Za-z0-9\-_\s]{0,8}/ }),
};

const efiDisk: PropertyFormat = {
  file,
  volume,
  format: oneOf(...imageFormats),
  size: formatted('disk-size'),
  efitype: oneOf('2m', '4m'),
  'pre-enrolled-keys': flag(),
  'ms-cert': oneOf('2011', '2023', '2023w', '2023k'),
  'import-from': formatted('pve-volume-id-or-absolute-path'),
};

const tpmState: PropertyFormat = {
  file,
  volume,
  format: oneOf('raw', 'qcow2', 'vmdk'),
  size: formatted('disk-size'),
  version: oneOf('v1.2', 'v2.0'),
  'import-from': formatted('pve-volume-id-or-absolute-path'),
};

/** Drive string keys by bus (`ide`, `sata`, `scsi`, `virtio`, `efidisk`, `tpmstate`, `unused`). */
export const driveFormats: Readonly<Record<string, PropertyFormat>> = {
  ide: { ...anyDrive, ...ssd, ...wwn, model: formatted('urlencoded', { maxLength: 120 }) },
  sata: { ...anyDrive, ...ssd, ...wwn },
  scsi: { ...anyDrive, ...ssd, ...wwn, ...iothread, ...readOnly, ...scsiOnly },
  virtio: { ...anyDrive, ...iothread, ...readOnly },
  efidisk: efiDisk,
  tpmstate: tpmState,
  unused: { file: required(formatted('pve-volume-id', { defaultKey: true })), volume },
};

/** Disk geometry, which 8.x still took. */
export const geometryKeys: PropertyFormat = {
  cyls: integer(),
  heads: integer(),
  secs: integer(),
  trans: oneOf('none', 'lba', 'auto'),
};

/** Buses whose drives had a geometry. */
export const geometryBuses: readonly string[] = ['ide', 'sata', 'scsi', 'virtio'];

/** Drive string keys by bus as a configuration of any release may hold them. */
export const storedDriveFormats: Readonly<Record<string, PropertyFormat>> = {
  ...driveFormats,
  ...Object.fromEntries(geometryBuses.map((bus) => [bus, { ...driveFormats[bus], ...geometryKeys }])),
};

const driveCounts: readonly (readonly [string, number])[] = [
  ['ide', 4],
  ['scsi', 31],
  ['virtio', 16],
  ['sata', 6],
];

/** Every drive slot of a VM in Proxmox's order. */
export const driveNames: readonly string[] = [
  ...driveCounts.flatMap(([bus, count]) => Array.from({ length: count }, (_, index) => `${bus}${index}`)),
  'efidisk0',
  'tpmstate0',
];

const driveNameSet = new Set(driveNames);

export function isDriveName(name: string): boolean {
  return driveNameSet.has(name);
}

/** The bus of a slot: `scsi0` → `scsi`. */
export function busOf(slot: string): string {
  return slot.replace(/\d+$/, '');
}
