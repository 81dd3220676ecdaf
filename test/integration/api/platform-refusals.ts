// Clusters, pools and zones that the API server must refuse by itself, with what its answer must name.
import type { Refusal } from './refusal.ts';

const cluster = ['ProxmoxCluster', 'lab'] as const;
const pool4 = ['IPPool', 'lab-ipv4'] as const;
const pool6 = ['IPPool', 'lab-ipv6'] as const;
const zone = ['DNSZone', 'example-com'] as const;
const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':');
const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** Refused when a ProxmoxCluster is made. */
export const CLUSTER_REFUSALS: readonly Refusal[] = [
  {
    name: 'http endpoint',
    of: cluster,
    set: 'spec.endpoints.0',
    to: 'http://pve1.example.com:8006',
    field: 'spec.endpoints[0]',
    says: /must be https:/,
  },
  {
    name: 'user information in the URL',
    of: cluster,
    set: 'spec.endpoints.0',
    to: 'https://root:secret@pve1.example.com:8006',
    field: 'spec.endpoints[0]',
    says: /no user/,
  },
  {
    name: 'path in the URL',
    of: cluster,
    set: 'spec.endpoints.0',
    to: 'https://pve1.example.com:8006/api2/json',
    field: 'spec.endpoints[0]',
    says: /no path/,
  },
  { name: 'no endpoint', of: cluster, set: 'spec.endpoints', to: [], field: 'spec.endpoints', says: /at least 1 item/ },
  {
    name: 'the same endpoint twice',
    of: cluster,
    set: 'spec.endpoints.1',
    to: 'https://pve1.example.com:8006',
    field: 'spec.endpoints[1]',
    says: /Duplicate value/,
  },
  {
    name: 'both caBundle and fingerprint',
    of: cluster,
    set: 'spec.tls',
    to: { caBundle: pem, fingerprint },
    field: 'spec.tls',
    says: /either caBundle or fingerprint/,
  },
  {
    name: 'caBundle that is no PEM',
    of: cluster,
    set: 'spec.tls.caBundle',
    to: 'MIIB',
    field: 'spec.tls.caBundle',
    says: /BEGIN CERTIFICATE/,
  },
  {
    name: 'SHA-1 fingerprint',
    of: cluster,
    set: 'spec.tls.fingerprint',
    to: fingerprint.slice(0, 59),
    field: 'spec.tls.fingerprint',
    says: /SHA-256/,
  },
  {
    name: 'no token Secret',
    of: cluster,
    set: 'spec.tokenSecretRef',
    field: 'spec.tokenSecretRef',
    says: /Required value/,
  },
  {
    name: 'time-out of nothing',
    of: cluster,
    set: 'spec.timeouts.readSeconds',
    to: 0,
    field: 'spec.timeouts.readSeconds',
    says: /greater than or equal to 1/,
  },
  {
    name: 'name that is too long for names of reservations',
    of: cluster,
    set: 'metadata.name',
    to: 'c'.repeat(64),
    field: 'metadata.name',
    says: /at most 63 characters/,
  },
  {
    name: 'namespace allowed twice',
    of: cluster,
    set: 'spec.allowedNamespaces',
    to: { names: ['a', 'a'] },
    field: 'spec.allowedNamespaces.names[1]',
    says: /Duplicate value/,
  },
];

