// What admission refuses of what the platform team writes, and of what only the operator writes.
import type { KubeObject } from '../../../src/kube/types.ts';
import { aRevision } from '../../builders/admission.ts';
import { aPlan, aPool } from '../../builders/objects.ts';
import { onWrites, type RefusalRow } from './row.ts';
import {
  aRun,
  aServedZone,
  aSlot,
  aTrustedCluster,
  CLUSTERS,
  PLANS,
  POOLS,
  RESERVED,
  reservedAddress,
  reservedVmid,
  REVISIONS,
  ZONES,
} from './scene.ts';

const plan = { made: PLANS.unused, anew: aPlan({}, 'trial') };
const pool = { made: POOLS.unused, anew: aPool({ vlan: 99 }, 'trial') };
const cluster = { made: CLUSTERS.unused, anew: aTrustedCluster('trial') };
const zone = { made: ZONES.unused, anew: aServedZone('trial.example.org') };
const powerDNS = (url: string) => ({ powerDNS: { url, apiKeySecretRef: { name: 'dns-key' } } });

const PLAN_ROWS: readonly RefusalRow[] = [
  ...onWrites(
    { rule: 'plan-name-rule', code: 'NameInvalid', field: 'spec.nameRule', says: ['"-1"', 'correct nameRule'] },
    {
      name: 'a rule that gives no name',
      of: plan,
      wrong: { nameRule: '-{client_id}' },
      right: { nameRule: 'c-{client_id}' },
    },
  ),
  ...onWrites(
    { rule: 'plan-places', code: 'NodeUnknown', field: 'spec.targetNode', says: ['"pve9"', 'pve1, pve2'] },
    { name: 'a node that there is not', of: plan, wrong: { targetNode: 'pve9' }, right: { targetNode: 'pve2' } },
  ),
  ...onWrites(
    { rule: 'plan-places', code: 'StorageUnknown', field: 'spec.systemDisk.storage', says: ['"nowhere"', 'local-lvm'] },
    {
      name: 'a storage that there is not',
      of: plan,
      wrong: { systemDisk: { storage: 'nowhere' } },
      right: { systemDisk: { storage: 'local-lvm' } },
    },
  ),
  ...onWrites(
    {
      rule: 'plan-places',
      code: 'StorageUnknown',
      field: 'spec.additionalDisk.storage',
      says: ['"local"', 'local-lvm'],
    },
    {
      name: 'a storage that takes no disks',
      of: plan,
      wrong: { additionalDisk: { storage: 'local', sizeGiB: 5 } },
      right: { additionalDisk: { storage: 'local-lvm', sizeGiB: 5 } },
    },
  ),
  {
    rule: 'plan-shrinks-nothing',
    name: 'a system disk that would shrink when the edit rolls out',
    code: 'DiskShrink',
    field: 'spec.systemDisk.sizeGiB',
    says: ['customer-1/automatic-1', 'set rollOut to OnRequest'],
    refused: { merge: { spec: { systemDisk: { sizeGiB: 39 } } }, of: PLANS.automatic },
    accepted: { merge: { spec: { systemDisk: { sizeGiB: 41 } } }, of: PLANS.automatic },
  },
  {
    rule: 'plan-shrinks-nothing',
    name: 'an additional disk that would go when the edit rolls out',
    code: 'DiskShrink',
    field: 'spec.additionalDisk.sizeGiB',
    says: ['customer-1/automatic-1', 'Keep the size'],
    refused: { merge: { spec: { additionalDisk: null } }, of: PLANS.automatic },
    accepted: { merge: { spec: { additionalDisk: null, rollOut: 'OnRequest' } }, of: PLANS.automatic },
  },
  {
    rule: 'plan-shrinks-nothing',
    name: 'a plan that is smaller than its VMs and rolls out from now on',
    code: 'DiskShrink',
    field: 'spec.systemDisk.sizeGiB',
    says: ['customer-1/outgrown-1', 'set rollOut to OnRequest'],
    refused: { merge: { spec: { rollOut: 'Automatic', additionalDisk: { sizeGiB: 10 } } }, of: PLANS.ordinary },
    accepted: { merge: { spec: { rollOut: 'Automatic' } }, of: PLANS.large },
  },
];

