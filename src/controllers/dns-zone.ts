// Reconciles a DNSZone: tries from time to time whether its provider answers, takes the key and holds the zone.
import type { DNSZone, DNSZoneStatus } from '../api/dns-zone.ts';
import { resources } from '../api/resources.ts';
import { DnsError } from '../dns/provider.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { secretValues } from '../kube/secrets.ts';
import type { Context } from './context.ts';
import { type Readiness, readinessConditions, report } from './readiness.ts';

const RETEST_MS = 5 * 60_000;

type Key = { value: string } | { missing: Readiness };

/** `key` is the object's name. */
export async function reconcileDnsZone(key: string, context: Context, signal: AbortSignal): Promise<ReconcileResult> {
  const zone = context.stores.zones.get(key);
  if (zone === undefined || zone.metadata.deletionTimestamp !== undefined) return { kind: 'done' };
  const readiness = await tried(zone, context, signal);
  // A test that was cut off by the operator's own stop says nothing about the provider.
  if (signal.aborted) return { kind: 'done' };
  const kept = { type: resources.dnsZone, store: context.stores.zones };
  await report(context, kept, zone, dnsZoneStatus(zone, readiness, context.now()));
  return readiness.state === 'waiting' ? { kind: 'retry' } : { kind: 'after', ms: RETEST_MS };
}

/** The status of a zone whose test ended like this. `now` is in milliseconds since the epoch. */
export function dnsZoneStatus(zone: DNSZone, readiness: Readiness, now: number): DNSZoneStatus {
  return {
    observedGeneration: zone.metadata.generation,
    conditions: readinessConditions(zone, readiness, now),
  };
}

/** What a failed test means: no answer passes by itself, a refusal does not. Other errors are thrown on. */
export function dnsTrouble(error: unknown): Readiness {
  if (!(error instanceof DnsError)) throw error;
  const { kind, message } = error;
  return kind === 'unreachable' || kind === 'timeout' || kind === 'unreadable'
    ? { state: 'waiting', reason: 'ProviderUnreachable', message }
    : { state: 'stalled', reason: 'ProviderRefused', message };
}

async function tried(zone: DNSZone, context: Context, signal: AbortSignal): Promise<Readiness> {
  const key = apiKeyOf(zone, context);
  if ('missing' in key) return key.missing;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(context.dnsTimeoutMs)]);
    await context.openDnsZone(zone, key.value).test(limit);
    return { state: 'ready', reason: 'Ready', message: 'The provider answers and holds the zone.' };
  } catch (error) {
    return dnsTrouble(error);
  }
}

function apiKeyOf({ spec }: DNSZone, { stores, operatorNamespace }: Context): Key {
  // The API server refuses a zone without a provider; one that got in all the same must not stop the others.
  const name = spec.powerDNS?.apiKeySecretRef.name;
  if (name === undefined) return missing('ProviderRefused', 'spec.powerDNS is missing: name the provider of the zone.');
  const where = `Secret ${name} in namespace ${operatorNamespace}`;
  const secret = stores.secrets.get(`${operatorNamespace}/${name}`);
  if (secret === undefined) return missing('SecretMissing', `${where} does not exist. Create it with the key apiKey.`);
  const value = secretValues(secret).apiKey?.trim();
  return value === undefined || value === ''
    ? missing('SecretMissing', `${where} lacks the key apiKey, or it is empty.`)
    : { value };
}

function missing(reason: Readiness['reason'], message: string): Key {
  return { missing: { state: 'stalled', reason, message } };
}
