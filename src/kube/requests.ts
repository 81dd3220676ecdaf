// Answers for how calls become HTTP requests, and answers become objects, pages and events.
import type { ListOptions, ListPage, RequestSample, WatchEvent, WatchOptions } from './client.ts';
import { errorFromAnswer, errorFromStatus, KubeError, networkError, type StatusBody } from './errors.ts';
import type { Transport, TransportAnswer, TransportRequest } from './transport.ts';
import { apiVersionOf, type KubeObject, type ResourceType } from './types.ts';
import { linesOf } from './watch-stream.ts';

/** One call of the client, before it is sent. */
export interface Call {
  verb: RequestSample['verb'];
  resource: string;
  /** For messages: 'patch configmaps kube-system/settings'. */
  what: string;
  request: Omit<TransportRequest, 'timeoutMs'>;
}

/** How the server tells the kinds of patches apart. */
export const patchContentType = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  // The server reads YAML here, and JSON is YAML.
  apply: 'application/apply-patch+yaml',
} as const;

interface Followed {
  transport: Transport;
  call: Call;
  timeoutMs: number;
  onStatus: (status: number) => void;
  onOpen?: () => void;
}

/** Opens a stream and hands over its lines until it ends. */
export async function follow(parts: Followed, onLine: (line: string) => void): Promise<void> {
  const { transport, call, timeoutMs } = parts;
  const stream = await transport.stream({ ...call.request, timeoutMs }).catch((error: unknown) => {
    parts.onStatus(0);
    call.request.signal?.throwIfAborted();
    throw networkError(call.what, error);
  });
  parts.onStatus(stream.status);
  try {
    if (stream.status === 401) transport.refreshCredentials();
    if (stream.status !== 200) {
      throw errorFromAnswer(call.what, stream.status, await firstText(stream.body), headerOf(stream, 'retry-after'));
    }
    parts.onOpen?.();
    for await (const line of linesOf(stream.body)) onLine(line);
  } catch (error) {
    call.request.signal?.throwIfAborted();
    throw error instanceof KubeError ? error : networkError(call.what, error);
  } finally {
    stream.close();
  }
}

/** A refusal is short; its first chunk is all that is needed, and waiting for more could take for ever. */
async function firstText(body: AsyncIterable<Uint8Array>): Promise<string> {
  for await (const chunk of body) return new TextDecoder().decode(chunk);
  return '';
}

export function eventOf<T extends KubeObject>(type: ResourceType<T>, what: string, line: string): WatchEvent<T> {
  const event = parsed(what, line) as WatchEvent<T> | { type: 'ERROR'; object: Partial<StatusBody> };
  if (event.type === 'ERROR') throw errorFromStatus(what, event.object);
  return event.type === 'BOOKMARK' ? event : { type: event.type, object: completed(type, event.object) };
}

/** Describes one call; `target` may be the metadata of the object. */
export function callOf(
  verb: Call['verb'],
  type: ResourceType<KubeObject>,
  target: { name?: string; namespace?: string; subresource?: string },
  request: Call['request'],
): Call {
  const resource = target.subresource === undefined ? type.plural : `${type.plural}/${target.subresource}`;
  const object = [target.namespace, target.name].filter((part) => part !== undefined && part !== '').join('/');
  return { verb, resource, what: `${verb} ${resource} ${object}`.trim(), request };
}

export function listParameters(options: ListOptions): Record<string, string | undefined> {
  return {
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: options.limit === undefined ? undefined : String(options.limit),
    continue: options.continueToken,
    resourceVersion: options.resourceVersion,
  };
}

export function watchParameters(options: WatchOptions): Record<string, string | undefined> {
  return {
    watch: 'true',
    allowWatchBookmarks: 'true',
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    resourceVersion: options.resourceVersion,
    timeoutSeconds: options.timeoutSeconds === undefined ? undefined : String(options.timeoutSeconds),
  };
}

export function query(parameters: Record<string, string | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) search.set(name, value);
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

export function jsonBody(
  body: object,
  contentType = 'application/json',
): { headers: Record<string, string>; body: string } {
  return { headers: { 'content-type': contentType }, body: JSON.stringify(body) };
}

/** Built-in kinds carry no apiVersion and kind inside lists. */
export function completed<T extends KubeObject>(type: ResourceType<T>, object: unknown): T {
  return { ...(object as T), apiVersion: apiVersionOf(type), kind: type.kind };
}

export function pageOf<T extends KubeObject>(type: ResourceType<T>, body: unknown): ListPage<T> {
  const list = body as { items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string } };
  return {
    items: (list.items ?? []).map((item) => completed(type, item)),
    resourceVersion: list.metadata?.resourceVersion ?? '',
    continueToken: list.metadata?.continue || undefined,
  };
}

export function parsed(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KubeError({ status: 0, reason: 'Unreadable', message: `${what}: the answer is not JSON`, cause: error });
  }
}

export function headerOf(answer: Pick<TransportAnswer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
