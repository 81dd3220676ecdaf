// An API server in memory: the client over it, stores that always show its state, and a place to make writes fail.
import type { Store } from '../../src/controllers/context.ts';
import type { KubeClient, ListOptions, PatchOptions, RequestSample, WriteOptions } from '../../src/kube/client.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { completed } from '../../src/kube/requests.ts';
import type { Secret } from '../../src/kube/secrets.ts';
import type { IndexFunction } from '../../src/kube/store.ts';
import { type KubeObject, type ObjectMeta, resourcePath, type ResourceType } from '../../src/kube/types.ts';
import { patched } from './json-patch.ts';
import { json, KubeState, merged, refusal, hasStatus, type StoredObject, type Target } from './kube-state.ts';

/** One write that the server has carried out; a patch that changes nothing counts as well. */
interface KubeWrite {
  verb: 'create' | 'patch' | 'replace' | 'delete';
  /** Plural and subresource: 'virtualmachines/status'. */
  type: string;
  name: string;
  namespace?: string;
}

/**
 * Called before a write is carried out and again after it. What it throws reaches the caller of the client: thrown
 * before, nothing happened; thrown after, it happened and only the answer is lost.
 */
type WriteHook = (write: KubeWrite & { phase: 'before' | 'after' }) => void | Promise<void>;

export interface FakeKube {
  client: KubeClient;
  /** Always shows the server's state; objects are frozen. */
  store<T extends KubeObject>(type: ResourceType<T>, indexes?: Readonly<Record<string, IndexFunction<T>>>): Store<T>;
  /** Puts an object there as it is, status and all, without a look at its schema; uid and times are filled in. */
  seed<T extends KubeObject>(type: ResourceType<T>, object: Seed<T>): T;
  objects<T extends KubeObject>(type: ResourceType<T>): T[];
  /** Writes that were carried out, in order; a test may empty it. */
  writes: KubeWrite[];
  /** Replaces the hook before. */
  onWrite(hook: WriteHook | undefined): void;
  /** What the garbage collector does: removes objects whose owners are gone, and returns how many. */
  collectGarbage(): number;
}

type Seed<T extends KubeObject> = Omit<T, 'apiVersion' | 'kind' | 'metadata'> & {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
};

