// Reverse names: known pairs, and that every address has exactly one name that leads back to it.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLASSLESS_DELEGATION,
  addressFamily,
  canonicalAddress,
  classlessName,
  reverseName,
  zoneHint,
} from './reverse-names.ts';

const DB8 = '8.b.d.0.1.0.0.2.ip6.arpa';
const zeros = (count: number): string => '0.'.repeat(count);

describe('reverseName', () => {
  it.each([
    { address: '192.0.2.7', want: '7.2.0.192.in-addr.arpa' },
    { address: '0.0.0.0', want: '0.0.0.0.in-addr.arpa' },
    { address: '255.254.253.252', want: '252.253.254.255.in-addr.arpa' },
    { address: '2001:db8::7', want: `7.${zeros(23)}${DB8}` },
    { address: '2001:DB8:0:0:0:0:0:7', want: `7.${zeros(23)}${DB8}` },
    { address: '::', want: `${zeros(32)}ip6.arpa` },
    { address: '2001:db8::ffff:192.0.2.1', want: `1.0.2.0.0.0.0.c.f.f.f.f.${zeros(12)}${DB8}` },
  ])('$address', ({ address, want }) => {
    expect(reverseName(address)).toBe(want);
  });

  it('leads back to every IPv4 address', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const labels = reverseName(address).split('.');
        expect(labels.slice(0, 4).reverse().join('.')).toBe(address);
        expect(labels.slice(4)).toEqual(['in-addr', 'arpa']);
      }),
    );
  });

  it('leads back to every IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const labels = reverseName(address).split('.');
        expect(labels).toHaveLength(34);
        const groups = labels.slice(0, 32).reverse().join('').match(/.{4}/g) ?? [];
        expect(canonicalAddress(groups.join(':'))).toBe(canonicalAddress(address));
        expect(labels.slice(32)).toEqual(['ip6', 'arpa']);
      }),
    );
  });
});

describe('no address', () => {
  const texts = [
    '',
    'vm.example.com',
    '192.0.2',
    '192.0.2.256',
    '010.0.0.1',
    '192.0.2.7/24',
    'fe80::1%eth0',
    '2001:db8::/32',
    '1::2::3',
  ];
  it.each(texts)('%s', (text) => {
    expect(addressFamily(text)).toBeUndefined();
    expect(() => reverseName(text)).toThrow(RangeError);
    expect(() => canonicalAddress(text)).toThrow(RangeError);
    expect(() => zoneHint(text, 24)).toThrow(RangeError);
  });
});

describe('canonicalAddress', () => {
  it.each([
    { address: '192.0.2.7', want: '192.0.2.7' },
    { address: '2001:0DB8:0000:0000:0000:0000:0000:0001', want: '2001:db8::1' },
    { address: '2001:db8:0:1:1:1:1:1', want: '2001:db8:0:1:1:1:1:1' },
    { address: '::', want: '::' },
  ])('$address', ({ address, want }) => {
    expect(canonicalAddress(address)).toBe(want);
  });
});

