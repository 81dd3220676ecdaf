// Collects what the fate of an operation hangs on: its VM, the other operations of that VM, and what the cluster shows.
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { OperationSurroundings } from '../domain/operations.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import { type Context, INDEX } from './context.ts';

/** One pass of Proxmox VE's statistics daemon is ten seconds; two for a busy node. */
const LIST_LAG_MS = 20_000;

type Clusters = Pick<Context['clusters'], 'open'>;

type Known = Pick<Context, 'stores' | 'now'> & { clusters: Clusters };

/** The key of the VM that an operation names, whether it exists or not. */
export function vmKeyOf({ metadata, spec }: Pick<VirtualMachineOperation, 'metadata' | 'spec'>): string {
  return `${metadata.namespace}/${spec.virtualMachineName}`;
}

/** What is around the operations of one VM; `vmKey` is `namespace/name`. Reads what is known, and asks nobody. */
export function operationSurroundings(vmKey: string, { stores, clusters, now }: Known): OperationSurroundings {
  const vm = stores.virtualMachines.get(vmKey);
  return {
    vm,
    siblings: stores.virtualMachineOperations.byIndex(INDEX.virtualMachine, vmKey),
    snapshotShowsVm: vm === undefined || snapshotShowsVm(vm, clusters),
    now: now(),
  };
}

/**
 * Whether the cluster's list has the VM; true as well when that is not known: nobody answers, or the list is older than
 * what was done last.
 */
export function snapshotShowsVm({ status = {} }: VirtualMachine, clusters: Clusters): boolean {
  const snapshot = trustedSnapshot(status, clusters);
  if (status.vmid === undefined || snapshot === undefined) return true;
  // A container under our number is not our VM.
  return snapshot.vms.get(status.vmid)?.type === 'qemu';
}

function trustedSnapshot(
  { clusterName, settledAt }: VirtualMachineStatus,
  clusters: Clusters,
): ClusterSnapshot | undefined {
  const inventory = clusters.open().find(({ name }) => name === clusterName)?.inventory;
  const snapshot = inventory?.health.state === 'reachable' ? inventory.snapshot() : undefined;
  if (snapshot === undefined || settledAt === undefined) return snapshot;
  return snapshot.takenAt - Date.parse(settledAt) > LIST_LAG_MS ? snapshot : undefined;
}
