// What a VM holds beyond its package: the newest go first, and the main one of each family never.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aHeldAddress } from '../../test/builders/facts.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import { surplusAddresses } from './address-plan.ts';

const v4 = (order: number) => aHeldAddress({ address: `192.0.2.${10 + order}`, order });
const v6 = (order: number) => aHeldAddress({ address: `2001:db8::${10 + order}`, family: 'IPv6', order });
const orders = (surplus: readonly IPAddressReservation[]) => surplus.map(({ spec }) => `${spec.family} ${spec.order}`);

describe('surplusAddresses', () => {
  const rows: { name: string; held: IPAddressReservation[]; ipv4?: number; ipv6?: number; want: string[] }[] = [
    { name: 'nothing is held', held: [], want: [] },
    { name: 'as many as wanted', held: [v4(0), v4(1)], ipv4: 2, want: [] },
    { name: 'fewer than wanted', held: [v4(0)], ipv4: 2, want: [] },
    { name: 'one too many: the newest', held: [v4(0), v4(1), v4(2)], ipv4: 2, want: ['IPv4 2'] },
    { name: 'in whatever order they are listed', held: [v4(2), v4(0), v4(1)], ipv4: 1, want: ['IPv4 2', 'IPv4 1'] },
    { name: 'none wanted: the main one stays', held: [v4(0), v4(1)], ipv4: 0, want: ['IPv4 1'] },
    { name: 'a place that was given up does not count', held: [v4(0), v4(3)], ipv4: 2, want: [] },
    { name: 'each family by itself', held: [v4(0), v6(0), v6(1)], ipv4: 1, ipv6: 1, want: ['IPv6 1'] },
    { name: 'both families', held: [v4(0), v4(1), v6(0), v6(1)], ipv4: 1, ipv6: 1, want: ['IPv4 1', 'IPv6 1'] },
  ];
  test.each(rows)('$name', ({ held, ipv4 = 0, ipv6 = 0, want }) => {
    expect(orders(surplusAddresses(held, { ipv4, ipv6 }))).toEqual(want);
  });

  test('what is left is what was wanted, with every main address in it', () => {
    const count = fc.integer({ min: 0, max: 6 });
    fc.assert(
      fc.property(count, count, count, count, (four, six, ipv4, ipv6) => {
        const held = [
          ...Array.from({ length: four }, (_, order) => v4(order)),
          ...Array.from({ length: six }, (_, order) => v6(order)),
        ];
        const surplus = new Set(surplusAddresses(held, { ipv4, ipv6 }));
        const left = held.filter((one) => !surplus.has(one));
        const leftOf = (family: string) => left.filter(({ spec }) => spec.family === family).length;
        expect(leftOf('IPv4')).toBe(Math.min(four, Math.max(ipv4, 1)));
        expect(leftOf('IPv6')).toBe(Math.min(six, Math.max(ipv6, 1)));
        expect([...surplus].every(({ spec }) => spec.order > 0)).toBe(true);
      }),
    );
  });
});
