// A plan with every default filled in, so that no step has to know one.
import type { PlanSpec } from '../api/plan.ts';

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
