// Reads and prints drive and network card strings, sizes and boot orders.
import { busOf, driveNames, isDriveName, storedDriveFormats } from '../schema/drive-format.ts';
import { splitList } from '../schema/formats.ts';
import { readPropertyString } from '../schema/verify.ts';
import { netFormat } from '../schema/vm-options.ts';
import type { Options } from './vm.ts';

/** A drive string taken apart; `file` is the volume, `none`, `cdrom` or a path. */
export interface Drive extends Record<string, string> {
  file: string;
}

/** Largest first unit that divides the size, as Proxmox prints sizes. */
export function formatSize(bytes: number): string {
  let value = Math.floor(bytes);
  for (const unit of ['', 'K', 'M', 'G']) {
    if (value % 1024 !== 0 || value === 0) return `${value}${unit}`;
    value /= 1024;
  }
  return `${value}T`;
}

const unitFactors: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Bytes of `10G`, `1.5T`, `512`; undefined when the text is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text);
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * (unitFactors[match[2] ?? ''] ?? 1));
}

/** The drive of that slot; undefined when the string cannot be read (also when throttles contradict each other). */
export function parseDrive(slot: string, text: string): Drive | undefined {
  const format = storedDriveFormats[busOf(slot)];
  if (format === undefined) return undefined;
  const read = readPropertyString(format, text);
  if ('syntax' in read || Object.keys(read.errors).length > 0 || read.values['file'] === undefined) return undefined;
  const drive: Drive = { ...read.values, file: read.values['file'] };
  for (const kind of ['mbps', 'iops', 'bps']) {
    if (drive[kind] !== undefined && (drive[`${kind}_rd`] !== undefined || drive[`${kind}_wr`] !== undefined))
      return undefined;
  }
  return drive;
}

/** The drive string: volume first, then the keys in alphabetical order. */
export function printDrive(drive: Drive): string {
  const rest = Object.keys(drive)
    .filter((key) => key !== 'file' && drive[key] !== undefined)
    .sort()
    .map((key) => `${key}=${drive[key]}`);
  return [drive.file, ...rest].join(',');
}

export function isCdrom(drive: Drive): boolean {
  return drive['media'] === 'cdrom';
}

export function isCloudInit(drive: Drive): boolean {
  return /[:/](?:vm-\d+-)?cloudinit(?:\.\w+)?$/.test(drive.file);
}

/** Drives of a configuration in Proxmox's slot order. */
export function drivesOf(options: Options): [string, Drive][] {
  const found: [string, Drive][] = [];
  for (const slot of driveNames) {
    const text = options[slot];
    const drive = text === undefined ? undefined : parseDrive(slot, text);
    if (drive !== undefined) found.push([slot, drive]);
  }
  return found;
}

/** Network card strings taken apart, by slot. */
export function parseNet(text: string): Record<string, string> | undefined {
  const read = readPropertyString(netFormat, text);
  return 'syntax' in read ? undefined : read.values;
}

/** The network card string: model and MAC first, the rest in alphabetical order. */
export function printNet(net: Record<string, string>): string {
  const rest = Object.keys(net)
    .filter((key) => key !== 'model' && key !== 'macaddr')
    .sort((left, right) => (left === 'bridge' ? -1 : right === 'bridge' ? 1 : left.localeCompare(right)))
    .map((key) => `${key}=${net[key]}`);
  return [`${net['model']}=${net['macaddr']}`, ...rest].join(',');
}

/** Devices of `boot: order=…`; empty for legacy forms. */
export function bootOrder(boot: string | undefined): string[] {
  const order = boot?.split(',').find((part) => part.startsWith('order='));
  return order === undefined ? [] : splitList(order.slice('order='.length));
}

export function printBootOrder(devices: readonly string[]): string {
  return devices.length === 0 ? ' ' : `order=${devices.join(';')}`;
}

/** Whether the option is a drive slot or a detached volume. */
export function isVolumeKey(key: string): boolean {
  return isDriveName(key) || /^unused\d+$/.test(key);
}
