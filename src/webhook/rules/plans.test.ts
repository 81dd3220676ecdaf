import { aCluster, created, holdRule, updated } from '../../../test/builders/admission.ts';
import { aPlan } from '../../../test/builders/objects.ts';
import type { PlanSpec } from '../../api/plan.ts';
import type { ProxmoxCluster } from '../../api/proxmox-cluster.ts';
import { planNameRule, planPlaces, planSurprises } from './plans.ts';

const ruled = (nameRule: string, domain?: string) => created(aPlan({ nameRule, domain }));
const wrong = (says: string) => [{ path: 'spec.nameRule', code: 'NameInvalid', says }] as const;

holdRule(planNameRule, [
  { name: 'none', review: created(aPlan()) },
  {
    name: 'every macro',
    review: ruled(
      '{client_id}-{service_id}-{random_digit_3}{random_letter_3}-{year}{month}{day}{hour}{minute}{second}{unixtime}',
    ),
  },
  { name: 'a hyphen first', review: ruled('-{client_id}'), want: wrong('has the part "-1"') },
  { name: 'a hyphen last', review: ruled('{client_id}-'), want: wrong('has the part "1-"') },
  { name: 'two dots', review: ruled('vm..{client_id}'), want: wrong('an empty part') },
  { name: 'a macro that does not exist', review: ruled('{client}'), want: wrong('"{client}", which does not exist') },
  { name: 'a random macro of 63', review: ruled('{random_letter_63}') },
  { name: 'a random macro of 64', review: ruled('{random_letter_64}'), want: wrong('N from 1 to 63') },
  {
    name: 'a part of 64 characters',
    review: ruled(`${'a'.repeat(63)}{client_id}`),
    want: wrong('more than 63 characters'),
  },
  {
    name: 'too long with the domain',
    review: ruled(`${'a'.repeat(59)}{client_id}`, `${'d.'.repeat(96)}com`),
    want: wrong('at most 253'),
  },
  {
    name: 'as long as possible with the domain',
    review: ruled(`${'a'.repeat(59)}{client_id}`, `${'d.'.repeat(94)}coms`),
  },
  { name: 'a name without a macro', review: ruled('web'), warns: ['every VM the same name'] },
  {
    name: 'a wrong rule that was there, and something else that changes',
    review: updated(aPlan({ nameRule: '-{client_id}' }), aPlan({ nameRule: '-{client_id}', cpuCores: 2 })),
  },
  {
    name: 'a constant rule that was there, and something else that changes',
    review: updated(aPlan({ nameRule: 'web' }), aPlan({ nameRule: 'web', cpuCores: 2 })),
  },
  {
    name: 'a rule that becomes wrong',
    review: updated(aPlan({ nameRule: '{client_id}' }), aPlan({ nameRule: '-{client_id}' })),
    want: wrong('has the part "-1"'),
  },
  {
    name: 'a domain that makes the rule too long',
    review: updated(
      aPlan({ nameRule: `${'a'.repeat(59)}{client_id}` }),
      aPlan({ nameRule: `${'a'.repeat(59)}{client_id}`, domain: `${'d.'.repeat(96)}com` }),
    ),
    want: wrong('at most 253'),
  },
]);

type Nodes = NonNullable<NonNullable<ProxmoxCluster['status']>['nodes']>;
const storage = (name: string, content?: string) => ({
  name,
  available: true,
  ...(content === undefined ? {} : { content }),
});
const NODES: Nodes = [
  {
    name: 'pve1',
    status: 'online',
    storages: [storage('local', 'iso,vztmpl'), storage('local-lvm', 'images,rootdir')],
  },
  { name: 'pve2', status: 'offline', storages: [storage('ceph', 'rootdir,images'), storage('old')] },
];
const world = { clusters: [aCluster({ status: { nodes: NODES } })] };
const placed = (spec: Partial<PlanSpec>) => created(aPlan(spec));
const unknownStorage = (disk: string, says: string) =>
  [{ path: `spec.${disk}.storage`, code: 'StorageUnknown', says }] as const;
const unknownNode = [{ path: 'spec.targetNode', code: 'NodeUnknown', says: 'it has pve1, pve2' }] as const;

