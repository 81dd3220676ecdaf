// Tests for the stamp that proves whose VM it is.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyCharacter } from '../../test/builders/any-character.ts';
import { PveParameterError } from './parameters.ts';
import { CLONE_PLACEHOLDER, judgeIdentity, printStamp, readStamp, restamp } from './stamp.ts';

const ours = { uid: '7e1f4a9c-1111-4222-8333-944455556666', vmid: 2002 };
const stamp = printStamp(ours);
const config = (values: Record<string, string>) => ({ values: new Map(Object.entries(values)) });

describe('readStamp', () => {
  const rows = [
    { name: 'alone', description: stamp, want: ours },
    { name: 'among other lines', description: `# Web\n\n${stamp}\nDo not touch`, want: ours },
    { name: 'with blanks around it', description: `a\n  ${stamp} \r\nb`, want: ours },
    { name: 'twice the same', description: `${stamp}\n${stamp}`, want: ours },
    { name: 'within a sentence', description: `see ${stamp}`, want: undefined },
    { name: 'with something behind it', description: `${stamp} x`, want: undefined },
    { name: 'two that differ', description: `${stamp}\n${printStamp({ ...ours, vmid: 1 })}`, want: undefined },
    { name: 'no stamp', description: 'hello', want: undefined },
    { name: 'no description', description: undefined, want: undefined },
  ];
  it.each(rows)('$name', ({ description, want }) => {
    expect(readStamp(description)).toEqual(want);
  });

  it('reads what was written, between any other text', () => {
    const text = fc.string().filter((other) => !other.includes('pve-operator'));
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 100, max: 999_999_999 }), text, text, (uid, vmid, before, after) => {
        expect(readStamp(`${before}\n${printStamp({ uid, vmid })}\n${after}`)).toEqual({ uid, vmid });
      }),
    );
  });

  it.each([
    { uid: 'a b', vmid: 100 },
    { uid: '', vmid: 100 },
    { uid: 'a\nb', vmid: 100 },
    { uid: 'a', vmid: 1.5 },
  ])('refuses to write $uid, $vmid', (identity) => {
    expect(() => printStamp(identity)).toThrow(TypeError);
  });
});

