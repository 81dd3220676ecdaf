// Tells at once when somebody changes what the certificates are kept in, or whom the API server trusts.
import { createInformerOfOne } from '../controllers/stores.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import type { Log } from '../kube/log.ts';
import type { Secret } from '../kube/secrets.ts';
import { webhookConfigurationType } from './webhook-configuration.ts';

export interface CertificateWatchOptions {
  client: Pick<KubeClient, 'list' | 'watch'>;
  /** The Secrets of the operator's own namespace. */
  secrets: Pick<Informer<Secret>, 'subscribe'>;
  secretName: string;
  /** Name of the ValidatingWebhookConfiguration; undefined when somebody else looks after it. */
  configurationName: string | undefined;
  log: Log;
}

/** Calls `wake` for what is there and for every change, until the signal aborts. */
export function watchCertificates(options: CertificateWatchOptions, wake: () => void, signal: AbortSignal): void {
  const { client, secrets, secretName, configurationName, log } = options;
  const end = secrets.subscribe(({ object }) => {
    if (object.metadata.name === secretName) wake();
  });
  signal.addEventListener('abort', end, { once: true });
  if (configurationName === undefined) return;
  const configuration = createInformerOfOne({ client, log }, webhookConfigurationType, configurationName);
  configuration.subscribe(wake);
  configuration.start(signal);
}
