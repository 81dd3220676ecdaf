// Answers for leader election: one holder of a Lease at a time, who stops before anyone else can take it.
import type { KubeClient } from './client.ts';
import { type Clock, type Random, sleep, systemClock } from './clock.ts';
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import type { KubeObject, ResourceType } from './types.ts';

/** coordination.k8s.io/v1 Lease; the times are RFC 3339 with microseconds. */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export const leaseType: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

/** What the leader is given. */
export interface Leadership {
  /**
   * Whether the lease certainly is still ours. Asked before an effect it also covers a process that was frozen, whose
   * timers have not fired yet.
   */
  holds(): boolean;
}

export interface LeaseOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  namespace: string;
  name: string;
  /** Unique per process, for example '<pod>_<uuid>'. */
  identity: string;
  /** After this time without a renewal others may take the lease; default 15 s. */
  leaseDurationMs?: number;
  /** The leader stops this long after its last successful renewal began; default two thirds of the duration. */
  renewDeadlineMs?: number;
  /** Between renewals; default 3 s. */
  renewMs?: number;
  /** Between attempts to take the lease, and after a failed renewal; default 1.5 s. */
  retryMs?: number;
  clock?: Clock;
  random?: Random;
  /** Ends everything: the work is asked to stop, the lease is kept until it has, and is then given up. */
  signal: AbortSignal;
  /** The work of a leader. Its signal aborts when the lease is lost or everything ends; it resolves when nothing is done any more. */
  onStarted(signal: AbortSignal, leadership: Leadership): Promise<void>;
  /** The lease was lost while leading; called at once, before the work has ended. */
  onLost?: () => void;
  /** A failed attempt that is being repeated. */
  onError?: (error: unknown) => void;
}

/** Why `runWithLease` returned: it was stopped, the lease was lost, or the work ended by itself. */
export type LeaseEnd = 'stopped' | 'lost' | 'finished';

const defaultLeaseDurationMs = 15_000;

/**
 * Waits for the lease, does the work while holding it, and gives it up.
 *
 * Others count the duration from the moment they see a renewal, which is after it was sent; we count our shorter
 * deadline from before it was sent. So two holders never overlap, whatever the machines' clocks say.
 *
 * @returns after the work has ended in every case; rejects only with what `onStarted` threw.
 */
export async function runWithLease(options: LeaseOptions): Promise<LeaseEnd> {
  const settings = settingsOf(options);
  const taken = await acquire(settings);
  if (taken === undefined) return 'stopped';
  return lead(settings, taken);
}

interface Settings extends LeaseOptions {
  leaseDurationMs: number;
  renewDeadlineMs: number;
  renewMs: number;
  retryMs: number;
  clock: Clock;
  random: Random;
}

interface Held {
  lease: Lease;
  /** When the request that made or renewed it was sent. */
  since: Moment;
}

interface Moment {
  wall: number;
  monotonic: number;
}

