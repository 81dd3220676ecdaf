// User and password of a VM. Both are derived from a seed that only the operator has, so that a crash between making the
// Secret and using it changes nothing, and no Secret of a tenant ever has to be read.
import { hkdfSync, randomBytes } from 'node:crypto';
import { randomPassword, randomUser } from '../domain/names.ts';
import { isAlreadyExists } from '../kube/errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { createSecret, readSecret } from '../kube/secrets.ts';

const SEED_SECRET = 'pve-operator-seed';
const SEED_KEY = 'seed';
const SEED_BYTES = 32;

interface Credentials {
  user: string;
  password: string;
}

/** Derives what a VM is handed over with; the same every time for the same VM. */
export interface CredentialSource {
  /** `generation`: how many times the password was reset. */
  of(uid: string, generation?: number): Credentials;
}

export function createCredentialSource(seed: Uint8Array): CredentialSource {
  return {
    of: (uid, generation = 0) => ({
      user: randomUser(stream(seed, `user:${uid}`)),
      password: randomPassword(stream(seed, `password:${uid}${generation === 0 ? '' : `:${generation}`}`)),
    }),
  };
}

/** An endless sequence of bytes for one purpose, handed out piece by piece (HKDF-SHA-256, RFC 5869). */
function stream(seed: Uint8Array, purpose: string): (count: number) => Uint8Array {
  let block = 0;
  return (count) => {
    block += 1;
    return new Uint8Array(hkdfSync('sha256', seed, new Uint8Array(), `pve-operator ${purpose} ${block}`, count));
  };
}

/** The operator's seed, made at the first start. Two replicas that start at once agree: the second reads what the first made. */
export async function loadSeed(client: KubeClient, namespace: string): Promise<Uint8Array> {
  const known = await readSeed(client, namespace);
  if (known !== undefined) return known;
  try {
    await createSecret(client, {
      metadata: { name: SEED_SECRET, namespace },
      values: { [SEED_KEY]: randomBytes(SEED_BYTES).toString('base64') },
      immutable: true,
    });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const made = await readSeed(client, namespace);
  if (made === undefined) throw new Error(`Secret ${SEED_SECRET} in namespace ${namespace} lacks the key ${SEED_KEY}.`);
  return made;
}

async function readSeed(client: KubeClient, namespace: string): Promise<Uint8Array | undefined> {
  const values = await readSecret(client, namespace, SEED_SECRET);
  const text = values?.[SEED_KEY];
  return text === undefined ? undefined : Buffer.from(text, 'base64');
}