holdRule(planPlaces, [
  { name: 'nothing said', review: created(aPlan()), world },
  { name: 'a node', review: placed({ targetNode: 'pve1' }), world },
  { name: 'a node that is off', review: placed({ targetNode: 'pve2' }), world },
  { name: 'no such node', review: placed({ targetNode: 'pve3' }), world, want: unknownNode },
  { name: 'a node in other letters', review: placed({ targetNode: 'PVE1' }), world, want: unknownNode },
  {
    name: 'no such node, and a storage',
    review: placed({ targetNode: 'pve3', systemDisk: { storage: 'none' } }),
    world,
    want: unknownNode,
  },
  {
    name: 'a storage of some node',
    review: placed({ systemDisk: { storage: 'ceph' }, additionalDisk: { storage: 'local-lvm' } }),
    world,
  },
  { name: 'a storage of which no content is known', review: placed({ systemDisk: { storage: 'old' } }), world },
  {
    name: 'no such storage',
    review: placed({ systemDisk: { storage: 'cehp' } }),
    world,
    want: unknownStorage('systemDisk', 'of cluster lab; it has ceph, local-lvm, old'),
  },
  {
    name: 'no such storage for the additional disk',
    review: placed({ additionalDisk: { storage: 'cehp' } }),
    world,
    want: unknownStorage('additionalDisk', 'has ceph'),
  },
  {
    name: 'a storage that takes no disks',
    review: placed({ systemDisk: { storage: 'local' } }),
    world,
    want: unknownStorage('systemDisk', '"local"'),
  },
  {
    name: 'a storage of another node',
    review: placed({ targetNode: 'pve1', systemDisk: { storage: 'ceph' } }),
    world,
    want: unknownStorage('systemDisk', 'of node pve1; it has local-lvm'),
  },
  {
    name: 'a node without storages for disks',
    review: placed({ targetNode: 'bare', systemDisk: { storage: 'ceph' } }),
    world: { clusters: [aCluster({ status: { nodes: [{ name: 'bare', status: 'online', storages: [] }] } })] },
    want: unknownStorage('systemDisk', 'it has none'),
  },
  { name: 'a cluster that was never seen', review: placed({ targetNode: 'pve3', systemDisk: { storage: 'x1' } }) },
  { name: 'a cluster that does not exist', review: placed({ targetNode: 'pve3' }), world: { clusters: [] } },
  {
    name: 'a node that is gone meanwhile, and something else that changes',
    review: updated(aPlan({ targetNode: 'pve3' }), aPlan({ targetNode: 'pve3', cpuCores: 2 })),
    world,
  },
  {
    name: 'a change to a node that does not exist',
    review: updated(aPlan({ targetNode: 'pve1' }), aPlan({ targetNode: 'pve3' })),
    world,
    want: unknownNode,
  },
  ...(['systemDisk', 'additionalDisk'] as const).map((disk) => ({
    name: `a change to a storage that does not exist, of the ${disk}`,
    review: updated(aPlan({ [disk]: { storage: 'ceph' } }), aPlan({ [disk]: { storage: 'cehp' } })),
    world,
    want: unknownStorage(disk, 'it has ceph, local-lvm, old'),
  })),
]);

const BRIDGE = 'no effect while autoNetwork is on';
const NO_RULES = 'With DHCP the firewall';
const NO_ADDRESS = 'VMs of this plan get no address';
const network = (value: NonNullable<PlanSpec['network']>, spec: Partial<PlanSpec> = {}) =>
  created(aPlan({ network: value, ...spec }));

holdRule(planSurprises, [
  { name: 'an ordinary plan', review: created(aPlan()) },
  {
    name: 'a cluster that does not exist yet',
    review: created(aPlan()),
    world: { clusters: [] },
    warns: ['ProxmoxCluster lab does not exist yet'],
  },
  { name: 'a bridge that the pool decides about', review: network({ bridge: 'vmbr1' }), warns: [BRIDGE] },
  { name: 'VLAN 0 that the pool decides about', review: network({ vlan: 0 }), warns: [BRIDGE] },
  { name: 'a bridge without autoNetwork', review: network({ bridge: 'vmbr1', autoNetwork: false }) },
  { name: 'autoNetwork alone', review: network({ autoNetwork: true }) },
  { name: 'DHCP with the firewall', review: network({ dhcpIPv4: true }), warns: [NO_RULES] },
  { name: 'DHCP on IPv6 with the firewall', review: network({ dhcpIPv6: true, ipv4Addresses: 0 }), warns: [NO_RULES] },
  { name: 'DHCP without the firewall', review: network({ dhcpIPv4: true }, { firewall: { enabled: false } }) },
  { name: 'no addresses', review: network({ ipv4Addresses: 0 }), warns: [NO_ADDRESS] },
  {
    name: 'no addresses, said of both families',
    review: network({ ipv4Addresses: 0, ipv6Addresses: 0 }),
    warns: [NO_ADDRESS],
  },
  { name: 'IPv6 only', review: network({ ipv4Addresses: 0, ipv6Addresses: 1 }) },
  { name: 'IPv4 only', review: network({ ipv6Addresses: 0 }) },
  {
    name: 'no addresses but DHCP',
    review: network({ ipv4Addresses: 0, dhcpIPv4: true }, { firewall: { enabled: false } }),
  },
  {
    name: 'an additional disk without a size',
    review: created(aPlan({ additionalDisk: { storage: 'ceph' } })),
    warns: ['spec.additionalDisk has no size'],
  },
  {
    name: 'an additional disk of 0 GiB',
    review: created(aPlan({ additionalDisk: { sizeGiB: 0 } })),
    warns: ['has no size'],
  },
  { name: 'an additional disk', review: created(aPlan({ additionalDisk: { sizeGiB: 1 } })) },
]);
