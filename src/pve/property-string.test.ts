// Tests for the property string codec.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyCharacter } from '../../test/builders/any-character.ts';
import {
  parsePropertyBoolean,
  parsePropertyNumber,
  parsePropertyString,
  printPropertyString,
  PropertyStringError,
} from './property-string.ts';

const format = { defaultKey: 'file', aliases: { volume: 'file' } } as const;

describe('parsePropertyString', () => {
  const rows = [
    {
      name: 'default key',
      text: 'local:1,size=2G',
      want: [
        ['file', 'local:1'],
        ['size', '2G'],
      ],
    },
    {
      name: 'default key by name',
      text: 'size=2G,file=local:1',
      want: [
        ['size', '2G'],
        ['file', 'local:1'],
      ],
    },
    { name: 'alias', text: 'volume=local:1', want: [['file', 'local:1']] },
    {
      name: 'unknown keys are kept',
      text: 'a,zzz=1',
      want: [
        ['file', 'a'],
        ['zzz', '1'],
      ],
    },
    {
      name: 'equals signs in values',
      text: 'a,serial=x=y',
      want: [
        ['file', 'a'],
        ['serial', 'x=y'],
      ],
    },
    {
      name: 'empty parts',
      text: 'a,,size=1',
      want: [
        ['file', 'a'],
        ['size', '1'],
      ],
    },
    {
      name: 'blanks around parts',
      text: 'a, size=1',
      want: [
        ['file', 'a'],
        ['size', '1'],
      ],
    },
    { name: 'nothing', text: '', want: [] },
  ];
  it.each(rows)('reads $name', ({ text, want }) => {
    expect([...parsePropertyString(text, format)]).toEqual(want);
  });

  const bad = [
    { name: 'a key twice', text: 'a,size=1,size=2' },
    { name: 'the default key twice', text: 'a,file=b' },
    { name: 'two bare values', text: 'a,b' },
    { name: 'a value that is missing', text: 'size=' },
    { name: 'a key that is missing', text: '=1' },
    { name: 'a line break', text: 'a,size=1\nargs: -x' },
  ];
  it.each(bad)('refuses $name', ({ text }) => {
    expect(() => parsePropertyString(text, format)).toThrow(PropertyStringError);
  });

  it('refuses a bare value where no key is the default one', () => {
    expect(() => parsePropertyString('dhcp')).toThrow('has no value');
  });
});

describe('printPropertyString', () => {
  it('puts the default key first and bare', () => {
    expect(
      printPropertyString(
        [
          ['size', '2G'],
          ['file', 'a'],
        ],
        format,
      ),
    ).toBe('a,size=2G');
  });

  it('names the default key when its value would be read as another property', () => {
    expect(printPropertyString([['file', '/dev/x=y']], format)).toBe('file=/dev/x=y');
  });

  const injections = ['a,b', 'a\nargs: -x', 'a\rb', 'a\0b', ' a', 'a ', ''];
  it.each(injections)('refuses the value %j', (value) => {
    expect(() => printPropertyString([['file', value]], format)).toThrow(PropertyStringError);
  });

  it.each(['', 'a b', 'a=b', 'a,b', '\n'])('refuses the key %j', (key) => {
    expect(() => printPropertyString([[key, '1']])).toThrow(PropertyStringError);
  });

  it('refuses a key that comes twice', () => {
    expect(() =>
      printPropertyString([
        ['a', '1'],
        ['a', '2'],
      ]),
    ).toThrow('twice');
  });
});

const keys = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,12}$/).filter((key) => key !== 'volume');
const values = fc
  .string({ minLength: 1, maxLength: 40, unit: anyCharacter })
  .filter((value) => !/[,\p{Cc}]/u.test(value) && value === value.trim());

describe('round trips', () => {
  it('reads what it has written', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(keys, values), { selector: ([key]) => key, maxLength: 8 }), (properties) => {
        const read = parsePropertyString(printPropertyString(properties, format), format);
        expect(read).toEqual(new Map(properties));
      }),
    );
  });

  it('writes only what reads back as the same, or refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), fc.string({ unit: anyCharacter }), (first, second) => {
        const properties: [string, string][] = [
          ['file', first],
          ['size', second],
        ];
        let text: string;
        try {
          text = printPropertyString(properties, format);
        } catch (error) {
          expect(error).toBeInstanceOf(PropertyStringError);
          return;
        }
        expect(parsePropertyString(text, format)).toEqual(new Map(properties));
      }),
    );
  });
});

describe('values', () => {
  it.each(['1', 'on', 'yes', 'true', 'TRUE'])('reads %s as true', (value) => {
    expect(parsePropertyBoolean(value)).toBe(true);
  });
  it.each(['0', 'off', 'no', 'false'])('reads %s as false', (value) => {
    expect(parsePropertyBoolean(value)).toBe(false);
  });
  it('refuses other booleans', () => {
    expect(() => parsePropertyBoolean('2')).toThrow(PropertyStringError);
  });
  it('reads fractions', () => {
    expect(parsePropertyNumber('12.5')).toBe(12.5);
  });
  it.each(['', 'x', '1x', 'Infinity'])('refuses the number %j', (value) => {
    expect(() => parsePropertyNumber(value)).toThrow(PropertyStringError);
  });
});
