// Tests for the stamp that proves whose VM it is.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLONE_PLACEHOLDER, judgeIdentity, printStamp, readStamp } from './stamp.ts';

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
