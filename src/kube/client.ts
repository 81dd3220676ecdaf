// Answers for the verbs of the Kubernetes API, typed by resource: paths, content types, errors, and what may be repeated.
import type { KubeConfig } from '@kubernetes/client-node';
import { type Clock, sleep, systemClock } from './clock.ts';
import { errorFromAnswer, KubeError, networkError } from './errors.ts';
import {
  type Call,
  callOf,
  completed,
  eventOf,
  follow,
  headerOf,
  jsonBody,
  listParameters,
  pageOf,
  parsed,
  patchContentType,
  query,
  watchParameters,
} from './requests.ts';
import { createTransport, type Transport, type TransportAnswer } from './transport.ts';
import { apiVersionOf, type KubeObject, resourcePath, type ResourceType } from './types.ts';

/** For every call: ends it early. The call then rejects with the signal's reason. */
interface CallOptions {
  signal?: AbortSignal;
}

/** Which objects a list or watch covers; without a namespace, all of them. */
export interface Selection {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface ListOptions extends Selection, CallOptions {
  limit?: number;
  continueToken?: string;
  /** '0' accepts the server's cache; unset means the latest state. */
  resourceVersion?: string;
}

export interface ListPage<T> {
  items: T[];
  resourceVersion: string;
  continueToken?: string;
}

export interface WriteOptions extends CallOptions {
  /** The server checks everything and stores nothing. */
  dryRun?: boolean;
  subresource?: 'status';
}

export interface PatchOptions extends WriteOptions {
  kind: 'merge' | 'json' | 'apply';
  /** For 'apply' only: takes fields over from other managers. */
  force?: boolean;
}

interface DeleteOptions extends CallOptions {
  /** Preconditions: Conflict when the object is another one by now. */
  uid?: string;
  resourceVersion?: string;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
}

export interface WatchOptions extends Selection {
  resourceVersion: string;
  signal: AbortSignal;
  /** The server ends the watch after this time. */
  timeoutSeconds?: number;
  /** The server accepted the watch. */
  onOpen?: () => void;
}

/** One line of a watch. A BOOKMARK's object has only its kind and metadata.resourceVersion. */
export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

/** One finished request; a watch is reported when it opens or fails to. */
export interface RequestSample {
  verb: 'get' | 'list' | 'watch' | 'create' | 'patch' | 'replace' | 'delete';
  /** Plural and subresource: 'configmaps', 'virtualmachines/status'. */
  resource: string;
  /** HTTP status, 0 without an answer. */
  status: number;
  durationMs: number;
}

/**
 * The Kubernetes API. Every rejection is a KubeError, or the reason of the caller's own signal.
 *
 * Requests refused with 429 are repeated a few times after the time the server asks for, because they were not carried
 * out; reads are repeated once after a broken connection; other writes never.
 */
export interface KubeClient {
  get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string, options?: CallOptions): Promise<T>;
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<ListPage<T>>;
  create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>, options?: WriteOptions): Promise<T>;
  /** `body` is a partial object, or for kind 'json' a list of operations. */
  patch<T extends KubeObject>(
    type: ResourceType<T>,
    target: { name: string; namespace?: string },
    body: object,
    options: PatchOptions,
  ): Promise<T>;
  /** Needs the object's resourceVersion to be protected from overwriting others' changes. */
  replace<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  delete<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    namespace?: string,
    options?: DeleteOptions,
  ): Promise<void>;
  /** Calls back for every event until the server ends the watch (resolves) or it breaks (rejects; 410 as status 410). */
  watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    onEvent: (event: WatchEvent<T>) => void,
  ): Promise<void>;
  /** Requests so far, by '<verb> <resource>': what the benchmarks and the metrics count. */
  requestCounts(): Record<string, number>;
  /** Ends watches at once and other requests after the grace period; later calls reject. */
  close(graceMs?: number): Promise<void>;
}

/** An object before the server has seen it: apiVersion and kind are filled in from the type. */
export type NewObject<T extends KubeObject> = Omit<T, 'apiVersion' | 'kind'> & { apiVersion?: string; kind?: string };

export interface KubeClientOptions {
  kubeConfig: KubeConfig;
  userAgent: string;
  /** Names us in managedFields and as the owner of applied fields. */
  fieldManager: string;
  /** Bounds every request but a watch's duration; default 30 s. */
  requestTimeoutMs?: number;
  onRequest?: (sample: RequestSample) => void;
  /** Warnings the server sent along, for example about deprecated versions or unknown fields. */
  onWarning?: (warning: string) => void;
  clock?: Clock;
}

/** Everything `createClientOn` needs; tests give it a transport of their own. */
export interface ClientParts extends Omit<KubeClientOptions, 'kubeConfig' | 'userAgent'> {
  transport: Transport;
}

/** A client for the kubeconfig's current context. Nothing is contacted until the first call. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const clock = options.clock ?? systemClock;
  const transport = createTransport({ kubeConfig: options.kubeConfig, userAgent: options.userAgent, clock });
  return createClientOn({ ...options, clock, transport });
}

const defaultRequestTimeoutMs = 30_000;
const defaultCloseGraceMs = 2_000;
/** A 429 is waited out this often before the caller hears of it. */
const maxThrottledRepeats = 4;
const longestThrottleMs = 10_000;