/** Deletions of what something needs, beside one that nothing needs. */
const IN_USE_ROWS = (
  [
    ['plan-in-use', PLANS.ordinary, PLANS.unused, 'customer-1/'],
    ['cluster-in-use', CLUSTERS.east, CLUSTERS.unused, 'kvm-east'],
    ['pool-in-use', POOLS.used, POOLS.unused, '192.0.2.20'],
    ['zone-in-use', ZONES.used, ZONES.unused, 'customer-1/web-1'],
    ['plan-revision-in-use', REVISIONS.used, REVISIONS.unused, 'customer-1/web-1'],
    ['address-held', RESERVED.address, RESERVED.released, 'customer-1/web-1'],
    ['vmid-held', RESERVED.vmid, RESERVED.releasedVmid, 'customer-1/web-1'],
  ] as const
).map(([rule, used, unused, user]): RefusalRow => ({
  rule,
  name: 'a deletion',
  code: 'InUse',
  field: 'metadata.name',
  says: [`${used.kind} ${used.metadata.name}`, user, 'Move or delete'],
  refused: { remove: used },
  accepted: { remove: unused },
}));

const TARGETS = [
  '127.0.0.1',
  '[::1]',
  '169.254.169.254',
  'localhost',
  '0x7f.1',
  'metadata.google.internal',
  '[fe80::1]',
];

const URL_ROWS: readonly RefusalRow[] = [
  ...TARGETS.flatMap((host) =>
    onWrites(
      {
        rule: 'cluster-endpoints',
        code: 'TargetForbidden',
        field: 'spec.endpoints[0]',
        says: [bare(host), 'Name the server'],
      },
      {
        name: `an endpoint at ${host}`,
        of: cluster,
        wrong: { endpoints: [`https://${host}:8006`] },
        right: { endpoints: ['https://pve7.example.com:8006'] },
      },
    ),
  ),
  ...onWrites(
    { rule: 'cluster-endpoints', code: 'UrlInvalid', field: 'spec.endpoints[1]', says: [':99999', '1 to 65535'] },
    {
      name: 'a port that there is not',
      of: cluster,
      wrong: { endpoints: ['https://pve7.example.com:8006', 'https://pve8.example.com:99999'] },
      right: { endpoints: ['https://pve7.example.com:8006', 'https://pve8.example.com:65535'] },
    },
  ),
  ...onWrites(
    { rule: 'cluster-endpoint-free', code: 'EndpointTaken', field: 'spec.endpoints[0]', says: ['lab', 'use that one'] },
    {
      name: 'an endpoint of another cluster, spelled otherwise',
      of: cluster,
      wrong: { endpoints: ['https://LAB.example.com:8006/'] },
      right: { endpoints: ['https://lab.example.com:8007'] },
    },
  ),
  ...TARGETS.flatMap((host) =>
    onWrites(
      { rule: 'zone-url', code: 'TargetForbidden', field: 'spec.powerDNS.url', says: [bare(host), 'Name the server'] },
      {
        name: `a provider at ${host}`,
        of: zone,
        wrong: powerDNS(`http://${host}:8081`),
        right: powerDNS('https://ns2.example.net:8081'),
      },
    ),
  ),
  ...onWrites(
    { rule: 'zone-url', code: 'UrlInvalid', field: 'spec.powerDNS.url', says: [':99999', '1 to 65535'] },
    {
      name: 'a port that there is not',
      of: zone,
      wrong: powerDNS('https://ns1:99999'),
      right: powerDNS('https://ns1:443'),
    },
  ),
];

/** As a message shows a host: without brackets, and in the one spelling that it is connected to. */
function bare(host: string): string {
  return host === '0x7f.1' ? '127.0.0.1' : host.replaceAll(/[[\]]/g, '');
}

const badRange = (field: string, says: string[]) => ({ rule: 'pool-valid', code: 'PoolInvalid', field, says }) as const;

