// Manifests that say everything that can be said, so that every rule on a text has a text to be broken in.
import { optionSchemas } from '../../../src/api/options.ts';
import { valid, type Manifest } from './manifests.ts';

/** Name of each of them. */
export const FULL = 'full';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const NAMES = { names: ['customer-142'] };
const UID = '6a0a5f6e-6d7b-4c1b-9d38-3c1b8d3f7a11';
const TIME = '2026-03-01T10:00:00Z';

const PLAN = {
  clusterRef: { name: 'lab' },
  allowedNamespaces: NAMES,
  template: { vmid: 9000 },
  targetNode: 'pve1',
  nameRule: '{client_id}-{service_id}',
  osUser: 'debian',
  domain: 'example.com',
  network: { bridge: 'vmbr0' },
  systemDisk: { storage: 'local-lvm' },
  additionalDisk: { storage: 'local-lvm' },
};

const BUILT = {
  ...Object.fromEntries(Object.keys(optionSchemas).map((name) => [name, 1])),
  operatingSystem: 9000,
};

const RUN = { name: 'reinstall-1', uid: UID, type: 'Reinstall', digest: 'd', remembered: false };

const MACHINE_STATUS = {
  clusterName: 'lab',
  node: 'pve1',
  addresses: [
    {
      address: '192.0.2.10',
      prefixLength: 24,
      gateway: '192.0.2.1',
      nameservers: ['192.0.2.2'],
      pool: 'lab-ipv4',
      primary: true,
    },
  ],
  network: { bridge: 'vmbr0', vlan: 0 },
  placement: { templateNode: 'pve1', targetNode: 'pve2', targetStorage: 'local-lvm' },
  credentialsSecret: 'full-credentials',
  effective: BUILT,
  planRevision: 'kvm-small-1',
  operation: { machine: 'reinstall', runName: 'full-2', startedAt: TIME, request: RUN },
  executedOperations: [
    { ...RUN, result: 'Succeeded', reason: 'Succeeded', completedAt: TIME, runName: 'full-1', remembered: false },
  ],
};

function full(kind: string, parts: Pick<Manifest, 'spec' | 'status'>, namespace?: string): Manifest {
  const metadata = { name: FULL, ...(namespace === undefined ? {} : { namespace }) };
  return { apiVersion: 'pve-operator.io/v1alpha1', kind, metadata, ...parts };
}

const MANIFESTS: readonly Manifest[] = [
  full('ProxmoxCluster', {
    spec: {
      endpoints: ['https://full.example.com:8006'],
      tokenSecretRef: { name: 'token' },
      tls: { caBundle: PEM },
      allowedNamespaces: NAMES,
      adoption: { allowedNamespaces: NAMES },
    },
    status: {
      nodes: [{ name: 'pve1', status: 'online', storages: [{ name: 'local-lvm', available: true }] }],
    },
  }),
  full('IPPool', { spec: { ...valid('IPPool', 'lab-ipv4').spec, vlan: 7, allowedNamespaces: NAMES } }),
  full('DNSZone', {
    spec: {
      zone: 'full.example.com',
      powerDNS: {
        url: 'https://ns1.example.com:8081',
        serverID: 'localhost',
        apiKeySecretRef: { name: 'key' },
        caBundle: PEM,
      },
      allowedNamespaces: NAMES,
    },
  }),
  full('Plan', { spec: PLAN, status: { currentRevision: 'full-1' } }),
  full('PlanRevision', { spec: { planName: 'full', revision: 1, plan: PLAN } }),
  full('IPAddressReservation', {
    spec: {
      ...valid('IPAddressReservation', 'lab.vmbr0.0.192-0-2-10').spec,
      gateway: '192.0.2.1',
      nameservers: ['192.0.2.2'],
    },
  }),
  full(
    'VirtualMachine',
    {
      spec: {
        planRef: { name: 'full' },
        options: { systemDiskGiB: 20, additionalDiskGiB: 10 },
        configurableOptions: { RAM: '2' },
        billing: { clientID: '142', serviceID: '5547' },
        hostname: 'full.example.com',
        sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ops@example.com'],
        consent: { destroyVolumes: ['local-lvm:vm-2000-disk-1'], deleteSnapshots: ['before'] },
      },
      status: MACHINE_STATUS,
    },
    'customer-142',
  ),
  full(
    'VirtualMachineOperation',
    {
      spec: { virtualMachineName: 'full', type: 'Adopt', adopt: { vmid: 2000, mode: 'Observe', previousUID: UID } },
      status: { runName: 'full-1' },
    },
    'customer-142',
  ),
];

/** A copy of the manifest of a kind that says most. */
export function fullManifest(kind: string): Manifest {
  const found = MANIFESTS.find((manifest) => manifest.kind === kind) ?? SHORT.get(kind);
  if (found === undefined) throw new Error(`There is no full ${kind}.`);
  return structuredClone(found);
}

/** Kinds without optional parts: whatever is valid says everything. */
const SHORT: ReadonlyMap<string, Manifest> = new Map(
  [valid('VMIDReservation', 'lab.2000'), valid('QuotaSlot', 'kvm-small.1'), valid('VirtualMachineRun', 'web-1-1')].map(
    (manifest) => [manifest.kind, manifest],
  ),
);
