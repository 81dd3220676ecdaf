// One replica's webhook as a whole, on a real port: when it serves, what its answers rest on, and what it does about its certificates.
import { afterEach, describe, expect, test } from 'vitest';
import { aNewVm, aBuiltVm, NAMESPACE } from '../../test/builders/admission.ts';
import { aPlan, aProxmoxCluster } from '../../test/builders/objects.ts';
import {
  CONFIGURATION,
  type RunningWebhook,
  runningWebhook,
  SECRET,
  trusted,
} from '../../test/builders/running-webhook.ts';
import { OPERATOR_NAMESPACE } from '../../test/fakes/context.ts';
import { until } from '../../test/kube/until.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { WebhookConfig } from '../config.ts';
import { KubeError } from '../kube/errors.ts';
import { createSecret, readSecret, secretType } from '../kube/secrets.ts';
import { newCertificateSet } from './certificate-authority.ts';
import { bundleOf, TIMES } from './certificates.ts';
import { webhookConfigurationType } from './webhook-configuration.ts';

let running: RunningWebhook | undefined;
afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
});

function start(settings: Partial<WebhookConfig> = {}, held = false): RunningWebhook {
  running = runningWebhook(settings, held);
  const webhooks = [{ name: 'validate.pve-operator.io', clientConfig: {} }];
  running.kube.seed(webhookConfigurationType, { metadata: { name: CONFIGURATION }, webhooks });
  running.kube.seed(resources.plan, aPlan());
  running.kube.seed(resources.proxmoxCluster, aProxmoxCluster({ endpoints: ['https://lab.example.com:8006'] }));
  return running;
}

const question = (object: VirtualMachine, old?: VirtualMachine) => ({
  uid: 'r-1',
  kind: { group: 'pve-operator.io', kind: 'VirtualMachine' },
  operation: old === undefined ? 'CREATE' : 'UPDATE',
  namespace: NAMESPACE,
  userInfo: { username: 'alice' },
  object,
  ...(old === undefined ? {} : { oldObject: old }),
});
const creation = question(aNewVm());

describe('a start', () => {
  test('answers nothing before the stores are complete: what they lack would be refused', async () => {
    const { webhook, sync, ask, kube } = start({}, true);
    await until('it has had its turn', () => new Promise((resolve) => setImmediate(() => resolve(true))));
    expect(webhook.ready).toBe(false);
    expect(kube.writes).toEqual([]);
    sync();
    expect(await ask(creation)).toMatchObject({ allowed: true });
    expect(webhook.ready).toBe(true);
  });

  test('tells the API server whom to trust before the first question', async () => {
    const { port, kube } = start();
    await port;
    const values = await readSecret(kube.client, OPERATOR_NAMESPACE, SECRET);
    expect(await trusted(kube)).toBe(values?.['ca.crt']);
  });

  test('tries again when the certificates cannot be made', async () => {
    const { kube, clock, webhook, logged, port } = start();
    kube.onWrite(() => {
      throw new KubeError({ status: 403, reason: 'Forbidden', message: 'No.' });
    });
    await until('it sleeps', () => clock.sleepers > 0);
    expect(webhook.ready).toBe(false);
    expect(logged).toContain('Looking after the certificates of the webhook failed');
    kube.onWrite(undefined);
    await clock.advance(TIMES.lookMs);
    await port;
    expect(webhook.ready).toBe(true);
  });

  test('says when its port is taken', async () => {
    const { port } = start();
    await using second = runningWebhook({ port: await port });
    await expect(second.webhook.ended).rejects.toThrow('EADDRINUSE');
    expect(second.webhook.ready).toBe(false);
  });
});

