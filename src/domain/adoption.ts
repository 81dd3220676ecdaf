// Decides whether a VM that is there already can become that of an object, and what the object has then.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { ExecutedOperation, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { IPAddressReservation, VMIDReservation } from '../api/reservations.ts';
import { type DriveKey, drivesOf, findSystemDisk, isCdrom } from '../pve/drive.ts';
import { parseNic } from '../pve/nic.ts';
import { PropertyStringError } from '../pve/property-string.ts';
import { readStamp } from '../pve/stamp.ts';
import type { Refusal } from './operations-refusals.ts';
import type { Network } from './pools.ts';

export type Adoption = NonNullable<VirtualMachineOperation['spec']['adopt']>;

/** The word that every stamp begins with, also one that cannot be read. */
const STAMP_WORD = 'pve-operator.io/owner';

/** The objects that a claim is judged by. */
export interface Claimants {
  readonly clusterName: string;
  /** Namespaces that the cluster lets adopt. */
  readonly adopters: readonly string[];
  /** Every VirtualMachine there is, also those that are being deleted. */
  readonly virtualMachines: readonly VirtualMachine[];
  /** The reservation of the VMID, whoever holds it. */
  readonly reservation: VMIDReservation | undefined;
  /** VMIDs that are reserved for the object itself. */
  readonly ownVmids: readonly number[];
}

/** Why an object must not claim this VM, as far as the objects tell. Pure. */
export function claimRefusal(vm: VirtualMachine, wanted: Adoption, claimants: Claimants): Refusal | undefined {
  return (
    namespaceRefusal(vm, claimants) ??
    ownVmRefusal(vm, wanted, claimants) ??
    previousOwnerRefusal(wanted, claimants) ??
    holderRefusal(vm, wanted, claimants)
  );
}

// Whoever may adopt may have every VM of the cluster that nobody has stamped.
function namespaceRefusal(
  { metadata: { namespace = '' } }: VirtualMachine,
  { clusterName, adopters }: Claimants,
): Refusal | undefined {
  if (adopters.includes(namespace)) return undefined;
  const message = `ProxmoxCluster ${clusterName} does not let namespace ${namespace} adopt. Ask the platform team to name it in adoption.allowedNamespaces.`;
  return { reason: 'NotAllowed', message };
}

/** A TakeOver shows nothing: who asks for one must have seen what it changes. */
export function observationRefusal({ status }: VirtualMachine, { mode, vmid }: Adoption): Refusal | undefined {
  if (mode === 'Observe') return undefined;
  const observed = (status?.executedOperations ?? []).some(
    (entry) => entry.type === 'Adopt' && entry.vmid === vmid && entry.observations !== undefined,
  );
  if (observed) return undefined;
  const message = `Observe first: no Adopt in the mode Observe has succeeded for VM ${vmid}. Make one and read what it reports.`;
  return { reason: 'ObserveFirst', message };
}

/** How many observations keep their sentences: they are long, and the status of a VM has to fit into one object. */
const KEPT_OBSERVATIONS = 4;

/** The memory with the sentences of the newest observations only. That there was an observation stays known of all. */
export function withoutOldObservations(memory: readonly ExecutedOperation[]): ExecutedOperation[] {
  const observed = memory.filter(({ observations = [] }) => observations.length > 0);
  const old = new Set(observed.slice(0, -KEPT_OBSERVATIONS));
  return memory.map((entry) => (old.has(entry) ? { ...entry, observations: [] } : entry));
}

function ownVmRefusal(
  { status }: VirtualMachine,
  { vmid }: Adoption,
  { clusterName, ownVmids }: Claimants,
): Refusal | undefined {
  const own = [...(status?.vmid === undefined ? [] : [status.vmid]), ...ownVmids].find((other) => other !== vmid);
  if (own !== undefined) {
    const message = `This object has VM ${own} already, so VM ${vmid} cannot be its own. Delete the object and make it anew, with the annotation pve-operator.io/pause.`;
    return { reason: 'NotAdoptable', message };
  }
  if (status?.vmid === undefined || status.clusterName === undefined || status.clusterName === clusterName)
    return undefined;
  const message = `The plan is of cluster ${clusterName}, and the VM of this object is on cluster ${status.clusterName}.`;
  return { reason: 'ClusterChanged', message };
}

function previousOwnerRefusal({ previousUID }: Adoption, { virtualMachines }: Claimants): Refusal | undefined {
  const owner = virtualMachines.find(({ metadata }) => previousUID !== undefined && metadata.uid === previousUID);
  if (owner === undefined) return undefined;
  const message = `The VirtualMachine with the UID ${previousUID} exists and owns its VM. Only what an object that is gone had can be taken over.`;
  return { reason: 'IdentityMismatch', message };
}

// Names of others are left out: they may be another tenant's.
function holderRefusal(
  { metadata }: VirtualMachine,
  { vmid, previousUID }: Adoption,
  { clusterName, reservation, virtualMachines }: Claimants,
): Refusal | undefined {
  const holder = reservation?.spec.virtualMachine.uid;
  const isReserved = holder !== undefined && holder !== metadata.uid && holder !== previousUID;
  const isUsed = virtualMachines.some(
    ({ metadata: { uid }, status }) =>
      uid !== metadata.uid && status?.vmid === vmid && status.clusterName === clusterName,
  );
  if (!isReserved && !isUsed) return undefined;
  const message = isReserved
    ? `VMID ${vmid} is reserved for another object (VMIDReservation ${reservation?.metadata.name}). If that object is gone, say its UID as previousUID.`
    : `VM ${vmid} belongs to another VirtualMachine.`;
  return { reason: 'IdentityMismatch', message };
}

