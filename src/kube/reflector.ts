// Answers for following one kind on the API server for ever: list in pages, watch, and come back after every kind of break.
import { backoffDelayMs, type BackoffLimits } from './backoff.ts';
import type { KubeClient, Selection, WatchEvent } from './client.ts';
import { type Clock, type Random, sleep } from './clock.ts';
import { isGone, KubeError, networkError } from './errors.ts';
import { compareResourceVersions } from './store.ts';
import type { KubeObject, ResourceType } from './types.ts';

/** Where the reflector delivers. */
interface ReflectorSink<T extends KubeObject> {
  replace(items: readonly T[], resourceVersion: string): void;
  apply(object: T): void;
  remove(object: T): void;
  advance(resourceVersion: string): void;
}

export interface ReflectorOptions<T extends KubeObject> extends Selection {
  client: Pick<KubeClient, 'list' | 'watch'>;
  type: ResourceType<T>;
  sink: ReflectorSink<T>;
  pageSize: number;
  /**
   * A watch that shows nothing for this long is taken for dead and opened again where it was, which costs little when it
   * was not. kube-apiserver 1.35 sends a bookmark every 60 s (measured), so a healthy one is never silent for longer.
   */
  quietLimitMs: number;
  backoff: BackoffLimits;
  clock: Clock;
  random: Random;
  /** The server answered or sent something. */
  onContact: () => void;
  /** A failure that is being waited out; the reflector never gives up. */
  onError: (error: unknown) => void;
  /** A watch broke, or a list had to be repeated. */
  onRestart: () => void;
}

/** The server ends a watch after this time to 1.5 times of it, so that the watches of many kinds do not end together. */
const watchSeconds = 300;
/** A watch that showed something, or stayed open this long, ends the row of failures. */
const settledAfterMs = 10_000;

/** Runs until the signal aborts; resolves then, never rejects. */
export async function reflect<T extends KubeObject>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let position: string | undefined;
  while (!signal.aborted) {
    const end: SessionEnd = await runSession(options, position, signal);
    if (signal.aborted) return;
    position = isGone(end.error) ? undefined : end.position;
    if (end.settled) failures = 0;
    if (end.error !== undefined) {
      options.onRestart();
      options.onError(end.error);
    }
    // The server ends watches now and then, which is no failure; one that it ends at once must not make a tight loop.
    if (end.error === undefined && end.settled) continue;
    failures += 1;
    await sleep(options.clock, waitMs(options, failures, end.error), signal);
  }
}

interface SessionEnd {
  /** The resource version to go on from; undefined asks for a list. */
  position: string | undefined;
  /** Worked well enough that what broke it is a new failure, not another of the same row. */
  settled: boolean;
  /** Unset when the server ended the watch. */
  error?: unknown;
}

/** A list, when there is no position to go on from, and one watch. */
async function runSession<T extends KubeObject>(
  options: ReflectorOptions<T>,
  from: string | undefined,
  signal: AbortSignal,
): Promise<SessionEnd> {
  let session: WatchSession | undefined;
  try {
    session = watchSession(options, from ?? (await listAll(options, signal)));
    await session.run(signal);
    return { position: session.position(), settled: session.settled() };
  } catch (error) {
    return { position: session?.position() ?? from, settled: session?.settled() ?? false, error };
  }
}

function waitMs<T extends KubeObject>(options: ReflectorOptions<T>, failures: number, error?: unknown): number {
  const delayMs = backoffDelayMs(options.backoff, failures, options.random);
  const askedMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(delayMs, askedMs);
}

/** Collects all pages before anything is delivered, so that a break in the middle leaves the store as it was. */
async function listAll<T extends KubeObject>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<string> {
  const { client, type, namespace, labelSelector, fieldSelector, pageSize: limit } = options;
  const items: T[] = [];
  let continueToken: string | undefined;
  for (;;) {
    const page = await client.list(type, { namespace, labelSelector, fieldSelector, limit, continueToken, signal });
    options.onContact();
    items.push(...page.items);
    continueToken = page.continueToken;
    if (continueToken === undefined) {
      options.sink.replace(items, page.resourceVersion);
      return page.resourceVersion;
    }
  }
}

interface WatchSession {
  run(signal: AbortSignal): Promise<void>;
  /** The resource version to go on from. */
  position(): string;
  settled(): boolean;
}

function watchSession<T extends KubeObject>(options: ReflectorOptions<T>, from: string): WatchSession {
  const { client, type, sink, clock } = options;
  let position = from;
  let events = 0;
  let openedAt = Number.POSITIVE_INFINITY;

  function deliver(event: WatchEvent<T>): void {
    const version = event.object.metadata.resourceVersion ?? position;
    if (compareResourceVersions(version, position) < 0) throw wentBack(type.plural, position, version);
    if (event.type === 'BOOKMARK') sink.advance(version);
    else if (event.type === 'DELETED') sink.remove(event.object);
    else sink.apply(event.object);
    events += 1;
    position = version;
  }

  return {
    position: () => position,
    settled: () => events > 0 || clock.monotonic() - openedAt >= settledAfterMs,
    async run(signal) {
      const ended = new AbortController();
      const onAbort = (): void => ended.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const quiet = quietTimer(clock, options.quietLimitMs, () => {
        ended.abort(
          networkError(`watch ${type.plural}`, new Error(`nothing was heard for ${options.quietLimitMs} ms`)),
        );
      });
      const onContact = (): void => {
        quiet.reset();
        options.onContact();
      };
      const onOpen = (): void => {
        openedAt = clock.monotonic();
        onContact();
      };
      const timeoutSeconds = Math.round(watchSeconds * (1 + options.random() / 2));
      const { namespace, labelSelector, fieldSelector } = options;
      const selection = { namespace, labelSelector, fieldSelector };
      try {
        await client.watch<T>(
          type,
          { ...selection, resourceVersion: from, signal: ended.signal, timeoutSeconds, onOpen },
          (event) => {
            onContact();
            deliver(event);
          },
        );
      } finally {
        quiet.stop();
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}

/** After a restore of etcd from a backup versions are lower than before, and only a new list tells what is there. */
function wentBack(plural: string, from: string, to: string): KubeError {
  const message = `watch ${plural}: the resource version went back from ${from} to ${to}`;
  return new KubeError({ status: 410, reason: 'Expired', message });
}

/** Fires once when `reset` was not called for the limit. A due time is moved instead of a timer re-armed for every event. */
function quietTimer(clock: Clock, limitMs: number, onQuiet: () => void): { reset(): void; stop(): void } {
  let lastAt = clock.monotonic();
  let cancel = clock.schedule(limitMs, check);
  function check(): void {
    const restMs = lastAt + limitMs - clock.monotonic();
    if (restMs <= 0) onQuiet();
    else cancel = clock.schedule(restMs, check);
  }
  return {
    reset: () => {
      lastAt = clock.monotonic();
    },
    stop: () => cancel(),
  };
}
