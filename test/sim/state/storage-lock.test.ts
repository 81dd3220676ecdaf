// Tests of the locks storages are allocated under: a queue on one node, tries in turn on shared storage.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { demoTopology } from '../testing.ts';
import { buildWorld } from './build-world.ts';
import { holdStorage, withStorageLock } from './storage-lock.ts';

interface Seen {
  atMs: number;
  log: string[];
  error?: string;
}

/** Work on a storage that somebody else holds for that long. */
async function work(id: string, heldMs: number, node = 'pve1'): Promise<Seen> {
  const clock = new VirtualClock(0);
  const world = buildWorld(demoTopology(), clock, 1);
  const storage = world.volumes.storage(id);
  const log: string[] = [];
  const held = heldMs === 0 ? Promise.resolve() : holdStorage(world, storage, 'pve1', heldMs);
  const result = withStorageLock(world, { storage, node, log: { print: (...lines) => void log.push(...lines) } }, () =>
    clock.now(),
  );
  try {
    return { atMs: await clock.runUntil(result), log };
  } catch (error) {
    return { atMs: clock.now(), log, error: (error as Error).message };
  } finally {
    await clock.runUntil(held);
  }
}

describe('a storage of one node', () => {
  const rows: { name: string; heldMs: number; node?: string; want: Seen }[] = [
    { name: 'is free', heldMs: 0, want: { atMs: 0, log: [] } },
    { name: 'is waited for', heldMs: 4000, want: { atMs: 4000, log: ['trying to acquire lock...', ' OK'] } },
    {
      name: 'is given up after ten seconds',
      heldMs: 20_000,
      want: {
        atMs: 10_000,
        log: ['trying to acquire lock...'],
        error: "can't lock file '/var/lock/pve-manager/pve-storage-local' - got timeout",
      },
    },
    { name: 'is another one on another node', heldMs: 20_000, node: 'pve2', want: { atMs: 0, log: [] } },
  ];
  it.each(rows)('$name', async ({ heldMs, node, want }) => {
    expect(await work('local', heldMs, node)).toEqual(want);
  });
});

describe('shared storage', () => {
  const line = "trying to acquire cfs lock 'storage-shared' ...";

  it('is free', async () => {
    expect(await work('shared', 0)).toEqual({ atMs: 0, log: [] });
  });

  it.each(['pve1', 'pve2'])('is tried about every second, from %s too', async (node) => {
    const { atMs, log, error } = await work('shared', 2500, node);
    expect(error).toBeUndefined();
    expect(log).toEqual([line, line, line]);
    expect(atMs).toBeGreaterThanOrEqual(2500);
    expect(atMs).toBeLessThan(4000);
  });

  it('is given up after ten seconds', async () => {
    const { atMs, error } = await work('shared', 30_000);
    expect(error).toBe("cfs-lock 'storage-shared' error: got lock request timeout");
    expect(atMs).toBeGreaterThanOrEqual(10_000);
    expect(atMs).toBeLessThan(12_000);
  });
});
