// Answers for Kubernetes events (events.k8s.io/v1): written beside the work, repeated ones counted instead of written again.
import { createHash } from 'node:crypto';
import type { KubeClient } from './client.ts';
import { type Clock, systemClock } from './clock.ts';
import { isNotFound } from './errors.ts';
import { microTime } from './lease.ts';
import type { KubeObject, ResourceType } from './types.ts';

/** events.k8s.io/v1 Event, the fields that are written. */
export interface KubeEvent extends KubeObject {
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  note: string;
  type: 'Normal' | 'Warning';
  regarding: {
    apiVersion: string;
    kind: string;
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
  };
  series?: { count: number; lastObservedTime: string };
}

export const eventType: ResourceType<KubeEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

export interface EventInput {
  type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters, from a closed list. */
  reason: string;
  /** What was being done, CamelCase; default: the reason. */
  action?: string;
  /** A whole sentence; cut at 1,024 bytes, the API server's limit. */
  message: string;
}

export interface EventRecorderOptions {
  client: Pick<KubeClient, 'create' | 'patch'>;
  /** Controller's name, for example 'example.io/operator'. */
  component: string;
  /** Process, for example the pod's name. */
  instance: string;
  clock?: Clock;
  /** A repeated event is counted in at most one write per this time; default 60 s. */
  intervalMs?: number;
  /** An event that was not repeated for this time begins anew; default 10 min. */
  forgetAfterMs?: number;
  /** Different events in a row about one object, before it gets one per `refillMs`; default 25. */
  burst?: number;
  /** Default 60 s. */
  refillMs?: number;
  onError?: (error: unknown) => void;
}

export interface EventRecorder {
  /** Takes note of an event. Returns at once and never throws; a failed write is reported to `onError` and not repeated. */
  emit(regarding: KubeObject, event: EventInput): void;
  /** Writes the counts that are still waiting, and resolves when no write is running. */
  flush(): Promise<void>;
}

interface Series {
  regarding: KubeObject;
  event: EventInput;
  name: string;
  namespace: string;
  count: number;
  written: number;
  lastSeenAt: number;
  lastWriteAt: number;
  /** The write before; the next one follows it. */
  tail: Promise<void>;
  cancelTimer?: () => void;
}

const maxNoteBytes = 1_024;
const maxSeries = 4_096;

