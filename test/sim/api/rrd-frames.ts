// Resolution and length of the round-robin data of each release.
import { isUpTo } from '../schema/release.ts';
import type { Release } from '../schema/release.ts';

/** A timeframe: seconds between rows, and how many there are. */
export interface Frame {
  step: number;
  rows: number;
}

const minutes: Frame = { step: 60, rows: 60 };

const since9: Readonly<Record<string, Frame>> = {
  hour: minutes,
  day: { step: 60, rows: 1440 },
  week: { step: 1800, rows: 335 },
  month: { step: 1800, rows: 1439 },
  year: { step: 21600, rows: 1439 },
  decade: { step: 604800, rows: 569 },
};

const before9: Readonly<Record<string, Frame>> = {
  hour: minutes,
  day: { step: 1800, rows: 70 },
  week: { step: 10800, rows: 70 },
  month: { step: 43200, rows: 70 },
  year: { step: 604800, rows: 70 },
};

/** The rows of a timeframe in that release. */
export function frameIn(release: Release, timeframe: string): Frame {
  return (isUpTo(release, '8.4') ? before9 : since9)[timeframe] ?? minutes;
}

/** Where the daemon keeps a VM's data. */
export function vmFile(release: Release, vmid: number): string {
  return `/var/lib/rrdcached/db/${isUpTo(release, '8.4') ? 'pve2-vm' : 'pve-vm-9.0'}/${vmid}`;
}