/** Why addresses of the VM cannot become the object's: somebody else has them. `reservations` are those under their names. */
export function addressRefusal(
  { metadata }: VirtualMachine,
  { previousUID }: Adoption,
  reservations: readonly IPAddressReservation[],
): Refusal | undefined {
  const taken = reservations.filter(({ spec }) => ![metadata.uid, previousUID].includes(spec.virtualMachine.uid));
  if (taken.length === 0) return undefined;
  const list = taken.map(({ spec }) => spec.address).join(', ');
  const message = `The VM uses what is reserved for another object: ${list}. Find out who may use it; an IPAddressReservation whose VM is gone can be deleted.`;
  return { reason: 'IdentityMismatch', message: message.slice(0, 300) };
}

/** A VM as Proxmox VE shows it. */
export interface FoundVm {
  readonly vmid: number;
  readonly node: string;
  readonly config: ReadonlyMap<string, string>;
}

/** Why this VM must not become the object's, as far as it tells itself. Pure. */
export function foundVmRefusal(uid: string, wanted: Adoption, found: FoundVm): Refusal | undefined {
  const { vmid, config } = found;
  if (config.get('template') === '1') {
    return { reason: 'NotAdoptable', message: `VM ${vmid} is a template. Templates are no machines.` };
  }
  const stamp = stampRefusal(uid, wanted, config.get('description') ?? '');
  if (stamp !== undefined) return stamp;
  const system = findSystemDisk({ values: config });
  if (!('error' in system)) return undefined;
  return { reason: 'NotAdoptable', message: `VM ${vmid}: ${system.error} Correct its boot order first.` };
}

function stampRefusal(uid: string, { vmid, previousUID }: Adoption, description: string): Refusal | undefined {
  const stamp = readStamp(description);
  if (stamp !== undefined) {
    // A copy that was restored under another id has the stamp too; whose it was is what counts.
    if (stamp.uid === uid || stamp.uid === previousUID) return undefined;
    const said = previousUID === undefined ? 'previousUID is not set' : `previousUID is ${previousUID}`;
    const message = `VM ${vmid} carries the stamp of the object ${stamp.uid}, and ${said}. Nothing is touched.`;
    return { reason: 'IdentityMismatch', message };
  }
  if (description.includes(STAMP_WORD)) {
    const message = `VM ${vmid} carries several stamps, or one that cannot be read; they prove nothing. Correct its description in Proxmox VE.`;
    return { reason: 'IdentityMismatch', message };
  }
  if (previousUID === undefined) return undefined;
  const message = `VM ${vmid} carries no stamp, so it was not the VM of the object ${previousUID}. Leave previousUID out to take over a VM that nobody manages.`;
  return { reason: 'IdentityMismatch', message };
}

/** Bounds of the status: a longer text would be refused with everything else that is written. */
const LONGEST_NAME = 128;
const LONGEST_USER = 64;

/** What a VM is like, in the words of the status. */
export interface FoundParts {
  readonly name?: string;
  readonly osUser?: string;
  /** Of the network card; absent without one. */
  readonly network?: Network & { readonly macAddress?: string };
  readonly disks: NonNullable<VirtualMachineStatus['disks']>;
  /** Disks that are neither the system disk nor the additional one. */
  readonly otherDisks: readonly string[];
}

/** Reads the configuration of a VM that `foundVmRefusal` has nothing against. Pure. */
export function foundParts({ config }: FoundVm): FoundParts {
  const name = config.get('name')?.slice(0, LONGEST_NAME);
  const user = config.get('ciuser');
  // Half a user name is none.
  const osUser = user !== undefined && user.length <= LONGEST_USER ? user : undefined;
  const network = networkOf(config.get('net0'));
  return {
    ...(name === undefined ? {} : { name }),
    ...(osUser === undefined ? {} : { osUser }),
    ...(network === undefined ? {} : { network }),
    ...disksOf(config),
  };
}

function networkOf(text: string | undefined): FoundParts['network'] {
  try {
    const nic = text === undefined ? undefined : parseNic(text);
    if (nic?.bridge === undefined) return undefined;
    return { bridge: nic.bridge, vlan: nic.tag ?? 0, ...(nic.mac === undefined ? {} : { macAddress: nic.mac }) };
  } catch (error) {
    if (error instanceof PropertyStringError) return undefined;
    throw error;
  }
}

function disksOf(config: ReadonlyMap<string, string>): Pick<FoundParts, 'disks' | 'otherDisks'> {
  const system = findSystemDisk({ values: config });
  if ('error' in system) return { disks: {}, otherDisks: [] };
  const rest = [...drivesOf({ values: config })].filter(([key, drive]) => key !== system.key && !isCdrom(drive));
  // The operator puts the additional disk on the bus of the system disk.
  const isNear = (key: DriveKey): boolean => key.replace(/\d+$/, '') === system.key.replace(/\d+$/, '');
  const [additional, ...others] = rest.map(([key]) => key).sort((a, b) => Number(isNear(b)) - Number(isNear(a)));
  return {
    disks: { system: system.key, ...(additional === undefined ? {} : { additional }) },
    otherDisks: others,
  };
}
