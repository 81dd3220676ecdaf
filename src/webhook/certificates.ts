// Decides which certificates of the webhook are to be made, and when: a new authority is trusted long before it signs,
// and an old one long after, so that the API server can verify whatever a replica still shows.
import { createPrivateKey, X509Certificate } from 'node:crypto';

/** A certificate and its private key, both as PEM text. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Everything that is kept in the Secret. */
export interface CertificateSet {
  /** The authority that has signed `serving`. */
  readonly authority: KeyPair;
  /** An authority that is trusted already and does not sign yet. */
  readonly next?: KeyPair;
  /** Certificate of the authority before, which some replica may still show a certificate of. */
  readonly previous?: string;
  readonly serving: KeyPair;
  /** When the set of trusted authorities last changed, in milliseconds since the epoch. */
  readonly changedAt: number;
}

export interface CertificateTimes {
  readonly authorityMs: number;
  readonly servingMs: number;
  /** How long both authorities are trusted before and after the new one signs: longer than any replica is behind. */
  readonly overlapMs: number;
  /** Between looks at Secret and configuration while nothing changes; a change of either leads to one at once. */
  readonly lookMs: number;
}

const DAY_MS = 86_400_000;

/** An authority for a year and certificates for 90 days; each is made anew when a third of its time is left. */
export const TIMES: CertificateTimes = {
  authorityMs: 365 * DAY_MS,
  servingMs: 90 * DAY_MS,
  overlapMs: 120_000,
  lookMs: 60_000,
};

export type CertificateAction =
  /** There is nothing that could be used: everything is made anew. */
  | { do: 'start' }
  /** The authority ends soon: its successor is made and trusted. */
  | { do: 'stage' }
  /** The successor is known everywhere: it signs from now on. */
  | { do: 'promote' }
  /** Nothing of the old authority is shown any more: it is trusted no longer. */
  | { do: 'retire' }
  /** Only the serving certificate is made anew, by the authority that there is. */
  | { do: 'renew' }
  /** Until then all is well, in milliseconds since the epoch. */
  | { do: 'nothing'; until: number };

export interface CertificateFacts {
  readonly stored: CertificateSet | undefined;
  /** Names and addresses that the API server calls the webhook by. */
  readonly names: readonly string[];
  /** Whether the API server has been given all authorities of the stored set. */
  readonly published: boolean;
  readonly now: number;
  readonly times: CertificateTimes;
}

/** What is to be done now, one thing at a time. */
export function nextCertificateAction({ stored, names, published, now, times }: CertificateFacts): CertificateAction {
  if (stored === undefined || !isUsable(stored.authority, now)) return { do: 'start' };
  if (mustRenew(stored, names, now, times)) return { do: 'renew' };
  const change = changeUnderWay(stored, now);
  if (change !== undefined) {
    const due = stored.changedAt + times.overlapMs;
    return published && now >= due ? { do: change } : { do: 'nothing', until: due };
  }
  const stageAt = endOf(stored.authority) - times.authorityMs / 3;
  if (now >= stageAt) return { do: 'stage' };
  return { do: 'nothing', until: Math.min(stageAt, endOf(stored.serving) - times.servingMs / 3) };
}

/** The next thing to be done once the API server has known of all authorities for long enough. */
function changeUnderWay({ previous, next }: CertificateSet, now: number): 'retire' | 'promote' | undefined {
  if (previous !== undefined) return 'retire';
  return next !== undefined && isUsable(next, now) ? 'promote' : undefined;
}

function mustRenew(
  { authority, serving }: CertificateSet,
  names: readonly string[],
  now: number,
  times: CertificateTimes,
): boolean {
  if (!isUsable(serving, now)) return true;
  const certificate = new X509Certificate(serving.certificate);
  if (!certificate.checkIssued(new X509Certificate(authority.certificate))) return true;
  if (names.some((name) => !isFor(certificate, name))) return true;
  // A certificate does not outlive its authority: near the end of it a new one would be no better.
  const end = endOf(serving);
  return now >= end - times.servingMs / 3 && end < endOf(authority);
}

function isFor(certificate: X509Certificate, name: string): boolean {
  const found = /^[\d.]+$|:/.test(name) ? certificate.checkIP(name) : certificate.checkHost(name);
  return found !== undefined;
}

/** Whether certificate and key belong together and are valid now. */
export function isUsable({ certificate, key }: KeyPair, now: number): boolean {
  try {
    const parsed = new X509Certificate(certificate);
    const valid = parsed.validFromDate.getTime() <= now && now < parsed.validToDate.getTime();
    return valid && parsed.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function endOf({ certificate }: Pick<KeyPair, 'certificate'>): number {
  return new X509Certificate(certificate).validToDate.getTime();
}

/** The authorities that the API server is to trust, as one PEM text; every certificate ends with a line break. */
export function bundleOf({ authority, next, previous }: CertificateSet): string {
  return [authority.certificate, next?.certificate, previous]
    .filter((text) => text !== undefined)
    .map((text) => `${text.trim()}\n`)
    .join('');
}

/** Keys of the Secret; `tls.crt` and `tls.key` are those of the type kubernetes.io/tls. */
const KEYS = {
  authorityCertificate: 'ca.crt',
  authorityKey: 'ca.key',
  nextCertificate: 'next-ca.crt',
  nextKey: 'next-ca.key',
  previous: 'previous-ca.crt',
  certificate: 'tls.crt',
  key: 'tls.key',
  changedAt: 'changed-at',
} as const;

/** As the values of a Secret; null stands for what is not there, and takes it away in a merge. */
export function secretValuesOf({
  authority,
  next,
  previous,
  serving,
  changedAt,
}: CertificateSet): Readonly<Record<string, string | null>> {
  return {
    [KEYS.authorityCertificate]: authority.certificate,
    [KEYS.authorityKey]: authority.key,
    [KEYS.nextCertificate]: next?.certificate ?? null,
    [KEYS.nextKey]: next?.key ?? null,
    [KEYS.previous]: previous ?? null,
    [KEYS.certificate]: serving.certificate,
    [KEYS.key]: serving.key,
    [KEYS.changedAt]: new Date(changedAt).toISOString(),
  };
}

/** The set that a Secret's values hold; undefined when a part is missing. */
export function certificateSetOf(values: Readonly<Record<string, string>>): CertificateSet | undefined {
  const authority = pairOf(values[KEYS.authorityCertificate], values[KEYS.authorityKey]);
  const serving = servingPairOf(values);
  const changedAt = Date.parse(values[KEYS.changedAt] ?? '');
  if (authority === undefined || serving === undefined || Number.isNaN(changedAt)) return undefined;
  const next = pairOf(values[KEYS.nextCertificate], values[KEYS.nextKey]);
  const previous = values[KEYS.previous] || undefined;
  return { authority, serving, changedAt, ...(next && { next }), ...(previous && { previous }) };
}

/** The serving certificate alone, as cert-manager stores it too. */
export function servingPairOf(values: Readonly<Record<string, string>>): KeyPair | undefined {
  return pairOf(values[KEYS.certificate], values[KEYS.key]);
}

function pairOf(certificate: string | undefined, key: string | undefined): KeyPair | undefined {
  return certificate && key ? { certificate, key } : undefined;
}
