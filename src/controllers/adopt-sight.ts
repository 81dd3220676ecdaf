// Looks at a VM that is to be adopted, whosever it is, and at what a take-over would make of the object. Reads only.
import { API_VERSION } from '../api/object.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type AdoptedAddress, adoptedAddresses } from '../domain/adoption-addresses.ts';
import { type Adoption, type FoundParts, foundParts, type FoundVm, foundVmRefusal } from '../domain/adoption.ts';
import { ADDRESS_SET } from '../domain/firewall.ts';
import type { Refusal } from '../domain/operations-refusals.ts';
import { WaitingError } from '../errors.ts';
import type { Design } from '../machine/facts.ts';
import { isoTime } from '../machine/progress.ts';
import type { VmPowerStatus } from '../pve/answer-types.ts';
import { PveError } from '../pve/errors.ts';
import { addressReservation } from './allocations.ts';
import type { ClusterConnection } from './clusters.ts';
import { INDEX } from './context.ts';
import { resolveDesign } from './design.ts';
import type { VirtualMachineParts } from './run-pipeline.ts';

const LOCK_RECHECK_MS = 5_000;
const NODE_RECHECK_MS = 10_000;

/** The VM as it is at this moment. */
export interface Sight extends FoundVm {
  readonly digest: string;
}

/** What the object would be after a take-over. */
export interface Prospect {
  readonly sight: Sight;
  readonly parts: FoundParts;
  readonly addresses: readonly AdoptedAddress[];
  readonly design: Design;
  readonly power: VmPowerStatus['status'];
  readonly status: VirtualMachineStatus;
}

/** Looks the VM up by its number alone. Throws WaitingError while it cannot be told or is locked. */
export async function sightOf(
  connection: ClusterConnection,
  uid: string,
  wanted: Adoption,
): Promise<Sight | { refusal: Refusal }> {
  const { vmid } = wanted;
  const snapshot = await connection.inventory.refresh();
  const listed = snapshot.vms.get(vmid);
  if (listed === undefined) return refused('VirtualMachineMissing', `Cluster ${connection.name} has no VM ${vmid}.`);
  if (listed.type !== 'qemu') return refused('NotAdoptable', `${vmid} is a container, and no virtual machine.`);
  const { node } = listed;
  if (snapshot.nodes.get(node)?.status === 'offline')
    throw new WaitingError('WaitingForNode', `Node ${node} with VM ${vmid} is offline.`, NODE_RECHECK_MS);
  const { values: config, digest } = await configOf(connection, node, vmid);
  const refusal = foundVmRefusal(uid, wanted, { vmid, node, config });
  if (refusal !== undefined) return { refusal };
  const lock = config.get('lock');
  if (lock === undefined) return { vmid, node, config, digest };
  const message = `Proxmox VE holds the lock "${lock}" on VM ${vmid}; its adoption waits until it is gone.`;
  throw new WaitingError('WaitingForLock', message, LOCK_RECHECK_MS);
}

function refused(reason: Refusal['reason'], message: string): { refusal: Refusal } {
  return { refusal: { reason, message } };
}

// The list lags behind a move or a removal.
async function configOf({ api }: ClusterConnection, node: string, vmid: number) {
  try {
    return await api.config({ node, vmid });
  } catch (error) {
    if (!(error instanceof PveError) || error.kind !== 'not-found') throw error;
    const message = `VM ${vmid} is listed on node ${node} and not found there; looking again.`;
    throw new WaitingError('Verifying', message, NODE_RECHECK_MS);
  }
}

/** What the object would be with that VM: built as declared, on the addresses that the VM has. */
export async function prospectOf(
  vm: VirtualMachine,
  { previousUID }: Adoption,
  sight: Sight,
  { connection, parts: { context, allocations } }: { connection: ClusterConnection; parts: VirtualMachineParts },
): Promise<Prospect> {
  const found = foundParts(sight);
  const { effective: _built, planRevision: _revision, ...before } = vm.status ?? {};
  const named = { ...before, ...(found.name === undefined ? {} : { name: found.name }) };
  const design = resolveDesign({ ...vm, status: named }, context);
  const { vmid, node } = sight;
  const [ipset, { status: power }] = await Promise.all([
    connection.api.ipset({ node, vmid }, ADDRESS_SET),
    connection.api.status({ node, vmid }),
  ]);
  const { addressReservations, pools } = context.stores;
  const inherited = previousUID === undefined ? [] : addressReservations.byIndex(INDEX.virtualMachine, previousUID);
  const addresses = adoptedAddresses({
    clusterName: connection.name,
    network: found.network ?? design.plan.network,
    reservations: [...inherited, ...allocations.heldBy(vm).addresses].filter(
      ({ spec }) => spec.clusterRef.name === connection.name,
    ),
    remembered: vm.status?.addresses ?? [],
    ipconfig0: sight.config.get('ipconfig0'),
    ipset: ipset ?? [],
    pools: pools.byIndex(INDEX.cluster, connection.name),
  });
  const known = { sight, parts: found, addresses, design, power };
  return { ...known, status: statusOf(before, known, { clusterName: connection.name, now: context.now() }) };
}

function statusOf(
  before: VirtualMachineStatus,
  { sight, parts, addresses, design, power }: Omit<Prospect, 'status'>,
  { clusterName, now }: { clusterName: string; now: number },
): VirtualMachineStatus {
  const { drift: _seen, placement: _decided, ...kept } = before;
  const [main] = addresses;
  const { macAddress } = parts.network ?? {};
  const { bridge, vlan } = main ?? parts.network ?? design.plan.network;
  return {
    ...kept,
    clusterName,
    vmid: sight.vmid,
    node: sight.node,
    name: parts.name ?? design.name,
    fqdn: design.fqdn,
    ...(parts.osUser === undefined ? {} : { osUser: parts.osUser }),
    clonedAt: before.clonedAt ?? isoTime(now),
    // A list that is older may know nothing of what was read a moment ago.
    settledAt: isoTime(now),
    powerState: power === 'running' ? 'Running' : 'Stopped',
    addresses: addresses.map(({ address, prefixLength, gateway, nameservers, poolName, order }) => ({
      address,
      prefixLength,
      ...(gateway === undefined ? {} : { gateway }),
      ...(nameservers === undefined ? {} : { nameservers: [...nameservers] }),
      pool: poolName,
      primary: order === 0,
    })),
    network: { bridge, vlan, ...(macAddress === undefined ? {} : { macAddress }) },
    disks: parts.disks,
    effective: design.package,
    planRevision: design.planRevision,
  };
}

/** The reservations that the object would hold. */
export function prospectiveReservations(
  vm: VirtualMachine,
  clusterName: string,
  addresses: readonly AdoptedAddress[],
): IPAddressReservation[] {
  return addresses.map((choice) => ({
    apiVersion: API_VERSION,
    kind: 'IPAddressReservation',
    ...addressReservation(vm, clusterName, choice),
  }));
}
