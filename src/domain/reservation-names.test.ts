// Reservation names: readable, legal, and never the same for two things.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress } from './ip.ts';
import { addressReservationName, quotaSlotName, vmidReservationName } from './reservation-names.ts';

// RFC 1123 subdomain, as the API server checks names of objects.
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const cluster = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,12}[a-z0-9])?$/);
const bridge = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$/);
const vlan = fc.integer({ min: 0, max: 4094 });
const network = fc.record({ cluster, bridge, vlan, address: fc.oneof(fc.ipV4(), fc.ipV6()) });
const reserved = fc.record({ cluster, vmid: fc.integer({ min: 100, max: 999_999_999 }) });

describe('addressReservationName', () => {
  it.each([
    {
      name: 'IPv4',
      input: { cluster: 'main', bridge: 'vmbr0', vlan: 0, address: '192.0.2.7' },
      want: 'main.vmbr0.0.192-0-2-7',
    },
    {
      name: 'IPv6',
      input: { cluster: 'dc-1', bridge: 'vmbr1', vlan: 7, address: '2001:db8::7' },
      want: 'dc-1.vmbr1.7.2001-0db8-0000-0000-0000-0000-0000-0007',
    },
  ])('is readable for $name', ({ input, want }) => {
    expect(addressReservationName(input)).toBe(want);
  });

  it.each([
    { name: 'a bridge with a dot', input: { cluster: 'main', bridge: 'eno1.5' }, start: 'main.eno1-5.0.192-0-2-7.' },
    { name: 'a bridge with capitals', input: { cluster: 'main', bridge: 'VLAN_a' }, start: 'main.vlan-a.0.192-0-2-7.' },
    {
      name: 'a bridge that ends in a hyphen',
      input: { cluster: 'main', bridge: 'vmbr0-' },
      start: 'main.vmbr0.0.192-0-2-7.',
    },
    {
      name: 'a cluster with a dot',
      input: { cluster: 'dc1.example', bridge: 'vmbr0' },
      start: 'dc1-example.vmbr0.0.192-0-2-7.',
    },
    {
      name: 'a long cluster',
      input: { cluster: 'c'.repeat(253), bridge: 'vmbr0' },
      start: `${'c'.repeat(40)}.vmbr0.0.192-0-2-7.`,
    },
  ])('gets a hash for $name', ({ input, start }) => {
    const name = addressReservationName({ vlan: 0, address: '192.0.2.7', ...input });
    expect(name.slice(0, start.length)).toBe(start);
    expect(name.slice(start.length)).toMatch(/^[0-9a-f]{32}$/);
    expect(name).toMatch(OBJECT_NAME);
  });

  it('is the same for every spelling of an address', () => {
    const rest = { cluster: 'main', bridge: 'vmbr0', vlan: 0 };
    expect(addressReservationName({ ...rest, address: '2001:DB8:0:0::7' })).toBe(
      addressReservationName({ ...rest, address: '2001:db8::7' }),
    );
  });

  it.each(['', '192.0.2.7/24', 'fe80::1%eth0', 'x'])('throws for the address %j', (address) => {
    expect(() => addressReservationName({ cluster: 'main', bridge: 'vmbr0', vlan: 0, address })).toThrow(RangeError);
  });

  it('tells networks apart whose parts run together', () => {
    const address = '192.0.2.7';
    const names = [
      { cluster: 'a-b', bridge: 'c', vlan: 0 },
      { cluster: 'a', bridge: 'b-c', vlan: 0 },
      { cluster: 'a.b', bridge: 'c', vlan: 0 },
      { cluster: 'a', bridge: 'b.c', vlan: 0 },
      { cluster: 'a', bridge: 'b_c', vlan: 0 },
      { cluster: 'a', bridge: 'B-c', vlan: 0 },
      { cluster: 'a', bridge: 'b-c', vlan: 1 },
    ].map((input) => addressReservationName({ ...input, address }));
    expect(new Set(names).size).toBe(names.length);
  });

  it('is legal, short enough and never the same for two addresses', () => {
    fc.assert(
      fc.property(network, network, (a, b) => {
        const [left, right] = [addressReservationName(a), addressReservationName(b)];
        expect(left).toMatch(OBJECT_NAME);
        expect(left.length).toBeLessThanOrEqual(253);
        const same =
          a.cluster === b.cluster &&
          a.bridge === b.bridge &&
          a.vlan === b.vlan &&
          canonicalAddress(a.address) === canonicalAddress(b.address);
        expect(left === right).toBe(same);
      }),
    );
  });
});

describe('vmidReservationName', () => {
  it('is readable', () => {
    expect(vmidReservationName({ cluster: 'main', vmid: 2002 })).toBe('main.2002');
  });

  it('tells a cluster from the name of another reservation', () => {
    expect(vmidReservationName({ cluster: 'main.2002', vmid: 100 })).not.toBe(
      vmidReservationName({ cluster: 'main', vmid: 2002 }),
    );
  });

  it('is legal, short enough and never the same for two VMIDs', () => {
    fc.assert(
      fc.property(reserved, reserved, (a, b) => {
        const [left, right] = [vmidReservationName(a), vmidReservationName(b)];
        expect(left).toMatch(OBJECT_NAME);
        expect(left.length).toBeLessThanOrEqual(253);
        expect(left === right).toBe(a.cluster === b.cluster && a.vmid === b.vmid);
      }),
    );
  });
});

describe('quotaSlotName', () => {
  it('is readable', () => {
    expect(quotaSlotName({ plan: 'kvm-small', number: 12 })).toBe('kvm-small.12');
  });

  it('gets a hash for a plan with a dot', () => {
    const name = quotaSlotName({ plan: 'kvm.small', number: 12 });
    expect(name).toMatch(/^kvm-small\.12\.[0-9a-f]{32}$/);
  });

  it('is legal, and the same for the same place only', () => {
    const place = fc.record({
      plan: fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,50}[a-z0-9])?$/),
      number: fc.integer({ min: 1, max: 100_000 }),
    });
    fc.assert(
      fc.property(place, place, (one, other) => {
        const [name, otherName] = [quotaSlotName(one), quotaSlotName(other)];
        expect(name).toMatch(OBJECT_NAME);
        expect(name === otherName).toBe(one.plan === other.plan && one.number === other.number);
      }),
    );
  });
});
