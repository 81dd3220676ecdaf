// The lock a storage is allocated under: a file's on one node, or the cluster's for shared storage.
import { failure } from '../errors.ts';
import type { Log } from './disk-work.ts';
import type { Storage } from './volumes.ts';
import type { World } from './world.ts';

const timeoutMs = 10_000;
/** Nobody is told that the cluster's lock is free again; who waits looks about once a second. */
const retryMs = 1000;
/** How far busy hosts drift apart within such a second. */
const driftMs = 300;

/** Runs the work while the storage is locked; fails when it stays busy for ten seconds. */
export function withStorageLock<T>(
  world: World,
  at: { storage: Storage; node: string; log: Log },
  work: () => T | Promise<T>,
): Promise<T> {
  const { storage, node, log } = at;
  if (storage.shared) return withClusterLock(world, { storage, log }, work);
  const request = {
    key: `${node}/storage-${storage.id}`,
    file: `/var/lock/pve-manager/pve-storage-${storage.id}`,
    timeoutMs,
    onWait: () => {
      log.print('trying to acquire lock...');
      return () => log.print(' OK');
    },
  };
  return world.locks.hold(request, work);
}

/** Whoever looks first after the lock became free gets it, not who waited longest. */
async function withClusterLock<T>(
  world: World,
  { storage, log }: { storage: Storage; log: Log },
  work: () => T | Promise<T>,
): Promise<T> {
  const key = sharedKey(storage);
  const startedAt = world.clock.now();
  while (world.locks.isHeld(key)) {
    if (world.clock.now() - startedAt >= timeoutMs)
      throw failure(`cfs-lock 'storage-${storage.id}' error: got lock request timeout`);
    log.print(`trying to acquire cfs lock 'storage-${storage.id}' ...`);
    await world.clock.sleep(retryMs + world.random.below(driftMs));
  }
  return world.locks.hold({ key, file: '', timeoutMs }, work);
}

function sharedKey(storage: Storage): string {
  return `cfs/storage-${storage.id}`;
}

/** Holds a storage's lock that long, as a slow allocation on another node does. */
export function holdStorage(world: World, storage: Storage, node: string, forMs: number): Promise<void> {
  const key = storage.shared ? sharedKey(storage) : `${node}/storage-${storage.id}`;
  return world.locks.hold({ key, file: '', timeoutMs }, () => world.clock.sleep(forMs));
}
