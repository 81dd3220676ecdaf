// Address arithmetic: what is read, how it is printed, and that nothing gets lost in between.
import { isIPv4, isIPv6 } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Address,
  canonicalAddress,
  expandedAddress,
  inNetwork,
  isLinkLocal,
  networkOf,
  parseAddress,
  printAddress,
} from './ip.ts';

const v4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value): Address => ({ family: 'IPv4', value }));
const v6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value): Address => ({ family: 'IPv6', value }));
const anyAddress = fc.oneof(v4, v6);

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new TypeError(`${text} is no address`);
  return parsed;
}

describe('parseAddress', () => {
  it.each([
    { text: '0.0.0.0', want: { family: 'IPv4', value: 0n } },
    { text: '192.0.2.7', want: { family: 'IPv4', value: 0xc0000207n } },
    { text: '255.255.255.255', want: { family: 'IPv4', value: 0xffffffffn } },
    { text: '::', want: { family: 'IPv6', value: 0n } },
    { text: '::1', want: { family: 'IPv6', value: 1n } },
    { text: '2001:DB8::A', want: { family: 'IPv6', value: 0x20010db8_00000000_00000000_0000000an } },
    { text: '::ffff:192.0.2.7', want: { family: 'IPv6', value: 0xffff_c0000207n } },
  ])('reads $text', ({ text, want }) => {
    expect(parseAddress(text)).toEqual(want);
  });

  it.each([
    '',
    ' ',
    '192.0.2',
    '192.0.2.7.1',
    '192.0.2.256',
    '192.0.2.07',
    '010.0.0.1',
    '0x7f.0.0.1',
    '3221225985',
    '192.0.2.7/24',
    '192.0.2.7 ',
    '192.0.2.-7',
    'fe80::1%eth0',
    '2001:db8::/64',
    '2001:db8',
    '1::2::3',
    '::12345',
    '::g',
    ':::',
    '[::1]',
    '1:2:3:4:5:6:7:8:9',
    '::ffff:192.0.2.07',
    'example.com',
    '٣.0.0.1',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('reads nothing that Node.js does not call an address', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9a-f:.]{0,45}$/),
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4Extended(),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const parsed = parseAddress(candidate);
        if (parsed === undefined) return;
        expect(parsed.family === 'IPv4' ? isIPv4(candidate) : isIPv6(candidate)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('reads every address in the spellings of the tools', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), (four, six) => {
        expect(parseAddress(four)?.family).toBe('IPv4');
        expect(parseAddress(six)?.family).toBe('IPv6');
      }),
    );
  });
});

describe('printAddress', () => {
  it.each([
    { text: '2001:0db8:0000:0000:0001:0000:0000:0001', want: '2001:db8::1:0:0:1' },
    { text: '2001:db8:0:1:1:1:1:1', want: '2001:db8:0:1:1:1:1:1' },
    { text: '2001:DB8:0:0:0:0:2:1', want: '2001:db8::2:1' },
    { text: '0:0:0:0:0:0:0:0', want: '::' },
    { text: '1:0:0:0:0:0:0:0', want: '1::' },
    { text: '192.0.2.7', want: '192.0.2.7' },
  ])('prints $text as RFC 5952 wants it', ({ text, want }) => {
    expect(canonicalAddress(text)).toBe(want);
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(anyAddress, (value) => {
        expect(parseAddress(printAddress(value))).toEqual(value);
      }),
    );
  });

  it('has one spelling for an address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(canonicalAddress(text.toUpperCase())).toBe(canonicalAddress(text));
      }),
    );
  });

  it('has none for what is no address', () => {
    expect(canonicalAddress('nonsense')).toBeUndefined();
  });
});

describe('expandedAddress', () => {
  it.each([
    { text: '192.0.2.7', want: '192-0-2-7' },
    { text: '2001:db8::7', want: '2001-0db8-0000-0000-0000-0000-0000-0007' },
    { text: '2001:DB8:0::7', want: '2001-0db8-0000-0000-0000-0000-0000-0007' },
  ])('$text → $want', ({ text, want }) => {
    expect(expandedAddress(text)).toBe(want);
  });

  it('throws for what is no address', () => {
    expect(() => expandedAddress('192.0.2.0/24')).toThrow(RangeError);
  });

  it('differs for different addresses', () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, (a, b) => {
        const same = a.family === b.family && a.value === b.value;
        expect(expandedAddress(printAddress(a)) === expandedAddress(printAddress(b))).toBe(same);
      }),
    );
  });
});

describe('networkOf', () => {
  it.each([
    { text: '192.0.2.77', prefixLength: 24, first: '192.0.2.0', last: '192.0.2.255' },
    { text: '192.0.2.77', prefixLength: 30, first: '192.0.2.76', last: '192.0.2.79' },
    { text: '192.0.2.77', prefixLength: 32, first: '192.0.2.77', last: '192.0.2.77' },
    { text: '192.0.2.77', prefixLength: 1, first: '128.0.0.0', last: '255.255.255.255' },
    { text: '2001:db8::5:7', prefixLength: 64, first: '2001:db8::', last: '2001:db8::ffff:ffff:ffff:ffff' },
    { text: '2001:db8::5', prefixLength: 127, first: '2001:db8::4', last: '2001:db8::5' },
  ])('$text/$prefixLength is $first to $last', ({ text, prefixLength, first, last }) => {
    expect(networkOf(address(text), prefixLength)).toEqual({ first: address(first).value, last: address(last).value });
  });

  it.each([-1, 33, 1.5, Number.NaN])('refuses the prefix length %s', (prefixLength) => {
    expect(() => networkOf(address('192.0.2.1'), prefixLength)).toThrow(RangeError);
  });

  it('holds its own address and has the size of its mask', () => {
    fc.assert(
      fc.property(v4, fc.integer({ min: 0, max: 32 }), (value, prefixLength) => {
        const { first, last } = networkOf(value, prefixLength);
        expect(inNetwork(value, value, prefixLength)).toBe(true);
        expect(last - first + 1n).toBe(2n ** BigInt(32 - prefixLength));
      }),
    );
  });
});

describe('inNetwork', () => {
  it.each([
    { text: '192.0.2.1', network: '192.0.2.200', prefixLength: 24, want: true },
    { text: '192.0.3.1', network: '192.0.2.200', prefixLength: 24, want: false },
    { text: '2001:db8::1', network: '2001:db8::ffff', prefixLength: 64, want: true },
    { text: '2001:db8:0:1::1', network: '2001:db8::', prefixLength: 64, want: false },
    { text: '::c000:201', network: '192.0.2.1', prefixLength: 1, want: false },
  ])('$text in $network/$prefixLength: $want', ({ text, network, prefixLength, want }) => {
    expect(inNetwork(address(text), address(network), prefixLength)).toBe(want);
  });
});

describe('isLinkLocal', () => {
  it.each([
    { text: 'fe80::1', want: true },
    { text: 'febf::1', want: true },
    { text: 'fec0::1', want: false },
    { text: '2001:db8::1', want: false },
    { text: '169.254.0.1', want: false },
  ])('$text: $want', ({ text, want }) => {
    expect(isLinkLocal(address(text))).toBe(want);
  });
});