/** A client over any transport. */
export function createClientOn(parts: ClientParts): KubeClient {
  const { transport } = parts;
  const clock = parts.clock ?? systemClock;
  const timeoutMs = parts.requestTimeoutMs ?? defaultRequestTimeoutMs;
  const counts = new Map<string, number>();

  function record(call: Call, status: number, startedAt: number): void {
    const key = `${call.verb} ${call.resource}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    const durationMs = clock.monotonic() - startedAt;
    parts.onRequest?.({ verb: call.verb, resource: call.resource, status, durationMs });
  }

  async function attempt(call: Call): Promise<TransportAnswer> {
    const startedAt = clock.monotonic();
    try {
      const answer = await transport.request({ ...call.request, timeoutMs });
      record(call, answer.status, startedAt);
      return answer;
    } catch (error) {
      record(call, 0, startedAt);
      call.request.signal?.throwIfAborted();
      throw networkError(call.what, error);
    }
  }

  /** Repeats what certainly was not carried out, or does no harm twice. */
  async function exchange(call: Call): Promise<TransportAnswer> {
    const spent = { throttled: 0, unauthorized: 0, network: 0 };
    for (;;) {
      const outcome = await attempt(call).catch((error: unknown) => error as Error);
      if (outcome instanceof Error) {
        if (call.request.method !== 'GET' || !(outcome instanceof KubeError) || spent.network++ > 0) throw outcome;
      } else if (outcome.status === 401 && spent.unauthorized++ === 0) {
        transport.refreshCredentials();
      } else if (outcome.status === 429 && spent.throttled++ < maxThrottledRepeats) {
        await sleep(clock, throttleMs(call, outcome), call.request.signal);
      } else {
        return outcome;
      }
    }
  }

  function throttleMs(call: Call, answer: TransportAnswer): number {
    const error = errorFromAnswer(call.what, answer.status, answer.text, headerOf(answer, 'retry-after'));
    return Math.min(error.retryAfterMs ?? 1_000, longestThrottleMs);
  }

  async function send(call: Call): Promise<unknown> {
    const answer = await exchange(call);
    const warning = headerOf(answer, 'warning');
    if (warning !== undefined) parts.onWarning?.(warning);
    if (answer.status < 200 || answer.status > 299) {
      throw errorFromAnswer(call.what, answer.status, answer.text, headerOf(answer, 'retry-after'));
    }
    return parsed(call.what, answer.text);
  }

  function writeQuery(options: WriteOptions | undefined, force?: boolean): string {
    return query({
      fieldManager: parts.fieldManager,
      dryRun: options?.dryRun ? 'All' : undefined,
      force: force ? 'true' : undefined,
    });
  }

  return {
    async get(type, name, namespace, options) {
      const path = resourcePath(type, namespace, name);
      const call = callOf('get', type, { name, namespace }, { method: 'GET', path, signal: options?.signal });
      return completed(type, await send(call));
    },
    async list(type, options = {}) {
      const path = resourcePath(type, options.namespace) + query(listParameters(options));
      const call = callOf(
        'list',
        type,
        { namespace: options.namespace },
        { method: 'GET', path, signal: options.signal },
      );
      return pageOf(type, await send(call));
    },
    async create(type, object, options) {
      const path = resourcePath(type, object.metadata.namespace) + writeQuery(options);
      const request = { method: 'POST' as const, path, ...jsonBody(completed(type, object)), signal: options?.signal };
      return completed(type, await send(callOf('create', type, object.metadata, request)));
    },
    async patch(type, target, body, options) {
      const path =
        resourcePath(type, target.namespace, target.name, options.subresource) + writeQuery(options, options.force);
      const content = options.kind === 'apply' ? { apiVersion: apiVersionOf(type), kind: type.kind, ...body } : body;
      const request = {
        method: 'PATCH' as const,
        path,
        ...jsonBody(content, patchContentType[options.kind]),
        signal: options.signal,
      };
      return completed(
        type,
        await send(callOf('patch', type, { ...target, subresource: options.subresource }, request)),
      );
    },
    async replace(type, object, options) {
      const { name, namespace } = object.metadata;
      const path = resourcePath(type, namespace, name, options?.subresource) + writeQuery(options);
      const request = { method: 'PUT' as const, path, ...jsonBody(completed(type, object)), signal: options?.signal };
      return completed(
        type,
        await send(callOf('replace', type, { name, namespace, subresource: options?.subresource }, request)),
      );
    },
    async delete(type, name, namespace, options = {}) {
      const { uid, resourceVersion, propagationPolicy } = options;
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid, resourceVersion },
        propagationPolicy,
      };
      const path = resourcePath(type, namespace, name);
      await send(
        callOf(
          'delete',
          type,
          { name, namespace },
          { method: 'DELETE', path, ...jsonBody(body), signal: options.signal },
        ),
      );
    },
    async watch(type, options, onEvent) {
      const path = resourcePath(type, options.namespace) + query(watchParameters(options));
      const call = callOf(
        'watch',
        type,
        { namespace: options.namespace },
        { method: 'GET', path, signal: options.signal },
      );
      const startedAt = clock.monotonic();
      const onStatus = (status: number): void => record(call, status, startedAt);
      await follow({ transport, call, timeoutMs, onStatus, onOpen: options.onOpen }, (line) => {
        onEvent(eventOf(type, call.what, line));
      });
    },
    requestCounts: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    close: (graceMs = defaultCloseGraceMs) => transport.close(graceMs),
  };
}
