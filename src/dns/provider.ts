// The port that every DNS provider fills: what a record is, what can be changed, and how a provider fails.

/** The record types that are published for a VM. */
export type DnsRecordType = 'A' | 'AAAA' | 'PTR';

/** What names one record set. `name` is fully qualified, lower case, without the trailing dot. */
export interface DnsRecordKey {
  name: string;
  type: DnsRecordType;
}

/**
 * One record set: all values that one name has for one type.
 * Values are addresses in canonical text (A, AAAA) or host names, lower case without the trailing dot (PTR).
 */
export interface DnsRecord extends DnsRecordKey {
  ttlSeconds: number;
  values: readonly string[];
}

/** A zone as people refer to it: its name, and a word for the provider that is put into messages. */
export interface DnsZoneRef {
  name: string;
  provider: string;
}

/**
 * One change of a record set. `set` replaces the whole set. `delete` removes it; with `onlyIfValues` only when every
 * value it has at that moment is among these, so that what somebody else wrote in between stays.
 */
export type DnsChange =
  | { kind: 'set'; record: DnsRecord }
  | { kind: 'delete'; name: string; type: DnsRecordType; onlyIfValues?: readonly string[] };

/**
 * One zone on one provider. Every method rejects with a DnsError and with nothing else, ends soon after `signal`
 * aborts, and can be repeated without harm.
 */
export interface DnsProvider {
  /** Reads the record sets of these names; sets that do not exist are left out of the answer. */
  read(keys: readonly DnsRecordKey[], signal: AbortSignal): Promise<DnsRecord[]>;
  /** Makes the changes, all or none where the provider can; deleting what does not exist is a success. */
  apply(changes: readonly DnsChange[], signal: AbortSignal): Promise<void>;
  /** Succeeds when the provider answers, accepts the credentials and holds the zone writable. Changes nothing. */
  test(signal: AbortSignal): Promise<void>;
}

/**
 * Why a provider failed. `refused` is the only kind that concerns single records: the provider understood the request
 * and rejected its content. All others concern the zone or the server as a whole.
 */
export type DnsErrorKind = 'unreachable' | 'unauthorized' | 'zone-missing' | 'refused' | 'timeout' | 'unreadable';

/** The longest message that is shown to people, in characters. */
export const MAX_MESSAGE_LENGTH = 300;

/** A provider's failure. The message is a sentence for people, stable for the same cause and free of secrets. */
export class DnsError extends Error {
  override readonly name = 'DnsError';
  readonly kind: DnsErrorKind;

  /** `secrets` are texts that must not appear in the message even when the server echoes them. */
  constructor(kind: DnsErrorKind, message: string, secrets: readonly string[] = []) {
    super(presentable(message, secrets));
    this.kind = kind;
  }
}

/** A message made fit to show: secrets replaced, one line, at most MAX_MESSAGE_LENGTH characters. */
export function presentable(message: string, secrets: readonly string[] = []): string {
  const redacted = secrets
    .filter((secret) => secret !== '')
    .reduce((text, secret) => text.replaceAll(secret, '[redacted]'), message);
  const line = redacted.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length <= MAX_MESSAGE_LENGTH ? line : `${line.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}
