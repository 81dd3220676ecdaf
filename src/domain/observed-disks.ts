// What Proxmox VE was last seen to have of a VM's disks, as the status tells it to every replica of the webhook.
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type Drive, parseDrive } from '../pve/drive.ts';
import { PropertyStringError } from '../pve/property-string.ts';

/** What has just been looked at; every part is absent where it was not. */
export interface DiskLook {
  /** Size of the boot disk, as the list of the cluster has it. */
  readonly listedBytes?: number;
  /** The configuration of the VM. */
  readonly config?: ReadonlyMap<string, string>;
}

/**
 * The status with what a look has shown of its disks; the very same one where that is known already. The list alone shows
 * growth only: it lags behind, and what the configuration says counts.
 */
export function withObservedDisks(status: VirtualMachineStatus, look: DiskLook): VirtualMachineStatus {
  const { disks } = status;
  if (disks?.system === undefined) return status;
  const { config } = look;
  const observed = config === undefined ? grown(disks.observed, look) : configured(disks, config, look);
  return isSame(disks.observed, observed) ? status : { ...status, disks: { ...disks, observed } };
}

type Disks = NonNullable<VirtualMachineStatus['disks']>;
type Observed = Disks['observed'];

function grown(known: Observed, { listedBytes }: DiskLook): Observed {
  const systemBytes = largest(known?.systemBytes, listedBytes);
  return systemBytes === undefined ? known : { ...known, systemBytes };
}

function configured(disks: Disks, config: ReadonlyMap<string, string>, { listedBytes }: DiskLook): Observed {
  const [system, additional] = [disks.system, disks.additional].map((slot) => driveIn(config, slot));
  const systemBytes = largest(system?.sizeBytes, listedBytes);
  return {
    ...(systemBytes === undefined ? {} : { systemBytes }),
    ...(additional === undefined ? {} : { additionalVolume: additional.volume }),
    ...(additional?.sizeBytes === undefined ? {} : { additionalBytes: additional.sizeBytes }),
  };
}

// What a person has written there that is no drive is for the steps to tell of.
function driveIn(config: ReadonlyMap<string, string>, slot: string | undefined): Drive | undefined {
  const text = slot === undefined ? undefined : config.get(slot);
  try {
    return text === undefined ? undefined : parseDrive(text);
  } catch (error) {
    if (error instanceof PropertyStringError) return undefined;
    throw error;
  }
}

// Proxmox VE lists 0 where it does not know.
function largest(...sizes: readonly (number | undefined)[]): number | undefined {
  const known = sizes.filter((size) => size !== undefined && size > 0) as readonly number[];
  return known.length === 0 ? undefined : Math.max(...known);
}

function isSame(one: Observed, other: Observed): boolean {
  const parts = ({ systemBytes, additionalBytes, additionalVolume }: NonNullable<Observed>) =>
    JSON.stringify([systemBytes, additionalBytes, additionalVolume]);
  return parts(one ?? {}) === parts(other ?? {});
}