describe('an answer', () => {
  test('rests on the stores, and asks the authorizer only for what would be refused', async () => {
    const { ask, asked, rights, samples } = start();
    expect(await ask(creation)).toEqual({ uid: 'r-1', allowed: true });
    expect(asked).toEqual([]);
    const suspended = question(aBuiltVm({ suspension: { reason: 'unpaid' } }), aBuiltVm());
    expect(await ask(suspended)).toMatchObject({ allowed: false, status: { code: 403 } });
    rights.add('suspend');
    // Asked a moment ago: the answer is remembered for ten seconds.
    expect(await ask(suspended)).toMatchObject({ allowed: false });
    expect(asked).toEqual(['alice suspend web-1']);
    expect(samples.map(({ verdict }) => verdict)).toEqual(['allowed', 'refused', 'refused']);
  });

  test('asks the authorizer anew after ten seconds', async () => {
    const { ask, rights, clock } = start();
    const suspended = question(aBuiltVm({ suspension: { reason: 'unpaid' } }), aBuiltVm());
    expect(await ask(suspended)).toMatchObject({ allowed: false });
    rights.add('suspend');
    await clock.advance(10_000);
    expect(await ask(suspended)).toMatchObject({ allowed: true });
  });

  test('excepts the operator from rights without a question', async () => {
    const { ask, asked } = start();
    const username = `system:serviceaccount:${OPERATOR_NAMESPACE}:pve-operator`;
    const suspended = question(aBuiltVm({ suspension: { reason: 'unpaid' } }), aBuiltVm());
    expect(await ask({ ...suspended, userInfo: { username } })).toMatchObject({ allowed: true });
    expect(asked).toEqual([]);
  });

  test('looks a plan up that was made a moment ago, and refuses one that does not exist', async () => {
    const { ask } = start();
    const answer = await ask(question(aNewVm({ planRef: { name: 'none' } })));
    expect(answer).toMatchObject({
      allowed: false,
      status: { code: 422, message: expect.stringContaining('Plan none') },
    });
  });

  test('is one to repeat when the API server cannot be asked', async () => {
    const { ask, faults, logged, samples } = start();
    expect(await ask(creation)).toMatchObject({ allowed: true });
    faults.read = new KubeError({ status: 500, reason: 'InternalError', message: 's3cret' });
    const answer = await ask(question(aNewVm({ planRef: { name: 'none' } })));
    expect(answer).toMatchObject({ allowed: false, status: { code: 500 } });
    expect(JSON.stringify(answer)).not.toContain('s3cret');
    expect(logged).toContain('Judging an admission request failed');
    expect(samples.map(({ verdict }) => verdict)).toEqual(['allowed', 'failed']);
  });
});

describe('a forged question', () => {
  const forged = (spec: unknown) => ({ ...aNewVm(), spec }) as VirtualMachine;

  // The API server's schema lets none of these through; whoever reaches the port may send them all the same.
  test.each<{ name: string; object: VirtualMachine }>([
    { name: 'without a spec', object: forged(undefined) },
    { name: 'with a text for its spec', object: forged('x') },
    { name: 'with a list for its spec', object: forged([]) },
    { name: 'with numbers for names', object: forged({ planRef: { name: 7 } }) },
    { name: 'with a name that leads elsewhere', object: forged({ planRef: { name: '../../../api/v1/secrets' } }) },
  ])('$name is refused, and the next one answered', async ({ object }) => {
    const { ask } = start();
    expect(await ask(question(object, aNewVm()))).toMatchObject({ allowed: false });
    expect(await ask(creation)).toMatchObject({ allowed: true });
  });

  test('that is nested without end is refused, and the next one answered', async () => {
    const { ask } = start();
    const lists = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
    const deep = question(
      forged({ planRef: { name: 'kvm' }, options: 'NESTED' }),
      forged({ planRef: { name: 'kvm' }, options: [] }),
    );
    expect(await ask(deep, (body) => body.replace('"NESTED"', lists))).toMatchObject({ allowed: false });
    expect(await ask(creation)).toMatchObject({ allowed: true });
  });

  test('of a kind without rules is let through: the API server decides what is asked', async () => {
    const { ask } = start();
    const object = { apiVersion: 'pve-operator.io/v1', kind: 'Unknown', metadata: { name: 'x' } };
    const kind = { group: 'pve-operator.io', kind: 'Unknown' };
    expect(await ask({ ...creation, kind, object })).toMatchObject({ allowed: true });
  });
});