describe('restamp', () => {
  const old = printStamp({ uid: 'another', vmid: 100 });
  const rows: { name: string; description: string | undefined; want: string }[] = [
    { name: 'no description', description: undefined, want: stamp },
    { name: 'an empty one', description: '', want: stamp },
    { name: 'text', description: 'Web', want: `Web\n${stamp}` },
    { name: 'text that ends its line', description: 'Web\n', want: `Web\n${stamp}` },
    { name: 'text with room', description: 'Web\n\n', want: `Web\n\n${stamp}` },
    { name: 'its own stamp', description: `a\n${stamp}\nb`, want: `a\n${stamp}\nb` },
    { name: 'another stamp first', description: `${old}\nb`, want: `${stamp}\nb` },
    { name: 'another stamp between', description: `a\n\n${old}\n\nb`, want: `a\n\n${stamp}\n\nb` },
    { name: 'another stamp last', description: `a\n${old}`, want: `a\n${stamp}` },
    { name: 'blanks around the stamp', description: `a\n \t${old} \nb`, want: `a\n${stamp}\nb` },
    { name: "another system's line ends", description: `a\r\n${old}\r\nb\r\n`, want: `a\r\n${stamp}\r\nb\r\n` },
    { name: 'two that differ', description: `${old}\na\n${printStamp({ ...ours, vmid: 7 })}`, want: `${stamp}\na` },
    { name: 'two with text behind', description: `${old}\n${old}\nb`, want: `${stamp}\nb` },
    { name: 'a stamp in a sentence', description: `see ${old}`, want: `see ${old}\n${stamp}` },
    { name: 'a paragraph separator', description: `a\u2029${old}\u2029b`, want: `a\u2029${stamp}\u2029b` },
    { name: 'blank lines at the end', description: `${old}\n\n`, want: `${stamp}\n\n` },
  ];
  it.each(rows)('$name', ({ description, want }) => {
    expect(restamp(description, ours)).toBe(want);
  });

  const ends = fc.constantFrom('\n', '\r\n', '\r', '\u2028');
  const texts = fc.oneof(
    fc.constantFrom('', ' ', '\t', old, ` ${old}\t`, stamp, `x ${stamp}`, `${stamp} x`, '# Web', '%0A: #'),
    fc.string({ unit: anyCharacter, maxLength: 20 }).map((text) => text.replace(/[\n\r\u2028\u2029]/g, '')),
  );
  const descriptions = fc
    .array(fc.tuple(texts, ends), { maxLength: 12 })
    .map((lines) => lines.map(([text, end]) => text + end).join(''));
  const isStamp = (line: string): boolean => readStamp(line) !== undefined;
  const others = (description: string): string[] =>
    description.split(/\r\n|[\n\r\u2028\u2029]/).filter((line) => line !== '' && !isStamp(line));

  it('always reads as ours, keeps every other line, and changes nothing the second time', () => {
    fc.assert(
      fc.property(descriptions, (description) => {
        const restamped = restamp(description, ours);
        expect(readStamp(restamped)).toEqual(ours);
        expect(others(restamped)).toEqual(others(description));
        expect(restamp(restamped, ours)).toBe(restamped);
      }),
    );
  });

  it('keeps what lies before and behind the stamp byte for byte', () => {
    const text = fc.string({ unit: anyCharacter, maxLength: 100 }).filter((other) => !other.includes('pve-operator'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(restamp(`${before}\n${old}\n${after}`, ours)).toBe(`${before}\n${stamp}\n${after}`);
      }),
    );
  });

  const room = 8192 - stamp.length - 1;
  it.each([
    { name: 'just fits', text: 'x'.repeat(room), fits: true },
    { name: 'is one too long', text: 'x'.repeat(room + 1), fits: false },
    { name: 'just fits by characters', text: '\u{1f4be}'.repeat(room), fits: true },
    { name: 'is one too long by characters', text: '\u{1f4be}'.repeat(room + 1), fits: false },
    { name: 'has an old stamp to give up', text: `${'x'.repeat(room)}\n${old}`, fits: true },
  ])('never shortens a text that $name', ({ text, fits }) => {
    if (fits) expect(restamp(text, ours)).toContain(text.slice(0, room));
    else expect(() => restamp(text, ours)).toThrow(PveParameterError);
  });

  it('refuses what is no identity', () => {
    expect(() => restamp('a', { uid: 'a b', vmid: 100 })).toThrow(TypeError);
  });
});

describe('judgeIdentity', () => {
  const rows: { name: string; values: Record<string, string>; want: string }[] = [
    { name: 'our stamp', values: { description: stamp }, want: 'ours' },
    { name: 'our stamp under a lock', values: { description: stamp, lock: 'backup' }, want: 'ours' },
    { name: 'a clone that runs', values: { description: CLONE_PLACEHOLDER, lock: 'clone' }, want: 'cloning' },
    {
      name: 'the placeholder without its blank',
      values: { description: CLONE_PLACEHOLDER.trim(), lock: 'clone' },
      want: 'cloning',
    },
    { name: 'a dead clone that somebody unlocked', values: { description: CLONE_PLACEHOLDER }, want: 'unstamped' },
    { name: 'a clone lock without the placeholder', values: { description: 'web', lock: 'clone' }, want: 'unstamped' },
    { name: 'another owner', values: { description: printStamp({ ...ours, uid: 'other' }) }, want: 'foreign' },
    {
      name: 'a restore of ours to another id',
      values: { description: printStamp({ ...ours, vmid: 2003 }) },
      want: 'foreign',
    },
    { name: 'no description', values: {}, want: 'unstamped' },
  ];
  it.each(rows)('$name is $want', ({ values, want }) => {
    expect(judgeIdentity(config(values), ours)).toBe(want);
  });
});
