// Tests of the pending section: unused volumes, and entries that change nothing.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Vm } from '../../state/vm.ts';
import { addPendingDelete, addUnused, cleanUpPending, dropReattached } from './pending-section.ts';

describe('addUnused', () => {
  const rows: { name: string; options: Record<string, string>; want: string | undefined }[] = [
    { name: 'takes the first number', options: {}, want: 'unused0' },
    { name: 'takes the next number', options: { unused0: 'local:1/b' }, want: 'unused1' },
    { name: 'fills a gap', options: { unused0: 'local:1/b', unused2: 'local:1/c' }, want: 'unused1' },
    { name: 'does not note a volume twice', options: { unused4: 'local:1/a' }, want: undefined },
  ];
  it.each(rows)('$name', ({ options, want }) => {
    expect(addUnused(options, 'local:1/a')).toBe(want);
    expect(Object.values(options).filter((value) => value === 'local:1/a')).toHaveLength(1);
  });

  it('has 256 places (endpoints.md: unused0–255)', () => {
    const options: Record<string, string> = {};
    for (let number = 0; number < 256; number += 1)
      expect(addUnused(options, `local:1/${number}`)).toBe(`unused${number}`);
    expect(addUnused(options, 'local:1/one-more')).toBeUndefined();
  });

  it('never loses one that was there', () => {
    const volumes = fc.array(fc.constantFrom('local:1/a', 'local:1/b', 'local:1/c', 'local:1/d'));
    fc.assert(
      fc.property(volumes, (list) => {
        const options: Record<string, string> = {};
        for (const volume of list) addUnused(options, volume);
        expect(new Set(Object.values(options))).toEqual(new Set(list));
        expect(Object.keys(options)).toHaveLength(new Set(list).size);
      }),
    );
  });
});

describe('dropReattached', () => {
  const rows: { name: string; options: Record<string, string>; pending: Record<string, string>; want: string[] }[] = [
    {
      name: 'a volume that is attached',
      options: { scsi0: 'local:1/a,size=1G', unused0: 'local:1/a' },
      pending: {},
      want: ['scsi0'],
    },
    {
      name: 'a volume that will be attached',
      options: { unused0: 'local:1/a' },
      pending: { scsi1: 'local:1/a' },
      want: [],
    },
    {
      name: 'no other volume',
      options: { scsi0: 'local:1/a', unused0: 'local:1/b' },
      pending: {},
      want: ['scsi0', 'unused0'],
    },
  ];
  it.each(rows)('$name', ({ options, pending, want }) => {
    const vm = Object.assign(new Vm(100, 'pve1', options), { pending });
    dropReattached(vm);
    expect(Object.keys(vm.options)).toEqual(want);
  });
});

describe('cleanUpPending', () => {
  it('forgets values that are so already and deletions of what is not there', () => {
    const vm = new Vm(100, 'pve1', { cores: '2', name: 'a' });
    vm.pending = { cores: '2', memory: '512' };
    vm.pendingDelete = new Map([
      ['name', false],
      ['ostype', false],
    ]);
    cleanUpPending(vm);
    expect([vm.pending, [...vm.pendingDelete.keys()]]).toEqual([{ memory: '512' }, ['name']]);
  });
});

describe('addPendingDelete', () => {
  it.each([false, true])('replaces a pending value (with its volume: %s)', (force) => {
    const vm = new Vm(100, 'pve1', { scsi1: 'local:1/a' });
    vm.pending = { scsi1: 'local:1/b' };
    const before = vm.digest;
    addPendingDelete(vm, 'scsi1', force);
    expect([vm.pending, [...vm.pendingDelete]]).toEqual([{}, [['scsi1', force]]]);
    expect(vm.digest).not.toBe(before);
  });
});
