// The password in the Secret and in the guest: who gets it, who may refuse it, and what a refusal means.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aFacts, anOwner, anOwnVm, aStatus, UID, VMID } from '../../test/builders/facts.ts';
import { type RecordedHands, recordedHands } from '../../test/builders/recorded-hands.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import { KubeError } from '../kube/errors.ts';
import { PveError, type PveErrorKind } from '../pve/errors.ts';
import { perform } from './perform.ts';

const TARGET = { name: 'web-1-credentials', namespace: 'customer-1' };

let fake: FakeContext;
let hands: RecordedHands;
beforeEach(() => {
  fake = createFakeContext();
  hands = recordedHands(fake);
});
afterEach(() => fake[Symbol.asyncDispose]());

const facts = (operation: object = {}) =>
  aFacts({ observed: anOwnVm(), status: aStatus({ osUser: 'debian', operation }) });
const secret = () => fake.kube.objects(resources.secret)[0];
const passwordIn = () => Buffer.from(secret()?.data?.['password'] ?? '', 'base64').toString();
const derived = (generation: number) => hands.credentials.of(UID, generation).password;
const handOver = () => perform(hands, { kind: 'createCredentials', user: 'debian' }, facts({ intent: { attempt: 1 } }));
const renew = (generation = 1) => perform(hands, { kind: 'renewPassword', generation }, facts());

describe('renewing the password', () => {
  test('changes the password in the Secret, and nothing else of it', async () => {
    await handOver();
    const before = secret();
    expect(await renew()).toEqual({ kind: 'done', status: { passwordGeneration: 1 } });
    expect(passwordIn()).toBe(derived(1));
    expect({ ...secret()?.data, password: '' }).toEqual({ ...before?.data, password: '' });
    expect(secret()?.metadata.ownerReferences).toEqual(before?.metadata.ownerReferences);
  });

  test('once more after a crash changes nothing: it is derived, not drawn', async () => {
    await handOver();
    await renew();
    const { resourceVersion } = secret()?.metadata ?? {};
    await renew();
    expect(secret()?.metadata.resourceVersion).toBe(resourceVersion);
  });

  test('never reads the Secret', async () => {
    await handOver();
    await renew();
    expect(Object.keys(fake.kube.client.requestCounts()).filter((key) => /^(get|list) secrets/.test(key))).toEqual([]);
  });

  test('makes a Secret anew that is gone, as it was made before', async () => {
    await handOver();
    const before = secret();
    await fake.kube.client.delete(resources.secret, TARGET.name, TARGET.namespace);
    await renew(2);
    expect(secret()).toMatchObject({
      type: before?.type,
      metadata: { ownerReferences: before?.metadata.ownerReferences },
    });
    expect(passwordIn()).toBe(derived(2));
    expect(secret()?.data?.['username']).toBe(before?.data?.['username']);
  });

  test.each([
    { name: 'of another owner', change: { ownerReferences: [{ ...owner('other') }] } },
    { name: 'of nobody', change: { ownerReferences: [] } },
  ])('leaves a Secret $name alone', async ({ change }) => {
    const theirs = { metadata: { ...TARGET, ...change }, data: { password: 'dGhlaXJz' } };
    fake.kube.seed(resources.secret, theirs);
    await expect(renew()).rejects.toMatchObject({ name: 'StalledError', reason: 'NameTaken' });
    expect(passwordIn()).toBe('theirs');
  });

  test('a server in trouble is no refusal', async () => {
    await handOver();
    fake.kube.onWrite(() => {
      throw new KubeError({ status: 503, reason: 'ServiceUnavailable', message: 'later' });
    });
    await expect(renew()).rejects.toMatchObject({ name: 'KubeError', status: 503 });
  });
});

describe('the guest', () => {
  const tell = (operation: object = {}) =>
    perform(hands, { kind: 'setGuestPassword', user: 'debian' }, facts(operation));

  test('is told the password of the Secret', async () => {
    const status = { ...facts().status, passwordGeneration: 4 };
    const action = { kind: 'setGuestPassword', user: 'debian' } as const;
    const result = await perform(hands, action, { ...facts(), status });
    expect(hands.calls).toEqual([
      ['setUserPassword', { node: 'pve1', vmid: VMID }, { username: 'debian', password: derived(4) }],
    ]);
    expect(result).toMatchObject({ kind: 'done', status: { operation: { guestPassword: 'Set' } } });
  });

  const refusal = (kind: PveErrorKind, detail = 'it says so', maybeApplied = false) =>
    new PveError({ kind, call: 'POST /x', status: 500, detail, maybeApplied });

  test.each([
    { name: 'knows no such user', error: refusal('refused', "Agent error: user 'debian' does not exist") },
    { name: 'has an agent that fell silent', error: refusal('conflict', 'QEMU guest agent is not running') },
    {
      name: 'has an agent that does not get on',
      error: refusal('timeout', "VM 2000 qmp command 'guest-set-user-password' failed - got timeout"),
    },
  ])('that $name has refused: the step has changed nothing, and the run goes on', async ({ error }) => {
    hands.answer = () => error;
    const result = await tell({ step: 'set-guest-password', changed: ['renew-password', 'set-guest-password'] });
    expect(result).toMatchObject({
      kind: 'done',
      status: { operation: { guestPassword: 'Refused', changed: ['renew-password'] } },
    });
  });

  test.each([
    { name: 'a privilege is missing', error: refusal('forbidden'), want: 'StalledError' },
    { name: 'the cluster does not answer', error: refusal('unreachable'), want: 'TransientError' },
    { name: 'nobody knows whether it was told', error: refusal('timeout', 'cut', true), want: 'UnknownOutcomeError' },
  ])('is told again when $name', async ({ error, want }) => {
    hands.answer = () => error;
    await expect(tell()).rejects.toMatchObject({ name: want });
  });
});

function owner(uid: string) {
  const { apiVersion, kind, metadata } = anOwner();
  return { apiVersion, kind, name: metadata.name, uid };
}