describe('the certificates', () => {
  test('the authority is put back at once when somebody takes it out', async () => {
    const { port, kube, changeConfiguration, ask } = start();
    await port;
    const before = await trusted(kube);
    const taken = [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: '' }];
    await kube.client.patch(webhookConfigurationType, { name: CONFIGURATION }, taken, { kind: 'json' });
    expect(await trusted(kube)).toBe('');
    changeConfiguration();
    await until('it is there again', async () => (await trusted(kube)) === before);
    expect(await ask(creation)).toMatchObject({ allowed: true });
  });

  test('a watch that tells nothing costs a look a minute', async () => {
    const { port, kube, clock } = start();
    await port;
    const before = await trusted(kube);
    await until('it sleeps', () => clock.sleepers > 0);
    const forged = [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: 'AAAA' }];
    await kube.client.patch(webhookConfigurationType, { name: CONFIGURATION }, forged, { kind: 'json' });
    await clock.advance(TIMES.lookMs);
    await until('it is there again', async () => (await trusted(kube)) === before);
  });

  test('of somebody else are waited for, and shown when they are changed', async () => {
    const { webhook, kube, clock, logged, changeSecret, port } = start({ issuer: 'external' });
    await until('it waits', () => logged.includes('Waiting for the certificate') && clock.sleepers > 0);
    expect(webhook.ready).toBe(false);
    const set = await newCertificateSet({ names: ['127.0.0.1'], now: Date.now(), times: TIMES });
    const values = { 'tls.crt': set.serving.certificate, 'tls.key': set.serving.key };
    await createSecret(kube.client, { metadata: { name: SECRET, namespace: OPERATOR_NAMESPACE }, values });
    changeSecret(kube.objects(secretType)[0]!);
    await port;
    expect(await trusted(kube)).toBe('');
    const caBundle = Buffer.from(bundleOf(set)).toString('base64');
    const told = [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: caBundle }];
    await kube.client.patch(webhookConfigurationType, { name: CONFIGURATION }, told, { kind: 'json' });
    expect(await running!.ask(creation)).toMatchObject({ allowed: true });
  });

  test('that were made anew are shown to whoever comes next', async () => {
    const { port, kube, changeSecret, ask } = start();
    await port;
    const before = await trusted(kube);
    // Without its Secret the operator begins anew, with another authority.
    await kube.client.delete(secretType, SECRET, OPERATOR_NAMESPACE);
    changeSecret({ apiVersion: 'v1', kind: 'Secret', metadata: { name: SECRET, namespace: OPERATOR_NAMESPACE } });
    await until('there is another one', async () => (await trusted(kube)) !== before);
    await until('it is shown', () =>
      ask(creation).then(
        ({ allowed }) => allowed,
        () => false,
      ),
    );
  });
});

describe('the end', () => {
  test('is without a word about it, and nobody is answered any more', async () => {
    const { webhook, ask, logged, clock } = start();
    expect(await ask(creation)).toMatchObject({ allowed: true });
    await webhook.close();
    await expect(webhook.ended).resolves.toBeUndefined();
    await expect(ask(creation)).rejects.toThrow('ECONNREFUSED');
    expect(clock.sleepers).toBe(0);
    expect(logged.filter((line) => line.includes('failed'))).toEqual([]);
  });

  test('is possible while the certificate is waited for', async () => {
    const { webhook, logged } = start({ issuer: 'external' });
    await until('it waits', () => logged.includes('Waiting for the certificate'));
    await webhook.close();
    expect(webhook.ready).toBe(false);
  });
});
