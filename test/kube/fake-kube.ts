// Answers for an API server in memory: resource versions, conflicts, pages, watches, and faults on demand.
import type { KubeClient, ListOptions, ListPage, NewObject, WatchEvent, WatchOptions } from '../../src/kube/client.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { apiVersionOf, keyOf, type KubeObject, type ResourceType } from '../../src/kube/types.ts';

type Verb = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'replace' | 'delete';

/** What a fault does to the next call of a verb. */
type Fault =
  /** Refused, nothing happened. */
  | { kind: 'refuse'; error: Error }
  /** Carried out, but the answer never arrives. */
  | { kind: 'lose-answer'; error: Error }
  /** No answer until the caller gives up. */
  | { kind: 'hang' };

export interface FakeKube {
  client: KubeClient;
  /** Calls so far: 'create leases ns/name'. */
  calls: string[];
  /** Queues a fault for the next call of the verb; several are used up one by one. */
  failNext(verb: Verb, fault: Fault): void;
  /** Every open watch breaks with this error, or ends normally. */
  breakWatches(error?: Error): void;
  openWatches(): number;
  /** Bookmarks on every open watch. */
  bookmark(): void;
  /** Watches from versions before now are answered with 410. */
  compact(): void;
  /** Sets the version counter, as a restore of etcd from a backup does. */
  rewind(version: number): void;
  version(): number;
  /** Writes to the store without a call. */
  put<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>): T;
  drop(type: ResourceType<KubeObject>, key: string): void;
}

interface Watcher {
  plural: string;
  onEvent: (event: WatchEvent<KubeObject>) => void;
  end: (error?: unknown) => void;
}

export function refusal(status: number, reason: string, retryAfterMs?: number): KubeError {
  return new KubeError({ status, reason, message: `${reason} (injected)`, retryAfterMs });
}

