// Telling the API server whom to trust: once, in every webhook, and never over somebody else's edit.
import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeKube, type FakeKube } from '../../test/fakes/kube.ts';
import { isInvalid, KubeError } from '../kube/errors.ts';
import { publishBundle, type WebhookConfiguration, webhookConfigurationType } from './webhook-configuration.ts';

const NAME = 'pve-operator';
const BUNDLE = '-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');

let kube: FakeKube;
beforeEach(() => {
  kube = createFakeKube();
});

function seed(...bundles: (string | undefined)[]): void {
  const webhooks = bundles.map((caBundle, index) => ({
    name: `w${index}`,
    failurePolicy: 'Fail',
    clientConfig: { service: { name: 's' }, ...(caBundle === undefined ? {} : { caBundle: base64(caBundle) }) },
  }));
  kube.seed(webhookConfigurationType, { metadata: { name: NAME }, webhooks });
}

const publish = () => publishBundle(kube.client, NAME, BUNDLE);
const stored = (): WebhookConfiguration['webhooks'] => kube.objects(webhookConfigurationType)[0]?.webhooks;

describe('publishBundle', () => {
  test.each<{ name: string; bundles: (string | undefined)[]; want: string; writes: number }>([
    { name: 'nothing yet', bundles: [undefined], want: 'told', writes: 1 },
    { name: 'another bundle', bundles: ['other'], want: 'told', writes: 1 },
    { name: 'an empty bundle', bundles: [''], want: 'told', writes: 1 },
    { name: 'this bundle and one more authority', bundles: [`${BUNDLE}more`], want: 'told', writes: 1 },
    { name: 'this bundle', bundles: [BUNDLE], want: 'known', writes: 0 },
    { name: 'this bundle in one of three', bundles: [BUNDLE, 'other', undefined], want: 'told', writes: 1 },
    { name: 'no webhooks', bundles: [], want: 'known', writes: 0 },
  ])('with $name: $want', async ({ bundles, want, writes }) => {
    seed(...bundles);
    expect(await publish()).toBe(want);
    expect(kube.writes).toHaveLength(writes);
    expect(stored()?.map(({ clientConfig }) => clientConfig.caBundle)).toEqual(bundles.map(() => base64(BUNDLE)));
    expect(await publish()).toBe('known');
  });

  test('leaves everything else as it is', async () => {
    seed(undefined);
    await publish();
    expect(stored()).toEqual([
      { name: 'w0', failurePolicy: 'Fail', clientConfig: { service: { name: 's' }, caBundle: base64(BUNDLE) } },
    ]);
  });

  test('without a configuration tells nobody', async () => {
    expect(await publish()).toBe('absent');
    expect(kube.writes).toEqual([]);
  });

  test('writes nothing into a list that somebody has changed meanwhile: its places are others', async () => {
    seed('other', 'other');
    const { client } = kube;
    const get: typeof client.get = async (...asked) => {
      const found = await client.get(...asked);
      await client.patch(webhookConfigurationType, { name: NAME }, { webhooks: [] }, { kind: 'merge' });
      return found;
    };
    await expect(publishBundle({ ...client, get }, NAME, BUNDLE)).rejects.toSatisfy(isInvalid);
    expect(stored()).toEqual([]);
  });

  test('tells what it may not do', async () => {
    seed(undefined);
    kube.onWrite(() => {
      throw new KubeError({ status: 403, reason: 'Forbidden', message: 'No.' });
    });
    await expect(publish()).rejects.toMatchObject({ reason: 'Forbidden' });
  });
});
