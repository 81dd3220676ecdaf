// Answers for the state of a cluster as its one poll sees it, whatever the number of VMs.
import type { Clock } from '../clock.ts';
import type { NodeResource, StorageResource, VmResource } from './answer-types.ts';
import type { PveApi } from './client.ts';
import { PveError, type PveErrorKind } from './errors.ts';
import type { PveLog } from './log.ts';

export interface ClusterSnapshot {
  /** When the request behind it was sent, by our clock. Proxmox's own figures lag up to ten seconds behind. */
  readonly takenAt: number;
  readonly nodes: ReadonlyMap<string, NodeResource>;
  readonly vms: ReadonlyMap<number, VmResource>;
  readonly storages: readonly StorageResource[];
}

export interface InventoryHealth {
  /** The last poll's end: `reachable`, or what kind of error it was. */
  readonly state: 'unknown' | 'reachable' | PveErrorKind;
  readonly error?: PveError;
  /** Since when the state has been this one, by our clock. */
  readonly since: number;
}

export interface Inventory {
  /** Polls until the signal is aborted. */
  start(signal: AbortSignal): void;
  /** The latest snapshot, also while the cluster cannot be reached: see `takenAt` and `health`. */
  snapshot(): ClusterSnapshot | undefined;
  readonly health: InventoryHealth;
  /**
   * A snapshot whose request is sent after this call, so that what is missing in it is missing now; concurrent
   * callers share one. Rejects with PveError.
   */
  refresh(): Promise<ClusterSnapshot>;
  /** Calls back after every poll, good or bad; the answer ends the subscription. */
  subscribe(listener: () => void): () => void;
}

export interface InventoryOptions {
  readonly api: Pick<PveApi, 'resources'>;
  readonly clock: Clock;
  /** 0 to 1: spreads the polls of several clusters. */
  readonly random: () => number;
  readonly pollMs?: number;
  readonly log?: PveLog;
}

// A rejected token costs the server 3 s each time, and only a person can change it: the poll slows down.
const SLOW_POLL_MS = 60_000;
const SLOW_STATES: ReadonlySet<InventoryHealth['state']> = new Set(['unauthorized', 'certificate']);

export function createInventory(options: InventoryOptions): Inventory {
  const { api, clock, random, pollMs = 10_000, log } = options;
  const listeners = new Set<() => void>();
  let latest: ClusterSnapshot | undefined;
  let health: InventoryHealth = { state: 'unknown', since: clock.now() };
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<ClusterSnapshot> | undefined;
  let lastStart = Number.NEGATIVE_INFINITY;

  const setHealth = (state: InventoryHealth['state'], error?: PveError): void => {
    if (state !== health.state && error === undefined) log?.info({ state }, 'Cluster is reachable');
    if (state !== health.state && error !== undefined)
      log?.warn({ state, detail: error.detail }, 'Polling cluster failed');
    const since = state === health.state ? health.since : clock.now();
    health = { state, since, ...(error === undefined ? {} : { error }) };
  };

  const notify = (): void => {
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        log?.warn({ err: error }, 'Inventory listener failed');
      }
    }
  };

  const poll = async (): Promise<ClusterSnapshot> => {
    next = undefined;
    const takenAt = clock.now();
    lastStart = takenAt;
    try {
      const { nodes, vms, storages } = await api.resources();
      latest = {
        takenAt,
        nodes: new Map(nodes.map((node) => [node.name, node])),
        vms: new Map(vms.map((vm) => [vm.vmid, vm])),
        storages,
      };
      setHealth('reachable');
      return latest;
    } catch (error) {
      const known =
        error instanceof PveError
          ? error
          : new PveError({ kind: 'unreadable', call: 'GET /cluster/resources', detail: String(error), cause: error });
      setHealth(known.kind, known);
      throw known;
    } finally {
      notify();
    }
  };

  // The request in flight may have been answered already; who asks now waits for the one after it.
  const refresh = async (): Promise<ClusterSnapshot> => {
    if (next === undefined) {
      next = running.then(poll);
      running = next.catch(() => undefined);
    }
    return next;
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const interval = SLOW_STATES.has(health.state) ? SLOW_POLL_MS : pollMs;
      // A refresh between two polls counts as one.
      const rest = lastStart + interval * (0.95 + 0.1 * random()) - clock.now();
      if (rest > 0) await clock.sleep(rest, signal);
      else await refresh().catch(() => undefined);
    }
  };

  return {
    start: (signal) => {
      run(signal).catch((error: unknown) => {
        if (!signal.aborted) log?.warn({ err: error }, 'Inventory stopped');
      });
    },
    snapshot: () => latest,
    get health() {
      return health;
    },
    refresh,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
