// What a sweep remembers: which look is news, and whose turn a full look is.
import { describe, expect, test } from 'vitest';
import { anOwner, anOwnVm } from '../../test/builders/facts.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { SweepMemory } from './sweep-memory.ts';
import type { Sighting } from './sweep-sightings.ts';

const VM: VirtualMachine = { ...anOwner({ uid: 'a', generation: 1 }), status: { settledAt: '2026-03-01T09:00:00Z' } };
const SHALLOW: Sighting = { seenAt: 1, observed: anOwnVm() };
const FULL: Sighting = { ...SHALLOW, firewall: { options: { enable: 1 }, ipset: [] }, pending: [] };

describe('news', () => {
  test.each<{ name: string; first: Sighting; next: Sighting; vm?: VirtualMachine; want: boolean }>([
    { name: 'the same is none', first: FULL, next: { ...FULL, seenAt: 2 }, want: false },
    { name: 'a look at less is none', first: FULL, next: SHALLOW, want: false },
    { name: 'a look at more is', first: SHALLOW, next: FULL, want: true },
    {
      name: 'another configuration is',
      first: FULL,
      next: { ...FULL, observed: anOwnVm({}, { digest: 'd2' }) },
      want: true,
    },
    { name: 'another node is', first: FULL, next: { ...FULL, observed: anOwnVm({}, { node: 'pve2' }) }, want: true },
    { name: 'a lock is', first: FULL, next: { ...SHALLOW, observed: anOwnVm({}, { lock: 'backup' }) }, want: true },
    {
      name: 'a stranger is',
      first: FULL,
      next: { seenAt: 2, observed: { kind: 'foreign', node: 'pve1', stamped: false } },
      want: true,
    },
    {
      name: 'another firewall is',
      first: FULL,
      next: { ...FULL, firewall: { options: { enable: 0 }, ipset: [] } },
      want: true,
    },
    {
      name: 'another address set is',
      first: FULL,
      next: { ...FULL, firewall: { options: { enable: 1 }, ipset: ['192.0.2.1'] } },
      want: true,
    },
    { name: 'what waits for a start is', first: FULL, next: { ...FULL, pending: ['cores'] }, want: true },
    {
      name: 'a new declaration is',
      first: FULL,
      next: FULL,
      vm: { ...VM, metadata: { ...VM.metadata, generation: 2 } },
      want: true,
    },
    {
      name: 'a pipeline in between is',
      first: FULL,
      next: FULL,
      vm: { ...VM, status: { settledAt: '2026-03-01T09:30:00Z' } },
      want: true,
    },
  ])('$name', ({ first, next, vm = VM, want }) => {
    const memory = new SweepMemory();
    memory.beginRound();
    expect(memory.takeIn(VM, first)).toBe(true);
    memory.beginRound();
    expect(memory.takeIn(vm, next)).toBe(want);
  });

  test('are remembered over a round in which the VM could not be looked at, and not longer than it is there', () => {
    const memory = new SweepMemory();
    memory.takeIn(VM, FULL);
    memory.beginRound();
    memory.keep('a');
    memory.beginRound();
    expect(memory.digest('a')).toBe('d1');
    memory.beginRound();
    expect(memory.digest('a')).toBeUndefined();
    expect(memory.takeIn(VM, FULL)).toBe(true);
  });
});

describe('full looks', () => {
  test('are every fourth of a VM', () => {
    const memory = new SweepMemory();
    memory.takeIn(VM, FULL);
    const due = Array.from({ length: 8 }, () => {
      memory.beginRound();
      const isDue = memory.isDueInFull('a');
      memory.takeIn(VM, isDue ? FULL : SHALLOW);
      return isDue;
    });
    expect(due).toEqual([false, false, false, true, false, false, false, true]);
  });

  test('are taken in turns by VMs that were never seen', () => {
    const memory = new SweepMemory();
    const due = Array.from({ length: 8 }, (_, index) => {
      const uid = `vm-${index}`;
      const isDue = memory.isDueInFull(uid);
      memory.takeIn({ ...VM, metadata: { ...VM.metadata, uid } }, isDue ? FULL : SHALLOW);
      return isDue;
    });
    expect(due.filter(Boolean)).toHaveLength(2);
  });
});
