// Decides what the status of a ProxmoxCluster says: what was seen there, whether it can be used, and which privileges are missing.
import type { ClusterCondition, Reason } from '../api/conditions.ts';
import type { Condition } from '../api/object.ts';
import { removeCondition, setCondition } from '../kube/conditions.ts';
import { excessPrivileges, missingPrivileges } from '../pve/privileges.ts';
import type { ProxmoxCluster, ProxmoxClusterStatus } from '../api/proxmox-cluster.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import { type Readiness, readinessConditions } from './readiness.ts';

/** What is asked less often than the inventory. */
export interface ClusterCheck {
  /** For example 9.2.11. */
  version: string;
  quorate: boolean;
  /** The token's privileges by path. */
  permissions: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface ClusterFacts {
  cluster: ProxmoxCluster;
  /** Absent as long as the cluster has never answered. */
  snapshot?: ClusterSnapshot;
  /** Absent when it could not be made; `trouble` then says why. */
  check?: ClusterCheck;
  trouble?: Readiness;
  /** VirtualMachine objects that live on the cluster. */
  virtualMachines: number;
  /** Milliseconds since the epoch. */
  now: number;
}

/** The status of a cluster. What cannot be seen at the moment stays as it was seen last. */
export function proxmoxClusterStatus(facts: ClusterFacts): ProxmoxClusterStatus {
  const { cluster, snapshot, check, virtualMachines, now } = facts;
  return {
    ...cluster.status,
    observedGeneration: cluster.metadata.generation,
    ...(check === undefined ? {} : { version: check.version, quorate: check.quorate }),
    ...(snapshot === undefined ? {} : seen(snapshot)),
    virtualMachines,
    conditions: withTokenCondition(readinessConditions(cluster, clusterReadiness(facts), now), facts),
  };
}

const OVERPRIVILEGED: ClusterCondition = 'TokenOverprivileged';
const EXCESS: Reason = 'ExcessPrivileges';
/** More would not fit into a sentence that somebody reads. */
const MOST_PRIVILEGES = 12;

// What was seen last counts while the token cannot be asked about. The cluster is usable all the same.
function withTokenCondition(conditions: Condition[], { cluster, check, now }: ClusterFacts): Condition[] {
  if (check === undefined) return conditions;
  const excess = excessPrivileges(check.permissions);
  if (excess.length === 0) return [...removeCondition(conditions, OVERPRIVILEGED)];
  const named = excess.slice(0, MOST_PRIVILEGES).join(', ');
  const more = excess.length > MOST_PRIVILEGES ? ` and ${excess.length - MOST_PRIVILEGES} more` : '';
  const message = `The API token of cluster ${cluster.metadata.name} has privileges that the operator does not use: ${named}${more}. Give it a role without them.`;
  const observedGeneration = cluster.metadata.generation;
  const said = { type: OVERPRIVILEGED, status: 'True' as const, reason: EXCESS, message, observedGeneration };
  return [...setCondition(conditions, said, now)];
}

/** Whether machines can be deployed on the cluster. */
export function clusterReadiness(facts: ClusterFacts): Readiness {
  const { cluster, trouble, check, virtualMachines } = facts;
  const { name, deletionTimestamp } = cluster.metadata;
  if (deletionTimestamp !== undefined && virtualMachines > 0) {
    return { state: 'waiting', reason: 'InUse', message: inUseMessage(virtualMachines, trouble) };
  }
  if (trouble !== undefined) return trouble;
  if (check === undefined)
    return { state: 'waiting', reason: 'InProgress', message: `Cluster ${name} has not answered yet.` };
  if (!check.quorate) {
    const message = `Cluster ${name} has no quorum. Bring nodes back until it has.`;
    return { state: 'waiting', reason: 'WaitingForQuorum', message };
  }
  const missing = missingPrivileges(check.permissions);
  if (missing.length > 0) {
    const message = `The API token of cluster ${name} lacks privileges: ${missing.join('; ')}. Grant them in Proxmox VE.`;
    return { state: 'stalled', reason: 'Forbidden', message };
  }
  return { state: 'ready', reason: 'Ready', message: 'The cluster answers and the token suffices.' };
}

// Whoever deletes them waits for the cluster as well: what keeps them from going is told where he looks.
function inUseMessage(virtualMachines: number, trouble: Readiness | undefined): string {
  const those =
    virtualMachines === 1
      ? '1 VirtualMachine that lives on it. Delete it first.'
      : `${virtualMachines} VirtualMachines that live on it. Delete them first.`;
  const hindrance = trouble === undefined ? '' : ` Nothing can be destroyed now: ${trouble.message}`;
  return `The cluster is being deleted and waits for ${those}${hindrance}`;
}

const MIB = 1024 * 1024;
// The bounds of the schema: a larger status would be refused as a whole.
const MOST_NODES = 64;
const MOST_STORAGES = 256;
const LONGEST_CONTENT = 256;

type NodeStatus = NonNullable<ProxmoxClusterStatus['nodes']>[number];

// Load, free memory and the like are left out: they move at every poll, and each time would be a write.
function seen(snapshot: ClusterSnapshot): Pick<ProxmoxClusterStatus, 'nodes' | 'nodesOnline' | 'nodesTotal'> {
  const nodes = [...snapshot.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    nodesOnline: nodes.filter(({ status }) => status === 'online').length,
    nodesTotal: nodes.length,
    nodes: nodes.slice(0, MOST_NODES).map(({ name, status, maxMemoryBytes }) => ({
      name,
      status,
      ...(maxMemoryBytes === undefined ? {} : { memoryTotalMiB: Math.floor(maxMemoryBytes / MIB) }),
      storages: storagesOf(snapshot, name),
    })),
  };
}

function storagesOf({ storages }: ClusterSnapshot, node: string): NodeStatus['storages'] {
  return storages
    .filter((storage) => storage.node === node)
    .sort((a, b) => (a.storage < b.storage ? -1 : 1))
    .slice(0, MOST_STORAGES)
    .map(({ storage, pluginType, shared, status, content }) => ({
      name: storage,
      ...(pluginType === undefined ? {} : { type: pluginType }),
      shared,
      available: status === 'available',
      content: content.join(',').slice(0, LONGEST_CONTENT),
    }));
}
