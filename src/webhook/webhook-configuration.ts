// The ValidatingWebhookConfiguration by which the API server knows the webhook: the part that the operator looks after.
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import type { KubeObject, ResourceType } from '../kube/types.ts';

export interface WebhookConfiguration extends KubeObject {
  webhooks?: { name: string; clientConfig: { caBundle?: string } }[];
}

export const webhookConfigurationType: ResourceType<WebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  namespaced: false,
};

type Client = Pick<KubeClient, 'get' | 'patch'>;

/** `known`: the API server had been told before. `told`: only now. `absent`: nobody asks, there is no configuration. */
export type Publication = 'known' | 'told' | 'absent';

/** Makes every webhook of the configuration trust the authorities (PEM). */
export async function publishBundle(
  client: Client,
  name: string,
  bundle: string,
  signal?: AbortSignal,
): Promise<Publication> {
  const configuration = await client.get(webhookConfigurationType, name, undefined, { signal }).catch(undefinedIfGone);
  if (configuration === undefined) return 'absent';
  const caBundle = Buffer.from(bundle).toString('base64');
  const changes = (configuration.webhooks ?? []).flatMap((webhook, index) =>
    webhook.clientConfig.caBundle === caBundle
      ? []
      : [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle }],
  );
  if (changes.length === 0) return 'known';
  // The places in the list are those of this version only.
  const unchanged = { op: 'test', path: '/metadata/resourceVersion', value: configuration.metadata.resourceVersion };
  await client.patch(webhookConfigurationType, { name }, [unchanged, ...changes], { kind: 'json', signal });
  return 'told';
}

function undefinedIfGone(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}
