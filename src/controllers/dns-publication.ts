// Publishes a VM's records in every zone that matches and that its namespace may use.
import type { DNSZone } from '../api/dns-zone.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { desiredRecords, matchingZones } from '../dns/changes.ts';
import type { DnsRecord } from '../dns/provider.ts';
import { type DnsOutcome, type PublishedZone, publishDns } from '../dns/publish.ts';
import { namespaceAllowed } from '../domain/namespaces.ts';
import { secretValues } from '../kube/secrets.ts';
import type { Design } from '../machine/facts.ts';
import type { Context } from './context.ts';

const DEFAULT_TTL_SECONDS = 300;

export type DnsStatus = NonNullable<VirtualMachineStatus['dns']>;

/** Zones that hold the name or an address of the VM. */
export function matchingDnsZones(context: Context, vm: VirtualMachine, design: Design | undefined): DNSZone[] {
  const addresses = vm.status?.addresses ?? [];
  const records = recordsOf(vm, design, { ttlSeconds: DEFAULT_TTL_SECONDS, addresses });
  const zones = context.stores.zones
    .list()
    .filter((zone) => namespaceAllowed(zone.spec.allowedNamespaces, vm.metadata.namespace ?? ''))
    .map((zone) => ({ name: zone.spec.zone, zone }));
  const matching = new Set(records.flatMap((record) => matchingZones(record.name, zones)));
  return [...matching].map(({ zone }) => zone);
}

function recordsOf(
  vm: VirtualMachine,
  design: Design | undefined,
  { ttlSeconds, addresses }: { ttlSeconds: number; addresses: readonly { address: string }[] },
): DnsRecord[] {
  const fqdn = vm.status?.fqdn ?? design?.fqdn;
  if (fqdn === undefined) return [];
  return desiredRecords({ fqdn, addresses: addresses.map(({ address }) => ({ address })), ttlSeconds });
}

/** Addresses whose records are to be there, and others whose records are to go. */
export interface DnsChangeRequest {
  publish?: readonly { address: string }[];
  remove?: readonly { address: string }[];
}

/** Writes and removes records. Never throws: what could not be written is counted and said. */
export async function changeDns(
  context: Context,
  vm: VirtualMachine,
  design: Design | undefined,
  { publish = [], remove = [] }: DnsChangeRequest,
): Promise<DnsStatus> {
  const zones = matchingDnsZones(context, vm, design);
  const byTtl = Map.groupBy(zones, (zone) => zone.spec.ttlSeconds ?? DEFAULT_TTL_SECONDS);
  // A record set has one TTL, so zones that want another one are a publication of their own.
  const outcomes = [...byTtl].map(async ([ttlSeconds, group]) => {
    const recordsFor = (addresses: readonly { address: string }[]): DnsRecord[] =>
      addresses.length === 0 ? [] : recordsOf(vm, design, { ttlSeconds, addresses });
    const { opened, failed } = openZones(context, group);
    const outcome = await publishDns({
      zones: opened,
      desired: recordsFor(publish),
      remove: recordsFor(remove),
      timeoutMs: context.dnsTimeoutMs,
      signal: AbortSignal.timeout(context.dnsTimeoutMs),
    });
    return withUnopened(outcome, failed);
  });
  return (await Promise.all(outcomes)).reduce(sum, EMPTY);
}

interface UnopenedZone {
  zone: string;
  message: string;
}

function openZones(context: Context, zones: readonly DNSZone[]): { opened: PublishedZone[]; failed: UnopenedZone[] } {
  const opened: PublishedZone[] = [];
  const failed: UnopenedZone[] = [];
  for (const zone of zones) {
    const ref = zone.spec.powerDNS?.apiKeySecretRef.name ?? '';
    const secret = context.stores.secrets.get(`${context.operatorNamespace}/${ref}`);
    const apiKey = secret === undefined ? undefined : secretValues(secret)['apiKey'];
    try {
      if (apiKey === undefined) throw new Error(`Secret ${ref} with the key apiKey is missing.`);
      opened.push({
        ref: { name: zone.spec.zone, provider: 'PowerDNS' },
        provider: context.openDnsZone(zone, apiKey.trim()),
      });
    } catch (error) {
      failed.push({
        zone: zone.spec.zone,
        message: error instanceof Error ? error.message.slice(0, 300) : 'It cannot be opened.',
      });
    }
  }
  return { opened, failed };
}

const EMPTY: DnsStatus = { forward: { ok: 0, failed: 0 }, reverse: { ok: 0, failed: 0 }, zones: [] };

function withUnopened(outcome: DnsOutcome, failed: readonly UnopenedZone[]): DnsStatus {
  const zones = failed.map(({ zone, message }) => ({ zone, provider: 'PowerDNS', ok: false, message }));
  const { forward, reverse } = outcome;
  return { forward, reverse, zones: [...outcome.zones, ...zones] };
}

function sum(left: DnsStatus, right: DnsStatus): DnsStatus {
  return {
    forward: { ok: left.forward.ok + right.forward.ok, failed: left.forward.failed + right.forward.failed },
    reverse: { ok: left.reverse.ok + right.reverse.ok, failed: left.reverse.failed + right.reverse.failed },
    zones: [...left.zones, ...right.zones].slice(0, 64),
  };
}
