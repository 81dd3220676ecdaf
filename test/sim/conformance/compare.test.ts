// Tests of the comparison with recorded answers.
import { describe, expect, it } from 'vitest';
import { difference, fits, logDifference } from './compare.ts';
import type { Mask } from './compare.ts';

const none: Mask = { volatile: new Set(), patterns: {} };

describe('fits', () => {
  const rows: { name: string; pattern: string; text: string; want: boolean }[] = [
    { name: 'plain text is itself', pattern: 'TASK OK', text: 'TASK OK', want: true },
    { name: 'plain text is not another', pattern: 'TASK OK', text: 'TASK KO', want: false },
    { name: 'special characters stand for themselves', pattern: 'a.b(c)', text: 'axb(c)', want: false },
    { name: 'a MAC', pattern: 'virtio=<MAC>,bridge=vmbr0', text: 'virtio=BC:24:11:00:00:01,bridge=vmbr0', want: true },
    {
      name: 'a UPID of the type',
      pattern: '<UPID qmclone>:9000:root@pam!op:',
      text: 'UPID:pve1:00001039:0007F391:6B028063:qmclone:9000:root@pam!op:',
      want: true,
    },
    {
      name: 'a UPID of another type',
      pattern: '<UPID qmstart>:9000:root@pam!op:',
      text: 'UPID:pve1:00001039:0007F391:6B028063:qmclone:9000:root@pam!op:',
      want: false,
    },
    { name: 'numbers', pattern: 'transferred <N> MiB (<N>%)', text: 'transferred 100.0 MiB (100.00%)', want: true },
    {
      name: 'the time in an archive name',
      pattern: 'vzdump-qemu-401-<TIME>.vma',
      text: 'vzdump-qemu-401-2026_11_22-05_58_42.vma',
      want: true,
    },
  ];
  it.each(rows)('$name', ({ pattern, text, want }) => {
    expect(fits(pattern, text)).toBe(want);
  });
});

describe('difference', () => {
  const rows: { name: string; expected: unknown; actual: unknown; mask?: Mask; want: string | undefined }[] = [
    { name: 'equal objects', expected: { a: 1, b: ['x'] }, actual: { b: ['x'], a: 1 }, want: undefined },
    { name: 'a missing key', expected: { a: 1 }, actual: {}, want: '/a: expected 1, got nothing' },
    { name: 'an extra key', expected: {}, actual: { a: 1 }, want: '/a: expected nothing, got 1' },
    { name: 'a number is not its text', expected: { a: 1 }, actual: { a: '1' }, want: '/a: expected 1, got "1"' },
    {
      name: 'a volatile value',
      expected: { a: 1 },
      actual: { a: 2 },
      mask: { volatile: new Set(['/a']), patterns: {} },
      want: undefined,
    },
    {
      name: 'a volatile value that is missing',
      expected: { a: 1 },
      actual: {},
      mask: { volatile: new Set(['/a']), patterns: {} },
      want: '/a: expected 1, got nothing',
    },
    {
      name: 'items in another order',
      expected: [
        { id: 'a', v: 1 },
        { id: 'b', v: 2 },
      ],
      actual: [
        { id: 'b', v: 2 },
        { id: 'a', v: 1 },
      ],
      want: undefined,
    },
    {
      name: 'rules keep their order',
      expected: [
        { pos: 0, name: 'a' },
        { pos: 1, name: 'b' },
      ],
      actual: [
        { pos: 1, name: 'b' },
        { pos: 0, name: 'a' },
      ],
      want: '/0/pos: expected 0, got 1',
    },
    { name: 'too few items', expected: [1, 2], actual: [1], want: ': expected [1,2], got [1]' },
  ];
  it.each(rows)('$name', ({ expected, actual, mask, want }) => {
    expect(difference(expected, actual, mask ?? none, '')).toBe(want);
  });
});

describe('logDifference', () => {
  const rows: { name: string; recorded: string[]; written: string[]; leftOut: boolean; differs: boolean }[] = [
    { name: 'the same lines', recorded: ['a', 'TASK OK'], written: ['a', 'TASK OK'], leftOut: false, differs: false },
    { name: 'a missing line', recorded: ['a', 'TASK OK'], written: ['TASK OK'], leftOut: false, differs: true },
    { name: 'a line too many', recorded: ['TASK OK'], written: ['a', 'TASK OK'], leftOut: false, differs: true },
    {
      name: 'a line too many where some were left out',
      recorded: ['TASK OK'],
      written: ['a', 'TASK OK'],
      leftOut: true,
      differs: false,
    },
    {
      name: 'options of a backup job in another order',
      recorded: ['INFO: starting new backup job: vzdump 401 --storage b --node n'],
      written: ['INFO: starting new backup job: vzdump 401 --node n --storage b'],
      leftOut: false,
      differs: false,
    },
  ];
  it.each(rows)('$name', ({ recorded, written, leftOut, differs }) => {
    expect(logDifference(recorded, written, none, leftOut) !== undefined).toBe(differs);
  });
});
