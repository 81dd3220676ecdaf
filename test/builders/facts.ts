// Builds what steps look at: the facts of an ordinary deploy, in which a test says only what it is about.
import type { IPAddressReservation, IPAddressReservationSpec } from '../../src/api/reservations.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { EffectivePackage, VirtualMachineStatus } from '../../src/api/virtual-machine-status.ts';
import { resolvePlan } from '../../src/domain/plan-defaults.ts';
import type { ClusterFacts, Design, Facts, OwnVm, TemplateFacts } from '../../src/machine/facts.ts';
import type { NodeResource, StorageResource, VmResource } from '../../src/pve/answer-types.ts';
import type { ClusterSnapshot } from '../../src/pve/inventory.ts';
import { aPlan, aVirtualMachine, CLUSTER } from './objects.ts';

export const NOW = Date.parse('2026-03-01T10:00:00Z');
export const UID = '8a2f0b9c-0000-4000-8000-000000000001';
export const VMID = 2000;

const GIB = 2 ** 30;

/** A moment, in seconds before (negative) or after the facts' own. */
export function at(seconds: number): string {
  return new Date(NOW + seconds * 1000).toISOString();
}

/** A small package: nothing to grow, nothing to limit, one IPv4 address. */
export function aPackage(change: Partial<EffectivePackage> = {}): EffectivePackage {
  return {
    cpuCores: 1,
    memoryGiB: 1,
    backups: 0,
    snapshots: 0,
    systemDiskGiB: 0,
    systemDiskReadMBps: 0,
    systemDiskWriteMBps: 0,
    systemDiskReadIOPS: 0,
    systemDiskWriteIOPS: 0,
    additionalDiskGiB: 0,
    additionalDiskReadMBps: 0,
    additionalDiskWriteMBps: 0,
    additionalDiskReadIOPS: 0,
    additionalDiskWriteIOPS: 0,
    networkMBps: 0,
    ipv4Addresses: 1,
    ipv6Addresses: 0,
    operatingSystem: 9000,
    ...change,
  };
}

/** What the plan of `aPlan` and a small package come to; `plan` and `package` are merged into them. */
export function aDesign(
  change: Partial<Omit<Design, 'plan' | 'package'>> & {
    plan?: Partial<Design['plan']>;
    package?: Partial<EffectivePackage>;
  } = {},
): Design {
  const { plan, package: resources, ...names } = change;
  return {
    plan: { ...resolvePlan(aPlan().spec), ...plan },
    planRevision: 'kvm-1',
    package: aPackage(resources),
    name: 'web-1',
    fqdn: 'web-1.example.com',
    ...names,
  };
}

/** Drives, network card and names as a linked clone of an ordinary cloud image has them. */
const CLONED: Readonly<Record<string, string>> = {
  boot: 'order=scsi0;ide2;net0',
  cores: '1',
  memory: '1024',
  name: 'web-1',
  net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1',
  ide2: 'local:2000/vm-2000-cloudinit.qcow2,media=cdrom',
  scsi0: 'local:9000/base-9000-disk-0.qcow2/2000/vm-2000-disk-0.qcow2,size=10G',
  scsihw: 'virtio-scsi-single',
  sockets: '1',
};

/** Configuration lines of a VM; null removes one of the usual ones. */
export function aConfig(lines: Readonly<Record<string, string | null>> = {}): Map<string, string> {
  const entries = Object.entries({ ...CLONED, ...lines }).filter((line): line is [string, string] => line[1] !== null);
  return new Map(entries);
}

/** Our VM on pve1, unlocked. */
export function anOwnVm(lines: Readonly<Record<string, string | null>> = {}, change: Partial<OwnVm> = {}): OwnVm {
  return { kind: 'ours', node: 'pve1', config: aConfig(lines), digest: 'd1', ...change };
}