const POOL_ROWS: readonly RefusalRow[] = [
  ...onWrites(badRange('spec.last', ['192.0.2.10', '192.0.2.50', 'swap them']), {
    name: 'a last address before the first',
    of: pool,
    wrong: { first: '192.0.2.50', last: '192.0.2.10' },
    right: { first: '192.0.2.10', last: '192.0.2.50' },
  }),
  ...onWrites(badRange('spec.gateway', ['198.51.100.1', '192.0.2.0/24', 'correct gateway']), {
    name: 'a gateway of another network',
    of: pool,
    wrong: { gateway: '198.51.100.1' },
    right: { gateway: '192.0.2.254' },
  }),
  ...onWrites(badRange('spec.last', ['192.0.2.50', '192.0.2.0/27', 'prefixLength']), {
    name: 'a mask that the range does not fit in',
    of: pool,
    wrong: { prefixLength: 27 },
    right: { prefixLength: 26 },
  }),
  ...onWrites(badRange('spec.first', ['192.0.2.2 to 192.0.2.3', 'widen the range']), {
    name: 'a range of name servers only',
    of: pool,
    wrong: { first: '192.0.2.2', last: '192.0.2.3' },
    right: { first: '192.0.2.2', last: '192.0.2.4' },
  }),
  ...onWrites(
    { rule: 'pool-alone', code: 'PoolOverlap', field: 'spec.first', says: ['192.0.2.50', 'ipv4', 'Choose a range'] },
    {
      name: 'an address of another pool of the network',
      of: pool,
      wrong: { vlan: 0, first: '192.0.2.50', last: '192.0.2.60' },
      right: { vlan: 0, first: '192.0.2.51', last: '192.0.2.60' },
    },
  ),
  {
    rule: 'pool-keeps-allocated',
    name: 'a range without an address that a VM has',
    code: 'AddressAllocated',
    field: 'spec.first',
    says: ['192.0.2.20', 'Keep it in the range'],
    refused: { merge: { spec: { first: '192.0.2.22' } }, of: POOLS.used },
    accepted: { merge: { spec: { first: '192.0.2.19' } }, of: POOLS.used },
  },
  ...onWrites(
    {
      rule: 'pool-servers-free',
      code: 'AddressTaken',
      field: 'spec.gateway',
      says: ['192.0.2.20', 'let go of the address'],
    },
    {
      name: 'a gateway that is the address of a VM',
      of: { made: POOLS.used, anew: aPool({ first: '192.0.2.60', last: '192.0.2.70' }, 'trial') },
      wrong: { gateway: '192.0.2.20' },
      right: { gateway: '192.0.2.4' },
    },
  ),
];

/** New objects of kinds that only the operator writes; with no verb of ours nobody else makes one. */
const OPERATOR_ROWS: readonly RefusalRow[] = [
  { resource: 'ipaddressreservations', object: reservedAddress('192.0.2.30', 'web-1') },
  { resource: 'vmidreservations', object: reservedVmid(2030, 'web-1') },
  { resource: 'planrevisions', object: aRevision(PLANS.ordinary, 30) },
  { resource: 'virtualmachineruns', object: aRun(30) },
  { resource: 'quotaslots', object: aSlot(30) },
].map(({ resource, object }) => ({
  rule: `operator-writes-${resource}`,
  name: 'a new object',
  code: 'OperatorOnly',
  field: 'metadata.name',
  says: [object.kind, '"restore"', resource],
  refused: { create: object },
  // A label harms nobody.
  accepted: { merge: { metadata: { labels: { seen: 'yes' } } }, of: existing(object.kind) },
  right: 'restore',
}));

function existing(kind: string): KubeObject {
  const all: readonly KubeObject[] = [RESERVED.address, RESERVED.vmid, REVISIONS.used, aRun(1), aSlot(1)];
  const found = all.find((one) => one.kind === kind);
  if (found === undefined) throw new TypeError(`The scene has no ${kind}.`);
  return found;
}

/** All of them. */
export const PLATFORM_ROWS: readonly RefusalRow[] = [
  ...PLAN_ROWS,
  ...IN_USE_ROWS,
  ...URL_ROWS,
  ...POOL_ROWS,
  ...OPERATOR_ROWS,
];
