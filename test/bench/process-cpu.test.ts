// Processor time as the kernel writes it down.
import { describe, expect, test } from 'vitest';
import { cpuMsIn, cpuMsOf } from './process-cpu.ts';

const after = (user: number, kernel: number) => `S 1 2 3 0 -1 4194560 100 0 0 0 ${user} ${kernel} 7 9 20 0 1 0 5 1 1`;

describe('cpuMsIn', () => {
  test.each([
    { name: 'a plain name', stat: `42 (node) ${after(150, 50)}`, want: 2000 },
    { name: 'a name with brackets and blanks', stat: `42 (a) b (c) ${after(1, 2)}`, want: 30 },
    { name: 'a process that did nothing', stat: `42 (node) ${after(0, 0)}`, want: 0 },
  ])('$name', ({ stat, want }) => expect(cpuMsIn(stat)).toBe(want));

  test('says when it cannot be read', () => {
    expect(() => cpuMsIn('42 (node) S 1')).toThrow(TypeError);
    expect(() => cpuMsIn('')).toThrow(TypeError);
  });
});

describe('cpuMsOf', () => {
  test('is undefined for a process that is not there', async () => {
    // More than any process has: /proc/sys/kernel/pid_max ends at 2^22.
    expect(await cpuMsOf(2 ** 23)).toBeUndefined();
  });
});