/** An empty API server. `now` is in milliseconds since the epoch. */
export function createFakeKube(options: { now?: () => number } = {}): FakeKube {
  const state = new KubeState(options.now ?? Date.now);
  const writes: KubeWrite[] = [];
  const counts = new Map<string, number>();
  let hook: WriteHook | undefined;

  function count(verb: RequestSample['verb'], resource: string): void {
    const key = `${verb} ${resource}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }

  async function carryOut<T>(write: KubeWrite, signal: AbortSignal | undefined, effect: () => T): Promise<T> {
    signal?.throwIfAborted();
    count(write.verb, write.type);
    await hook?.({ ...write, phase: 'before' });
    const result = effect();
    writes.push(write);
    await hook?.({ ...write, phase: 'after' });
    return json(result);
  }

  /** Carries out what turns an object into the wanted one, and answers it. */
  function change(
    type: ResourceType<KubeObject>,
    target: Target,
    { subresource, dryRun }: WriteOptions,
    wanted: (current: StoredObject) => StoredObject,
  ): StoredObject {
    const current = state.read(type, target);
    if (subresource === 'status' && !hasStatus(type)) throw refusal('NotFound', type, target, 'the kind has no status');
    const next = state.changed(type, current, wanted(current), subresource);
    return next === current || dryRun ? next : state.store(type, next);
  }

  const client: KubeClient = {
    async get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string) {
      resourcePath(type, namespace, name);
      count('get', type.plural);
      return json(state.read(type, { name, namespace })) as unknown as T;
    },
    async list<T extends KubeObject>(type: ResourceType<T>, selection: ListOptions = {}) {
      count('list', type.plural);
      const items = state.list(type).filter((object) => isSelected(object, selection));
      return { items: json(items) as unknown as T[], resourceVersion: state.version };
    },
    async create(type, object, { dryRun, signal } = {}) {
      const { name, namespace } = object.metadata;
      resourcePath(type, namespace, name);
      const complete = withStringData(completed<typeof object & KubeObject>(type, object));
      return carryOut({ verb: 'create', type: type.plural, name, namespace }, signal, () => {
        const draft = state.drafted(type, complete);
        return (dryRun ? draft : state.store(type, draft)) as never;
      });
    },
    async patch(type, target, body, patchOptions) {
      const apply = PATCHES[patchOptions.kind];
      const request = { verb: 'patch' as const, type: resourceOf(type, patchOptions), ...named(type, target) };
      return carryOut(
        request,
        patchOptions.signal,
        () => change(type, target, patchOptions, (current) => apply(current, json(body)) as StoredObject) as never,
      );
    },
    async replace(type, object, writeOptions = {}) {
      const { name, namespace } = object.metadata;
      const request = {
        verb: 'replace' as const,
        type: resourceOf(type, writeOptions),
        ...named(type, object.metadata),
      };
      return carryOut(
        request,
        writeOptions.signal,
        () => change(type, { name, namespace }, writeOptions, () => json(object)) as never,
      );
    },
    async delete(type, name, namespace, deleteOptions = {}) {
      const { uid, resourceVersion, signal } = deleteOptions;
      const request = { verb: 'delete' as const, type: type.plural, ...named(type, { name, namespace }) };
      await carryOut(request, signal, () => {
        state.remove(type, { name, namespace }, { uid, resourceVersion });
        return null;
      });
    },
    watch: () => Promise.reject(new Error('The API server in memory has no watch: its stores are always up to date')),
    requestCounts: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    close: () => Promise.resolve(),
  };

  return {
    client,
    store: (type, indexes = {}) => storeOver(state, type, indexes),
    seed: (type, object) => state.seed(type, object) as never,
    objects: (type) => json(state.list(type)) as never,
    writes,
    onWrite(next) {
      hook = next;
    },
    collectGarbage: () => state.collectGarbage(),
  };
}

function storeOver<T extends KubeObject>(
  state: KubeState,
  type: ResourceType<T>,
  indexes: Readonly<Record<string, IndexFunction<T>>>,
): Store<T> {
  const list = (): readonly T[] => state.list(type) as unknown as T[];
  return {
    get: (key) => state.find(type, key) as T | undefined,
    list,
    byIndex(name, value) {
      const values = indexes[name];
      if (values === undefined) throw new RangeError(`There is no index ${name}`);
      return list().filter((object) => values(object).includes(value));
    },
    // Writes show at once, so there is nothing to bring forward.
    observe: () => undefined,
    forget: () => undefined,
  };
}

function resourceOf(type: ResourceType<KubeObject>, { subresource }: WriteOptions): string {
  return subresource === undefined ? type.plural : `${type.plural}/${subresource}`;
}

/** @throws TypeError for a namespaced object without its namespace, as the real client does. */
function named(type: ResourceType<KubeObject>, { name, namespace }: Target): Target {
  resourcePath(type, namespace, name);
  return { name, namespace };
}

const PATCHES: { [K in PatchOptions['kind']]: (target: unknown, patch: unknown) => unknown } = {
  merge: merged,
  json: patched,
  apply: () => {
    throw new KubeError({
      status: 415,
      reason: 'UnsupportedMediaType',
      message: 'The fake knows no server-side apply',
    });
  },
};

/** Secrets are written as text and stored in base64. */
function withStringData<T extends KubeObject>(object: T): T {
  const { stringData, ...rest } = object as T & Secret;
  if (stringData === undefined) return object;
  const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { ...rest, data: { ...rest.data, ...Object.fromEntries(encoded) } } as unknown as T;
}

function isSelected(object: StoredObject, { namespace, labelSelector, fieldSelector }: ListOptions): boolean {
  const labels = object.metadata.labels ?? {};
  return (
    (namespace === undefined || object.metadata.namespace === namespace) &&
    termsOf(labelSelector).every(([label, value]) =>
      value === undefined ? label in labels : labels[label] === value,
    ) &&
    termsOf(fieldSelector).every(([path, value]) => String(fieldOf(object, path)) === value)
  );
}

/** 'a=1,b' as pairs; other operators than equality are not known. */
function termsOf(selector = ''): [string, string | undefined][] {
  return selector
    .split(',')
    .filter((term) => term !== '')
    .map((term) => {
      const [name = '', value] = term.split(/==?/);
      return [name, value];
    });
}

function fieldOf(object: unknown, path: string): unknown {
  const names = path.replace(/^\./, '').split('.');
  return names.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], object);
}
