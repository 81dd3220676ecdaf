// Tests of time: virtual time that only a test moves, and real time at a speed.
import { array, assert as holds, asyncProperty, nat } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RealClock, VirtualClock } from './clock.ts';

describe('virtual time', () => {
  it('stands still until it is moved', async () => {
    const clock = new VirtualClock(1000);
    let fired = false;
    clock.after(1, () => (fired = true));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([clock.now(), fired]).toEqual([1000, false]);
    await clock.advance(1);
    expect([clock.now(), fired]).toEqual([1001, true]);
  });

  it('begins at the same moment everywhere unless told', () => {
    expect(new VirtualClock().now()).toBe(new VirtualClock().now());
  });

  it('fires what is due in order, at its own moment, and lands where it was sent', async () => {
    const delays = array(nat({ max: 20 }), { maxLength: 12 });
    await holds(
      asyncProperty(delays, nat({ max: 25 }), async (all, until) => {
        const clock = new VirtualClock(0);
        const fired: [delay: number, at: number, index: number][] = [];
        for (const [index, delay] of all.entries()) clock.after(delay, () => fired.push([delay, clock.now(), index]));
        await clock.advance(until);
        const due = all
          .map((delay, index): [number, number, number] => [delay, delay, index])
          .filter(([delay]) => delay <= until)
          .sort(([one, , first], [other, , second]) => one - other || first - second);
        expect(fired).toEqual(due);
        expect(clock.now()).toBe(until);
      }),
    );
  });

  it('counts a delay below zero as none', async () => {
    const clock = new VirtualClock(50);
    let at = 0;
    clock.after(-10, () => (at = clock.now()));
    await clock.advance(0);
    expect(at).toBe(50);
  });

  it('runs what a timer starts before the next timer, and timers it sets in the same stretch', async () => {
    const clock = new VirtualClock(0);
    const log: string[] = [];
    clock.after(1, () => {
      log.push('first');
      void Promise.resolve().then(() => log.push('its promise'));
      clock.after(1, () => log.push('its timer'));
    });
    clock.after(3, () => log.push('second'));
    await clock.advance(3);
    expect(log).toEqual(['first', 'its promise', 'its timer', 'second']);
  });

  it('forgets what was cancelled', async () => {
    const clock = new VirtualClock(0);
    let fired = 0;
    const cancel = clock.after(1, () => (fired += 1));
    clock.after(1, () => (fired += 10));
    cancel();
    await clock.advance(5);
    expect(fired).toBe(10);
  });

  it('goes on until a promise has settled, and no further', async () => {
    const clock = new VirtualClock(0);
    clock.after(900, () => undefined);
    expect(await clock.runUntil(clock.sleep(500).then(() => 'done'))).toBe('done');
    expect(clock.now()).toBe(500);
  });

  it('passes on what a promise fails with', async () => {
    const clock = new VirtualClock(0);
    const failing = clock.sleep(5).then(() => {
      throw new Error('no');
    });
    await expect(clock.runUntil(failing)).rejects.toThrow('no');
  });

  it('says so when nothing could end a wait', async () => {
    await expect(new VirtualClock().runUntil(new Promise(() => undefined))).rejects.toThrow('nothing is scheduled');
  });
});

describe('real time', () => {
  it('runs as fast as it is told, from where it is told', async () => {
    const clock = new RealClock(1000, 5_000_000);
    const before = clock.now();
    await clock.sleep(20_000);
    expect(clock.now() - before).toBeGreaterThanOrEqual(19_000);
    expect(before).toBeGreaterThanOrEqual(5_000_000);
    expect(before).toBeLessThan(5_060_000);
  });

  it('without a scale is over at once, but for what goes on in the background', async () => {
    const clock = new RealClock(Infinity);
    const startedAt = performance.now();
    await clock.sleep(60_000);
    expect(performance.now() - startedAt).toBeLessThan(1000);
    let fired = false;
    const cancel = clock.after(60_000, () => (fired = true));
    await clock.sleep(60_000);
    expect(fired).toBe(false);
    cancel();
  });

  it('calls back after a time, unless cancelled', async () => {
    const clock = new RealClock(1000);
    const fired: string[] = [];
    clock.after(1000, () => fired.push('kept'));
    clock.after(500, () => fired.push('cancelled'))();
    await clock.sleep(20_000);
    expect(fired).toEqual(['kept']);
  });
});
