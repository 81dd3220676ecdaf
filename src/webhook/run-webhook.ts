// Runs the admission webhook of one replica: its certificate, its server, and what its answers rest on.
import type { WebhookConfig } from '../config.ts';
import type { Stores } from '../controllers/context.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Log } from '../kube/log.ts';
import type { KubeObject, ResourceType } from '../kube/types.ts';
import { AccessReviews } from './access-review.ts';
import type { AdmissionRequest } from './admission-review.ts';
import { CertificateManager } from './certificate-manager.ts';
import { type CertificateWatchOptions, watchCertificates } from './certificate-watch.ts';
import type { CertificateTimes, KeyPair } from './certificates.ts';
import { type FactSources, gatherFacts } from './gather-facts.ts';
import { judge, type Judgement } from './review.ts';
import type { Rule } from './rule.ts';
import { RULES } from './rules.ts';
import { type AdmissionSample, type AdmissionServer, serveAdmission } from './server.ts';
import { Waker } from './waker.ts';

export interface WebhookOptions {
  config: WebhookConfig;
  /** Of the operator. */
  namespace: string;
  client: KubeClient;
  stores: Stores;
  /** The Secrets of the operator's own namespace. */
  secrets: CertificateWatchOptions['secrets'];
  /** Resolves when the stores hold what the API server had. */
  synced(signal: AbortSignal): Promise<void>;
  log: Log;
  times: CertificateTimes;
  clock: { now(): number; monotonic(): number; sleep(ms: number, signal?: AbortSignal): Promise<void> };
  onAnswer(sample: AdmissionSample): void;
  onAsked(sample: { allowed: boolean; durationMs: number }): void;
  onListening?(port: number): void;
}

export interface Webhook {
  /** Whether questions are answered. */
  readonly ready: boolean;
  /** Rejects when it cannot be served, for example because its port is taken. Resolves after `close`. */
  readonly ended: Promise<void>;
  /** Goes on answering for the time to drain, then ends. */
  close(): Promise<void>;
}

/** Begins to serve; what has to be waited for is waited for in the background. */
export function startWebhook(options: WebhookOptions): Webhook {
  const stop = new AbortController();
  const state: { server?: AdmissionServer } = {};
  const ended = run(options, state, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return {
    get ready() {
      return state.server !== undefined;
    },
    ended,
    async close() {
      await state.server?.close(options.config.drainMs);
      stop.abort();
      await ended.catch(() => undefined);
    },
  };
}

async function run(options: WebhookOptions, state: { server?: AdmissionServer }, signal: AbortSignal): Promise<void> {
  const { config, clock, log } = options;
  await options.synced(signal);
  const answering = judgeOver(options, await operatorUser(options, signal));
  const certificates = managerOf(options);
  const waker = new Waker();
  watchCertificates(watchedBy(options), () => waker.wake(), signal);
  let pair = await firstPair(options, { certificates, waker }, signal);
  const server = await serveAdmission({
    host: config.host,
    port: config.port,
    pair,
    judge: answering,
    log,
    monotonic: () => clock.monotonic(),
    onAnswer: options.onAnswer,
  });
  state.server = server;
  log.info({ port: server.port, rules: RULES.length }, 'Serving the admission webhook');
  options.onListening?.(server.port);
  while (!signal.aborted) {
    await waker.sleep(options.times.lookMs, clock, signal);
    const newest = await passed(options, certificates, signal);
    if (newest === undefined || newest.certificate === pair.certificate) continue;
    pair = newest;
    server.use(pair);
  }
}

function managerOf({ client, namespace, config, times, clock, log }: WebhookOptions): CertificateManager {
  return new CertificateManager({
    client,
    namespace,
    secretName: config.secret,
    names: config.names,
    configurationName: config.configuration,
    issuer: config.issuer,
    times,
    now: () => clock.now(),
    log,
  });
}

function watchedBy({ client, secrets, config, log }: WebhookOptions): CertificateWatchOptions {
  const configurationName = config.issuer === 'own' ? config.configuration : undefined;
  return { client, secrets, secretName: config.secret, configurationName, log };
}

async function firstPair(
  options: WebhookOptions,
  { certificates, waker }: { certificates: CertificateManager; waker: Waker },
  signal: AbortSignal,
): Promise<KeyPair> {
  for (;;) {
    const pair = await passed(options, certificates, signal);
    if (pair !== undefined) return pair;
    options.log.info({ Secret: `${options.namespace}/${options.config.secret}` }, 'Waiting for the certificate');
    await waker.sleep(options.times.lookMs, options.clock, signal);
  }
}

/** What is to be shown; undefined when it could not be told. The next look comes soon. */
async function passed(
  { log }: WebhookOptions,
  certificates: CertificateManager,
  signal: AbortSignal,
): Promise<KeyPair | undefined> {
  try {
    return await certificates.pass(signal);
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ err: error }, 'Looking after the certificates of the webhook failed');
    return undefined;
  }
}

/** Turns a request into a judgement, by the stores of this replica and the rules of the table. */
function judgeOver(
  { client, stores, config, clock, onAsked }: WebhookOptions,
  user: string,
  rules: readonly Rule[] = RULES,
): (request: AdmissionRequest, signal: AbortSignal) => Promise<Judgement> {
  const { allowLocalTargets } = config;
  const sources: FactSources = { client, stores, operatorUser: user, allowLocalTargets };
  const access = new AccessReviews({ client, monotonic: () => clock.monotonic(), onAsked });
  return async ({ review }, signal) => {
    const facts = await gatherFacts(review, sources, signal);
    return judge(review, rules, { ...facts, may: (wanted) => access.may(wanted, review.user, signal) });
  };
}

interface SelfSubjectReview extends KubeObject {
  status?: { userInfo?: { username?: string } };
}

const selfSubjectReviewType: ResourceType<SelfSubjectReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  namespaced: false,
};

/** Who the API server takes this operator for. */
async function operatorUser({ client }: WebhookOptions, signal: AbortSignal): Promise<string> {
  const { status } = await client.create(selfSubjectReviewType, { metadata: { name: '' } }, { signal });
  return status?.userInfo?.username ?? '';
}