/** Template 9000 on pve1. */
export function aTemplateSeen(lines: Readonly<Record<string, string | null>> = {}): TemplateFacts {
  return { kind: 'present', node: 'pve1', config: aConfig({ template: '1', name: 'debian', ...lines }) };
}

export function aNode(name: string, change: Partial<NodeResource> = {}): NodeResource {
  return { name, status: 'online', memoryBytes: 0, maxMemoryBytes: 16 * GIB, ...change };
}

/** A directory for images on one node. */
export function aStorage(node: string, storage: string, change: Partial<StorageResource> = {}): StorageResource {
  return { storage, node, status: 'available', shared: false, pluginType: 'dir', content: ['images'], ...change };
}

export function aListedVm(vmid: number, change: Partial<VmResource> = {}): VmResource {
  return { vmid, node: 'pve1', type: 'qemu', status: 'stopped', template: false, tags: [], ...change };
}

export interface SnapshotShape {
  nodes?: readonly NodeResource[];
  vms?: readonly VmResource[];
  storages?: readonly StorageResource[];
  takenAt?: number;
}

/** One node with one directory, unless told. */
export function aSnapshot(shape: SnapshotShape = {}): ClusterSnapshot {
  const { nodes = [aNode('pve1')], vms = [], storages = [aStorage('pve1', 'local')], takenAt = NOW } = shape;
  return {
    takenAt,
    nodes: new Map(nodes.map((node) => [node.name, node])),
    vms: new Map(vms.map((vm) => [vm.vmid, vm])),
    storages,
  };
}

/** One address that is held for the VM: 192.0.2.10 of the pool `ipv4`. */
export function aHeldAddress(spec: Partial<IPAddressReservationSpec> = {}): IPAddressReservation {
  const full: IPAddressReservationSpec = {
    clusterRef: { name: CLUSTER },
    bridge: 'vmbr0',
    vlan: 0,
    address: '192.0.2.10',
    family: 'IPv4',
    prefixLength: 24,
    gateway: '192.0.2.1',
    nameservers: ['192.0.2.2', '192.0.2.3'],
    poolName: 'ipv4',
    order: 0,
    virtualMachine: { namespace: 'customer-1', name: 'web-1', uid: UID },
    ...spec,
  };
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'IPAddressReservation',
    metadata: { name: `lab.${full.address}` },
    spec: full,
  };
}

/** `web-1` in the namespace `customer-1`. */
export function anOwner(change: Partial<VirtualMachine['metadata']> = {}): VirtualMachine {
  const vm = aVirtualMachine('web-1');
  const creationTimestamp = '2026-03-01T09:59:00Z';
  return { ...vm, metadata: { ...vm.metadata, namespace: 'customer-1', uid: UID, creationTimestamp, ...change } };
}

/** A deploy under way; `operation` is merged into it. */
export function aStatus(
  change: Omit<VirtualMachineStatus, 'operation'> & { operation?: Partial<VirtualMachineStatus['operation']> } = {},
): VirtualMachineStatus {
  const operation = { machine: 'deploy', startedAt: at(-60), ...change.operation };
  return { state: 'creation', clusterName: CLUSTER, ...change, operation };
}

export type FactsShape = Partial<Omit<Facts, 'cluster' | 'status'>> & {
  cluster?: Partial<ClusterFacts>;
  status?: VirtualMachineStatus;
};

const TIMES = { writeSeconds: 60, shutdownSeconds: 120, forceStopSeconds: 60, startSeconds: 60 };

/** A VM whose VMID is reserved and that does not exist yet. */
export function aFacts(shape: FactsShape = {}): Facts {
  const { cluster, ...rest } = shape;
  return {
    now: NOW,
    vm: anOwner(),
    status: aStatus(),
    design: aDesign(),
    held: { addresses: [], vmid: VMID },
    dnsZones: 0,
    ...rest,
    cluster: { name: CLUSTER, snapshot: aSnapshot(), placedMemoryBytes: new Map(), times: TIMES, ...cluster },
  };
}
