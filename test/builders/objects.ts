// Builds the Kubernetes objects that tests start from: small, valid, and what a test is about said in the test itself.
import type { DNSZone, DNSZoneSpec } from '../../src/api/dns-zone.ts';
import type { IPPool, IPPoolSpec } from '../../src/api/ip-pool.ts';
import { API_VERSION } from '../../src/api/object.ts';
import type { FullPlanSpec, Plan, PlanSpec } from '../../src/api/plan.ts';
import type { ProxmoxCluster, ProxmoxClusterSpec } from '../../src/api/proxmox-cluster.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import { type Secret, secretType } from '../../src/kube/secrets.ts';

/** Names that the builders' objects know each other by. */
export const CLUSTER = 'lab';
export const TOKEN_SECRET = 'lab-token';
export const DNS_SECRET = 'dns-key';
export const PLAN = 'kvm';
export const OPERATOR_NAMESPACE = 'pve-operator-system';

/** A public key that is accepted and belongs to nobody. */
export const SSH_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops@example.com';

/** A cluster; its endpoints must be said. */
export function aProxmoxCluster(
  spec: Pick<ProxmoxClusterSpec, 'endpoints'> & Partial<ProxmoxClusterSpec>,
  name = CLUSTER,
): ProxmoxCluster {
  const tokenSecretRef = { name: TOKEN_SECRET };
  return { apiVersion: API_VERSION, kind: 'ProxmoxCluster', metadata: { name }, spec: { tokenSecretRef, ...spec } };
}

/** The Secret with a cluster's API token. */
export function aTokenSecret(token: { id: string; secret: string }, name = TOKEN_SECRET): Secret {
  return aSecret(name, { tokenID: token.id, secret: token.secret });
}

/** A Secret in the operator's namespace. */
export function aSecret(name: string, values: Record<string, string>): Secret {
  const { version, kind } = secretType;
  return { apiVersion: version, kind, metadata: { name, namespace: OPERATOR_NAMESPACE }, stringData: values };
}

/** A pool of 41 IPv4 addresses on vmbr0. */
export function aPool(spec: Partial<IPPoolSpec> = {}, name = 'ipv4'): IPPool {
  const base: IPPoolSpec = {
    clusterRef: { name: CLUSTER },
    family: 'IPv4',
    bridge: 'vmbr0',
    vlan: 0,
    first: '192.0.2.10',
    last: '192.0.2.50',
    prefixLength: 24,
    gateway: '192.0.2.1',
    nameservers: ['192.0.2.2', '192.0.2.3'],
  };
  return { apiVersion: API_VERSION, kind: 'IPPool', metadata: { name }, spec: { ...base, ...spec } };
}

/** A pool of 4096 IPv6 addresses on vmbr0. */
export function anIPv6Pool(spec: Partial<IPPoolSpec> = {}, name = 'ipv6'): IPPool {
  const base: Partial<IPPoolSpec> = {
    family: 'IPv6',
    first: '2001:db8::1000',
    last: '2001:db8::1fff',
    prefixLength: 64,
    gateway: '2001:db8::1',
    nameservers: ['2001:db8::2'],
  };
  return aPool({ ...base, ...spec }, name);
}

/** A plan with linked clones of template 9000, VMIDs from 2000 on, one IPv4 address and no limits. */
export function aPlan(spec: Partial<FullPlanSpec> = {}, name = PLAN): Plan {
  const base: PlanSpec = {
    clusterRef: { name: CLUSTER },
    template: { vmid: 9000 },
    firstVMID: 2000,
    osUser: 'debian',
    domain: 'example.com',
  };
  return { apiVersion: API_VERSION, kind: 'Plan', metadata: { name }, spec: { ...base, ...spec } };
}

/** A zone on a PowerDNS server; the object is named like the zone. */
export function aZone(zone: string, apiUrl: string, spec: Partial<DNSZoneSpec> = {}): DNSZone {
  const powerDNS = { url: apiUrl, apiKeySecretRef: { name: DNS_SECRET } };
  return { apiVersion: API_VERSION, kind: 'DNSZone', metadata: { name: zone }, spec: { zone, powerDNS, ...spec } };
}

/** A VM of the plan; a world puts it into its namespace. */
export function aVirtualMachine(name: string, spec: Partial<VirtualMachineSpec> = {}): VirtualMachine {
  const planRef = { name: PLAN };
  return { apiVersion: API_VERSION, kind: 'VirtualMachine', metadata: { name }, spec: { planRef, ...spec } };
}
