// Keeping the certificates: what one pass does, what two replicas do at once, and a year in virtual time.
import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeKube, type FakeKube } from '../../test/fakes/kube.ts';
import { isNotFound, KubeError } from '../kube/errors.ts';
import { createSecret, readSecret, secretType } from '../kube/secrets.ts';
import { CertificateManager, type CertificateManagerOptions } from './certificate-manager.ts';
import { newCertificateSet } from './certificate-authority.ts';
import { bundleOf, certificateSetOf, type KeyPair } from './certificates.ts';
import { webhookConfigurationType } from './webhook-configuration.ts';

const DAY = 86_400_000;
const NAMESPACE = 'pve-operator-system';
const SECRET = 'pve-operator-webhook';
const CONFIGURATION = 'pve-operator';
const times = { authorityMs: 300 * DAY, servingMs: 90 * DAY, overlapMs: 60_000, lookMs: 5000 };
// The library signs, and the runtime verifies, with this time; the rest is virtual.
const START = Date.parse('2026-03-01T10:00:00Z');

let now: number;
let kube: FakeKube;
let logged: string[];
beforeEach(() => {
  now = START;
  kube = createFakeKube({ now: () => now });
  logged = [];
  seedConfiguration();
});

function seedConfiguration(): void {
  const webhooks = ['a', 'b'].map((name) => ({ name, clientConfig: {} }));
  kube.seed(webhookConfigurationType, { metadata: { name: CONFIGURATION }, webhooks });
}

function manager(options: Partial<CertificateManagerOptions> = {}): CertificateManager {
  const note = (_: object, text: string) => void logged.push(text);
  return new CertificateManager({
    client: kube.client,
    namespace: NAMESPACE,
    secretName: SECRET,
    names: ['127.0.0.1'],
    configurationName: CONFIGURATION,
    issuer: 'own',
    times,
    now: () => now,
    log: { debug: note, info: note, warn: note, error: note },
    ...options,
  });
}

const stored = async () => certificateSetOf((await readSecret(kube.client, NAMESPACE, SECRET)) ?? {});

async function bundles(): Promise<string[]> {
  const { webhooks = [] } = await kube.client.get(webhookConfigurationType, CONFIGURATION);
  return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
}

/** Whether somebody who trusts what the API server trusts would trust what is shown. */
async function isTrusted(pair: KeyPair | undefined): Promise<boolean> {
  const [bundle = ''] = await bundles();
  return isTrustedBy(bundle, pair?.certificate ?? '');
}

function isTrustedBy(bundle: string, shown: string): boolean {
  const authorities = bundle.match(/-----BEGIN[^]+?END CERTIFICATE-----/g) ?? [];
  const certificate = new X509Certificate(shown);
  return authorities.some((pem) => {
    const authority = new X509Certificate(pem);
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  });
}

/** The same answers, each worked out once: thousands of looks see a few certificates. */
function remembered<Value>(answer: (...texts: string[]) => Value): (...texts: string[]) => Value {
  const known = new Map<string, Value>();
  return (...texts) => {
    const key = texts.join('\0');
    const value = known.get(key) ?? answer(...texts);
    known.set(key, value);
    return value;
  };
}

describe('a first pass', () => {
  test('makes everything, and tells the API server before the certificate is shown', async () => {
    const pair = await manager().pass();
    const set = await stored();
    expect(pair).toEqual(set?.serving);
    expect(await bundles()).toEqual([bundleOf(set!), bundleOf(set!)]);
    expect(kube.writes.map(({ verb, type }) => `${verb} ${type}`)).toEqual([
      'create secrets',
      'patch validatingwebhookconfigurations',
    ]);
    const [secret] = kube.objects(secretType);
    expect(secret).toMatchObject({ type: 'kubernetes.io/tls' });
    expect(logged).toEqual(['Made the authority and the certificate of the webhook']);
  });

  test('works without a configuration: nobody asks then', async () => {
    await kube.client.delete(webhookConfigurationType, CONFIGURATION);
    expect(await manager().pass()).toBeDefined();
    await expect(bundles()).rejects.toSatisfy(isNotFound);
  });

  test('of two replicas at once makes one set', async () => {
    const pairs = await Promise.all([manager().pass(), manager().pass(), manager().pass()]);
    expect(new Set(pairs.map((pair) => pair?.certificate)).size).toBe(1);
    expect(logged).toHaveLength(1);
  });

  test('takes a Secret that cannot be used for none', async () => {
    await createSecret(kube.client, { metadata: { name: SECRET, namespace: NAMESPACE }, values: { 'tls.crt': 'x' } });
    const pair = await manager().pass();
    expect(await isTrusted(pair)).toBe(true);
  });
});

