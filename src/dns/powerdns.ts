// The PowerDNS Authoritative Server as a DNS provider, over its HTTP API (doc.powerdns.com/authoritative/http-api).
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { keyText, withinValues } from './changes.ts';
import { bareName } from './names.ts';
import {
  DnsError,
  type DnsChange,
  type DnsErrorKind,
  type DnsProvider,
  type DnsRecord,
  type DnsRecordKey,
  type DnsRecordType,
} from './provider.ts';
import { Turns } from './turns.ts';

/** Where a zone is and how to get in. */
export interface PowerDnsOptions {
  /** The base URL without /api/v1, for example https://ns1.example.com:8081. */
  url: string;
  apiKey: string;
  /** The zone's name, with or without the trailing dot. */
  zone: string;
  /** PowerDNS calls every server "localhost"; proxies in front of it may not. */
  serverId?: string;
  /** PEM certificates to trust instead of the system's. */
  ca?: string;
  /** How long one request may take. */
  timeoutMs?: number;
  /** Connections to use in place of own ones; the caller closes them. */
  dispatcher?: Dispatcher;
  /** Whose turn it is to write. Zones of one server should share it; PowerDnsServers sees to that. */
  writes?: Turns;
  /** Spreads repeated writes; a number from 0 to below 1. */
  random?: () => number;
}

/** A PowerDNS zone. `close` ends its connections, and with them the requests under way. */
export interface PowerDns extends DnsProvider {
  close(): Promise<void>;
}

interface Answer {
  statusCode: number;
  text: string;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const CONNECTIONS = 4;
// With the SQLite backend PowerDNS answers 500 at once when two changes overlap, also those of different zones (seen
// with 4.7.3). Changes are whole record sets, so repeating one is safe.
const WRITE_RETRY_DELAYS_MS = [25, 50, 100, 200, 400];
const HTTP_SERVER_ERROR = 500;
// Servers that do not know the rrset_name filter answer with the whole zone.
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const zoneAnswer = z.object({
  name: z.string(),
  kind: z.string(),
  rrsets: z
    .array(
      z.object({
        name: z.string(),
        type: z.string(),
        ttl: z.number(),
        records: z.array(z.object({ content: z.string(), disabled: z.boolean().optional() })),
      }),
    )
    .default([]),
});
const errorAnswer = z.object({ error: z.string() });
type ZoneAnswer = z.infer<typeof zoneAnswer>;

// Zones of these kinds are copied from another server: a change made here is lost at the next transfer.
const COPIED_KINDS: ReadonlySet<string> = new Set(['slave', 'secondary', 'consumer']);

const TIMEOUT_CODES: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** Opens a zone of a PowerDNS server. Connects when first used. Throws DnsError `refused` for a URL that is none. */
export function createPowerDns(options: PowerDnsOptions): PowerDns {
  return new PowerDnsZone(options);
}

class PowerDnsZone implements PowerDns {
  readonly #options: PowerDnsOptions;
  readonly #zoneUrl: URL;
  readonly #host: string;
  readonly #dispatcher: Dispatcher;
  readonly #writes: Turns;

  constructor(options: PowerDnsOptions) {
    this.#options = options;
    this.#zoneUrl = zoneUrl(options);
    // URL.host leaves out a user and password that somebody put into the URL.
    this.#host = this.#zoneUrl.host;
    this.#dispatcher = options.dispatcher ?? powerDnsDispatcher(options);
    this.#writes = options.writes ?? new Turns();
  }

  async read(keys: readonly DnsRecordKey[], signal: AbortSignal): Promise<DnsRecord[]> {
    const names = [...new Set(keys.map((key) => bareName(key.name)))];
    const answers = await Promise.all(names.map((name) => this.#getZone({ rrset_name: `${name}.` }, signal)));
    const wanted = new Set(keys.map(keyText));
    const found = answers.flatMap(recordsOf).filter((record) => wanted.has(keyText(record)));
    // A server without the filter answers every name with all sets, so each could be there several times.
    return [...new Map(found.map((record) => [keyText(record), record])).values()];
  }

  async apply(changes: readonly DnsChange[], signal: AbortSignal): Promise<void> {
    const allowed = await this.#allowedChanges(changes, signal);
    if (allowed.length === 0) return;
    const body = JSON.stringify({ rrsets: allowed.map(rrsetOf) });
    this.#check(await this.#writes.run(() => this.#write(body, signal)));
  }

  async test(signal: AbortSignal): Promise<void> {
    const zone = await this.#getZone({ rrsets: 'false' }, signal);
    if (COPIED_KINDS.has(zone.kind.toLowerCase())) {
      throw this.#error('refused', `has the zone ${this.#zoneName} as a copy of another server's (${zone.kind})`);
    }
  }

  async close(): Promise<void> {
    if (this.#options.dispatcher === undefined) await this.#dispatcher.destroy();
  }

  get #zoneName(): string {
    return bareName(this.#options.zone);
  }

  // PowerDNS has no conditional change, so the guard is looked at right before the request.
  async #allowedChanges(changes: readonly DnsChange[], signal: AbortSignal): Promise<DnsChange[]> {
    const guarded = changes.filter((change) => change.kind === 'delete' && change.onlyIfValues !== undefined);
    if (guarded.length === 0) return [...changes];
    const existing = await this.read(guarded.map(keyOf), signal);
    const current = new Map(existing.map((record) => [keyText(record), record]));
    return changes.filter((change) => {
      if (change.kind === 'set' || change.onlyIfValues === undefined) return true;
      const record = current.get(keyText(change));
      return record !== undefined && withinValues(record, change.onlyIfValues);
    });
  }

  async #write(body: string, signal: AbortSignal): Promise<Answer> {
    const { random = Math.random } = this.#options;
    for (const delayMs of WRITE_RETRY_DELAYS_MS) {
      const answer = await this.#send({ method: 'PATCH', body }, signal);
      if (answer.statusCode !== HTTP_SERVER_ERROR) return answer;
      // An abort ends the wait, and the next request fails with the reason.
      await delay(delayMs * (0.5 + random()), undefined, { signal }).catch(() => undefined);
    }
    return this.#send({ method: 'PATCH', body }, signal);
  }

  async #getZone(query: Record<string, string>, signal: AbortSignal): Promise<ZoneAnswer> {
    const answer = await this.#send({ method: 'GET', query }, signal);
    this.#check(answer);
    const parsed = zoneAnswer.safeParse(jsonOf(answer.text));
    if (!parsed.success) throw this.#error('unreadable', 'answered with something that is no zone');
    return parsed.data;
  }

