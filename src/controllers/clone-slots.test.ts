// How many clones run at once, and that who waits longest goes first.
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { CloneSlots } from './clone-slots.ts';

const A = { node: 'pve1', storage: 'local' };
const B = { node: 'pve2', storage: 'shared' };
const sleep = (): void => undefined;

let now: number;
let slots: CloneSlots;
let woken: string[];

beforeEach(() => {
  now = 0;
  woken = [];
  slots = new CloneSlots(() => now);
});

const ask = (uid: string, place = A): boolean => slots.take(uid, place, () => void woken.push(uid)).free;

describe('limits', () => {
  test('of the storage', () => {
    slots.setLimits({ perStorage: 2, perNode: 9 });
    expect([ask('a'), ask('b', { ...A, node: 'pve2' }), ask('c')]).toEqual([true, true, false]);
    expect(slots.take('c', A, sleep)).toEqual({ free: false, running: 2, limit: 2, where: 'storage local' });
    expect(ask('d', B)).toBe(true);
  });

  test('of the node', () => {
    slots.setLimits({ perStorage: 9, perNode: 1 });
    expect(ask('a')).toBe(true);
    expect(slots.take('b', { ...A, storage: 'fast' }, sleep)).toEqual({
      free: false,
      running: 1,
      limit: 1,
      where: 'node pve1',
    });
  });

  test('a slot that is held is not taken twice', () => {
    expect([ask('a'), ask('a')]).toEqual([true, true]);
    slots.release('a');
    expect(ask('b')).toBe(true);
  });

  test('that were raised count at the next request', () => {
    expect([ask('a'), ask('b')]).toEqual([true, false]);
    slots.setLimits({ perStorage: 2, perNode: 2 });
    expect(ask('b')).toBe(true);
  });
});

describe('who waits', () => {
  test('is woken when a slot becomes free, and nobody else', () => {
    ask('a');
    ask('b');
    ask('c');
    slots.release('a');
    expect(woken).toEqual(['b']);
  });

  test('gets the slot before one who comes later, also between waking and asking', () => {
    ask('a');
    ask('b');
    slots.release('a');
    expect(ask('newcomer')).toBe(false);
    expect(ask('b')).toBe(true);
  });

  test('keeps the place however often it asks', () => {
    ask('a');
    ask('b');
    ask('c');
    ask('b');
    slots.release('a');
    expect([ask('c'), ask('b')]).toEqual([false, true]);
  });

  test('and goes away makes room for the next', () => {
    ask('a');
    ask('b');
    ask('c');
    slots.release('a');
    slots.release('b');
    expect(woken).toEqual(['b', 'c']);
    expect(ask('c')).toBe(true);
  });

  test('and is not heard of again holds nobody up for long', () => {
    ask('a');
    ask('vanished');
    slots.release('a');
    expect(ask('b')).toBe(false);
    now += 30_000;
    expect(ask('b')).toBe(true);
  });

  test('for another place is woken too', () => {
    ask('a');
    ask('x', B);
    ask('b');
    ask('y', B);
    slots.release('x');
    expect(woken).toEqual(['y']);
  });

  test('releasing what is not held wakes nobody', () => {
    ask('a');
    ask('b');
    slots.release('stranger');
    expect(woken).toEqual([]);
  });
});

test('whatever happens, limits hold and everybody is served in the end', () => {
  const step = fc.record({ uid: fc.integer({ min: 0, max: 9 }), ask: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const row = new CloneSlots(() => 0);
      row.setLimits({ perStorage: 3, perNode: 3 });
      const held = new Set<number>();
      for (const { uid, ask: asks } of steps) {
        if (!asks) {
          row.release(String(uid));
          held.delete(uid);
        } else if (row.take(String(uid), A, sleep).free) held.add(uid);
        expect(held.size).toBeLessThanOrEqual(3);
      }
      const served = new Set<number>();
      for (let round = 0; round < 10; round += 1) {
        for (let uid = 0; uid < 10; uid += 1)
          if (!served.has(uid) && row.take(String(uid), A, sleep).free) served.add(uid);
        for (const uid of served) row.release(String(uid));
      }
      expect(served.size).toBe(10);
    }),
  );
});