/** Refused when an IPPool is made. */
export const POOL_REFUSALS: readonly Refusal[] = [
  { name: 'VLAN 4095', of: pool4, set: 'spec.vlan', to: 4095, field: 'spec.vlan', says: /less than or equal to 4094/ },
  { name: 'VLAN as text', of: pool4, set: 'spec.vlan', to: '7', field: 'spec.vlan', says: /must be of type integer/ },
  {
    name: 'first is no address',
    of: pool4,
    set: 'spec.first',
    to: 'ten',
    field: 'spec.first',
    says: /must be an IPv4 or IPv6 address/,
  },
  {
    name: 'first with leading zeros',
    of: pool4,
    set: 'spec.first',
    to: '192.0.2.010',
    field: 'spec.first',
    says: /must be an IPv4/,
  },
  {
    name: 'first with a prefix length',
    of: pool4,
    set: 'spec.first',
    to: '192.0.2.10/24',
    field: 'spec.first',
    says: /without prefix/,
  },
  {
    name: 'IPv4 in an IPv6 pool',
    of: pool6,
    set: 'spec.first',
    to: '192.0.2.10',
    field: 'spec.first',
    says: /of the family/,
  },
  {
    name: 'IPv6 in an IPv4 pool',
    of: pool4,
    set: 'spec.last',
    to: '2001:db8::1',
    field: 'spec.last',
    says: /of the family/,
  },
  {
    name: 'IPv4-mapped address',
    of: pool6,
    set: 'spec.first',
    to: '::ffff:192.0.2.1',
    field: 'spec.first',
    says: /IPv4-mapped/,
  },
  {
    name: 'address with a zone',
    of: pool6,
    set: 'spec.gateway',
    to: 'fe80::1%eth0',
    field: 'spec.gateway',
    says: /zone/,
  },
  {
    name: 'gateway of the other family',
    of: pool4,
    set: 'spec.gateway',
    to: 'fe80::1',
    field: 'spec.gateway',
    says: /of the family/,
  },
  { name: 'mask of 33', of: pool4, set: 'spec.prefixLength', to: 33, field: 'spec.prefixLength', says: /1 to 32/ },
  {
    name: 'mask of 0',
    of: pool6,
    set: 'spec.prefixLength',
    to: 0,
    field: 'spec.prefixLength',
    says: /greater than or equal to 1/,
  },
  {
    name: 'three name servers',
    of: pool4,
    set: 'spec.nameservers.2',
    to: '192.0.2.4',
    field: 'spec.nameservers',
    says: /at most 2 items/,
  },
  {
    name: 'name server by name',
    of: pool4,
    set: 'spec.nameservers.0',
    to: 'dns.example.com',
    field: 'spec.nameservers[0]',
    says: /must be an IPv4/,
  },
  { name: 'unknown family', of: pool4, set: 'spec.family', to: 'ipv4', field: 'spec.family', says: /"IPv4", "IPv6"/ },
  {
    name: 'bridge with a comma',
    of: pool4,
    set: 'spec.bridge',
    to: 'vmbr0,tag=7',
    field: 'spec.bridge',
    says: /name of a bridge/,
  },
  { name: 'no last address', of: pool4, set: 'spec.last', field: 'spec.last', says: /Required value/ },
];

/** Refused when a DNSZone is made. */
export const ZONE_REFUSALS: readonly Refusal[] = [
  { name: 'zone in capitals', of: zone, set: 'spec.zone', to: 'Example.com', field: 'spec.zone', says: /lower case/ },
  { name: 'no provider', of: zone, set: 'spec.powerDNS', field: 'spec.powerDNS', says: /name the provider/ },
  {
    name: 'URL with a user',
    of: zone,
    set: 'spec.powerDNS.url',
    to: 'http://a:b@ns1:8081',
    field: 'spec.powerDNS.url',
    says: /no user/,
  },
  {
    name: 'URL that is none',
    of: zone,
    set: 'spec.powerDNS.url',
    to: 'ns1.example.com:8081',
    field: 'spec.powerDNS.url',
    says: /must be http:/,
  },
  {
    name: 'authority for http',
    of: zone,
    set: 'spec.powerDNS.caBundle',
    to: pem,
    field: 'spec.powerDNS.caBundle',
    says: /use https/,
  },
  {
    name: 'time to live of 0',
    of: zone,
    set: 'spec.ttlSeconds',
    to: 0,
    field: 'spec.ttlSeconds',
    says: /greater than or equal to 1/,
  },
];
