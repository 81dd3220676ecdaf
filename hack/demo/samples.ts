// Fits the manifests of config/samples/ to the servers that the demo has started.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** A Kubernetes object as YAML has it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: Record<string, unknown>;
  stringData?: Record<string, string>;
  data?: Record<string, string>;
}

/** How to reach the servers of the demo. */
export interface Servers {
  proxmox: { endpoints: readonly string[]; caPem: string; tokenID: string; secret: string };
  /** Absent when no DNS server could be started. */
  dns?: { apiUrl: string; apiKey: string };
}

/** The manifests of the files NAME.yaml in a folder, in the order of their names. */
export async function readManifests(folder: string): Promise<Manifest[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap(parseManifests);
}

/** The manifests in a text with one or more YAML documents. */
export function parseManifests(text: string): Manifest[] {
  const documents = parseAllDocuments(text, { version: '1.1' });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => document.toJS() as Manifest | null).filter((manifest) => manifest !== null);
}

/**
 * The manifests with addresses, authorities and credentials of the demo's servers in place of the examples. Everything
 * else stays as it is written. Without a DNS server the zones and their Secrets are left out.
 */
export function fitSamples(manifests: readonly Manifest[], servers: Servers): Manifest[] {
  const secrets = new Map<string, Record<string, string> | undefined>();
  for (const { kind, spec } of manifests) {
    if (kind === 'ProxmoxCluster') secrets.set(secretName(spec, ['tokenSecretRef']), tokenOf(servers));
    if (kind === 'DNSZone') secrets.set(secretName(spec, ['powerDNS', 'apiKeySecretRef']), apiKeyOf(servers));
  }
  return manifests.flatMap((manifest) => {
    if (manifest.kind === 'Secret' && secrets.has(manifest.metadata.name)) {
      return fitSecret(manifest, secrets.get(manifest.metadata.name));
    }
    if (manifest.kind === 'ProxmoxCluster') return [fitCluster(manifest, servers)];
    if (manifest.kind === 'DNSZone') return fitZone(manifest, servers);
    return [manifest];
  });
}

function tokenOf({ proxmox }: Servers): Record<string, string> {
  return { tokenID: proxmox.tokenID, secret: proxmox.secret };
}

function apiKeyOf({ dns }: Servers): Record<string, string> | undefined {
  return dns === undefined ? undefined : { apiKey: dns.apiKey };
}

function secretName(spec: unknown, path: readonly string[]): string {
  const reference = path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], spec);
  return (reference as { name?: string } | undefined)?.name ?? '';
}

function fitSecret(manifest: Manifest, content: Record<string, string> | undefined): Manifest[] {
  if (content === undefined) return [];
  const { data: _data, ...rest } = manifest;
  return [{ ...rest, stringData: content }];
}

function fitCluster(manifest: Manifest, { proxmox }: Servers): Manifest {
  const spec = { ...manifest.spec, endpoints: [...proxmox.endpoints], tls: { caBundle: proxmox.caPem } };
  return { ...manifest, spec };
}

function fitZone(manifest: Manifest, { dns }: Servers): Manifest[] {
  if (dns === undefined) return [];
  const powerDNS = { ...(manifest.spec?.['powerDNS'] as object | undefined), url: dns.apiUrl };
  return [{ ...manifest, spec: { ...manifest.spec, powerDNS } }];
}

/** The DNS zones that the manifests name. */
export function zoneNames(manifests: readonly Manifest[]): string[] {
  return manifests.filter(({ kind }) => kind === 'DNSZone').map(({ spec }) => String(spec?.['zone']));
}

/** The virtual machines that the manifests declare. */
export function vmKeys(manifests: readonly Manifest[]): { namespace: string; name: string }[] {
  return manifests
    .filter(({ kind }) => kind === 'VirtualMachine')
    .map(({ metadata }) => ({ namespace: metadata.namespace ?? 'default', name: metadata.name }));
}
