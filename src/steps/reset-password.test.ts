// Where a new password goes, in which order, and what is said of a guest that cannot be told.
import { describe, expect, test } from 'vitest';
import { aFacts, anOwnVm, aStatus, type FactsShape } from '../../test/builders/facts.ts';
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { renewPassword, renewPasswordAnew, setGuestPassword } from './reset-password.ts';

const credentials = { kind: 'present', user: 'debian', secretName: 'web-1-credentials' } as const;
const running = (operation: Partial<OperationStatus> = {}, change: Partial<VirtualMachineStatus> = {}) =>
  aStatus({ osUser: 'debian', ...change, operation });

describe('the Secret', () => {
  const rows: { name: string; shape: FactsShape; want: object }[] = [
    {
      name: 'gets the first new password',
      shape: { credentials },
      want: { kind: 'act', action: { kind: 'renewPassword', generation: 1 } },
    },
    {
      name: 'gets the next one',
      shape: { credentials, status: running({}, { passwordGeneration: 4 }) },
      want: { kind: 'act', action: { kind: 'renewPassword', generation: 5 } },
    },
    {
      name: 'has it already in this run',
      shape: { credentials, status: running({ tried: ['renewPassword'] }, { passwordGeneration: 5 }) },
      want: { kind: 'done' },
    },
  ];
  test.each(rows)('$name', ({ shape, want }) => {
    expect(renewPassword.plan(aFacts({ observed: anOwnVm(), ...shape }))).toMatchObject(want);
    expect(renewPasswordAnew.plan(aFacts({ observed: { kind: 'absent' }, ...shape }))).toMatchObject(want);
  });

  test('that was never made has nothing to renew; a machine made anew gets its first one later', () => {
    const facts = aFacts({ observed: anOwnVm(), credentials: { kind: 'absent' } });
    expect(renewPassword.plan(facts)).toMatchObject({ kind: 'stall', reason: 'SecretMissing' });
    expect(renewPasswordAnew.plan(facts)).toMatchObject({ kind: 'skip' });
  });

  test('of a VM that is not there is only renewed where it is made anew', () => {
    const facts = aFacts({ observed: { kind: 'absent' }, credentials });
    expect(renewPassword.plan(facts)).toMatchObject({ kind: 'stall', reason: 'VirtualMachineMissing' });
    expect(renewPasswordAnew.needs(running())).toEqual(['credentials']);
  });
});

describe('the guest', () => {
  const cloudInit = (because: string) => ({ kind: 'skip', why: `${because}; cloud-init sets it at the next start` });
  const rows: { name: string; shape: FactsShape; want: object }[] = [
    {
      name: 'is told when its agent answers',
      shape: { power: 'running', guestAgent: { answers: true } },
      want: { kind: 'act', action: { kind: 'setGuestPassword', user: 'debian' } },
    },
    { name: 'is stopped', shape: { power: 'stopped' }, want: cloudInit('the VM is stopped') },
    {
      name: 'has a silent agent',
      shape: { power: 'running', guestAgent: { answers: false } },
      want: cloudInit('no guest agent answers'),
    },
    { name: 'was not asked', shape: { power: 'running' }, want: cloudInit('no guest agent answers') },
    {
      name: 'has taken it',
      shape: { power: 'running', status: running({ guestPassword: 'Set' }) },
      want: { kind: 'done' },
    },
    {
      name: 'has refused it',
      shape: { power: 'running', guestAgent: { answers: true }, status: running({ guestPassword: 'Refused' }) },
      want: cloudInit('the guest refused it'),
    },
    {
      name: 'is locked away',
      shape: { power: 'running', observed: anOwnVm({}, { lock: 'rollback' }) },
      want: { kind: 'wait', reason: 'WaitingForLock' },
    },
  ];
  test.each(rows)('$name', ({ shape, want }) => {
    const facts = aFacts({ observed: anOwnVm(), status: running(), ...shape });
    expect(setGuestPassword.plan(facts)).toMatchObject(want);
  });

  test('is asked only until it is known what became of it: a silent agent takes ten seconds', () => {
    expect(setGuestPassword.needs(running())).toEqual(['observed', 'power', 'guestAgent']);
    expect(setGuestPassword.needs(running({ guestPassword: 'Refused' }))).toEqual(['observed']);
  });
});
