// Host names: which spellings are one name, and which texts are none.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyCharacter } from '../../test/builders/any-character.ts';
import { bareName, canonicalHostname, hostnameProblem } from './names.ts';

describe('canonicalHostname', () => {
  const table: { name: string; input: string; want: string | undefined }[] = [
    { name: 'plain', input: 'vm1.example.com', want: 'vm1.example.com' },
    { name: 'upper case and trailing dot', input: 'VM1.Example.COM.', want: 'vm1.example.com' },
    {
      name: 'digits first, as RFC 1123 allows',
      input: '5551-1776530141.example.com',
      want: '5551-1776530141.example.com',
    },
    { name: 'international', input: 'Bücher.example', want: 'xn--bcher-kva.example' },
    { name: 'international with an ideographic full stop', input: '例え。jp', want: 'xn--r8jz45g.jp' },
    { name: 'already in ASCII form', input: 'xn--bcher-kva.example', want: 'xn--bcher-kva.example' },
    { name: 'a name of the reverse tree', input: '7.2.0.192.in-addr.arpa', want: '7.2.0.192.in-addr.arpa' },
    { name: 'longest label', input: `${'a'.repeat(63)}.example`, want: `${'a'.repeat(63)}.example` },
    { name: 'percent signs are not decoded', input: '%61.example', want: undefined },
    { name: 'two trailing dots', input: 'vm1.example..', want: undefined },
  ];
  it.each(table)('$name', ({ input, want }) => {
    expect(canonicalHostname(input)).toBe(want);
  });
});

describe('hostnameProblem', () => {
  const table: { name: string; input: string; want: RegExp }[] = [
    { name: 'nothing', input: '', want: /is empty/ },
    { name: 'only a dot', input: '.', want: /is empty/ },
    { name: 'no domain', input: 'vm1', want: /no domain/ },
    { name: 'underscore', input: 'my_vm.example.com', want: /label "my_vm"/ },
    { name: 'underscore in an international name', input: 'bü_cher.example', want: /label/ },
    { name: 'leading hyphen', input: '-vm.example.com', want: /label "-vm"/ },
    { name: 'trailing hyphen', input: 'vm-.example.com', want: /label "vm-"/ },
    { name: 'space', input: 'v m.example.com', want: /label "v m"/ },
    { name: 'wildcard', input: '*.example.com', want: /label "\*"/ },
    { name: 'empty label', input: 'vm..example.com', want: /empty label/ },
    { name: 'leading dot', input: '.example.com', want: /empty label/ },
    { name: 'long label', input: `${'a'.repeat(64)}.example`, want: /longer than 63/ },
    { name: 'long name', input: `${'a.'.repeat(127)}example`, want: /longer than 253/ },
    { name: 'an address', input: '192.0.2.7', want: /ends in a number/ },
    { name: 'an address in hexadecimal', input: '0x7f.1', want: /ends in a number/ },
    { name: 'characters that no name has', input: 'ü\u0000.example', want: /international domain name/ },
  ];
  it.each(table)('$name', ({ input, want }) => {
    expect(hostnameProblem(input)).toMatch(want);
    expect(canonicalHostname(input)).toBeUndefined();
  });

  it('accepts every domain name, and its published spelling is stable', () => {
    fc.assert(
      fc.property(fc.domain(), (domain) => {
        const once = canonicalHostname(domain);
        expect(once).toBe(domain.toLowerCase());
        expect(canonicalHostname(`${once}.`)).toBe(once);
      }),
    );
  });

  it('never throws, and what it publishes is made of letters, digits, hyphens and dots', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 12 }), (text) => {
        expect(canonicalHostname(`${text}.example`) ?? 'none').toMatch(/^[a-z0-9.-]+$/);
      }),
    );
  });
});

describe('bareName', () => {
  it.each([
    { input: 'Example.COM.', want: 'example.com' },
    { input: 'example.com', want: 'example.com' },
    { input: '.', want: '' },
  ])('$input', ({ input, want }) => {
    expect(bareName(input)).toBe(want);
  });
});
