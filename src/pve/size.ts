// Answers for Proxmox's size notation ('32G', '3145731K', plain bytes).
import { PropertyStringError } from './property-string.ts';

const UNITS = { T: 1024 ** 4, G: 1024 ** 3, M: 1024 ** 2, K: 1024 } as const;

const SIZE = /^(?<number>\d+(?:\.\d+)?)(?<unit>[KMGT])?$/;

export const GIB = UNITS.G;

/** Bytes of a size as Proxmox writes it. A disk that is no multiple of a unit comes as K or as plain bytes. */
export function parseSize(text: string): number {
  const groups = SIZE.exec(text.trim())?.groups as { number: string; unit?: keyof typeof UNITS } | undefined;
  const bytes = groups && Math.ceil(Number(groups.number) * (groups.unit === undefined ? 1 : UNITS[groups.unit]));
  if (bytes === undefined || !Number.isSafeInteger(bytes)) {
    throw new PropertyStringError(`The size ${JSON.stringify(text.slice(0, 40))} cannot be read.`);
  }
  return bytes;
}

/** The shortest notation that loses nothing; whole bytes only. */
export function printSize(bytes: number): string {
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new PropertyStringError(`A size must be a whole number of bytes, not ${bytes}.`);
  }
  for (const [unit, factor] of Object.entries(UNITS)) {
    if (bytes > 0 && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}
