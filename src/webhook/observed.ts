// Tells the rules what Proxmox VE was last seen to have of a VM, from what the operator looked at anyway.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { Sighting } from '../controllers/sweep-sightings.ts';
import { type Drive, type DriveKey, drivesOf } from '../pve/drive.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import type { ObservedVm } from './facts.ts';

export interface Looks {
  /** The newest list of the VM's cluster, if this replica polls it. */
  snapshot: ClusterSnapshot | undefined;
  /** The newest look at the VM itself. */
  sighting: Sighting | undefined;
}

/** Undefined when nothing of the VM was seen. The list has the size of its boot disk, the configuration everything. */
export function observedVm(vm: VirtualMachine, { snapshot, sighting }: Looks): ObservedVm | undefined {
  const listed = listedBytes(vm, snapshot);
  const seen = sighting?.observed;
  if (seen?.kind !== 'ours') return listed === undefined ? undefined : { systemDiskBytes: listed };
  const { system, additional } = disksOf(vm, seen.config);
  const sizes = [listed, system?.sizeBytes].filter((size) => size !== undefined);
  return {
    config: seen.config,
    ...(sizes.length === 0 ? {} : { systemDiskBytes: Math.max(...sizes) }),
    ...(additional && { additionalDisk: { volume: additional.volume, bytes: additional.sizeBytes } }),
  };
}

function listedBytes({ status }: VirtualMachine, snapshot: ClusterSnapshot | undefined): number | undefined {
  const listed = snapshot?.vms.get(status?.vmid ?? 0);
  return listed?.type === 'qemu' ? listed.maxDiskBytes : undefined;
}

function disksOf(
  { status }: VirtualMachine,
  config: ReadonlyMap<string, string>,
): { system: Drive | undefined; additional: Drive | undefined } {
  const drives = drivesOf({ values: config });
  const of = (slot: string | undefined) => drives.get(slot as DriveKey);
  return { system: of(status?.disks?.system), additional: of(status?.disks?.additional) };
}
