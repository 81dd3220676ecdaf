// How long things take on the recorded cluster (milliseconds, medians), and rules for what depends on sizes.

/** Fixed parts of the work; a real site is slower on storage and network. */
export const durations = {
  /** Copying of a linked clone's cloud-init drive and creating the overlay. */
  linkedClone: 400,
  /** The part of it for which the storage is locked. */
  linkDisk: 80,
  fullCloneBase: 450,
  createDisk: 120,
  freeDisk: 20,
  start: 1100,
  stop: 1300,
  shutdownGuest: 1400,
  reboot: 450,
  rebootRestart: 1000,
  pause: 30,
  reset: 20,
  resize: 100,
  snapshot: 100,
  deleteSnapshot: 250,
  rollback: 150,
  template: 100,
  destroy: 80,
  migrateOffline: 1100,
  migrateOnlineStart: 2000,
  migrateOnlineFinish: 3000,
  moveDisk: 350,
  backupBase: 700,
  restore: 750,
  removeVolume: 100,
  suspendToDisk: 400,
  agentAnswer: 150,
  agentTimeout: 3000,
  /** An agent that was there for the ping and is silent afterwards. */
  agentHangs: 10_000,
  hotUnplugRefused: 6100,
  hotPlug: 250,
  hotUnplug: 1200,
  configLockTimeout: 10_000,
  cloneLockTimeout: 1000,
  powerdownDefault: 60_000,
} as const;

/** Copying at about 180 MB/s, as seen between the recorded nodes. */
export function copyMs(bytes: number): number {
  return Math.ceil(bytes / (180 * 1024 ** 2)) * 1000;
}