describe('a later pass', () => {
  test('writes nothing when all is well', async () => {
    const first = await manager().pass();
    kube.writes.length = 0;
    expect(await manager().pass()).toEqual(first);
    expect(kube.writes).toEqual([]);
  });

  test('puts an authority back that somebody took out', async () => {
    await manager().pass();
    const before = await bundles();
    await kube.client.delete(webhookConfigurationType, CONFIGURATION);
    seedConfiguration();
    await manager().pass();
    expect(await bundles()).toEqual(before);
  });

  test('makes a certificate for a new name by the same authority', async () => {
    await manager().pass();
    const before = await bundles();
    const pair = await manager({ names: ['127.0.0.1', 'x.svc'] }).pass();
    expect(new X509Certificate(pair?.certificate ?? '').checkHost('x.svc')).toBe('x.svc');
    expect(await bundles()).toEqual(before);
  });

  test('tells what it cannot do', async () => {
    kube.onWrite(() => {
      throw new KubeError({ status: 403, reason: 'Forbidden', message: 'No.' });
    });
    await expect(manager().pass()).rejects.toMatchObject({ reason: 'Forbidden' });
  });

  test('does not fight for ever', async () => {
    kube.onWrite(() => {
      throw new KubeError({ status: 409, reason: 'Conflict', message: 'No.' });
    });
    await expect(manager().pass()).rejects.toThrow('changed by somebody else');
  });
});

test('in two years every certificate that is shown is trusted when it is shown, and for the overlap after', async () => {
  const shown = new Set<string>();
  // Two replicas that look in turn: what one shows may be one look old.
  const replicas = [manager(), manager()];
  const seen: (KeyPair | undefined)[] = [];
  const HALF_DAY = DAY / 2;
  const isShownTrusted = remembered((bundle = '', certificate = '') => isTrustedBy(bundle, certificate));
  const endOf = remembered((certificate = '') => new X509Certificate(certificate).validToDate.getTime());
  for (let looks = 0; looks < 4 * 365; looks += 1) {
    const turn = looks % 2;
    seen[turn] = await replicas[turn]?.pass();
    const [bundle = ''] = await bundles();
    for (const pair of seen) {
      if (pair === undefined) continue;
      shown.add(pair.certificate);
      expect(isShownTrusted(bundle, pair.certificate)).toBe(true);
      expect(endOf(pair.certificate)).toBeGreaterThan(now);
    }
    now += HALF_DAY;
  }
  expect(shown.size).toBeGreaterThan(10);
  expect(logged.filter((line) => line.startsWith('Signing by the next'))).toHaveLength(3);
  expect(logged.filter((line) => line.startsWith('Made the authority'))).toHaveLength(1);
}, 60_000);

describe('with cert-manager', () => {
  test('waits for the Secret, shows what is in it, and writes nothing', async () => {
    const external = manager({ issuer: 'external' });
    expect(await external.pass()).toBeUndefined();
    const { serving } = await newCertificateSet({ names: ['x.svc'], now, times });
    const values = { 'tls.crt': serving.certificate, 'tls.key': serving.key };
    await createSecret(kube.client, { metadata: { name: SECRET, namespace: NAMESPACE }, values });
    kube.writes.length = 0;
    expect(await external.pass()).toEqual(serving);
    expect(kube.writes).toEqual([]);
    expect(await bundles()).toEqual(['', '']);
  });
});
