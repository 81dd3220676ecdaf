// Connections to Proxmox VE clusters: one client, one inventory poll and one task poll each, renewed when object or Secret change.
import type { ProxmoxCluster } from '../api/proxmox-cluster.ts';
import type { Clock } from '../clock.ts';
import { StalledError } from '../errors.ts';
import { secretValues, type Secret } from '../kube/secrets.ts';
import type { Log } from '../kube/log.ts';
import { createPveApi, type PveApi } from '../pve/client.ts';
import { PveError } from '../pve/errors.ts';
import { createInventory, type Inventory } from '../pve/inventory.ts';
import { createTaskWatch, type TaskWatch } from '../pve/task-watch.ts';
import { httpsTransport, type PveTransport } from '../pve/transport.ts';
import { CloneSlots } from './clone-slots.ts';
import { TemplateCache } from './template-cache.ts';

export interface ClusterConnection {
  name: string;
  spec: ProxmoxCluster['spec'];
  api: PveApi;
  inventory: Inventory;
  tasks: TaskWatch;
  templates: TemplateCache;
  cloneSlots: CloneSlots;
  migrationMs: number;
}

export interface ClusterCredentials {
  tokenID: string;
  secret: string;
}

export type TransportFactory = (
  spec: ProxmoxCluster['spec'],
  credentials: ClusterCredentials,
) => PveTransport & Partial<AsyncDisposable>;

export interface ClusterRegistryOptions {
  lookUp: { cluster(name: string): ProxmoxCluster | undefined; secret(name: string): Secret | undefined };
  operatorNamespace: string;
  clock: Clock;
  random: () => number;
  log: Log;
  signal: AbortSignal;
  transport?: TransportFactory;
  /** Told of every request to Proxmox VE. */
  onRequest?(request: { cluster: string; call: string; outcome: string; durationMs: number }): void;
  /** Called after every poll of a cluster's inventory. */
  onInventory(clusterName: string): void;
  inventoryPollMs?: number;
  /** Called with every connection that is opened; the signal aborts when it is closed. */
  onOpen?(connection: ClusterConnection, signal: AbortSignal): void;
}

interface Entry {
  connection: ClusterConnection;
  fingerprint: string;
  close(): void;
}

const DEFAULT_READ_SECONDS = 10;
const DEFAULT_WRITE_SECONDS = 60;
const DEFAULT_MIGRATION_SECONDS = 300;
const DEFAULT_CLONES = 8;

export class ClusterRegistry {
  readonly #options: ClusterRegistryOptions;
  readonly #entries = new Map<string, Entry>();
  /** Outlives renewed connections: a clone that runs is not undone by a new token. */
  readonly #slots = new Map<string, CloneSlots>();

  constructor(options: ClusterRegistryOptions) {
    this.#options = options;
  }

  /** The connection to a cluster, made or renewed as needed. Throws StalledError when object or Secret are missing. */
  connection(name: string): ClusterConnection {
    const cluster = this.#options.lookUp.cluster(name);
    if (cluster === undefined)
      throw new StalledError(
        'ClusterNotFound',
        `ProxmoxCluster ${name} does not exist. Create it or correct clusterRef.`,
      );
    const credentials = this.#credentials(cluster);
    const fingerprint = JSON.stringify([cluster.metadata.uid, cluster.spec, credentials]);
    const known = this.#entries.get(name);
    if (known?.fingerprint === fingerprint) return known.connection;
    known?.close();
    const entry = this.#open(cluster, credentials, fingerprint);
    this.#entries.set(name, entry);
    return entry.connection;
  }

  /** Ends the connection to a cluster whose object is gone. */
  close(name: string): void {
    this.#entries.get(name)?.close();
    this.#entries.delete(name);
  }

