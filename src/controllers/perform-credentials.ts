// User and password: the Secret of the VM's owner, and the running guest.
import { API_VERSION } from '../api/object.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { StalledError, WaitingError } from '../errors.ts';
import { isAlreadyExists, isInvalid, isNotFound } from '../kube/errors.ts';
import { createSecret } from '../kube/secrets.ts';
import type { ActionResult } from '../machine/advance.ts';
import type { Facts } from '../machine/facts.ts';
import type { Action } from '../machine/vocabulary.ts';
import { operationOf, withObstacle } from '../machine/progress.ts';
import { isAgentSilence, PveError } from '../pve/errors.ts';
import { type Hands, type Handlers, ownRef } from './hands.ts';

const SECRET_TYPE = 'kubernetes.io/basic-auth';
const COLLECTION_MS = 2 * 60_000;
const COLLECTION_RECHECK_MS = 2_000;

export const CREDENTIAL_HANDLERS: Handlers<'createCredentials' | 'renewPassword' | 'setGuestPassword'> = {
  createCredentials: handOverCredentials,
  renewPassword,
  setGuestPassword: async (hands, { user }, facts) => {
    const password = passwordOf(hands, facts);
    try {
      await hands.connection().api.setUserPassword(ownRef(facts), { username: user, password });
      return { kind: 'done', status: { operation: { ...operationOf(facts.status), guestPassword: 'Set' } } };
    } catch (error) {
      if (!isGuestsRefusal(error)) throw error;
      const step = facts.status.operation?.step ?? '';
      return { kind: 'done', status: withObstacle(facts.status, step, { guestPassword: 'Refused' }) };
    }
  },
};

/** The guest's own no, as opposed to one of the cluster: its agent fell silent, or the user does not exist in there. */
function isGuestsRefusal(error: unknown): boolean {
  return error instanceof PveError && !error.maybeApplied && (error.kind === 'refused' || isAgentSilence(error));
}

/** The password of the VM as its Secret has it now. */
export function passwordOf({ credentials, vm }: Hands, { status }: Facts): string {
  return credentials.of(vm.metadata.uid ?? '', status.passwordGeneration).password;
}

async function handOverCredentials(
  { context, credentials, vm }: Hands,
  { user }: Extract<Action, { kind: 'createCredentials' }>,
  { status }: Facts,
): Promise<ActionResult> {
  const { password, user: randomUser } = credentials.of(vm.metadata.uid ?? '', status.passwordGeneration);
  const username = user ?? randomUser;
  const metadata = credentialsMetadata(vm);
  try {
    await createSecret(context.client, {
      metadata,
      type: SECRET_TYPE,
      values: { username, password },
    });
  } catch (error) {
    // Only a crash right after the creation leaves a recorded attempt behind: then the Secret is ours, with these very values.
    if (!isAlreadyExists(error)) throw error;
    if (status.operation?.intent?.attempt === 1) throw nameTaken(metadata.name, vm, context.now());
  }
  return { kind: 'done', status: { credentialsSecret: metadata.name, osUser: username } };
}

/** The new password reaches its owner first: in the guest alone it would be lost. A Secret that was deleted is made again. */
async function renewPassword(
  { context, credentials, vm }: Hands,
  { generation }: Extract<Action, { kind: 'renewPassword' }>,
  facts: Facts,
): Promise<ActionResult> {
  const { password } = credentials.of(vm.metadata.uid ?? '', generation);
  const metadata = credentialsMetadata(vm);
  const { name, namespace, ownerReferences } = metadata;
  const body = [
    // A Secret of this name that is not this VM's is left alone, without ever having been read.
    { op: 'test', path: '/metadata/ownerReferences/0/uid', value: ownerReferences[0]?.uid },
    { op: 'replace', path: '/data/password', value: Buffer.from(password).toString('base64') },
  ];
  try {
    await context.client.patch(resources.secret, { name, namespace }, body, { kind: 'json' });
  } catch (error) {
    if (isInvalid(error)) throw notTheOne(name);
    if (!isNotFound(error)) throw error;
    const username = facts.status.osUser ?? '';
    await createSecret(context.client, { metadata, type: SECRET_TYPE, values: { username, password } });
  }
  return { kind: 'done', status: { passwordGeneration: generation } };
}

// A patch whose test fails is answered with 422 and a message that says nothing.
function notTheOne(name: string): StalledError {
  const message = `Secret ${name} is not as it was made for this VM: it has another owner or no password. Delete it, and ask for a new password again.`;
  return new StalledError('NameTaken', message);
}

function credentialsMetadata({ metadata }: VirtualMachine) {
  const { name, namespace = '', uid = '' } = metadata;
  const owner = {
    apiVersion: API_VERSION,
    kind: 'VirtualMachine',
    name,
    uid,
    controller: true,
    blockOwnerDeletion: false,
  };
  return {
    name: `${name}-credentials`,
    namespace,
    labels: { 'app.kubernetes.io/managed-by': 'pve-operator' },
    ownerReferences: [owner],
  };
}

// The Secret of a VM of the same name that was deleted a moment ago is on its way out; the garbage collector takes a while.
function nameTaken(secretName: string, { metadata }: VirtualMachine, now: number): Error {
  const isYoung = now - Date.parse(metadata.creationTimestamp ?? '') < COLLECTION_MS;
  const message = `Secret ${secretName} exists and does not belong to this VM.`;
  if (isYoung) return new WaitingError('NameTaken', `${message} It may be about to be removed.`, COLLECTION_RECHECK_MS);
  return new StalledError('NameTaken', `${message} Rename or delete it: the credentials go there.`);
}
