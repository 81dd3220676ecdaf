// IPAddressReservation and VMIDReservation: objects whose name is the lock that keeps a thing from being given out twice.
import { z } from 'zod';
import { bridgeName, ipAddress, namespaceName, objectName, objectReference, vlanTag, vmid } from './fields.ts';
import { type ApiObject, defineKind, withRules } from './object.ts';

const ownerReference = z
  .object({
    namespace: namespaceName.describe('Namespace of the VirtualMachine.'),
    name: objectName.describe('Name of the VirtualMachine.'),
    uid: z.string().min(1).max(64).describe('UID of the VirtualMachine.'),
  })
  .describe('The VirtualMachine that holds the reservation.');

const addressSpec = withRules(
  z.object({
    clusterRef: objectReference('ProxmoxCluster'),
    bridge: bridgeName.describe('Bridge of the network.'),
    vlan: vlanTag.describe('VLAN tag of the network, 0 for none.'),
    address: ipAddress.describe('The address.'),
    family: z.enum(['IPv4', 'IPv6']).describe('Address family.'),
    prefixLength: z.int().min(1).max(128).describe('Network mask as a prefix length.'),
    gateway: ipAddress.optional().describe('Default gateway, as the pool said when the address was reserved.'),
    nameservers: z
      .array(ipAddress)
      .max(2)
      .optional()
      .describe('DNS servers, as the pool said when the address was reserved.'),
    poolName: objectName.describe('IPPool the address came from.'),
    order: z.int().min(0).describe('Place among the addresses of this family of the VM; 0 is the main address.'),
    virtualMachine: ownerReference,
  }),
  [{ rule: 'self == oldSelf', message: 'a reservation cannot be changed; it is deleted and made anew' }],
);

export const ipAddressReservation = defineKind({
  kind: 'IPAddressReservation',
  plural: 'ipaddressreservations',
  singular: 'ipaddressreservation',
  shortNames: ['ipres'],
  scope: 'Cluster',
  description:
    'One address held for one virtual machine. Its name is made of the network and the address, so that the API server itself refuses a second one.',
  spec: addressSpec,
  selectableFields: ['.spec.address', '.spec.poolName', '.spec.virtualMachine.namespace', '.spec.virtualMachine.name'],
  printerColumns: [
    { name: 'Address', type: 'string', jsonPath: '.spec.address', description: 'The address.' },
    { name: 'Pool', type: 'string', jsonPath: '.spec.poolName', description: 'Pool it came from.' },
    {
      name: 'VM namespace',
      type: 'string',
      jsonPath: '.spec.virtualMachine.namespace',
      description: 'Namespace of the VM.',
    },
    { name: 'VM', type: 'string', jsonPath: '.spec.virtualMachine.name', description: 'The VM.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

const vmidSpec = withRules(
  z.object({
    clusterRef: objectReference('ProxmoxCluster'),
    vmid: vmid.describe('The VMID.'),
    virtualMachine: ownerReference,
  }),
  [{ rule: 'self == oldSelf', message: 'a reservation cannot be changed; it is deleted and made anew' }],
);

export const vmidReservation = defineKind({
  kind: 'VMIDReservation',
  plural: 'vmidreservations',
  singular: 'vmidreservation',
  shortNames: ['vmidres'],
  scope: 'Cluster',
  description:
    'One VMID of one cluster held for one virtual machine. Its name is made of the cluster and the VMID, so that the API server itself refuses a second one.',
  spec: vmidSpec,
  selectableFields: [
    '.spec.clusterRef.name',
    '.spec.vmid',
    '.spec.virtualMachine.namespace',
    '.spec.virtualMachine.name',
  ],
  printerColumns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterRef.name', description: 'Cluster.' },
    { name: 'VMID', type: 'integer', jsonPath: '.spec.vmid', description: 'The VMID.' },
    {
      name: 'VM namespace',
      type: 'string',
      jsonPath: '.spec.virtualMachine.namespace',
      description: 'Namespace of the VM.',
    },
    { name: 'VM', type: 'string', jsonPath: '.spec.virtualMachine.name', description: 'The VM.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type IPAddressReservationSpec = z.infer<typeof addressSpec>;
export type IPAddressReservation = ApiObject<IPAddressReservationSpec>;
type VMIDReservationSpec = z.infer<typeof vmidSpec>;
export type VMIDReservation = ApiObject<VMIDReservationSpec>;