  /** Connections that are open, without opening any. */
  open(): readonly ClusterConnection[] {
    return [...this.#entries.values()].map((entry) => entry.connection);
  }

  #credentials(cluster: ProxmoxCluster): ClusterCredentials {
    const { name } = cluster.spec.tokenSecretRef;
    const secret = this.#options.lookUp.secret(name);
    const where = `Secret ${name} in namespace ${this.#options.operatorNamespace}`;
    if (secret === undefined)
      throw new StalledError('SecretMissing', `${where} does not exist. Create it with the keys tokenID and secret.`);
    const { tokenID, secret: value } = secretValues(secret);
    if (tokenID === undefined || value === undefined) {
      throw new StalledError(
        'SecretMissing',
        `${where} lacks the key ${tokenID === undefined ? 'tokenID' : 'secret'}.`,
      );
    }
    return { tokenID: tokenID.trim(), secret: value.trim() };
  }

  #open(cluster: ProxmoxCluster, credentials: ClusterCredentials, fingerprint: string): Entry {
    const { clock, random, log, inventoryPollMs } = this.#options;
    const { spec } = cluster;
    const name = cluster.metadata.name;
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, this.#options.signal]);
    const transport = this.#transport(cluster, credentials);
    const api = createPveApi({
      transport: this.#measured(name, transport),
      clock,
      random,
      readTimeoutMs: (spec.timeouts?.readSeconds ?? DEFAULT_READ_SECONDS) * 1000,
      writeTimeoutMs: (spec.timeouts?.writeSeconds ?? DEFAULT_WRITE_SECONDS) * 1000,
    });
    const inventory = createInventory({
      api,
      clock,
      random,
      log,
      ...(inventoryPollMs === undefined ? {} : { pollMs: inventoryPollMs }),
    });
    const tasks = createTaskWatch({ api, clock, log });
    inventory.subscribe(() => this.#options.onInventory(name));
    inventory.start(signal);
    tasks.start(signal);
    const connection: ClusterConnection = {
      name,
      spec,
      api,
      inventory,
      tasks,
      templates: new TemplateCache(api, () => clock.now()),
      cloneSlots: this.#cloneSlots(cluster),
      migrationMs: (spec.timeouts?.migrationSeconds ?? DEFAULT_MIGRATION_SECONDS) * 1000,
    };
    this.#options.onOpen?.(connection, signal);
    return {
      connection,
      fingerprint,
      close: () => {
        controller.abort();
        void transport[Symbol.asyncDispose]?.().then(undefined, (error: unknown) =>
          log.warn({ err: error }, 'Closing a connection failed'),
        );
      },
    };
  }

  #transport(cluster: ProxmoxCluster, credentials: ClusterCredentials): ReturnType<TransportFactory> {
    try {
      return (this.#options.transport ?? defaultTransport)(cluster.spec, credentials);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StalledError('Refused', `ProxmoxCluster ${cluster.metadata.name} cannot be connected to: ${reason}`, {
        cause: error,
      });
    }
  }

  #measured(cluster: string, transport: PveTransport): PveTransport {
    const { clock, onRequest } = this.#options;
    return async (request) => {
      const startedAt = clock.now();
      const report = (outcome: string): void =>
        onRequest?.({ cluster, call: request.call ?? request.method, outcome, durationMs: clock.now() - startedAt });
      try {
        const answer = await transport(request);
        report(String(answer.status));
        return answer;
      } catch (error) {
        report(error instanceof PveError ? error.kind : 'error');
        throw error;
      }
    };
  }

  #cloneSlots(cluster: ProxmoxCluster): CloneSlots {
    const name = cluster.metadata.name;
    const slots = this.#slots.get(name) ?? new CloneSlots(() => this.#options.clock.now());
    this.#slots.set(name, slots);
    slots.setLimits({
      perStorage: cluster.spec.limits?.clonesPerStorage ?? DEFAULT_CLONES,
      perNode: cluster.spec.limits?.clonesPerNode ?? DEFAULT_CLONES,
    });
    return slots;
  }
}

const defaultTransport: TransportFactory = (spec, credentials) =>
  httpsTransport({
    endpoints: spec.endpoints,
    tls: { ...spec.tls },
    token: { id: credentials.tokenID, secret: credentials.secret },
  });