describe('zoneHint', () => {
  const table: { address: string; prefixLength: number; want: string }[] = [
    { address: '10.1.2.0', prefixLength: 8, want: '10.in-addr.arpa' },
    { address: '172.16.0.0', prefixLength: 16, want: '16.172.in-addr.arpa' },
    { address: '192.0.2.0', prefixLength: 24, want: '2.0.192.in-addr.arpa' },
    { address: '192.0.2.77', prefixLength: 24, want: '2.0.192.in-addr.arpa' },
    { address: '192.0.2.0', prefixLength: 22, want: CLASSLESS_DELEGATION },
    { address: '192.0.2.0', prefixLength: 25, want: CLASSLESS_DELEGATION },
    { address: '192.0.2.7', prefixLength: 32, want: CLASSLESS_DELEGATION },
    { address: '2001:db8::', prefixLength: 32, want: DB8 },
    { address: '2001:db8:1234::', prefixLength: 48, want: `4.3.2.1.${DB8}` },
    { address: '2001:db8:1230::', prefixLength: 44, want: `3.2.1.${DB8}` },
    { address: '2001:db8::', prefixLength: 120, want: `${zeros(22)}${DB8}` },
    { address: '2001:db8::7', prefixLength: 128, want: `7.${zeros(23)}${DB8}` },
    { address: '2001:db8::', prefixLength: 33, want: CLASSLESS_DELEGATION },
    { address: '2001:db8::', prefixLength: 126, want: CLASSLESS_DELEGATION },
  ];
  it.each(table)('$address/$prefixLength', ({ address, prefixLength, want }) => {
    expect(zoneHint(address, prefixLength)).toBe(want);
  });

  it.each([
    { address: '192.0.2.0', prefixLength: 33 },
    { address: '192.0.2.0', prefixLength: 0 },
    { address: '192.0.2.0', prefixLength: 8.5 },
    { address: '2001:db8::', prefixLength: 129 },
    { address: '2001:db8::', prefixLength: Number.NaN },
  ])('refuses $address/$prefixLength', ({ address, prefixLength }) => {
    expect(() => zoneHint(address, prefixLength)).toThrow(/no prefix length/);
  });

  it('names a zone that holds the reverse name of the network', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 1, max: 32 }), (address, nibbles) => {
        expect(`.${reverseName(address)}`.endsWith(`.${zoneHint(address, nibbles * 4)}`)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom(8, 16, 24), (address, prefixLength) => {
        expect(reverseName(address).endsWith(`.${zoneHint(address, prefixLength)}`)).toBe(true);
      }),
    );
  });
});

describe('classlessName', () => {
  const ours = '7.2.0.192.in-addr.arpa';
  const table: { name: string; record?: string; zone: string; want: string | undefined }[] = [
    { name: 'by prefix', zone: '0/26.2.0.192.in-addr.arpa', want: '7.0/26.2.0.192.in-addr.arpa' },
    { name: 'by range', zone: '0-63.2.0.192.in-addr.arpa', want: '7.0-63.2.0.192.in-addr.arpa' },
    {
      name: 'first of the prefix',
      record: '64.2.0.192.in-addr.arpa',
      zone: '64/26.2.0.192.in-addr.arpa',
      want: '64.64/26.2.0.192.in-addr.arpa',
    },
    {
      name: 'last of the prefix',
      record: '127.2.0.192.in-addr.arpa',
      zone: '64/26.2.0.192.in-addr.arpa',
      want: '127.64/26.2.0.192.in-addr.arpa',
    },
    {
      name: 'one after the prefix',
      record: '128.2.0.192.in-addr.arpa',
      zone: '64/26.2.0.192.in-addr.arpa',
      want: undefined,
    },
    {
      name: 'one before the prefix',
      record: '63.2.0.192.in-addr.arpa',
      zone: '64/26.2.0.192.in-addr.arpa',
      want: undefined,
    },
    {
      name: 'last of the range',
      record: '63.2.0.192.in-addr.arpa',
      zone: '0-63.2.0.192.in-addr.arpa',
      want: '63.0-63.2.0.192.in-addr.arpa',
    },
    {
      name: 'one after the range',
      record: '64.2.0.192.in-addr.arpa',
      zone: '0-63.2.0.192.in-addr.arpa',
      want: undefined,
    },
    { name: 'one address', zone: '7/32.2.0.192.in-addr.arpa', want: '7.7/32.2.0.192.in-addr.arpa' },
    { name: 'other network', zone: '0/26.3.0.192.in-addr.arpa', want: undefined },
    { name: 'an ordinary zone', zone: '2.0.192.in-addr.arpa', want: undefined },
    { name: 'a forward zone', zone: 'example.com', want: undefined },
    { name: 'a forward name', record: 'vm.example.com', zone: '0/26.2.0.192.in-addr.arpa', want: undefined },
    { name: 'a forward name that looks alike', record: '7.example.com', zone: '0-63.example.com', want: undefined },
  ];
  it.each(table)('$name', ({ record = ours, zone, want }) => {
    expect(classlessName(record, zone)).toBe(want);
  });
});
