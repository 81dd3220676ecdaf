// Tests of seeded randomness: the same again from the same seed, and the shapes Proxmox draws.
import { assert as holds, integer, nat, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from './random.ts';

const seed = integer({ min: 0, max: 2 ** 32 - 1 });

describe('a sequence', () => {
  it('is the same from the same seed, and goes on from a saved state', () => {
    holds(
      property(seed, nat({ max: 50 }), (any, drawn) => {
        const one = new Random(any);
        const other = new Random(any);
        for (let count = 0; count < drawn; count += 1) expect(one.next()).toBe(other.next());
        const resumed = new Random(0);
        resumed.state = one.state;
        expect([resumed.next(), resumed.uuid(), resumed.mac()]).toEqual([one.next(), one.uuid(), one.mac()]);
      }),
    );
  });

  it('differs between seeds', () => {
    const first = new Set(Array.from({ length: 1000 }, (_, any) => new Random(any).next()));
    expect(first.size).toBe(1000);
  });

  it('is spread evenly', () => {
    const random = new Random(1);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let drawn = 0; drawn < 10_000; drawn += 1) {
      const at = random.below(10);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('a draw', () => {
  const shapes: { name: string; draw: (random: Random) => string; want: RegExp }[] = [
    {
      name: 'a MAC address with the cluster’s prefix',
      draw: (random) => random.mac(),
      want: /^BC:24:11(:[0-9A-F]{2}){3}$/,
    },
    {
      name: 'a MAC address with another one',
      draw: (random) => random.mac('02:00:00'),
      want: /^02:00:00(:[0-9A-F]{2}){3}$/,
    },
    {
      name: 'a UUID of version 4',
      draw: (random) => random.uuid(),
      want: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    },
    { name: 'hexadecimal digits', draw: (random) => random.hex(40), want: /^[0-9a-f]{40}$/ },
    { name: 'no digits', draw: (random) => random.hex(0), want: /^$/ },
    { name: 'a text of an alphabet', draw: (random) => random.text(20, 'xy'), want: /^[xy]{20}$/ },
  ];
  it.each(shapes)('$name', ({ draw, want }) => {
    holds(property(seed, (any) => want.test(draw(new Random(any)))));
  });

  it('is in its bounds', () => {
    holds(
      property(seed, integer({ min: 1, max: 1000 }), (any, bound) => {
        const random = new Random(any);
        const value = random.next();
        expect(value >= 0 && value < 1).toBe(true);
        const below = random.below(bound);
        expect(Number.isInteger(below) && below >= 0 && below < bound).toBe(true);
      }),
    );
  });
});
