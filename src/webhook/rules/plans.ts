// What a plan must be: every mistake that a typo can make, before a VM is built from it.
import type { Plan, PlanSpec } from '../../api/plan.ts';
import type { ProxmoxCluster } from '../../api/proxmox-cluster.ts';
import { fqdn, fqdnProblems, vmName } from '../../domain/names.ts';
import { quoted } from '../../domain/problems.ts';
import { type ResolvedPlan, resolvePlan } from '../../domain/plan-defaults.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Rule } from '../rule.ts';
import { changes } from './change.ts';

const kind = 'Plan';
const WRITES = ['CREATE', 'UPDATE'] as const;

type Node = NonNullable<NonNullable<ProxmoxCluster['status']>['nodes']>[number];

/** Any VM will do: what is wrong with the rule shows with the shortest values already. */
const SAMPLE = {
  billing: { clientID: '1', serviceID: '1' },
  namespace: 'n',
  name: 'n',
  uid: '',
  createdAt: new Date(0),
} as const;

export const planNameRule: Rule<Plan> = {
  id: 'plan-name-rule',
  kind,
  verbs: WRITES,
  title: 'The name rule gives valid names, also below the domain of the plan. Warns when it gives every VM the same.',
  codes: ['NameInvalid'],
  example:
    'The name rule gives "-1", which has the part "-1", and only letters, digits and inner hyphens make a DNS name; correct nameRule of the Plan or the billing ids.',
  check(review) {
    if (!changes(review, ({ spec }) => [spec.nameRule, spec.domain])) return [];
    const { nameRule: rule, domain } = review.object.spec;
    const { name, problems } = vmName({ ...SAMPLE, rule });
    const all = name === undefined ? problems : fqdnProblems(fqdn({ name, domain }));
    return all.map(({ message }): Reason => ({ path: 'spec.nameRule', code: 'NameInvalid', message }));
  },
  warn(review) {
    const { nameRule } = review.object.spec;
    if (nameRule === undefined || nameRule.includes('{') || !changes(review, ({ spec }) => spec.nameRule)) return [];
    return [
      `spec.nameRule ${quoted(nameRule)} gives every VM the same name, so only one of them can have its host name.`,
    ];
  },
};

export const planPlaces: Rule<Plan> = {
  id: 'plan-places',
  kind,
  verbs: WRITES,
  title: 'Node and storages exist on the cluster, as far as the cluster was seen, and the storages take disks.',
  codes: ['NodeUnknown', 'StorageUnknown'],
  example: 'spec.targetNode "pve3" is no node of cluster lab; it has pve1, pve2.',
  check(review, facts) {
    const places = ({ spec }: Plan) => [spec.targetNode, spec.systemDisk?.storage, spec.additionalDisk?.storage];
    const { spec } = review.object;
    const nodes = facts.cluster(spec.clusterRef.name)?.status?.nodes ?? [];
    // A cluster that was never seen says nothing about its nodes.
    if (nodes.length === 0 || !changes(review, places)) return [];
    const target = nodes.filter(({ name }) => spec.targetNode === undefined || name === spec.targetNode);
    if (target.length === 0) return [unknownNode(spec, nodes)];
    return (['systemDisk', 'additionalDisk'] as const).flatMap((disk) => storageReasons(spec, disk, target));
  },
};

function unknownNode({ targetNode, clusterRef }: PlanSpec, nodes: readonly Node[]): Reason {
  const names = nodes.map(({ name }) => name).join(', ');
  const message = `spec.targetNode "${targetNode}" is no node of cluster ${clusterRef.name}; it has ${names}.`;
  return { path: 'spec.targetNode', code: 'NodeUnknown', message };
}

function storageReasons(
  spec: PlanSpec,
  disk: 'systemDisk' | 'additionalDisk',
  nodes: readonly Node[],
): readonly Reason[] {
  const wanted = spec[disk]?.storage;
  const usable = nodes.flatMap(({ storages }) => storages).filter(({ content }) => takesDisks(content));
  if (wanted === undefined || usable.some(({ name }) => name === wanted)) return [];
  const path = `spec.${disk}.storage`;
  const where = spec.targetNode === undefined ? `cluster ${spec.clusterRef.name}` : `node ${spec.targetNode}`;
  const names = [...new Set(usable.map(({ name }) => name))].sort().join(', ');
  const message = `${path} "${wanted}" is no storage for disks of ${where}; it has ${names === '' ? 'none' : names}.`;
  return [{ path, code: 'StorageUnknown', message }];
}

function takesDisks(content: string | undefined): boolean {
  return content === undefined || content.split(',').includes('images');
}

export const planSurprises: Rule<Plan> = {
  id: 'plan-surprises',
  kind,
  verbs: WRITES,
  title:
    'Warns when the cluster does not exist yet, when fields have no effect beside others, and when VMs would have no address.',
  codes: [],
  example:
    'spec.network.bridge and vlan have no effect while autoNetwork is on: the pool that gives the main address decides. Set autoNetwork to false, or leave them out.',
  warn: ({ object: { spec } }, facts) => [
    ...clusterWarnings(spec, facts),
    ...networkWarnings(spec),
    ...additionalDiskWarnings(spec),
  ],
};

function clusterWarnings({ clusterRef }: PlanSpec, facts: AdmissionFacts): readonly string[] {
  if (facts.cluster(clusterRef.name) !== undefined) return [];
  return [`ProxmoxCluster ${clusterRef.name} does not exist yet: no VM of this plan can be deployed.`];
}

/** Whether something of a plan is so, and what that means. */
const NETWORK_SURPRISES: readonly (readonly [is: (spec: PlanSpec, plan: ResolvedPlan) => boolean, warning: string])[] =
  [
    [
      ({ network }, plan) => plan.network.auto && (network?.bridge ?? network?.vlan) !== undefined,
      'spec.network.bridge and vlan have no effect while autoNetwork is on: the pool that gives the main address decides. Set autoNetwork to false, or leave them out.',
    ],
    [
      (_, plan) => plan.firewallEnabled && hasDhcp(plan),
      'With DHCP the firewall of a VM gets no rules and no set of addresses, because its address is not known.',
    ],
    [
      ({ network }, plan) => network?.ipv4Addresses === 0 && (network.ipv6Addresses ?? 0) === 0 && !hasDhcp(plan),
      'VMs of this plan get no address: ipv4Addresses and ipv6Addresses are 0 and DHCP is off.',
    ],
  ];

function hasDhcp({ network }: ResolvedPlan): boolean {
  return network.dhcpIPv4 || network.dhcpIPv6;
}

function networkWarnings(spec: PlanSpec): readonly string[] {
  return NETWORK_SURPRISES.filter(([is]) => is(spec, resolvePlan(spec))).map(([, warning]) => warning);
}

function additionalDiskWarnings({ additionalDisk }: PlanSpec): readonly string[] {
  if (additionalDisk === undefined || (additionalDisk.sizeGiB ?? 0) > 0) return [];
  return ['spec.additionalDisk has no size: only a VM whose options give one has an additional disk.'];
}
