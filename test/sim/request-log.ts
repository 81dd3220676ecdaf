// The log of served requests: the last ones in full, all of them counted by endpoint and by VM.

/** One request as it was served. */
export interface RequestRecord {
  /** Running number, from 1. */
  id: number;
  /** Simulated milliseconds since the epoch. */
  at: number;
  node: string;
  method: string;
  path: string;
  /** Method and path with placeholders, such as `GET /nodes/{node}/qemu/{vmid}/config`; `unknown` when there is none. */
  endpoint: string;
  /** The VM it is about; a clone is about the new one. */
  vmid: number | undefined;
  params: Record<string, unknown>;
  /** The token or user; undefined when not logged in. */
  caller: string | undefined;
  /** 0 when the connection was broken. */
  status: number;
  reason: string;
  /** In simulated time. */
  durationMs: number;
}

/** How often something was called, and how that went. */
interface CallCount {
  calls: number;
  /** Answers with a status of 400 and above. */
  failed: number;
  /** Connections broken without a status. */
  broken: number;
  totalMs: number;
}

/** Which records are asked for; all conditions hold together. */
export interface RecordFilter {
  /** Only records after this id. */
  since?: number | undefined;
  /** Only paths with this text in them. */
  path?: string | undefined;
  method?: string | undefined;
  vmid?: number | undefined;
  /** Only failed or broken requests. */
  failed?: boolean | undefined;
}

export type Summary = Record<string, CallCount>;

export class RequestLog {
  /** The last records, oldest first. */
  readonly records: RequestRecord[] = [];
  readonly #kept: number;
  readonly #byEndpoint: Summary = {};
  readonly #byVm: Summary = {};
  readonly #listeners = new Set<(record: RequestRecord) => void>();
  #nextId = 1;

  /** Keeps that many records; the counts are of all. */
  constructor(kept: number) {
    this.#kept = kept;
  }

  add(served: Omit<RequestRecord, 'id'>): void {
    const record = { id: this.#nextId++, ...served };
    this.records.push(record);
    if (this.records.length > this.#kept * 1.1) this.records.splice(0, this.records.length - this.#kept);
    count(this.#byEndpoint, record.endpoint, record);
    if (record.vmid !== undefined) count(this.#byVm, String(record.vmid), record);
    for (const listener of this.#listeners) listener(record);
  }

  /** Calls back after every request; the answer ends that. */
  onRecord(listener: (record: RequestRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The kept records that pass the filter. */
  find(filter: RecordFilter = {}): RequestRecord[] {
    return this.records.filter((record) => passes(record, filter));
  }

  /** Counts by endpoint or VM: of everything ever served, or of the kept records that pass a filter. */
  summary(by: 'endpoint' | 'vm', filter?: RecordFilter): Summary {
    if (filter === undefined) return by === 'endpoint' ? this.#byEndpoint : this.#byVm;
    const counts: Summary = {};
    for (const record of this.find(filter)) {
      const key = by === 'endpoint' ? record.endpoint : record.vmid?.toString();
      if (key !== undefined) count(counts, key, record);
    }
    return counts;
  }
}

function count(counts: Summary, key: string, record: RequestRecord): void {
  const entry = (counts[key] ??= { calls: 0, failed: 0, broken: 0, totalMs: 0 });
  entry.calls += 1;
  entry.totalMs += record.durationMs;
  if (record.status === 0) entry.broken += 1;
  else if (record.status >= 400) entry.failed += 1;
}

function passes(record: RequestRecord, { since = 0, path = '', method, vmid, failed }: RecordFilter): boolean {
  return (
    record.id > since &&
    record.path.includes(path) &&
    (method ?? record.method) === record.method &&
    (vmid ?? record.vmid) === record.vmid &&
    (failed !== true || hasFailed(record))
  );
}

function hasFailed({ status }: RequestRecord): boolean {
  return status === 0 || status >= 400;
}
