// Puts the operator's webhook in front of a test's API server: the manifests of config/webhook/, called by address.
import { freePorts } from '../../hack/control-plane/free-ports.ts';
import { admissionManifests } from '../../hack/demo/admission.ts';
import type { WebhookConfig } from '../../src/config.ts';
import { leaseType } from '../../src/kube/lease.ts';
import { webhookConfigurationType } from '../../src/webhook/webhook-configuration.ts';
import { OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { ROOT, type TestBed } from './harness.ts';
import { type Operator, startOperator } from './harness-operator.ts';

/** Name of the Secret with the certificate. */
export const WEBHOOK_SECRET = 'pve-operator-webhook';
const CONFIGURATION = 'pve-operator';

/** A free port and the settings of a webhook that listens there. */
export async function webhookSettings(settings: Partial<WebhookConfig> = {}): Promise<WebhookConfig> {
  const [port = 0] = await freePorts(1);
  return {
    host: '127.0.0.1',
    port,
    names: ['127.0.0.1'],
    secret: WEBHOOK_SECRET,
    issuer: 'own',
    configuration: CONFIGURATION,
    drainMs: 0,
    allowLocalTargets: true,
    ...settings,
  };
}

/** Applies config/webhook/ with an address in place of the Service: there is no network of pods here. */
export async function applyWebhook(bed: TestBed, port: number): Promise<void> {
  const items = await admissionManifests(ROOT, port);
  await bed.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

/** Takes the webhook away from the API server, so that objects can be cleared with no operator there. */
export async function removeWebhook(bed: TestBed): Promise<void> {
  await bed.kubectl(['delete', 'validatingwebhookconfiguration', CONFIGURATION, '--ignore-not-found']);
}

/** Waits until the API server asks the webhook and trusts its answer: an empty label is refused by nobody else. */
export async function untilAsked(bed: TestBed, attempt: () => Promise<unknown>): Promise<void> {
  await until('the API server asks the webhook', async () => {
    const configuration = await bed.client.get(webhookConfigurationType, CONFIGURATION);
    if ((configuration.webhooks ?? []).some(({ clientConfig }) => !clientConfig.caBundle)) return false;
    return attempt().then(
      () => true,
      (error: unknown) => (error as { status?: number }).status !== 500,
    );
  });
}

/** Takes the operator's lease for an hour: an operator that wants it serves the webhook, and does nothing else. */
export async function holdLease(bed: TestBed): Promise<void> {
  const now = new Date().toISOString().replace('Z', '000Z');
  const spec = { holderIdentity: 'nobody', leaseDurationSeconds: 3600, acquireTime: now, renewTime: now };
  await bed.client.create(leaseType, { metadata: { name: 'pve-operator', namespace: OPERATOR_NAMESPACE }, spec });
}

/** Starts a replica that only answers the webhook, so that objects stay as a test wrote them; `attempt` as for `untilAsked`. */
export async function serveOnly(
  bed: TestBed,
  settings: Partial<WebhookConfig>,
  attempt: () => Promise<unknown>,
): Promise<Operator> {
  const webhook = await webhookSettings(settings);
  await holdLease(bed);
  await applyWebhook(bed, webhook.port);
  const operator = startOperator(bed, { webhook, leaderElection: true });
  await untilAsked(bed, attempt);
  return operator;
}
