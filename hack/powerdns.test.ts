// Tests of when PowerDNS is installed, and what is said when it is not.
import { describe, expect, test } from 'vitest';
import { ensurePowerDns, type PackageManager } from './powerdns.ts';

const absent = { available: false, reason: 'PowerDNS is not installed.' } as const;
const present = { available: true } as const;

/** A machine on which apt-get ends with these exit codes; PowerDNS is there after the first successful installation. */
function fakeMachine(options: { installed?: boolean; isRoot?: boolean; hasApt?: boolean; codes?: number[] }) {
  const calls: string[] = [];
  const codes = [...(options.codes ?? [])];
  let installed = options.installed ?? false;
  const machine: PackageManager = {
    isRoot: options.isRoot ?? true,
    hasApt: options.hasApt ?? true,
    isAvailable: () => (installed ? present : absent),
    apt: (args) => {
      calls.push(args[0] ?? '');
      const code = codes.shift() ?? 0;
      if (args[0] === 'install' && code === 0) installed = true;
      return Promise.resolve({ stdout: '', stderr: code === 0 ? '' : 'Reading\nE: Unable to locate package\n', code });
    },
  };
  return { machine, calls };
}

describe('ensurePowerDns', () => {
  const table = [
    { name: 'it is there', options: { installed: true }, want: present, wantCalls: [] },
    { name: 'not allowed', options: { isRoot: false }, want: absent, wantCalls: [] },
    { name: 'another kind of system', options: { hasApt: false }, want: absent, wantCalls: [] },
    { name: 'it is installed', options: {}, want: present, wantCalls: ['install'] },
    {
      name: 'package lists are missing',
      options: { codes: [100] },
      want: present,
      wantCalls: ['install', 'update', 'install'],
    },
    {
      name: 'there is no such package',
      options: { codes: [100, 0, 100] },
      want: { available: false, reason: 'PowerDNS is not installed. (apt-get failed: E: Unable to locate package)' },
      wantCalls: ['install', 'update', 'install'],
    },
  ];
  test.each(table)('$name', async ({ options, want, wantCalls }) => {
    const { machine, calls } = fakeMachine(options);
    expect(await ensurePowerDns(() => {}, machine)).toEqual(want);
    expect(calls).toEqual(wantCalls);
  });
});
