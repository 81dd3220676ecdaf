// Every step that writes to a VM asks first whether it is there, ours and free; no step may forget to.
import { describe, expect, test } from 'vitest';
import { aFacts, anOwnVm, type FactsShape } from '../../test/builders/facts.ts';
import { deploy } from '../machines.ts';
import type { Facts } from '../machine/facts.ts';
import { cloneTemplate } from './clone-template.ts';
import { designOf, withOwnVm } from './own-vm.ts';
import { publishDns } from './publish-dns.ts';
import { destroyVm, stopForDeletion } from './remove-vm.ts';
import { reserveAddresses } from './reserve-addresses.ts';

const NOT_OURS: { name: string; shape: FactsShape; want: Record<string, unknown> }[] = [
  {
    name: 'locked',
    shape: { observed: anOwnVm({}, { lock: 'backup' }) },
    want: { kind: 'wait', reason: 'WaitingForLock', message: expect.stringContaining('"backup" on VM 2000') },
  },
  {
    name: 'locked, with a number that is not known',
    shape: { observed: anOwnVm({}, { lock: 'backup' }), held: { addresses: [] } },
    want: { kind: 'wait', reason: 'WaitingForLock', message: expect.stringContaining('VM ?') },
  },
  {
    name: 'half made',
    shape: { observed: { kind: 'cloning', node: 'pve1' } },
    want: { kind: 'wait', reason: 'WaitingForTask' },
  },
  {
    name: "stamped as another object's",
    shape: { observed: { kind: 'foreign', node: 'pve2', stamped: true } },
    want: {
      kind: 'stall',
      reason: 'IdentityMismatch',
      message: 'VM 2000 on node pve2 carries the stamp of another object. Nothing is touched.',
    },
  },
  {
    name: 'without a stamp',
    shape: { observed: { kind: 'foreign', node: 'pve2', stamped: false } },
    want: { kind: 'stall', reason: 'IdentityMismatch', message: expect.stringContaining('carries no stamp') },
  },
  {
    name: 'gone',
    shape: { observed: { kind: 'absent' } },
    want: { kind: 'stall', reason: 'VirtualMachineMissing', message: expect.stringContaining('VM 2000 is gone') },
  },
  {
    name: 'not looked at',
    shape: { observed: undefined },
    want: { kind: 'stall', reason: 'VirtualMachineMissing' },
  },
];

describe.each(NOT_OURS)('a VM that is $name', ({ shape, want }) => {
  test('is not planned for', () => {
    const plan = (): never => {
      throw new Error('It must not be asked.');
    };
    expect(withOwnVm(aFacts(shape), plan)).toMatchObject(want);
  });

  const careful = deploy.entries.filter(({ step }) => ![reserveAddresses, cloneTemplate, publishDns].includes(step));
  test.each(careful)('is left alone by $step.id', ({ step }) => {
    expect(step.plan(aFacts({ ...shape, power: 'stopped' }))).toMatchObject(want);
    expect(step.needs({})).toContain('observed');
  });
});

describe('steps of the deletion', () => {
  test.each([stopForDeletion, destroyVm])('$id never acts on what is not free and ours', (step) => {
    for (const { shape } of NOT_OURS) {
      expect(step.plan(aFacts({ power: 'running', ...shape })).kind).not.toBe('act');
    }
  });
});

test('our own VM without a lock is planned for', () => {
  const observed = anOwnVm();
  const facts: Facts = aFacts({ observed });
  expect(withOwnVm(facts, (vm) => ({ kind: 'skip', why: vm.node }))).toEqual({ kind: 'skip', why: 'pve1' });
});

test('a step of the deploy has a design or is a defect', () => {
  expect(designOf(aFacts()).name).toBe('web-1');
  expect(() => designOf(aFacts({ design: undefined }))).toThrow(TypeError);
});