  async #send(
    call: { method: 'GET' | 'PATCH'; query?: Record<string, string>; body?: string },
    signal: AbortSignal,
  ): Promise<Answer> {
    const limit = AbortSignal.timeout(this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      const response = await request(this.#zoneUrl, {
        ...call,
        headers: { 'X-API-Key': this.#options.apiKey, Accept: 'application/json', 'Content-Type': 'application/json' },
        dispatcher: this.#dispatcher,
        signal: AbortSignal.any([signal, limit]),
      });
      return { statusCode: response.statusCode, text: await response.body.text() };
    } catch (error) {
      throw this.#transportError(error, signal.aborted || limit.aborted);
    }
  }

  #check(answer: Answer): void {
    if (answer.statusCode >= 200 && answer.statusCode < 300) return;
    const kind = kindOfStatus(answer.statusCode);
    const parsed = errorAnswer.safeParse(jsonOf(answer.text));
    const why = parsed.success ? `: ${parsed.data.error}` : '';
    const status = `(HTTP ${answer.statusCode})`;
    const serverId = this.#options.serverId ?? 'localhost';
    const said: Record<DnsErrorKind, string> = {
      unauthorized: `does not accept the API key ${status}`,
      'zone-missing': `has no zone ${this.#zoneName} on server "${serverId}", or its API is off ${status}`,
      refused: `refused a record ${status}${why}`,
      unreachable: `cannot answer at the moment ${status}${why}`,
      unreadable: `answered in an unexpected way ${status}`,
      timeout: `did not answer in time ${status}`,
    };
    throw this.#error(kind, said[kind]);
  }

  #transportError(error: unknown, aborted: boolean): DnsError {
    const code = codeOf(error);
    if (aborted || TIMEOUT_CODES.has(code)) return this.#error('timeout', 'did not answer in time');
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return this.#error('unreadable', 'sent an answer that is too large');
    return this.#error('unreachable', `cannot be reached (${code})`);
  }

  #error(kind: DnsErrorKind, predicate: string): DnsError {
    return new DnsError(kind, `PowerDNS at ${this.#host} ${predicate}.`, [this.#options.apiKey]);
  }
}

function zoneUrl({ url, serverId = 'localhost', zone }: PowerDnsOptions): URL {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new DnsError('refused', 'The URL of the PowerDNS API is no http or https URL.');
  }
  const base = new URL(url);
  const root = base.pathname.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
  return new URL(
    `${root}/api/v1/servers/${encodeURIComponent(serverId)}/zones/${encodeURIComponent(`${bareName(zone)}.`)}`,
    base.origin,
  );
}

/** The connections to one server; whoever makes them closes them. */
export function powerDnsDispatcher({
  ca,
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: Pick<PowerDnsOptions, 'ca' | 'timeoutMs'>): Dispatcher {
  return new Agent({
    allowH2: false,
    connections: CONNECTIONS,
    connectTimeout: timeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
    connect: ca === undefined ? {} : { ca },
  });
}

function kindOfStatus(statusCode: number): DnsErrorKind {
  if (statusCode === 401 || statusCode === 403) return 'unauthorized';
  if (statusCode === 404) return 'zone-missing';
  if (statusCode === 400 || statusCode === 409 || statusCode === 422) return 'refused';
  return statusCode >= 500 ? 'unreachable' : 'unreadable';
}

function recordsOf(zone: ZoneAnswer): DnsRecord[] {
  return zone.rrsets.flatMap((rrset): DnsRecord[] => {
    const type = recordType(rrset.type);
    // A disabled record is stored but not served: to the world it is not there.
    const served = rrset.records.filter((record) => record.disabled !== true);
    if (type === undefined || served.length === 0) return [];
    const values = served.map(({ content }) => (type === 'PTR' ? bareName(content) : content));
    return [{ name: bareName(rrset.name), type, ttlSeconds: rrset.ttl, values }];
  });
}

function recordType(type: string): DnsRecordType | undefined {
  return type === 'A' || type === 'AAAA' || type === 'PTR' ? type : undefined;
}

function rrsetOf(change: DnsChange): Record<string, unknown> {
  if (change.kind === 'delete') return { name: `${bareName(change.name)}.`, type: change.type, changetype: 'DELETE' };
  const { name, type, ttlSeconds, values } = change.record;
  const records = values.map((value) => ({ content: type === 'PTR' ? `${bareName(value)}.` : value, disabled: false }));
  return { name: `${bareName(name)}.`, type, ttl: ttlSeconds, changetype: 'REPLACE', records };
}

function keyOf(change: DnsChange): DnsRecordKey {
  return change.kind === 'set' ? change.record : change;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : 'no further details';
}
