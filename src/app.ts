// Puts the operator together. Only this file constructs; everything else is given what it needs.
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { Allocations } from './controllers/allocations.ts';
import { ClusterRegistry, type TransportFactory } from './controllers/clusters.ts';
import type { Context } from './controllers/context.ts';
import { createCredentialSource, loadSeed } from './controllers/credentials.ts';
import { createQueues, runControllers } from './controllers/run-controllers.ts';
import { createInformers, type Informers } from './controllers/stores.ts';
import { sweepCluster } from './controllers/sweep.ts';
import { Sightings } from './controllers/sweep-sightings.ts';
import { watchChanges } from './controllers/watch-changes.ts';
import type { DNSZone } from './api/dns-zone.ts';
import { PowerDnsServers } from './dns/powerdns-servers.ts';
import type { DnsProvider } from './dns/provider.ts';
import { serveHealth } from './http/health.ts';
import { createKubeClient, type KubeClient } from './kube/client.ts';
import { systemClock as kubeClock } from './kube/clock.ts';
import { createEventRecorder } from './kube/events.ts';
import { type Leadership, runWithLease } from './kube/lease.ts';
import { loadKubeConfig } from './kube/local-config.ts';
import type { Log } from './kube/log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { type CertificateTimes, TIMES } from './webhook/certificates.ts';
import { startWebhook, type Webhook } from './webhook/run-webhook.ts';

export interface AppOptions {
  config: Config;
  log: Log;
  version: string;
  signal: AbortSignal;
  clock?: Clock;
  /** For tests: how Proxmox VE is reached. */
  transport?: TransportFactory;
  onListening?: (address: { port: number }) => void;
  /** For tests: how long the webhook's certificates last. */
  certificateTimes?: CertificateTimes;
  onWebhookListening?: (address: { port: number }) => void;
}

const LEASE_NAME = 'pve-operator';

/** Runs until the signal aborts or the lease is lost. */
export async function startApp(options: AppOptions): Promise<'stopped' | 'lost' | 'finished'> {
  const { config, log, signal } = options;
  const metrics = createMetrics();
  const client = createKubeClient({
    kubeConfig: loadKubeConfig({
      ...(config.kubeconfig === undefined ? {} : { kubeconfigPath: config.kubeconfig }),
      inCluster: config.kubeconfig === undefined,
    }),
    userAgent: `pve-operator/${options.version}`,
    fieldManager: 'pve-operator',
    onRequest: ({ verb, resource, status }) => metrics.kubeRequests.inc({ verb, resource, status: String(status) }),
  });
  const informers = createInformers(client, config.namespace, { log, metrics });
  let webhook: Webhook | undefined;
  const health = await serveHealth({
    host: config.healthHost,
    port: config.healthPort,
    metrics,
    informers: informers.all,
    waitingFor: () => (webhook?.ready === false ? ['webhook'] : []),
    log,
  });
  options.onListening?.({ port: health.port });
  // A lost lease ends everything too: watches that went on would keep the process alive. They outlive the signal, because
  // the webhook still answers from them when the work has ended.
  const ending = new AbortController();
  try {
    for (const informer of informers.all) informer.informer.start(ending.signal);
    webhook = serveWebhook(options, { client, informers, metrics });
    const lead = (leading: AbortSignal, { holds }: Leadership) =>
      act(options, { client, informers, metrics, signal: leading, leads: holds });
    return await whileServed(webhook, signal, (working) => work(options, client, { signal: working, lead }));
  } finally {
    await webhook?.close();
    ending.abort();
    await health.close();
    await client.close();
  }
}

interface Work {
  signal: AbortSignal;
  lead(leading: AbortSignal, leadership: Leadership): Promise<void>;
}

async function work({ config }: AppOptions, client: KubeClient, { signal, lead }: Work) {
  if (!config.leaderElection) {
    await lead(signal, { holds: () => true });
    return 'finished';
  }
  return runWithLease({
    client,
    namespace: config.namespace,
    name: LEASE_NAME,
    identity: config.identity,
    signal,
    onStarted: lead,
  });
}

