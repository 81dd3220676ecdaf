// Looks a VM up in Proxmox VE and judges whose it is. "Gone" is only said when it is proven; what cannot be told is thrown.
import { WaitingError } from '../errors.ts';
import type { ObservedVm } from '../machine/facts.ts';
import { PveError } from '../pve/errors.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import { judgeIdentity } from '../pve/stamp.ts';
import type { VmConfig } from '../pve/answer-types.ts';
import type { ClusterConnection } from './clusters.ts';

const NODE_RECHECK_MS = 10_000;
const QUORUM_RECHECK_MS = 10_000;

export interface Wanted {
  uid: string;
  vmid: number;
  /** Nodes to ask first, likeliest first: a look into the list is only needed when none of them has it. */
  nodeHints: readonly string[];
}

/** What Proxmox VE shows under a VMID. Throws WaitingError when a node that could hold it is down, PveError when nothing answers. */
export async function observeVm(connection: ClusterConnection, wanted: Wanted): Promise<ObservedVm> {
  const hint = wanted.nodeHints.find((node) => !isOffline(connection.inventory.snapshot(), node));
  if (hint !== undefined) {
    const found = await configOn(connection, hint, wanted.vmid);
    if (found !== undefined) return observedVm(found, hint, wanted);
  }
  return observeByList(connection, wanted, hint);
}

// The node that was asked does not have it: it may have moved, or it is gone. Only a list taken after that answer can tell.
async function observeByList(
  connection: ClusterConnection,
  wanted: Wanted,
  asked: string | undefined,
): Promise<ObservedVm> {
  const snapshot = await connection.inventory.refresh();
  const listed = snapshot.vms.get(wanted.vmid);
  if (listed === undefined) return provenAbsent(connection, wanted);
  if (listed.type !== 'qemu') return { kind: 'foreign', node: listed.node, stamped: false };
  if (isOffline(snapshot, listed.node)) {
    throw new WaitingError('WaitingForNode', `Node ${listed.node} with VM ${wanted.vmid} is offline.`, NODE_RECHECK_MS);
  }
  const found = await configOn(connection, listed.node, wanted.vmid);
  if (found !== undefined) return observedVm(found, listed.node, wanted);
  // Listed, but not there: the list lags up to ten seconds behind a destroy. The node that was asked said the same.
  if (asked === listed.node) return provenAbsent(connection, wanted);
  throw new WaitingError(
    'Verifying',
    `VM ${wanted.vmid} is listed on node ${listed.node} and not found there; looking again.`,
    NODE_RECHECK_MS,
  );
}

// Without quorum the configuration files that a node shows may be old ones.
async function provenAbsent(connection: ClusterConnection, wanted: Wanted): Promise<ObservedVm> {
  const status = await connection.api.clusterStatus();
  if (!status.quorate) {
    throw new WaitingError(
      'WaitingForQuorum',
      `Cluster ${connection.name} has no quorum; whether VM ${wanted.vmid} exists cannot be told.`,
      QUORUM_RECHECK_MS,
    );
  }
  return { kind: 'absent' };
}

/** The configuration as it runs and as it is pending; undefined when the node does not have the VM. */
async function configOn(connection: ClusterConnection, node: string, vmid: number): Promise<VmConfig | undefined> {
  try {
    return await connection.api.config({ node, vmid });
  } catch (error) {
    if (error instanceof PveError && error.kind === 'not-found') return undefined;
    throw error;
  }
}

/** Whose the VM is that a node has shown. */
export function observedVm(config: VmConfig, node: string, wanted: Pick<Wanted, 'uid' | 'vmid'>): ObservedVm {
  const identity = judgeIdentity(config, { uid: wanted.uid, vmid: wanted.vmid });
  if (identity === 'cloning') return { kind: 'cloning', node };
  if (identity !== 'ours') return { kind: 'foreign', node, stamped: identity === 'foreign' };
  const lock = config.values.get('lock');
  return { kind: 'ours', node, config: config.values, digest: config.digest, ...(lock === undefined ? {} : { lock }) };
}

function isOffline(snapshot: ClusterSnapshot | undefined, node: string): boolean {
  return snapshot?.nodes.get(node)?.status === 'offline';
}
