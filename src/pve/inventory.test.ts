// Tests for the inventory's one poll.
import { describe, expect, it } from 'vitest';
import type { ClusterResources } from './answer-types.ts';
import { PveError, type PveErrorKind } from './errors.ts';
import { createInventory } from './inventory.ts';
import { virtualClock } from './testing/virtual-clock.ts';

const empty: ClusterResources = { nodes: [], vms: [], storages: [] };
const failure = (kind: PveErrorKind): PveError => new PveError({ kind, call: 'GET /cluster/resources', detail: 'x' });

function scene() {
  const clock = virtualClock();
  const calls: PromiseWithResolvers<ClusterResources>[] = [];
  let answer: (() => ClusterResources) | undefined;
  const inventory = createInventory({
    clock,
    random: () => 0.5,
    api: {
      resources: async () => {
        const call = Promise.withResolvers<ClusterResources>();
        calls.push(call);
        return answer === undefined ? call.promise : answer();
      },
    },
  });
  const always = (next: () => ClusterResources): void => {
    answer = next;
  };
  return { clock, calls, inventory, always };
}

describe('polling', () => {
  it('asks once in ten seconds', async () => {
    const { clock, calls, inventory, always } = scene();
    always(() => empty);
    const abort = new AbortController();
    inventory.start(abort.signal);
    await clock.advance(60_000);
    expect(calls).toHaveLength(7);
    abort.abort();
    await clock.advance(60_000);
    expect(calls).toHaveLength(7);
    expect(clock.sleepers).toBe(0);
  });

  it('counts a refresh as a poll', async () => {
    const { clock, calls, inventory, always } = scene();
    always(() => empty);
    const abort = new AbortController();
    inventory.start(abort.signal);
    await clock.advance(9_000);
    await inventory.refresh();
    await clock.advance(9_000);
    expect(calls).toHaveLength(2);
    abort.abort();
  });

  it.each(['unauthorized', 'certificate'] as const)(
    'slows down while %s: each try costs the server, and only a person can help',
    async (kind) => {
      const { clock, calls, inventory, always } = scene();
      always(() => {
        throw failure(kind);
      });
      const abort = new AbortController();
      inventory.start(abort.signal);
      await clock.advance(120_000);
      expect(calls).toHaveLength(3);
      abort.abort();
    },
  );
});

describe('health', () => {
  it('says what the last poll ended with, and since when', async () => {
    const { clock, inventory, always } = scene();
    expect(inventory.health).toMatchObject({ state: 'unknown' });
    always(() => empty);
    await inventory.refresh();
    const { since } = inventory.health;
    await clock.advance(5_000);
    await inventory.refresh();
    expect(inventory.health).toEqual({ state: 'reachable', since });
    always(() => {
      throw failure('unreachable');
    });
    await clock.advance(5_000);
    await expect(inventory.refresh()).rejects.toMatchObject({ kind: 'unreachable' });
    expect(inventory.health).toMatchObject({
      state: 'unreachable',
      since: since + 10_000,
      error: { kind: 'unreachable' },
    });
    expect(inventory.snapshot()).toMatchObject({ takenAt: since + 5_000 });
  });

  it('takes a failure of our own for an answer that could not be read', async () => {
    const { inventory, always } = scene();
    always(() => {
      throw new TypeError('bug');
    });
    await expect(inventory.refresh()).rejects.toMatchObject({ kind: 'unreadable' });
  });
});

describe('refresh', () => {
  it('is shared by callers that come together', async () => {
    const { clock, calls, inventory } = scene();
    const both = Promise.all([inventory.refresh(), inventory.refresh()]);
    await clock.advance(0);
    expect(calls).toHaveLength(1);
    calls[0]?.resolve(empty);
    const [first, second] = await both;
    expect(first).toBe(second);
  });

  it('never takes the answer of a request that was sent before the call', async () => {
    const { clock, calls, inventory } = scene();
    const early = inventory.refresh();
    await clock.advance(0);
    const late = Promise.all([inventory.refresh(), inventory.refresh()]);
    calls[0]?.resolve(empty);
    await early;
    await clock.advance(0);
    expect(calls).toHaveLength(2);
    const vm = { vmid: 1, node: 'pve1', type: 'qemu', status: 'stopped', tags: [] } as const;
    calls[1]?.resolve({ ...empty, vms: [vm] });
    const [snapshot] = await late;
    expect(snapshot.vms.get(1)).toBe(vm);
    expect(await early).not.toBe(snapshot);
  });

  it('goes on after one that failed', async () => {
    const { clock, calls, inventory } = scene();
    const first = expect(inventory.refresh()).rejects.toThrow(PveError);
    await clock.advance(0);
    const second = inventory.refresh();
    calls[0]?.reject(failure('timeout'));
    await first;
    await clock.advance(0);
    calls[1]?.resolve(empty);
    await expect(second).resolves.toMatchObject({ vms: new Map() });
  });
});

describe('subscribers', () => {
  it('are told after every poll, until they leave, whatever the others do', async () => {
    const { inventory, always } = scene();
    always(() => empty);
    let told = 0;
    inventory.subscribe(() => {
      throw new Error('broken listener');
    });
    const leave = inventory.subscribe(() => {
      told += 1;
    });
    await inventory.refresh();
    always(() => {
      throw failure('timeout');
    });
    await inventory.refresh().catch(() => undefined);
    expect(told).toBe(2);
    leave();
    await inventory.refresh().catch(() => undefined);
    expect(told).toBe(2);
  });
});