/** An empty server. */
export function createFakeKube(): FakeKube {
  const objects = new Map<string, KubeObject>();
  const history: { plural: string; version: number; event: WatchEvent<KubeObject> }[] = [];
  const watchers = new Set<Watcher>();
  const faults = new Map<Verb, Fault[]>();
  const calls: string[] = [];
  let version = 100;
  let compactedAt = 0;
  let uids = 0;

  const keyIn = (type: ResourceType<KubeObject>, key: string): string => `${type.plural}|${key}`;

  /** A callback that throws ends its watch, as it does on a real stream. */
  function deliver(watcher: Watcher, event: WatchEvent<KubeObject>): void {
    try {
      watcher.onEvent(structuredClone(event));
    } catch (error) {
      watcher.end(error);
    }
  }

  function publish(plural: string, event: WatchEvent<KubeObject>): void {
    history.push({ plural, version, event });
    for (const watcher of watchers) {
      if (watcher.plural === plural) deliver(watcher, event);
    }
  }

  function store(type: ResourceType<KubeObject>, object: object, before?: KubeObject): KubeObject {
    version += 1;
    const draft = object as KubeObject;
    if (before === undefined) uids += 1;
    const uid = before?.metadata.uid ?? `uid-${uids}`;
    const metadata = { ...draft.metadata, uid, resourceVersion: String(version) };
    const stored = structuredClone({ ...draft, apiVersion: apiVersionOf(type), kind: type.kind, metadata });
    objects.set(keyIn(type, keyOf(stored)), stored);
    publish(type.plural, { type: before === undefined ? 'ADDED' : 'MODIFIED', object: stored });
    return stored;
  }

  function drop(type: ResourceType<KubeObject>, key: string): void {
    const stored = objects.get(keyIn(type, key));
    if (stored === undefined) throw refusal(404, 'NotFound');
    version += 1;
    objects.delete(keyIn(type, key));
    const metadata = { ...stored.metadata, resourceVersion: String(version) };
    publish(type.plural, { type: 'DELETED', object: { ...stored, metadata } });
  }

  /** Carries out a call under the next fault of its verb. */
  async function act<R>(verb: Verb, what: string, signal: AbortSignal | undefined, work: () => R): Promise<R> {
    calls.push(`${verb} ${what}`);
    signal?.throwIfAborted();
    const fault = faults.get(verb)?.shift();
    if (fault?.kind === 'refuse') throw fault.error;
    if (fault?.kind === 'hang') {
      await new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    }
    await Promise.resolve();
    const result = work();
    if (fault?.kind === 'lose-answer') throw fault.error;
    return structuredClone(result);
  }

  function existing(type: ResourceType<KubeObject>, key: string, resourceVersion?: string): KubeObject {
    const stored = objects.get(keyIn(type, key));
    if (stored === undefined) throw refusal(404, 'NotFound');
    if (resourceVersion !== undefined && resourceVersion !== stored.metadata.resourceVersion)
      throw refusal(409, 'Conflict');
    return stored;
  }

  function page<T extends KubeObject>(type: ResourceType<T>, options: ListOptions): ListPage<T> {
    const all = [...objects].filter(([key]) => key.startsWith(`${type.plural}|`)).map(([, object]) => object as T);
    const from = Number(options.continueToken ?? '0');
    const to = options.limit === undefined ? all.length : from + options.limit;
    const continueToken = to < all.length ? String(to) : undefined;
    return { items: all.slice(from, to), resourceVersion: String(version), continueToken };
  }

  async function watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    onEvent: (event: WatchEvent<T>) => void,
  ): Promise<void> {
    await act('watch', type.plural, options.signal, () => undefined);
    if (Number(options.resourceVersion) < compactedAt) throw refusal(410, 'Expired');
    options.onOpen?.();
    for (const past of history) {
      const isNews = past.plural === type.plural && past.version > Number(options.resourceVersion);
      if (isNews) onEvent(structuredClone(past.event) as WatchEvent<T>);
    }
    await new Promise<void>((resolve, reject) => {
      const end = (error?: unknown): void => {
        watchers.delete(watcher);
        if (error === undefined) resolve();
        else reject(error);
      };
      const watcher: Watcher = { plural: type.plural, onEvent: onEvent as Watcher['onEvent'], end };
      watchers.add(watcher);
      options.signal.addEventListener('abort', () => end(options.signal.reason), { once: true });
    });
  }

  const client: KubeClient = {
    get: (type, name, namespace, options) => {
      const key = keyOf({ metadata: { name, namespace } });
      return act('get', `${type.plural} ${key}`, options?.signal, () => existing(type, key) as never);
    },
    list: (type, options = {}) => act('list', type.plural, options.signal, () => page(type, options)),
    create: (type, object, options) => {
      const key = keyOf(object);
      return act('create', `${type.plural} ${key}`, options?.signal, () => {
        if (objects.has(keyIn(type, key))) throw refusal(409, 'AlreadyExists');
        return store(type, object) as never;
      });
    },
    patch: (type, target, body, options) => {
      const key = keyOf({ metadata: target });
      return act('patch', `${type.plural} ${key}`, options.signal, () => {
        const patch = body as { metadata?: { resourceVersion?: string } };
        const stored = existing(type, key, patch.metadata?.resourceVersion);
        return store(type, mergePatched(stored, body) as object, stored) as never;
      });
    },
    replace: (type, object, options) => {
      const key = keyOf(object);
      return act('replace', `${type.plural} ${key}`, options?.signal, () => {
        const stored = existing(type, key, object.metadata.resourceVersion);
        return store(type, object, stored) as never;
      });
    },
    delete: (type, name, namespace, options) => {
      const key = keyOf({ metadata: { name, namespace } });
      return act('delete', `${type.plural} ${key}`, options?.signal, () => {
        existing(type, key, options?.resourceVersion);
        drop(type, key);
      });
    },
    watch,
    requestCounts: () => ({}),
    close: () => Promise.resolve(),
  };

  return {
    client,
    calls,
    failNext(verb, fault) {
      faults.set(verb, [...(faults.get(verb) ?? []), fault]);
    },
    breakWatches(error) {
      for (const watcher of watchers) watcher.end(error);
    },
    openWatches: () => watchers.size,
    bookmark() {
      const metadata = { name: '', resourceVersion: String(version) };
      for (const watcher of watchers)
        watcher.onEvent({ type: 'BOOKMARK', object: { apiVersion: '', kind: '', metadata } });
    },
    compact() {
      version += 1;
      compactedAt = version;
    },
    rewind(to) {
      version = to;
      history.length = 0;
    },
    version: () => version,
    put(type, object) {
      return store(type, object, objects.get(keyIn(type, keyOf(object)))) as never;
    },
    drop,
  };
}

/** RFC 7396. */
export function mergePatched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isObject ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete result[key];
    else result[key] = mergePatched(result[key], value);
  }
  return result;
}
