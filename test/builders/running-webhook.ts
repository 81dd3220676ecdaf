// A webhook that is served on this machine over an API server in memory, asked as the API server asks it.
import { request as httpsRequest } from 'node:https';
import { storesOf, OPERATOR_NAMESPACE } from '../fakes/context.ts';
import { createFakeKube, type FakeKube } from '../fakes/kube.ts';
import type { WebhookConfig } from '../../src/config.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { Informer } from '../../src/kube/informer.ts';
import type { Secret } from '../../src/kube/secrets.ts';
import { type VirtualClock, virtualClock } from '../../src/pve/testing/virtual-clock.ts';
import { TIMES } from '../../src/webhook/certificates.ts';
import { startWebhook, type Webhook } from '../../src/webhook/run-webhook.ts';
import type { AdmissionSample } from '../../src/webhook/server.ts';
import { webhookConfigurationType } from '../../src/webhook/webhook-configuration.ts';

export const CONFIGURATION = 'pve-operator';
export const SECRET = 'pve-operator-webhook';
const OPERATOR = `system:serviceaccount:${OPERATOR_NAMESPACE}:pve-operator`;

export interface RunningWebhook extends AsyncDisposable {
  kube: FakeKube;
  clock: VirtualClock;
  webhook: Webhook;
  /** Resolves when the stores are told to be complete. */
  sync(): void;
  /** The port, when it is served. */
  port: Promise<number>;
  samples: AdmissionSample[];
  logged: string[];
  /** What the authorizer was asked: `alice suspend web-1`. */
  asked: string[];
  /** What reads of the webhook fail with. */
  faults: { read?: Error };
  /** Rights that everybody has. */
  rights: Set<string>;
  /** Somebody else writes the Secret or the configuration, and the watch tells of it. */
  changeSecret(object: Secret): void;
  changeConfiguration(): void;
  /** Asks, trusting what the API server trusts; `forge` changes the body at the last moment. */
  ask(
    request: object,
    forge?: (body: string) => string,
  ): Promise<{ allowed: boolean; status?: { code: number; message: string } }>;
}

/** Synced at once unless `held`. Dispose of it. */
export function runningWebhook(settings: Partial<WebhookConfig> = {}, held = false): RunningWebhook {
  const clock = virtualClock(Date.now());
  const kube = createFakeKube({ now: () => clock.now() });
  const watches = new Set<() => void>();
  const secretHandlers = new Set<(change: never) => void>();
  const listening = Promise.withResolvers<number>();
  const synced = Promise.withResolvers<void>();
  const [samples, logged, asked, rights] = [[], [], [], new Set()] as [
    AdmissionSample[],
    string[],
    string[],
    Set<string>,
  ];
  const faults: RunningWebhook['faults'] = {};
  if (!held) synced.resolve();
  const note = (_: object, text: string) => void logged.push(text);
  const webhook = startWebhook({
    config: {
      host: '127.0.0.1',
      port: 0,
      names: ['127.0.0.1'],
      secret: SECRET,
      issuer: 'own',
      configuration: CONFIGURATION,
      drainMs: 0,
      allowLocalTargets: false,
      ...settings,
    },
    namespace: OPERATOR_NAMESPACE,
    client: { ...readable(kube.client, faults), ...reviews(kube.client, { asked, rights }), ...watching(watches) },
    stores: storesOf(kube),
    secrets: { subscribe: subscription(secretHandlers) },
    synced: () => synced.promise,
    log: { debug: note, info: note, warn: note, error: note },
    times: TIMES,
    clock: { now: () => clock.now(), monotonic: () => clock.now(), sleep: (ms, signal) => clock.sleep(ms, signal) },
    onAnswer: (sample) => samples.push(sample),
    onAsked: () => undefined,
    onListening: listening.resolve,
  });
  return {
    kube,
    clock,
    webhook,
    sync: synced.resolve,
    port: listening.promise,
    samples,
    logged,
    asked,
    faults,
    rights,
    changeSecret: (object) => secretHandlers.forEach((handler) => handler({ type: 'updated', object } as never)),
    changeConfiguration: () => watches.forEach((tell) => tell()),
    ask: async (request, forge) => answerTo(bodyOf(request, forge), await listening.promise, kube),
    async [Symbol.asyncDispose]() {
      synced.resolve();
      await webhook.close();
    },
  };
}

function readable(client: KubeClient, faults: RunningWebhook['faults']): KubeClient {
  return {
    ...client,
    get: (type, name, ...rest) =>
      faults.read === undefined ? client.get(type, name, ...rest) : Promise.reject(faults.read),
  };
}

/** Who is asking, and what somebody may: the API server answers these instead of storing them. */
function reviews(
  client: KubeClient,
  { asked, rights }: Pick<RunningWebhook, 'asked' | 'rights'>,
): Pick<KubeClient, 'create'> {
  return {
    async create(type, object, options) {
      if (type.plural === 'selfsubjectreviews')
        return { ...object, status: { userInfo: { username: OPERATOR } } } as never;
      if (type.plural !== 'subjectaccessreviews') return client.create(type, object, options);
      const { spec } = object as unknown as {
        spec: { user: string; resourceAttributes: { verb: string; name: string } };
      };
      const { verb, name } = spec.resourceAttributes;
      asked.push(`${spec.user} ${verb} ${name}`);
      return { ...object, status: { allowed: rights.has(verb) } } as never;
    },
  };
}

/** Watches that stay open, and tell of a change when the test says so. */
function watching(watches: Set<() => void>): Pick<KubeClient, 'watch'> {
  return {
    watch: (_type, { signal }, onEvent) =>
      new Promise((_, reject) => {
        let version = 1_000_000;
        const tell = () => {
          version += 1;
          const metadata = { name: CONFIGURATION, resourceVersion: String(version) };
          onEvent({ type: 'MODIFIED', object: { apiVersion: '', kind: '', metadata } as never });
        };
        watches.add(tell);
        signal.addEventListener('abort', () => {
          watches.delete(tell);
          reject(signal.reason as Error);
        });
      }),
  };
}

function subscription(handlers: Set<(change: never) => void>): Informer<Secret>['subscribe'] {
  return (handler) => {
    handlers.add(handler);
    return () => void handlers.delete(handler);
  };
}

/** The authorities that the API server trusts by now (PEM), empty when it was not told of any. */
export async function trusted(kube: FakeKube): Promise<string> {
  const { webhooks = [] } = await kube.client.get(webhookConfigurationType, CONFIGURATION);
  return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
}

function bodyOf(request: object, forge: (body: string) => string = (body) => body): string {
  return forge(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }));
}

async function answerTo(body: string, port: number, kube: FakeKube) {
  const ca = await trusted(kube);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const options = { host: '127.0.0.1', port, path: '/validate', method: 'POST', ca, headers, agent: false as const };
  const text = await new Promise<string>((resolve, reject) => {
    const sent = httpsRequest(options, (response) => {
      let received = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
      response.on('end', () => resolve(received));
    });
    sent.on('error', reject).end(body);
  });
  return (JSON.parse(text) as { response: { allowed: boolean; status?: { code: number; message: string } } }).response;
}
