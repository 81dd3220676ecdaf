// Answers for the boot order, in today's form ('order=scsi0;net0') and in the one before PVE 6.3 ('cdn').
import { PropertyStringError } from './property-string.ts';

export type BootOrder =
  | { readonly kind: 'devices'; readonly devices: readonly string[] }
  | { readonly kind: 'classes'; readonly classes: readonly ('floppy' | 'disk' | 'cdrom' | 'network')[] };

const CLASSES = { a: 'floppy', c: 'disk', d: 'cdrom', n: 'network' } as const;

/** Reads `boot`. A VM that was made without disks has a single blank there: it boots from nothing. */
export function parseBoot(text: string): BootOrder {
  const value = text.trim();
  if (value === '') return { kind: 'devices', devices: [] };
  const order = /^order=(.*)$/.exec(value)?.[1];
  if (order !== undefined) return { kind: 'devices', devices: order.split(/[;\s]+/).filter((device) => device !== '') };
  const letters = /^(?:legacy=)?([acdn]{1,4})$/.exec(value)?.[1];
  if (letters === undefined)
    throw new PropertyStringError(`The boot order ${JSON.stringify(text.slice(0, 60))} cannot be read.`);
  return { kind: 'classes', classes: Array.from(letters, (letter) => CLASSES[letter as keyof typeof CLASSES]) };
}

export function printBoot(devices: readonly string[]): string {
  const odd = devices.find((device) => !/^[a-z]+\d+$/.test(device));
  if (odd !== undefined) throw new PropertyStringError(`The boot device ${JSON.stringify(odd)} is not allowed.`);
  return `order=${devices.join(';')}`;
}
