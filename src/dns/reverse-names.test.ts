// Reverse names: known pairs, and that every address has exactly one name that leads back to it.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFamily, canonicalAddress, classlessName, reverseName } from './reverse-names.ts';

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
