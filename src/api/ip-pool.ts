// IPPool: a range of addresses on one network of one cluster.
import { z } from 'zod';
import { allowedNamespaces, bridgeName, ipAddress, objectReference, vlanTag } from './fields.ts';
import { type ApiObject, conditionsSchema, defineKind, observedGenerationSchema, withRules } from './object.ts';

// What is no address at all is refused by the field's own rule; calling ip() on it would be an error here.
const ofPoolFamily = (field: string, unless = '') => ({
  rule: `${unless}!isIP(self.${field}) || ip(self.${field}).family() == (self.family == 'IPv4' ? 4 : 6)`,
  message: `${field} must be an address of the family that the pool says`,
  fieldPath: `.${field}`,
});

const spec = withRules(
  z.object({
    clusterRef: objectReference('ProxmoxCluster'),
    family: z.enum(['IPv4', 'IPv6']).describe('Address family of the pool.'),
    bridge: bridgeName.describe('Bridge the addresses belong to, for example vmbr0.'),
    vlan: vlanTag.optional().describe('VLAN tag the addresses belong to. 0 or absent: untagged.'),
    gateway: ipAddress.optional().describe('Default gateway of the network. Absent: machines get no default route.'),
    prefixLength: z.int().min(1).max(128).describe('Network mask as a prefix length: 1-32 for IPv4, 1-128 for IPv6.'),
    first: ipAddress.describe('First address that may be handed out.'),
    last: ipAddress.describe('Last address that may be handed out.'),
    nameservers: z.array(ipAddress).max(2).optional().describe('DNS servers for the machines, at most two.'),
    allowedNamespaces: allowedNamespaces.optional(),
  }),
  [
    {
      rule: "self.family == 'IPv6' || self.prefixLength <= 32",
      message: 'prefixLength of an IPv4 pool must be 1 to 32',
      fieldPath: '.prefixLength',
    },
    ofPoolFamily('first'),
    ofPoolFamily('last'),
    ofPoolFamily('gateway', '!has(self.gateway) || '),
    {
      rule: 'self.clusterRef == oldSelf.clusterRef',
      message: 'clusterRef cannot be changed: make a new IPPool',
      fieldPath: '.clusterRef',
    },
    {
      rule: 'self.family == oldSelf.family',
      message: 'family cannot be changed: make a new IPPool',
      fieldPath: '.family',
    },
  ],
);

const status = z.object({
  observedGeneration: observedGenerationSchema.optional(),
  total: z
    .string()
    .max(48)
    .optional()
    .describe('Number of addresses that can be handed out (text: an IPv6 pool may hold more than a number can).'),
  allocated: z.int().min(0).optional().describe('Number of addresses that are reserved.'),
  reverseZone: z
    .string()
    .max(253)
    .optional()
    .describe('Name of the reverse zone for the network, or a hint that it needs classless delegation.'),
  conditions: conditionsSchema.optional(),
});

export const ipPool = defineKind({
  kind: 'IPPool',
  plural: 'ippools',
  singular: 'ippool',
  shortNames: ['ipp'],
  scope: 'Cluster',
  description:
    'A range of IPv4 or IPv6 addresses on one network (cluster, bridge and VLAN) from which virtual machines get theirs. Edits touch new allocations only.',
  spec,
  status,
  selectableFields: ['.spec.clusterRef.name'],
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: 'Whether addresses can be handed out.',
    },
    { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterRef.name', description: 'Cluster of the pool.' },
    { name: 'Bridge', type: 'string', jsonPath: '.spec.bridge', description: 'Bridge of the pool.' },
    { name: 'VLAN', type: 'integer', jsonPath: '.spec.vlan', description: 'VLAN tag of the pool.' },
    { name: 'First', type: 'string', jsonPath: '.spec.first', description: 'First address.' },
    { name: 'Last', type: 'string', jsonPath: '.spec.last', description: 'Last address.' },
    { name: 'Allocated', type: 'integer', jsonPath: '.status.allocated', description: 'Addresses in use.' },
    { name: 'Total', type: 'string', jsonPath: '.status.total', description: 'Addresses of the pool.' },
    {
      name: 'Reverse zone',
      type: 'string',
      jsonPath: '.status.reverseZone',
      description: 'Reverse zone of the network.',
      priority: 1,
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type IPPoolSpec = z.infer<typeof spec>;
export type IPPoolStatus = z.infer<typeof status>;
export type IPPool = ApiObject<IPPoolSpec, IPPoolStatus>;