/** Ends the work when the webhook cannot be served, and rejects with the reason. */
async function whileServed<T>(
  webhook: Webhook | undefined,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (webhook === undefined) return run(signal);
  const failing = new AbortController();
  let failure: { error: unknown } | undefined;
  webhook.ended.catch((error: unknown) => {
    failure = { error };
    failing.abort();
  });
  const result = await run(AbortSignal.any([signal, failing.signal]));
  if (failure !== undefined) throw failure.error;
  return result;
}

interface Parts {
  client: KubeClient;
  informers: Informers;
  metrics: Metrics;
  signal: AbortSignal;
  leads(): boolean;
}

function serveWebhook(
  { config, log, clock = systemClock, certificateTimes = TIMES, onWebhookListening }: AppOptions,
  { client, informers, metrics }: Pick<Parts, 'client' | 'informers' | 'metrics'>,
): Webhook | undefined {
  if (config.webhook === undefined) return undefined;
  return startWebhook({
    config: config.webhook,
    namespace: config.namespace,
    client,
    stores: informers.stores,
    secrets: informers.stores.secrets,
    synced: (signal) => informers.synced(signal),
    log,
    times: certificateTimes,
    clock: {
      now: () => clock.now(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      monotonic: () => kubeClock.monotonic(),
    },
    onAnswer: ({ kind, verb, verdict, durationMs }) => {
      metrics.admissions.inc({ kind, verb, verdict });
      metrics.admissionSeconds.observe({ kind }, durationMs / 1000);
    },
    onAsked: ({ allowed }) => metrics.accessReviews.inc({ verdict: allowed ? 'allowed' : 'denied' }),
    onListening: (port) => onWebhookListening?.({ port }),
  });
}

/** What only the leader does. */
async function act(
  { config, log, clock = systemClock, transport }: AppOptions,
  { client, informers, metrics, signal, leads }: Parts,
): Promise<void> {
  metrics.leader.set(1);
  const events = createEventRecorder({ client, component: 'pve-operator', instance: config.identity });
  const dns = new PowerDnsServers();
  const queues = createQueues();
  const { stores } = informers;
  const clusters = new ClusterRegistry({
    lookUp: {
      cluster: (name) => stores.clusters.get(name),
      secret: (name) => stores.secrets.get(`${config.namespace}/${name}`),
    },
    operatorNamespace: config.namespace,
    clock,
    random: Math.random,
    log,
    signal,
    ...(transport === undefined ? {} : { transport }),
    onRequest: ({ cluster, call, outcome, durationMs }) => {
      metrics.pveRequests.inc({ cluster, call, outcome });
      metrics.pveSeconds.observe({ cluster }, durationMs / 1000);
    },
    onInventory: (name) => changes.onInventory(name),
    onOpen: (connection, ending) => {
      const enqueue = (key: string): void => queues.virtualMachines.add(key, 'resync');
      void sweepCluster({ connection, context, clock, random: Math.random, enqueue }, ending);
    },
  });
  const context: Context = {
    client,
    stores,
    clusters,
    sightings: new Sightings(),
    events,
    log,
    metrics,
    now: () => clock.now(),
    leads,
    openDnsZone: (zone, apiKey) => openPowerDns(dns, zone, apiKey),
    dnsTimeoutMs: config.dnsTimeoutMs,
    operatorNamespace: config.namespace,
  };
  const changes = watchChanges(context, informers, queues);
  try {
    await informers.synced(signal);
    const credentials = createCredentialSource(await loadSeed(client, config.namespace));
    changes.enqueueAll();
    log.info({ namespace: config.namespace, identity: config.identity }, 'Acting');
    await runControllers({
      context,
      queues,
      allocations: new Allocations(context),
      credentials,
      workers: config.workers,
      signal,
    });
  } finally {
    changes.close();
    for (const { name } of clusters.open()) clusters.close(name);
    await Promise.all([events.flush(), dns.close()]);
    metrics.leader.set(0);
  }
}

function openPowerDns(servers: PowerDnsServers, { spec }: DNSZone, apiKey: string): DnsProvider {
  const { powerDNS } = spec;
  if (powerDNS === undefined) throw new TypeError('The API server demands a provider.');
  return servers.open({
    url: powerDNS.url,
    apiKey,
    zone: spec.zone,
    ...(powerDNS.serverID === undefined ? {} : { serverId: powerDNS.serverID }),
    ...(powerDNS.caBundle === undefined ? {} : { ca: powerDNS.caBundle }),
  });
}
