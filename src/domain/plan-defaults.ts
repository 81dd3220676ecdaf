// A plan with every default filled in, so that no step has to know one.
import { isDeepStrictEqual } from 'node:util';
import type { PlanSpec } from '../api/plan.ts';
import { declaredFirewall } from './firewall.ts';

type Network = NonNullable<PlanSpec['network']>;
type Disk = NonNullable<PlanSpec['systemDisk']>;

export interface ResolvedPlan {
  clusterName: string;
  /** Absent: chosen by free memory. */
  targetNode?: string;
  cloneType: NonNullable<PlanSpec['cloneType']>;
  firstVMID: number;
  nameRule?: string;
  /** Absent: a random one for each VM. */
  osUser?: string;
  domain?: string;
  network: {
    model: NonNullable<Network['model']>;
    bridge: string;
    vlan: number;
    auto: boolean;
    dhcpIPv4: boolean;
    dhcpIPv6: boolean;
  };
  firewall: PlanSpec['firewall'];
  firewallEnabled: boolean;
  systemStorage?: Disk['storage'];
  additionalStorage?: Disk['storage'];
}

/** Sizes, limits and counts are not here: they are options and come with the package. */
export function resolvePlan(plan: PlanSpec): ResolvedPlan {
  const { targetNode, nameRule, osUser, domain, firewall } = plan;
  return {
    clusterName: plan.clusterRef.name,
    targetNode,
    cloneType: plan.cloneType ?? 'Linked',
    firstVMID: plan.firstVMID ?? 100,
    nameRule,
    osUser,
    domain,
    network: resolvedNetwork(plan.network ?? {}),
    firewall,
    firewallEnabled: firewall?.enabled ?? true,
    systemStorage: plan.systemDisk?.storage,
    additionalStorage: plan.additionalDisk?.storage,
  };
}

function resolvedNetwork(network: Network): ResolvedPlan['network'] {
  return {
    model: network.model ?? 'AsInTemplate',
    bridge: network.bridge ?? 'vmbr0',
    vlan: network.vlan ?? 0,
    auto: network.autoNetwork ?? true,
    dhcpIPv4: network.dhcpIPv4 ?? false,
    dhcpIPv6: network.dhcpIPv6 ?? false,
  };
}

/** What a VM is built with besides its package, by the name of the plan's field. */
const BUILT_WITH: Readonly<Record<string, (plan: ResolvedPlan) => unknown>> = {
  targetNode: ({ targetNode }) => targetNode,
  cloneType: ({ cloneType }) => cloneType,
  osUser: ({ osUser }) => osUser,
  network: ({ network }) => network,
  firewall: ({ firewall }) => declaredFirewall(firewall),
  systemDisk: ({ systemStorage }) => systemStorage,
  additionalDisk: ({ additionalStorage }) => additionalStorage,
  domain: ({ domain }) => domain,
};

/**
 * The fields in which a VM of one plan would be built otherwise than one of the other. Sizes and limits are options and
 * are compared as a package; numbers and names are given once; who may use the plan changes no VM.
 */
export function planDifference(from: PlanSpec, to: PlanSpec): readonly string[] {
  const before = resolvePlan(from);
  const after = resolvePlan(to);
  return Object.entries(BUILT_WITH)
    .filter(([, part]) => !isDeepStrictEqual(part(before), part(after)))
    .map(([field]) => field);
}
