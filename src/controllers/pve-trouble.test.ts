// Every kind of Proxmox VE's errors as one of the five classes, with the reason and the sentence that people see.
import { describe, expect, test } from 'vitest';
import type { Reason } from '../api/conditions.ts';
import { DefectError, StalledError, TransientError, UnknownOutcomeError, WaitingError } from '../errors.ts';
import { PveError, type PveErrorKind, type PveErrorOptions } from '../pve/errors.ts';
import { PveParameterError } from '../pve/parameters.ts';
import { pveTrouble, reasonOfPveError, taskTrouble } from './pve-trouble.ts';

const CALL = 'POST /nodes/{node}/qemu/{vmid}/clone';
const pveError = (kind: PveErrorKind, change: Partial<PveErrorOptions> = {}): PveError =>
  new PveError({ kind, call: CALL, detail: 'it says so', ...change });

type Class = typeof WaitingError | typeof TransientError | typeof StalledError | typeof DefectError;

const KINDS: Record<PveErrorKind, [Class, Reason]> = {
  unreachable: [TransientError, 'ClusterUnreachable'],
  timeout: [TransientError, 'ClusterUnreachable'],
  'not-found': [TransientError, 'Retrying'],
  exists: [TransientError, 'Retrying'],
  conflict: [TransientError, 'Retrying'],
  locked: [WaitingError, 'WaitingForLock'],
  'no-quorum': [WaitingError, 'WaitingForQuorum'],
  unauthorized: [StalledError, 'Unauthorized'],
  forbidden: [StalledError, 'Forbidden'],
  'schema-rejected': [StalledError, 'Refused'],
  'task-failed': [StalledError, 'TaskFailed'],
  'no-space': [StalledError, 'NoSpace'],
  refused: [StalledError, 'Refused'],
  certificate: [StalledError, 'CertificateInvalid'],
  unreadable: [DefectError, 'InternalError'],
};

const kinds = Object.entries(KINDS).map(([kind, [type, reason]]) => ({ kind: kind as PveErrorKind, type, reason }));

describe('an error of a call', () => {
  test.each(kinds)('$kind is $reason', ({ kind, type, reason }) => {
    const trouble = pveTrouble(pveError(kind), 'lab');
    expect(trouble).toBeInstanceOf(type);
    expect(trouble).toMatchObject({ reason });
    expect(reasonOfPveError(pveError(kind))).toBe(reason);
  });

  test.each(kinds)('$kind of a write that may have happened is looked up', ({ kind }) => {
    const trouble = pveTrouble(pveError(kind, { maybeApplied: true }), 'lab');
    expect(trouble).toBeInstanceOf(UnknownOutcomeError);
    expect(trouble).toMatchObject({ message: expect.stringContaining(CALL) });
  });

  test('that passes says that the call was not carried out', () => {
    expect(pveTrouble(pveError('unreachable'), 'lab')).toMatchObject({ refused: true });
  });

  test.each<{ kind: PveErrorKind; seconds: number }>([
    { kind: 'forbidden', seconds: 60 },
    { kind: 'unauthorized', seconds: 60 },
    { kind: 'no-space', seconds: 60 },
    { kind: 'refused', seconds: 600 },
  ])(
    '$kind is looked at again after $seconds s: no object changes when it is put right in Proxmox VE',
    ({ kind, seconds }) => {
      expect(pveTrouble(pveError(kind), 'lab')).toMatchObject({ recheckMs: seconds * 1000 });
    },
  );

  test('of parameters was never sent', () => {
    const error = new PveParameterError(CALL, 'name', 'is odd');
    expect(pveTrouble(error, 'lab')).toMatchObject({
      name: 'StalledError',
      reason: 'Refused',
      message: expect.stringMatching(/^Nothing was sent to cluster lab: /),
      cause: error,
    });
  });

  test.each([new StalledError('PoolEmpty', 'Empty.'), new Error('other'), 'text'])('%s is handed back', (error) => {
    expect(pveTrouble(error, 'lab')).toBe(error);
  });
});

describe('the sentence', () => {
  test.each<{ name: string; error: PveError; want: string }>([
    {
      name: 'carries the words of the server and the call',
      error: pveError('refused', { detail: 'storage does not exist' }),
      want: `Cluster lab: storage does not exist (${CALL})`,
    },
    {
      name: 'names the fields',
      error: pveError('schema-rejected', { detail: 'Parameter verification failed.', fields: { vlan: 'too big' } }),
      want: `Cluster lab: Parameter verification failed.; vlan: too big (${CALL})`,
    },
    {
      name: 'names the privilege and where it is missing',
      error: pveError('forbidden', { privilege: [{ path: '/vms/9000', privilege: 'VM.Clone' }] }),
      want: 'The API token of cluster lab lacks a privilege: VM.Clone on /vms/9000. Grant it in Proxmox VE.',
    },
    {
      name: 'names privileges of which one is enough',
      error: pveError('forbidden', { privilege: [{ privilege: 'VM.Audit' }, { path: '/', privilege: 'Sys.Audit' }] }),
      want: 'The API token of cluster lab lacks a privilege: VM.Audit or Sys.Audit on /. Grant it in Proxmox VE.',
    },
    {
      name: 'has the words of the server when no privilege is named',
      error: pveError('forbidden'),
      want: 'The API token of cluster lab lacks a privilege: it says so. Grant it in Proxmox VE.',
    },
    {
      name: 'tells what to do about a token',
      error: pveError('unauthorized', { detail: 'no such token' }),
      want: 'Cluster lab does not accept the API token (no such token). Correct the token in the Secret.',
    },
    {
      name: 'does not name the call when nobody answers: it would differ at each look',
      error: pveError('unreachable', { detail: 'connection refused' }),
      want: 'Cluster lab does not answer: connection refused',
    },
  ])('$name', ({ error, want }) => expect(pveTrouble(error, 'lab')).toMatchObject({ message: want }));
});

describe('a task that failed', () => {
  test.each<{ kind: PveErrorKind; type: Class; reason: Reason }>([
    { kind: 'task-failed', type: TransientError, reason: 'TaskFailed' },
    { kind: 'timeout', type: TransientError, reason: 'TaskFailed' },
    { kind: 'refused', type: TransientError, reason: 'TaskFailed' },
    { kind: 'no-space', type: StalledError, reason: 'NoSpace' },
    { kind: 'forbidden', type: StalledError, reason: 'Forbidden' },
    { kind: 'locked', type: WaitingError, reason: 'WaitingForLock' },
    { kind: 'no-quorum', type: WaitingError, reason: 'WaitingForQuorum' },
  ])('with $kind', ({ kind, type, reason }) => {
    const trouble = taskTrouble(pveError(kind), 'lab');
    expect(trouble).toBeInstanceOf(type);
    expect(trouble).toMatchObject({ reason });
  });
});
