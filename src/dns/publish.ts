// Publishes and removes records in every zone that holds them, within a time limit, and tells the outcome as data.
import {
  keysToRead,
  keyText,
  recordChanges,
  recordProblem,
  refusals,
  removable,
  zonePlans,
  type ZonePlan,
} from './changes.ts';
import {
  DnsError,
  presentable,
  type DnsChange,
  type DnsProvider,
  type DnsRecord,
  type DnsZoneRef,
} from './provider.ts';

/** A zone and the provider that holds it. */
export interface PublishedZone {
  ref: DnsZoneRef;
  provider: DnsProvider;
}

/** What is to be published and removed, where, and how long that may take. */
export interface PublishRequest {
  zones: readonly PublishedZone[];
  desired: readonly DnsRecord[];
  /** Record sets with the values that are ours; a set that is also desired is replaced instead. */
  remove?: readonly DnsRecord[];
  timeoutMs: number;
  signal: AbortSignal;
}

/** Record sets that are as they should be, and those that are not, each counted once per zone. */
interface DnsCount {
  ok: number;
  failed: number;
}

/** How one zone went. `message` says why it failed: stable, without secrets, at most 300 characters. */
interface ZoneOutcome {
  zone: string;
  provider: string;
  ok: boolean;
  message?: string;
}

/** How a publication went. Only zones that hold one of the records are listed. */
export interface DnsOutcome {
  /** A and AAAA sets. */
  forward: DnsCount;
  /** PTR sets. */
  reverse: DnsCount;
  zones: ZoneOutcome[];
  /** Desired names that no zone holds, each once; they count as neither ok nor failed. */
  unmatched: string[];
  /** Sentences about desired records that cannot be published at all; their sets count as failed. */
  invalid: string[];
}

interface PublishZone {
  name: string;
  source: PublishedZone;
}

interface ZoneResult {
  outcome: ZoneOutcome;
  failed: ReadonlySet<DnsRecord>;
}

/**
 * Publishes `desired` and removes `remove`. Never rejects, and settles within `timeoutMs` whatever the providers do:
 * a VM must not wait for a name server. Zones are written at the same time and do not affect one another.
 */
export async function publishDns(request: PublishRequest): Promise<DnsOutcome> {
  const problems = new Map(request.desired.map((record) => [record, recordProblem(record)]));
  const valid = request.desired.filter((record) => problems.get(record) === undefined);
  const invalid = request.desired.filter((record) => !valid.includes(record));
  const zones = request.zones.map((source): PublishZone => ({ name: source.ref.name, source }));
  // What could never be published needs no removal.
  const remove = (request.remove ?? []).filter((record) => recordProblem(record) === undefined);
  const { plans, unmatched } = zonePlans(zones, valid, remove);

  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), request.timeoutMs);
  const signal = AbortSignal.any([request.signal, deadline.signal]);
  try {
    const results = await Promise.all(
      plans.map((plan) => Promise.race([publishZone(plan, signal), gaveUp(plan, signal, deadline.signal)])),
    );
    const settled = plans.flatMap((plan, index) =>
      [...plan.desired, ...plan.remove].map((record) => ({ record, ok: !results[index]?.failed.has(record) })),
    );
    const all = [...settled, ...invalid.map((record) => ({ record, ok: false }))];
    return {
      forward: counted(all.filter(({ record }) => record.type !== 'PTR')),
      reverse: counted(all.filter(({ record }) => record.type === 'PTR')),
      zones: results.map((result) => result.outcome),
      unmatched,
      invalid: [...new Set(invalid.map((record) => presentable(problems.get(record) ?? '')))],
    };
  } finally {
    clearTimeout(timer);
    // Ends the requests of a zone that lost the race.
    deadline.abort();
  }
}

async function publishZone(plan: ZonePlan<PublishZone>, signal: AbortSignal): Promise<ZoneResult> {
  const { provider } = plan.zone.source;
  const records = [...plan.desired, ...plan.remove];
  try {
    const existing = await provider.read(keysToRead(plan), signal);
    const left = refusals(plan, existing);
    const desired = plan.desired.filter((wanted) => !left.some(({ record }) => record === wanted));
    const changes = recordChanges(desired, existing, removable(plan));
    const rejected = changes.length === 0 ? [] : await applyChanges(provider, changes, signal);
    const failed = records.filter((record) => rejected.some(({ change }) => concerns(change, record)));
    return zoneResult(plan, [...left.map(({ record }) => record), ...failed], (left[0] ?? rejected[0])?.message);
  } catch (error) {
    return zoneResult(plan, records, messageOf(error));
  }
}

/**
 * Makes all changes in one request. One record that the provider refuses would take the others of the zone down with
 * it, so after a refusal they go one by one. Returns the changes that were refused, and why.
 */
async function applyChanges(
  provider: DnsProvider,
  changes: readonly DnsChange[],
  signal: AbortSignal,
): Promise<{ change: DnsChange; message: string }[]> {
  try {
    await provider.apply(changes, signal);
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const [only, ...others] = changes;
    if (only !== undefined && others.length === 0) return [{ change: only, message: messageOf(error) }];
  }
  const refused: { change: DnsChange; message: string }[] = [];
  for (const change of changes) refused.push(...(await applyChanges(provider, [change], signal)));
  return refused;
}

// The provider is asked to stop when the signal aborts; this settles even when it does not.
function gaveUp(plan: ZonePlan<PublishZone>, signal: AbortSignal, deadline: AbortSignal): Promise<ZoneResult> {
  const records = [...plan.desired, ...plan.remove];
  return new Promise((resolve) => {
    const settle = (): void => {
      const message = deadline.aborted
        ? 'The provider did not finish in the time that publication may take.'
        : 'Publication was stopped before the provider finished.';
      resolve(zoneResult(plan, records, message));
    };
    if (signal.aborted) settle();
    else signal.addEventListener('abort', settle, { once: true });
  });
}

function zoneResult(plan: ZonePlan<PublishZone>, failed: readonly DnsRecord[], message?: string): ZoneResult {
  const { name, provider } = plan.zone.source.ref;
  const outcome: ZoneOutcome = { zone: name, provider, ok: failed.length === 0 };
  if (message !== undefined) outcome.message = message;
  return { outcome, failed: new Set(failed) };
}

function counted(results: readonly { ok: boolean }[]): DnsCount {
  const ok = results.filter((result) => result.ok).length;
  return { ok, failed: results.length - ok };
}

function concerns(change: DnsChange, record: DnsRecord): boolean {
  return keyText(change.kind === 'set' ? change.record : change) === keyText(record);
}

function isRefusal(error: unknown): boolean {
  return error instanceof DnsError && error.kind === 'refused';
}

// Anything but a DnsError is a provider's defect; its text is not shown because nobody redacted it.
function messageOf(error: unknown): string {
  return error instanceof DnsError ? error.message : 'The provider failed in a way it should not; this is a defect.';
}
