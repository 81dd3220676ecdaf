// Where a new password goes, in which order, and what is said of a guest that cannot be told.
import { describe, expect, test } from 'vitest';
import { aDesign, aFacts, anOwnVm, aStatus, type FactsShape } from '../../test/builders/facts.ts';
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { PASSWORD_FROM_SECRET } from '../machine/vocabulary.ts';
import { renewPassword, renewPasswordAnew, setGuestPassword } from './reset-password.ts';
import { setPasswordLine } from './set-cloud-init.ts';

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

  test('that was never made is left to the deploy of a machine that is made anew', () => {
    const facts = aFacts({ observed: anOwnVm(), credentials: { kind: 'absent' } });
    expect(renewPasswordAnew.plan(facts)).toMatchObject({ kind: 'skip' });
  });

  test.each([
    { name: 'for the user that the VM has', osUser: 'admin', planned: 'debian', user: 'admin' },
    { name: 'for the user of the plan, where the VM has none', planned: 'debian', user: 'debian' },
    { name: 'for a random one, where nobody says', user: undefined },
  ])('that was never made is made $name', ({ osUser, planned, user }) => {
    const design = aDesign();
    const given = { ...design, plan: { ...design.plan, osUser: planned } };
    const shape = {
      observed: anOwnVm(),
      credentials: { kind: 'absent' },
      design: given,
      status: aStatus({ osUser }),
    } as const;
    const verdict = renewPassword.plan(aFacts(shape));
    expect(verdict).toMatchObject({ kind: 'act', action: { kind: 'createCredentials' } });
    expect(verdict.kind === 'act' && 'user' in verdict.action ? verdict.action.user : undefined).toBe(user);
  });

  test('of a VM that is not there is only renewed where it is made anew', () => {
    const facts = aFacts({ observed: { kind: 'absent' }, credentials });
    expect(renewPassword.plan(facts)).toMatchObject({ kind: 'stall', reason: 'VirtualMachineMissing' });
    expect(renewPasswordAnew.needs(running())).toEqual(['credentials']);
  });
});

describe('cloud-init', () => {
  const observed = anOwnVm({ ciuser: 'debian', sshkeys: 'of%20somebody', searchdomain: 'example.org', name: 'mine' });
  const rows: { name: string; shape: FactsShape; want: object }[] = [
    {
      name: 'gets the password and nothing else',
      shape: { credentials },
      want: { kind: 'act', action: { kind: 'configure', set: { cipassword: PASSWORD_FROM_SECRET } } },
    },
    {
      name: 'gets the user whose password it is',
      shape: { credentials: { ...credentials, user: 'admin' } },
      want: { kind: 'act', action: { kind: 'configure', set: { ciuser: 'admin', cipassword: PASSWORD_FROM_SECRET } } },
    },
    {
      name: 'has them',
      shape: { credentials, status: running({ passwordHandedOver: true }) },
      want: { kind: 'done' },
    },
    {
      name: 'waits for the Secret',
      shape: { credentials: { kind: 'absent' } },
      want: { kind: 'stall', reason: 'SecretMissing' },
    },
    {
      name: 'of a stranger is left alone',
      shape: { credentials, observed: { kind: 'foreign', node: 'pve1', stamped: true } },
      want: { kind: 'stall', reason: 'IdentityMismatch' },
    },
  ];
  test.each(rows)('$name', ({ shape, want }) => {
    const { why: _why, ...verdict } = { why: '', ...setPasswordLine.plan(aFacts({ observed, ...shape })) };
    if ('action' in want) expect(verdict).toEqual(want);
    else expect(verdict).toMatchObject(want);
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
