// Answers for a live local copy of one kind: a reflector feeding a store, subscriptions, and how fresh the copy is.
import type { BackoffLimits } from './backoff.ts';
import type { KubeClient, Selection } from './client.ts';
import { type Clock, type Random, systemClock } from './clock.ts';
import { reflect } from './reflector.ts';
import { type Change, createStore, type IndexFunction } from './store.ts';
import type { KubeObject, ResourceType } from './types.ts';

export interface InformerHealth {
  /** The first complete list has arrived. */
  synced: boolean;
  /** Nothing was heard from the API server for `staleAfterMs`: the copy may be old. True before the first contact. */
  stale: boolean;
  /** Wall time of the last answer or event, milliseconds since 1970; 0 before the first. */
  lastContactAt: number;
  /** How often a watch broke or a list had to be repeated. */
  restarts: number;
}

export interface InformerOptions<T extends KubeObject> extends Selection {
  client: Pick<KubeClient, 'list' | 'watch'>;
  type: ResourceType<T>;
  /** For every name, the values an object is found under with `byIndex`. Must depend on the object alone. */
  indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Objects in one page of a list; default 500. */
  pageSize?: number;
  /** Default 90 s. A watch that is silent for five sixths of it is opened again, so a dead connection is found in time. */
  staleAfterMs?: number;
  /** Reduces objects before they are stored; managedFields are gone already. */
  transform?: (object: T) => T;
  /** Between attempts after failures; default 0.5 s to 30 s, half of it random. */
  backoff?: BackoffLimits;
  clock?: Clock;
  random?: Random;
  onError?: (error: unknown) => void;
}

/** A live copy of the selected objects. Objects are shared: callers never modify them. */
export interface Informer<T extends KubeObject> {
  /** Begins to follow the API server until the signal aborts. Called once. */
  start(signal: AbortSignal): void;
  /** Resolves after the first complete list; rejects with the signal's reason. */
  synced(signal?: AbortSignal): Promise<void>;
  /** By 'namespace/name', or 'name' for cluster-scoped kinds. */
  get(key: string): T | undefined;
  list(): readonly T[];
  /** @throws RangeError for an index that was not declared. */
  byIndex(index: string, value: string): readonly T[];
  /**
   * Calls back for every change, after the store has it; objects already here are delivered first, as initial.
   * The returned function ends the subscription.
   */
  subscribe(handler: (change: Change<T>) => void): () => void;
  readonly health: InformerHealth;
  /**
   * Puts the answer of one's own write into the store until the watch shows it or something newer, so that the next
   * reconcile does not decide on the state before. Only for objects that the informer's selectors match.
   */
  observe(object: T): void;
  /** Takes an object out that the server has confirmed to be gone (a delete without finalizers). */
  forget(object: T): void;
  /** Resolves when following has ended after the abort. */
  stopped(): Promise<void>;
}

const defaultStaleAfterMs = 90_000;
const defaultPageSize = 500;
const defaultBackoff: BackoffLimits = { baseDelayMs: 500, maxDelayMs: 30_000, jitter: 0.5 };

/** An informer that waits for `start`. */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const clock = options.clock ?? systemClock;
  const staleAfterMs = options.staleAfterMs ?? defaultStaleAfterMs;
  const handlers = new Set<(change: Change<T>) => void>();
  const store = createStore<T>(guardedIndexes(options), notify);
  const firstSync = Promise.withResolvers<void>();
  let running: Promise<void> | undefined;
  let lastContact: { wall: number; monotonic: number } | undefined;
  let isSynced = false;
  let restarts = 0;

  function notify(change: Change<T>): void {
    for (const handler of handlers) deliver(handler, change);
  }

  function deliver(handler: (change: Change<T>) => void, change: Change<T>): void {
    guarded(options, () => handler(change), undefined);
  }

  function reduced(object: T): T {
    const stripped = withoutManagedFields(object);
    return guarded(options, () => options.transform?.(stripped), undefined) ?? stripped;
  }

  const sink = {
    replace(items: readonly T[], resourceVersion: string): void {
      store.replace(items.map(reduced), resourceVersion);
      isSynced = true;
      firstSync.resolve();
    },
    apply: (object: T): void => store.apply(reduced(object)),
    remove: (object: T): void => store.remove(reduced(object)),
    advance: (resourceVersion: string): void => store.advance(resourceVersion),
  };

  return {
    start(signal) {
      if (running !== undefined) throw new Error(`The informer of ${options.type.plural} was started twice`);
      running = reflect<T>(
        {
          ...options,
          sink,
          clock,
          random: options.random ?? Math.random,
          pageSize: options.pageSize ?? defaultPageSize,
          quietLimitMs: Math.floor((staleAfterMs * 5) / 6),
          backoff: options.backoff ?? defaultBackoff,
          onContact: () => {
            lastContact = { wall: clock.now(), monotonic: clock.monotonic() };
          },
          onError: (error) => options.onError?.(error),
          onRestart: () => {
            restarts += 1;
          },
        },
        signal,
      );
    },
    synced(signal) {
      if (signal === undefined) return firstSync.promise;
      return new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason as Error);
        if (signal.aborted) onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
        void firstSync.promise.then(() => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        });
      });
    },
    get: (key) => store.get(key),
    list: () => store.list(),
    byIndex: (index, value) => store.byIndex(index, value),
    subscribe(handler) {
      for (const object of store.list()) deliver(handler, { type: 'added', object, initial: true });
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    get health() {
      return {
        synced: isSynced,
        stale: lastContact === undefined || clock.monotonic() - lastContact.monotonic > staleAfterMs,
        lastContactAt: lastContact?.wall ?? 0,
        restarts,
      };
    },
    observe: (object) => store.observe(reduced(object)),
    forget: (object) => store.forget(object),
    stopped: () => running ?? Promise.resolve(),
  };
}

/** A broken callback must neither stop the watch nor keep the others from hearing: one odd object would end everything. */
function guarded<R>(options: { onError?: (error: unknown) => void }, callback: () => R, fallback: R): R {
  try {
    return callback();
  } catch (error) {
    options.onError?.(error);
    return fallback;
  }
}

function guardedIndexes<T extends KubeObject>(options: InformerOptions<T>): Record<string, IndexFunction<T>> {
  const entries = Object.entries(options.indexes ?? {}).map(([name, values]): [string, IndexFunction<T>] => [
    name,
    (object) => guarded<readonly string[]>(options, () => values(object), []),
  ]);
  return Object.fromEntries(entries);
}

/** managedFields are often the larger half of an object, and nothing here reads them. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!('managedFields' in object.metadata)) return object;
  const { managedFields: _unused, ...metadata } = object.metadata as T['metadata'] & { managedFields: unknown };
  return { ...object, metadata };
}
