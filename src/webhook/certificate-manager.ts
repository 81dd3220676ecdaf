// Keeps the webhook's certificates in a Secret, renews them in time, and tells the API server whom to trust.
// Every replica does so: who writes second is refused by the resource version and takes what the first has written.
import type { KubeClient, NewObject } from '../kube/client.ts';
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from '../kube/errors.ts';
import type { Log } from '../kube/log.ts';
import { type Secret, secretType, secretValues } from '../kube/secrets.ts';
import { newAuthority, newCertificateSet, newServing } from './certificate-authority.ts';
import {
  bundleOf,
  type CertificateAction,
  type CertificateSet,
  certificateSetOf,
  type CertificateTimes,
  type KeyPair,
  nextCertificateAction,
  secretValuesOf,
  servingPairOf,
} from './certificates.ts';
import { publishBundle } from './webhook-configuration.ts';

export interface CertificateManagerOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'patch'>;
  /** Of the operator, and of the Secret. */
  namespace: string;
  secretName: string;
  /** Names and addresses that the API server calls the webhook by. */
  names: readonly string[];
  /** Name of the ValidatingWebhookConfiguration. */
  configurationName: string;
  /** `external`: somebody else, as cert-manager, fills the Secret and the configuration. */
  issuer: 'own' | 'external';
  times: CertificateTimes;
  now(): number;
  log: Log;
}

const CHANGED: Readonly<Record<Exclude<CertificateAction['do'], 'nothing'>, string>> = {
  start: 'Made the authority and the certificate of the webhook',
  stage: 'Made the next authority of the webhook',
  promote: 'Signing by the next authority of the webhook',
  retire: 'Forgot the previous authority of the webhook',
  renew: 'Renewed the certificate of the webhook',
};

/** Changes to the Secret that one pass makes at the most; each needs at least one lost race or one due step. */
const MOST_CHANGES = 8;

/** One replica's hand on the certificates. */
export class CertificateManager {
  readonly #options: CertificateManagerOptions;

  constructor(options: CertificateManagerOptions) {
    this.#options = options;
  }

  /**
   * Does what is due, and answers what is to be shown now; undefined while somebody else has not made it yet. The API
   * server is told first whom to trust, so that what is answered can be verified. Rejects with KubeError.
   */
  async pass(signal?: AbortSignal): Promise<KeyPair | undefined> {
    if (this.#options.issuer === 'external') return this.#external(signal);
    for (let changes = 0; changes < MOST_CHANGES; changes += 1) {
      const { secret, stored } = await this.#read(signal);
      const published = stored !== undefined && (await this.#publish(stored, signal));
      const { names, times, now } = this.#options;
      const action = nextCertificateAction({ stored, names, published, times, now: now() });
      if (action.do === 'nothing') return stored?.serving;
      if (await this.#write(await this.#changed(action, stored), secret, signal)) {
        this.#options.log.info({ Secret: this.#key }, CHANGED[action.do]);
      }
    }
    throw new Error(`Secret ${this.#key} is changed by somebody else all the time.`);
  }

  get #key(): string {
    return `${this.#options.namespace}/${this.#options.secretName}`;
  }

  async #external(signal?: AbortSignal): Promise<KeyPair | undefined> {
    const { secret } = await this.#read(signal);
    return secret && servingPairOf(secretValues(secret));
  }

  async #read(signal?: AbortSignal): Promise<{ secret?: Secret; stored?: CertificateSet }> {
    const { client, namespace, secretName } = this.#options;
    try {
      const secret = await client.get(secretType, secretName, namespace, { signal });
      return { secret, stored: certificateSetOf(secretValues(secret)) };
    } catch (error) {
      if (isNotFound(error)) return {};
      throw error;
    }
  }

  async #publish(stored: CertificateSet, signal?: AbortSignal): Promise<boolean> {
    const { client, configurationName } = this.#options;
    try {
      // What was told this moment may take another one to be known: the next look goes on.
      return (await publishBundle(client, configurationName, bundleOf(stored), signal)) === 'known';
    } catch (error) {
      // Somebody else was first; the next pass sees what they wrote.
      if (isConflict(error) || isInvalid(error)) return false;
      throw error;
    }
  }

  async #changed(
    { do: what }: Exclude<CertificateAction, { do: 'nothing' }>,
    stored: CertificateSet | undefined,
  ): Promise<CertificateSet> {
    const { names, times, now } = this.#options;
    const issuance = { names, times, now: now() };
    if (stored === undefined || what === 'start') return newCertificateSet(issuance);
    const { next, previous: _, ...kept } = stored;
    switch (what) {
      case 'stage':
        return { ...kept, next: await newAuthority(issuance), changedAt: issuance.now };
      case 'promote':
        return next === undefined ? stored : promoted(stored, next, issuance);
      case 'retire':
        return { ...kept, changedAt: issuance.now };
      default:
        return { ...stored, serving: await newServing(stored.authority, issuance) };
    }
  }

  /** False when somebody else has written meanwhile. */
  async #write(set: CertificateSet, secret: Secret | undefined, signal?: AbortSignal): Promise<boolean> {
    const { client, namespace, secretName: name } = this.#options;
    const data = Object.fromEntries(
      Object.entries(secretValuesOf(set)).map(([key, text]) => [key, text && Buffer.from(text).toString('base64')]),
    );
    try {
      if (secret === undefined) {
        const present = Object.fromEntries(Object.entries(data).filter(([, text]) => text !== null));
        const object = { metadata: { name, namespace }, type: 'kubernetes.io/tls', data: present };
        await client.create(secretType, object as NewObject<Secret>, { signal });
      } else {
        const { resourceVersion } = secret.metadata;
        const body = { metadata: { resourceVersion }, data };
        await client.patch(secretType, { name, namespace }, body, { kind: 'merge', signal });
      }
      return true;
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error)) return false;
      throw error;
    }
  }
}

async function promoted(
  { authority }: CertificateSet,
  next: KeyPair,
  issuance: Parameters<typeof newServing>[1],
): Promise<CertificateSet> {
  const serving = await newServing(next, issuance);
  return { authority: next, previous: authority.certificate, serving, changedAt: issuance.now };
}
