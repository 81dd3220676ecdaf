// Which requests are the same, and what a VM forgets first.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anExecution, anOperation } from '../../test/builders/operations.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { ExecutedOperation } from '../api/virtual-machine-status.ts';
import { isRemembered, operationDigest, withExecuted } from './operations-memory.ts';

const reinstall = anOperation('Reinstall', { spec: { reinstall: { confirmation: 'REINSTALL', template: 9001 } } });

describe('the digest of an operation', () => {
  const rows: { name: string; other: VirtualMachineOperation; same: boolean }[] = [
    {
      name: 'another object of the same name and spec',
      other: { ...reinstall, metadata: { name: 'reinstall', uid: 'other', creationTimestamp: 'later' } },
      same: true,
    },
    { name: 'a status', other: { ...reinstall, status: { observedGeneration: 1 } }, same: true },
    {
      name: 'the order of fields',
      other: {
        ...reinstall,
        spec: {
          reinstall: { template: 9001, confirmation: 'REINSTALL' },
          type: 'Reinstall',
          virtualMachineName: 'web-1',
        },
      },
      same: true,
    },
    {
      name: 'a field that is there and undefined',
      other: { ...reinstall, spec: { ...reinstall.spec, stop: undefined } },
      same: true,
    },
    {
      name: 'another name',
      other: { ...reinstall, metadata: { ...reinstall.metadata, name: 'reinstall-2' } },
      same: false,
    },
    {
      name: 'another VM',
      other: { ...reinstall, spec: { ...reinstall.spec, virtualMachineName: 'web-2' } },
      same: false,
    },
    {
      name: 'another template',
      other: { ...reinstall, spec: { ...reinstall.spec, reinstall: { confirmation: 'REINSTALL', template: 9002 } } },
      same: false,
    },
    { name: 'another deadline', other: { ...reinstall, spec: { ...reinstall.spec, deadlineSeconds: 5 } }, same: false },
  ];

  test.each(rows)('$name: the same is $same', ({ other, same }) => {
    expect(operationDigest(other) === operationDigest(reinstall)).toBe(same);
  });

  test('is short, and the same in every version: VMs have it stored', () => {
    expect(operationDigest(anOperation('Start'))).toBe('fe164202d59f5b3305826b184f35098b');
  });
});

describe('what is remembered', () => {
  test.each<{ name: string; operation: VirtualMachineOperation; want: boolean }>([
    { name: 'a reinstallation', operation: reinstall, want: true },
    { name: 'a deployment anew', operation: anOperation('Redeploy'), want: true },
    { name: 'a start', operation: anOperation('Start'), want: false },
    {
      name: 'a start whose object goes by itself',
      operation: anOperation('Start', { spec: { ttlSecondsAfterFinished: 0 } }),
      want: true,
    },
    { name: 'an adoption', operation: anOperation('Adopt'), want: false },
  ])('$name: $want', ({ operation, want }) => {
    expect(isRemembered(operation)).toBe(want);
  });
});

const many = (count: number, change: (place: number) => Partial<ExecutedOperation>) =>
  Array.from({ length: count }, (_, place) => anExecution({ uid: `old-${place}`, ...change(place) }));
const uids = (list: readonly ExecutedOperation[]) => list.map(({ uid }) => uid);

describe('the memory of a VM', () => {
  test('begins with the first operation', () => {
    expect(withExecuted(undefined, anExecution())).toEqual([anExecution()]);
  });

  test('has an operation once, with what was said last', () => {
    const list = withExecuted([anExecution({ result: 'Failed' }), anExecution({ uid: 'other' })], anExecution());
    expect(list).toEqual([anExecution({ uid: 'other' }), anExecution()]);
  });

  test('does not change the list that it is given', () => {
    const list = Object.freeze(many(64, () => ({})));
    expect(withExecuted(list, anExecution())).toHaveLength(64);
    expect(list).toHaveLength(64);
  });

  const rows: { name: string; list: ExecutedOperation[]; gone: string[] }[] = [
    { name: 'nothing while there is room', list: many(63, () => ({})), gone: [] },
    { name: 'the oldest', list: many(64, () => ({})), gone: ['old-0'] },
    {
      name: 'what need not be remembered, although it is the newest',
      list: many(64, (place) => ({ remembered: place !== 63 })),
      gone: ['old-63'],
    },
    {
      name: 'what destroys nothing, if all are remembered',
      list: many(64, (place) => ({ remembered: true, type: place === 40 ? 'Stop' : 'Reinstall' })),
      gone: ['old-40'],
    },
    {
      name: 'the oldest destruction, if there is nothing else',
      list: many(64, () => ({ remembered: true, type: 'Redeploy' })),
      gone: ['old-0'],
    },
    { name: 'several, if there are too many', list: many(66, () => ({})), gone: ['old-0', 'old-1', 'old-2'] },
  ];

  test.each(rows)('loses $name', ({ list, gone }) => {
    const kept = uids(withExecuted(list, anExecution({ uid: 'new' })));
    expect(uids(list).filter((uid) => !kept.includes(uid))).toEqual(gone);
    expect(kept.at(-1)).toBe('new');
  });

  const executions = fc.array(
    fc.record({
      uid: fc.nat(200).map(String),
      remembered: fc.boolean(),
      type: fc.constantFrom('Start', 'Reinstall', 'Adopt'),
    }),
    { maxLength: 200 },
  );
  const remembered = (list: readonly ExecutedOperation[]) => list.filter((entry) => entry.remembered);

  test('holds, whatever is executed, what it must', () => {
    fc.assert(
      fc.property(executions, (changes) => {
        let list: ExecutedOperation[] = [];
        for (const change of changes) {
          const entry = anExecution(change);
          const before = list.filter(({ uid }) => uid !== entry.uid);
          list = withExecuted(list, entry);
          expect(list.length).toBeLessThanOrEqual(64);
          expect(list.at(-1)).toBe(entry);
          expect(new Set(uids(list)).size).toBe(list.length);
          // The others keep their order.
          expect(list.slice(0, -1)).toEqual(before.filter((other) => list.includes(other)));
          const lost = before.filter((other) => !list.includes(other));
          // What must be remembered goes only where nothing else of old is left.
          if (remembered(lost).length > 0) expect(list.slice(0, -1).every((kept) => kept.remembered)).toBe(true);
          expect(lost.length).toBe(Math.max(0, before.length - 63));
        }
      }),
    );
  });
});
