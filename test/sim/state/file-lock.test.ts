// Tests of the locks on files: who gets one, who waits, and who gives up.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { FileLocks } from './file-lock.ts';
import type { LockRequest } from './file-lock.ts';

const file = '/var/lock/qemu-server/lock-100.conf';
const request: LockRequest = { key: 'pve1/100', file, timeoutMs: 10_000 };

interface Holder extends Partial<LockRequest> {
  name: string;
  forMs: number;
}

/** Everybody asks at once, in this order; the answer says what happened when. */
async function timeline(holders: readonly Holder[]): Promise<string[]> {
  const clock = new VirtualClock(0);
  const locks = new FileLocks(clock);
  const events: string[] = [];
  const note = (text: string): void => void events.push(`${clock.now() / 1000} ${text}`);
  const all = holders.map(async ({ name, forMs, ...more }) => {
    const onWait = (): (() => void) => {
      note(`${name} waits`);
      return () => note(`${name} got it`);
    };
    try {
      await locks.hold({ ...request, onWait, ...more }, async () => {
        note(`${name} begins`);
        await clock.sleep(forMs);
        note(`${name} ends`);
      });
    } catch (error) {
      note(`${name}: ${(error as Error).message}`);
    }
  });
  await clock.runUntil(Promise.all(all));
  expect(locks.isHeld(request.key)).toBe(false);
  return events;
}

describe('a file lock', () => {
  const rows: { name: string; holders: Holder[]; want: string[] }[] = [
    { name: 'is had at once when free', holders: [{ name: 'a', forMs: 1000 }], want: ['0 a begins', '1 a ends'] },
    {
      name: 'is waited for, in the order of asking',
      holders: [
        { name: 'a', forMs: 1000 },
        { name: 'b', forMs: 1000 },
        { name: 'c', forMs: 1000 },
      ],
      want: [
        '0 a begins',
        '0 b waits',
        '0 c waits',
        '1 a ends',
        '1 b got it',
        '1 b begins',
        '2 b ends',
        '2 c got it',
        '2 c begins',
        '3 c ends',
      ],
    },
    {
      name: 'is given up after the time (behaviours.md 4: config 10 s, clone 1 s)',
      holders: [
        { name: 'a', forMs: 12_000 },
        { name: 'b', forMs: 1 },
        { name: 'c', forMs: 1, timeoutMs: 1000 },
      ],
      want: [
        '0 a begins',
        '0 b waits',
        '0 c waits',
        `1 c: can't lock file '${file}' - got timeout`,
        `10 b: can't lock file '${file}' - got timeout`,
        '12 a ends',
      ],
    },
    {
      name: 'is shared among those who only read',
      holders: [
        { name: 'a', forMs: 2000, shared: true },
        { name: 'b', forMs: 1000, shared: true },
      ],
      want: ['0 a begins', '0 b begins', '1 b ends', '2 a ends'],
    },
    {
      name: 'lets a writer wait for all readers',
      holders: [
        { name: 'a', forMs: 2000, shared: true },
        { name: 'b', forMs: 1000, shared: true },
        { name: 'w', forMs: 1000 },
      ],
      want: ['0 a begins', '0 b begins', '0 w waits', '1 b ends', '2 a ends', '2 w got it', '2 w begins', '3 w ends'],
    },
    {
      name: 'of another file is another lock',
      holders: [
        { name: 'a', forMs: 1000 },
        { name: 'b', forMs: 1000, key: 'pve1/101' },
      ],
      want: ['0 a begins', '0 b begins', '1 a ends', '1 b ends'],
    },
  ];
  it.each(rows)('$name', async ({ holders, want }) => {
    expect(await timeline(holders)).toEqual(want);
  });

  it('is free again after work that fails, and the failure is told', async () => {
    const locks = new FileLocks(new VirtualClock());
    await expect(
      locks.hold(request, () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    await expect(locks.hold(request, () => Promise.reject(new Error('later')))).rejects.toThrow('later');
    expect(locks.isHeld(request.key)).toBe(false);
  });

  it('gives the result of the work', async () => {
    expect(await new FileLocks(new VirtualClock()).hold(request, () => 42)).toBe(42);
  });

  it('of work that ends at once is never seen', async () => {
    const clock = new VirtualClock();
    const locks = new FileLocks(clock);
    const waits: string[] = [];
    const onWait = (): (() => void) => {
      waits.push('waits');
      return () => undefined;
    };
    await Promise.all([1, 2, 3].map((number) => locks.hold({ ...request, onWait }, () => number)));
    expect(waits).toEqual([]);
  });

  it('never has a writer beside anybody else, whoever comes when', async () => {
    const visit = fc.record({
      atMs: fc.nat({ max: 50 }),
      forMs: fc.integer({ min: 1, max: 30 }),
      shared: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(visit, { maxLength: 12 }), async (visits) => {
        const clock = new VirtualClock(0);
        const locks = new FileLocks(clock);
        let writers = 0;
        let readers = 0;
        const all = visits.map(async ({ atMs, forMs, shared }) => {
          await clock.sleep(atMs);
          await locks.hold({ ...request, shared, timeoutMs: 1_000_000 }, async () => {
            if (shared) readers += 1;
            else writers += 1;
            expect(writers === 0 || (writers === 1 && readers === 0)).toBe(true);
            await clock.sleep(forMs);
            if (shared) readers -= 1;
            else writers -= 1;
          });
        });
        await clock.runUntil(Promise.all(all));
        expect([readers, writers, locks.isHeld(request.key)]).toEqual([0, 0, false]);
      }),
      { numRuns: 30 },
    );
  });
});