function settingsOf(options: LeaseOptions): Settings {
  const leaseDurationMs = options.leaseDurationMs ?? defaultLeaseDurationMs;
  const settings = {
    ...options,
    leaseDurationMs,
    renewDeadlineMs: options.renewDeadlineMs ?? Math.floor((leaseDurationMs * 2) / 3),
    renewMs: options.renewMs ?? 3_000,
    retryMs: options.retryMs ?? 1_500,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
  if (settings.renewDeadlineMs >= leaseDurationMs || settings.renewMs >= settings.renewDeadlineMs) {
    throw new RangeError('A lease needs renewMs < renewDeadlineMs < leaseDurationMs');
  }
  return settings;
}

/** A record as it was first seen; how long it has not changed is measured from there. */
interface Observation {
  version: string | undefined;
  at: number;
}

/** Tries until the lease is ours, or undefined when stopped. */
async function acquire(settings: Settings): Promise<Held | undefined> {
  const { clock, signal, random, retryMs } = settings;
  const observed: Observation = { version: undefined, at: clock.monotonic() };
  while (!signal.aborted) {
    try {
      const held = await takeIfFree(settings, observed);
      if (held !== undefined && !signal.aborted) return held;
      // Stopped while the answer was on its way: others need not wait for the lease to run out.
      if (held !== undefined) await release(settings, held);
    } catch (error) {
      if (!signal.aborted) settings.onError?.(error);
    }
    await sleep(clock, retryMs * (1 + 0.2 * random()), signal);
  }
  return undefined;
}

async function takeIfFree(settings: Settings, observed: Observation): Promise<Held | undefined> {
  const lease = await readLease(settings, settings.signal);
  const version = lease?.metadata.resourceVersion;
  if (observed.version !== version) {
    observed.version = version;
    observed.at = settings.clock.monotonic();
  }
  return lease === undefined || isFree(settings, lease, observed.at) ? take(settings, lease) : undefined;
}

/** Only our own measuring of how long a record has not changed counts; the times in it were written by another clock. */
function isFree(settings: Settings, lease: Lease, unchangedSince: number): boolean {
  const spec = lease.spec ?? {};
  if (!spec.holderIdentity || spec.holderIdentity === settings.identity) return true;
  const durationMs = (spec.leaseDurationSeconds ?? settings.leaseDurationMs / 1000) * 1000;
  return settings.clock.monotonic() - unchangedSince >= durationMs;
}

/** Undefined when another candidate was faster. */
async function take(settings: Settings, previous: Lease | undefined): Promise<Held | undefined> {
  const since = moment(settings.clock);
  try {
    return { lease: await writeLease(settings, previous), since };
  } catch (error) {
    if (isConflict(error) || isAlreadyExists(error)) return undefined;
    throw error;
  }
}

async function lead(settings: Settings, taken: Held): Promise<LeaseEnd> {
  const work = new AbortController();
  const state: { held: Held; lost: boolean } = { held: taken, lost: false };
  const stop = (): void => work.abort(settings.signal.reason);
  settings.signal.addEventListener('abort', stop, { once: true });
  if (settings.signal.aborted) stop();
  const renewing = new AbortController();
  const lose = (): void => {
    if (state.lost) return;
    state.lost = true;
    renewing.abort();
    work.abort(new Error('The lease was lost'));
    settings.onLost?.();
  };
  const leadership: Leadership = { holds: () => !state.lost && remainingMs(settings, state.held) > 0 };
  const renewed = keepRenewing(settings, state, renewing.signal, lose);
  try {
    await settings.onStarted(work.signal, leadership);
  } finally {
    settings.signal.removeEventListener('abort', stop);
    renewing.abort();
    await renewed;
    if (!state.lost) await release(settings, state.held);
  }
  if (state.lost) return 'lost';
  return settings.signal.aborted ? 'stopped' : 'finished';
}

/** Renews until told to end; calls `lose` when another holder is seen or the deadline passes, whatever a request is doing. */
async function keepRenewing(
  settings: Settings,
  state: { held: Held },
  signal: AbortSignal,
  lose: () => void,
): Promise<void> {
  const { clock, renewMs, retryMs } = settings;
  const arm = (): (() => void) => clock.schedule(Math.max(remainingMs(settings, state.held), 0), lose);
  let cancelDeadline = arm();
  let waitMs = renewMs;
  while (!signal.aborted) {
    await sleep(clock, waitMs, signal);
    const outcome = signal.aborted ? 'failed' : await renew(settings, state.held, signal);
    waitMs = retryMs;
    if (outcome === 'taken') {
      lose();
    } else if (outcome !== 'failed') {
      state.held = outcome;
      cancelDeadline();
      cancelDeadline = arm();
      waitMs = renewMs;
    }
  }
  cancelDeadline();
}

/** 'taken' when another one certainly holds it. */
async function renew(settings: Settings, held: Held, signal: AbortSignal): Promise<Held | 'failed' | 'taken'> {
  const since = moment(settings.clock);
  try {
    return { lease: await writeLease(settings, held.lease, signal), since };
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return lookAgain(settings, held, signal);
    if (!signal.aborted) settings.onError?.(error);
    return 'failed';
  }
}

/** An earlier renewal whose answer was lost may be what changed the record; then it is still ours. */
async function lookAgain(settings: Settings, held: Held, signal: AbortSignal): Promise<'failed' | 'taken'> {
  try {
    const lease = await readLease(settings, signal);
    if (lease?.spec?.holderIdentity !== settings.identity) return 'taken';
    held.lease = lease;
  } catch (error) {
    if (!signal.aborted) settings.onError?.(error);
  }
  return 'failed';
}

/** Time until we must have stopped. A jump of the wall clock or a pause that the monotonic clock does not count shortens it. */
function remainingMs(settings: Settings, held: Held): number {
  const now = moment(settings.clock);
  const elapsedMs = Math.max(now.monotonic - held.since.monotonic, now.wall - held.since.wall);
  return settings.renewDeadlineMs - elapsedMs;
}

/** An empty holder lets the next candidate in at its next look instead of after the duration. */
async function release(settings: Settings, held: Held): Promise<void> {
  const give = (lease: Lease): Promise<Lease> => {
    const spec = {
      ...lease.spec,
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: microTime(settings.clock.now()),
    };
    return bounded(settings, undefined, (signal) => settings.client.replace(leaseType, { ...lease, spec }, { signal }));
  };
  try {
    await give(held.lease).catch(async (error: unknown) => {
      if (!isConflict(error)) throw error;
      // A renewal that was cut off by the stop has changed the record.
      const lease = await readLease(settings);
      if (lease?.spec?.holderIdentity === settings.identity) await give(lease);
    });
  } catch (error) {
    settings.onError?.(error);
  }
}

async function readLease(settings: Settings, ending?: AbortSignal): Promise<Lease | undefined> {
  const { client, name, namespace } = settings;
  try {
    return await bounded(settings, ending, (signal) => client.get(leaseType, name, namespace, { signal }));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A request on a dead connection must not eat the time in which another one would succeed. */
async function bounded<T>(
  settings: Settings,
  ending: AbortSignal | undefined,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const limitMs = Math.floor(settings.renewDeadlineMs / 4);
  const cancel = settings.clock.schedule(limitMs, () => limit.abort(new Error(`No answer within ${limitMs} ms`)));
  const onEnd = (): void => limit.abort(ending?.reason);
  if (ending?.aborted) onEnd();
  ending?.addEventListener('abort', onEnd, { once: true });
  try {
    return await request(limit.signal);
  } finally {
    cancel();
    ending?.removeEventListener('abort', onEnd);
  }
}

function writeLease(settings: Settings, previous: Lease | undefined, ending?: AbortSignal): Promise<Lease> {
  const { client, name, namespace, identity, clock } = settings;
  const now = microTime(clock.now());
  const ours = previous?.spec?.holderIdentity === identity;
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(settings.leaseDurationMs / 1000),
    acquireTime: ours ? previous.spec?.acquireTime : now,
    renewTime: now,
    leaseTransitions: (previous?.spec?.leaseTransitions ?? 0) + (previous === undefined || ours ? 0 : 1),
  };
  return bounded(settings, ending, (signal) =>
    previous === undefined
      ? client.create(leaseType, { metadata: { name, namespace }, spec }, { signal })
      : client.replace(leaseType, { ...previous, spec }, { signal }),
  );
}

function moment(clock: Clock): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}

/** metav1.MicroTime: exactly six digits. */
export function microTime(now: number): string {
  return `${new Date(now).toISOString().slice(0, 23)}000Z`;
}
