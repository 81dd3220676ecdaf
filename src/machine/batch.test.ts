// Joint configuration calls: no key twice, nothing lost, nothing invented.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aFacts } from '../../test/builders/facts.ts';
import { aStep, done } from '../../test/builders/played-machine.ts';
import { batchNeeds, type Configure, joinedChange, keysOf } from './batch.ts';
import { defineMachine, type MachineEntry, type Step, type Verdict } from './vocabulary.ts';

type Change = Pick<Configure, 'set' | 'remove'>;

const action = (change: Change): Configure => ({ kind: 'configure', ...change });
const asking = (id: string, change: Change, extra: Partial<Step> = {}): MachineEntry => ({
  state: 'clone',
  step: aStep(id, () => ({ kind: 'act', action: action(change), why: '' }), { batchable: true, ...extra }),
});
const saying = (id: string, verdict: Verdict): MachineEntry => ({
  state: 'clone',
  step: aStep(id, () => verdict, { batchable: true }),
});

/** The batch of the entries, the first of which is the one whose turn it is. */
function joined(changes: readonly Change[], entries = changes.map((change, index) => asking(String(index), change))) {
  return joinedChange(entries, action(changes[0] ?? { set: {} }), aFacts());
}

describe('joining', () => {
  test.each<{ name: string; behind: MachineEntry; steps: string[] }>([
    { name: 'a change of other keys joins', behind: asking('b', { set: { memory: 1 } }), steps: ['a', 'b'] },
    { name: 'one of the same key does not', behind: asking('b', { set: { cores: 1, memory: 1 } }), steps: ['a'] },
    {
      name: 'one that removes a key that is set does not',
      behind: asking('b', { set: {}, remove: ['cores'] }),
      steps: ['a'],
    },
    { name: 'one that sets a key that is removed does not', behind: asking('b', { set: { tags: 'x' } }), steps: ['a'] },
    { name: 'one that removes it too does not', behind: asking('b', { set: {}, remove: ['tags'] }), steps: ['a'] },
    { name: 'a step that is satisfied has nothing to join with', behind: saying('b', { kind: 'done' }), steps: ['a'] },
    {
      name: 'a step that waits stays out',
      behind: saying('b', { kind: 'wait', reason: 'InProgress', message: '', afterMs: 1 }),
      steps: ['a'],
    },
    {
      name: 'a step that stalls stays out until its turn',
      behind: saying('b', { kind: 'stall', reason: 'StorageMissing', message: '' }),
      steps: ['a'],
    },
    {
      name: 'a step that wants another action stays out',
      behind: saying('b', { kind: 'act', action: { kind: 'start' }, why: '' }),
      steps: ['a'],
    },
    {
      name: 'a step that may not be asked ahead stays out',
      behind: asking('b', { set: { memory: 1 } }, { batchable: false }),
      steps: ['a'],
    },
  ])('$name', ({ behind, steps }) => {
    const own = { set: { cores: 2 }, remove: ['tags'] };
    expect(joinedChange([asking('a', own), behind], action(own), aFacts()).steps).toEqual(steps);
  });

  test('is one call with everything in it', () => {
    const batch = joined([{ set: { cores: 2 } }, { set: { memory: 1024 }, remove: ['ipconfig0'] }]);
    expect(batch.action).toEqual({ kind: 'configure', set: { cores: 2, memory: 1024 }, remove: ['ipconfig0'] });
  });

  test('says nothing of removals when there are none', () => {
    expect(joined([{ set: { cores: 2 } }]).action).not.toHaveProperty('remove');
  });

  test('without entries is the change itself', () => {
    expect(joinedChange([], action({ set: { cores: 1 } }), aFacts())).toEqual({
      action: action({ set: { cores: 1 } }),
      steps: [],
    });
  });
});

// Few keys, so that conflicts are frequent; a step never sets and removes one key.
const key = fc.constantFrom('cores', 'memory', 'net0', 'scsi0', 'scsi1', 'tags');
const change: fc.Arbitrary<Change> = fc
  .tuple(fc.dictionary(key, fc.integer({ min: 0, max: 9 }), { noNullPrototype: true }), fc.uniqueArray(key))
  .map(([set, remove]) => ({ set, remove: remove.filter((name) => !(name in set)) }));
const changes = fc.array(change, { minLength: 1, maxLength: 6 });

describe('any row of changes', () => {
  test('has no key twice', () => {
    fc.assert(
      fc.property(changes, (row) => {
        const keys = keysOf(joined(row).action);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });

  test('is in the batch whole or not at all, and the batch is nothing else', () => {
    fc.assert(
      fc.property(changes, (row) => {
        const { action: batch, steps } = joined(row);
        const members = steps.map((id) => row[Number(id)]!);
        expect(batch.set).toEqual(Object.assign({}, ...members.map(({ set }) => set)));
        expect([...(batch.remove ?? [])].toSorted()).toEqual(members.flatMap(({ remove = [] }) => remove).toSorted());
      }),
    );
  });

  test('is sent to the last change when the rest is asked again each time', () => {
    fc.assert(
      fc.property(changes, (row) => {
        const left = row.map((one, index) => asking(String(index), one));
        const sent: string[] = [];
        while (left.length > 0) {
          const first = Number(left[0]!.step.id);
          const { steps } = joinedChange(left, action(row[first]!), aFacts());
          sent.push(...steps);
          for (const id of steps)
            left.splice(
              left.findIndex(({ step }) => step.id === id),
              1,
            );
        }
        expect(sent.toSorted()).toEqual(row.map((_one, index) => String(index)).toSorted());
      }),
    );
  });

  test('gives its first change the first place, whatever follows', () => {
    fc.assert(
      fc.property(changes, (row) => {
        const { action: batch, steps } = joined(row);
        expect(steps[0]).toBe('0');
        expect(batch.set).toMatchObject(row[0]!.set);
      }),
    );
  });
});

test('what a batch looks at is what its steps look at, each once, from the present one on', () => {
  const machine = defineMachine('deploy', 'creation', {
    set_ip: aStep('a', () => ({ kind: 'done' }), { batchable: true, needs: () => ['addresses'] }),
    clone: aStep('b', () => ({ kind: 'done' }), { batchable: true, needs: () => ['observed', 'credentials'] }),
    set_dns: aStep('c', () => ({ kind: 'done' }), { needs: () => ['firewall'] }),
    ready: aStep('d', () => ({ kind: 'done' }), { batchable: true, needs: () => ['observed'] }),
  });
  expect(batchNeeds(machine, 1, {})).toEqual(['observed', 'credentials']);
  expect(batchNeeds(defineMachine('deploy', 'creation', { ready: done('x') }), 0, {})).toEqual([]);
});