/** A recorder without any state on the server side; restarting it begins new series. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { clock = systemClock, intervalMs = 60_000, forgetAfterMs = 600_000 } = options;
  const { burst = 25, refillMs = 60_000 } = options;
  const series = new Map<string, Series>();
  const budgets = new Map<string, { left: number; at: number }>();
  const writes = new Set<Promise<void>>();
  let sequence = 0;

  /** A token bucket per object: a defect that makes up new texts must not flood etcd. */
  function mayBegin(regarding: KubeObject): boolean {
    const uid = identityOf(regarding);
    const now = clock.monotonic();
    const budget = budgets.get(uid) ?? { left: burst, at: now };
    const refilled = Math.floor((now - budget.at) / refillMs);
    const left = Math.min(burst, budget.left + refilled);
    budgets.delete(uid);
    budgets.set(uid, { left: Math.max(left - 1, 0), at: left === burst ? now : budget.at + refilled * refillMs });
    dropOldest(budgets);
    return left > 0;
  }

  function begin(key: string, regarding: KubeObject, event: EventInput): void {
    if (!mayBegin(regarding)) return;
    sequence += 1;
    const now = clock.monotonic();
    const hash = createHash('sha256').update(`${key} ${options.instance} ${clock.now()} ${sequence}`).digest('hex');
    const entry: Series = {
      regarding,
      event,
      name: `${regarding.metadata.name.slice(0, 200)}.${hash.slice(0, 16)}`,
      // Events about cluster-scoped objects live in 'default': the API server insists.
      namespace: regarding.metadata.namespace ?? 'default',
      count: 1,
      written: 0,
      lastSeenAt: now,
      lastWriteAt: now,
      tail: Promise.resolve(),
    };
    series.set(key, entry);
    for (const dropped of dropOldest(series)) dropped.cancelTimer?.();
    write(entry);
  }

  function repeat(entry: Series): void {
    entry.count += 1;
    entry.lastSeenAt = clock.monotonic();
    if (entry.cancelTimer !== undefined) return;
    const waitMs = Math.max(entry.lastWriteAt + intervalMs - clock.monotonic(), 0);
    entry.cancelTimer = clock.schedule(waitMs, () => {
      entry.cancelTimer = undefined;
      write(entry);
    });
  }

  function write(entry: Series): void {
    entry.lastWriteAt = clock.monotonic();
    const done = entry.tail
      .then(() => send(entry))
      .catch((error: unknown) => options.onError?.(error))
      .finally(() => writes.delete(done));
    entry.tail = done;
    writes.add(done);
  }

  async function send(entry: Series): Promise<void> {
    const { count } = entry;
    if (entry.written === count) return;
    const isFirst = entry.written === 0;
    entry.written = count;
    if (isFirst) {
      await create(entry, count);
      return;
    }
    try {
      const target = { name: entry.name, namespace: entry.namespace };
      await options.client.patch(eventType, target, { series: seriesOf(entry, count) }, { kind: 'merge' });
    } catch (error) {
      // The server forgets events after an hour; the repetition is then news again.
      if (!isNotFound(error)) throw error;
      await create(entry, count);
    }
  }

  function seriesOf(entry: Series, count: number): KubeEvent['series'] {
    const agoMs = clock.monotonic() - entry.lastSeenAt;
    return { count, lastObservedTime: microTime(clock.now() - agoMs) };
  }

  function create(entry: Series, count: number): Promise<unknown> {
    const { event, regarding } = entry;
    const { name, namespace, uid, resourceVersion } = regarding.metadata;
    return options.client.create(eventType, {
      metadata: { name: entry.name, namespace: entry.namespace },
      eventTime: microTime(clock.now()),
      reportingController: options.component,
      reportingInstance: options.instance.slice(0, 128),
      action: (event.action ?? event.reason).slice(0, 128),
      reason: event.reason.slice(0, 128),
      note: cutToBytes(event.message, maxNoteBytes),
      type: event.type,
      regarding: { apiVersion: regarding.apiVersion, kind: regarding.kind, name, namespace, uid, resourceVersion },
      // A series starts at two.
      series: count > 1 ? seriesOf(entry, count) : undefined,
    });
  }

  return {
    emit(regarding, event) {
      const key = [identityOf(regarding), event.type, event.reason, event.action ?? '', event.message].join('\u0000');
      const entry = series.get(key);
      if (entry === undefined || clock.monotonic() - entry.lastSeenAt > forgetAfterMs) {
        entry?.cancelTimer?.();
        series.delete(key);
        begin(key, regarding, event);
      } else {
        repeat(entry);
      }
    },
    async flush() {
      for (const entry of series.values()) {
        entry.cancelTimer?.();
        entry.cancelTimer = undefined;
        if (entry.written !== entry.count) write(entry);
      }
      await Promise.all(writes);
    },
  };
}

function identityOf(object: KubeObject): string {
  return object.metadata.uid ?? `${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

/** Keeps memory bounded: Maps are in order of insertion. */
function dropOldest<V>(map: Map<string, V>): V[] {
  const dropped: V[] = [];
  for (const [key, value] of map) {
    if (map.size <= maxSeries) break;
    map.delete(key);
    dropped.push(value);
  }
  return dropped;
}

function cutToBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= limit) return text;
  // Decoding may end inside a character, which becomes the replacement character.
  return (
    bytes
      .subarray(0, limit - 3)
      .toString('utf8')
      .replace(/\uFFFD+$/, '') + '…'
  );
}
