// What there is before anything is asked of admission: clusters, plans, pools, zones, and virtual machines as they were built.
import type { DNSZone } from '../../../src/api/dns-zone.ts';
import { API_VERSION } from '../../../src/api/object.ts';
import type { ProxmoxCluster } from '../../../src/api/proxmox-cluster.ts';
import type { QuotaSlot } from '../../../src/api/quota-slot.ts';
import type { IPAddressReservation, VMIDReservation } from '../../../src/api/reservations.ts';
import { resources } from '../../../src/api/resources.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../../src/api/virtual-machine.ts';
import type { VirtualMachineRun } from '../../../src/api/virtual-machine-run.ts';
import type { EffectivePackage, VirtualMachineStatus } from '../../../src/api/virtual-machine-status.ts';
import { FINALIZER } from '../../../src/controllers/finalizer.ts';
import { FORCE_REMOVE_ANNOTATION } from '../../../src/controllers/reset-status.ts';
import { PAUSE_ANNOTATION } from '../../../src/domain/operations.ts';
import { quotaSlotName } from '../../../src/domain/reservation-names.ts';
import type { KubeObject, ObjectMeta, ResourceType } from '../../../src/kube/types.ts';
import { aReservation, aRevision } from '../../builders/admission.ts';
import { aPackage } from '../../builders/facts.ts';
import { aPlan, aPool, aProxmoxCluster, aVirtualMachine, aZone, CLUSTER } from '../../builders/objects.ts';
import { namespaces } from '../../kube/cluster.ts';
import { type TestBed, typeOf } from '../harness.ts';

/** The namespace of the tenant; another one has what it must not use. */
export const TENANT_NAMESPACE = 'customer-1';
const FOREIGN = { names: ['customer-2'] };
/** Where the accounts of a test live. */
export const ACCOUNT_NAMESPACE = 'accounts';

/** A VM of the tenant's namespace. */
export function aTenantVm(
  name: string,
  spec: Partial<VirtualMachineSpec> = {},
  metadata: Partial<ObjectMeta> = {},
): VirtualMachine {
  const vm = aVirtualMachine(name, spec);
  return { ...vm, metadata: { ...vm.metadata, namespace: TENANT_NAMESPACE, ...metadata } };
}

const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');

/** A cluster that nobody has looked at yet. */
export function aTrustedCluster(name: string, spec: Partial<ProxmoxCluster['spec']> = {}): ProxmoxCluster {
  const endpoints = [`https://${name}.example.com:8006`];
  return aProxmoxCluster({ endpoints, tls: { fingerprint: FINGERPRINT }, ...spec }, name);
}

/** A cluster of two nodes with one storage for disks and one for images. */
function aSeenCluster(name: string, spec: Partial<ProxmoxCluster['spec']> = {}): ProxmoxCluster {
  const storages = [
    { name: 'local-lvm', available: true, content: 'images,rootdir' },
    { name: 'local', available: true, content: 'iso,vztmpl' },
  ];
  const nodes = ['pve1', 'pve2'].map((node) => ({ name: node, status: 'online', storages }));
  return { ...aTrustedCluster(name, spec), status: { nodes } };
}

const LINUX = { vmid: 9001 } as const;
const WINDOWS = { vmid: 9100, family: 'Windows' } as const;
const allowedTemplates = [LINUX, WINDOWS];

/** The plans, by what is special about them. */
export const PLANS = {
  ordinary: aPlan({ allowedTemplates, systemDisk: { sizeGiB: 20 } }),
  small: aPlan({ systemDisk: { sizeGiB: 10 } }, 'kvm-small'),
  large: aPlan({ cpuCores: 4, systemDisk: { sizeGiB: 80 }, additionalDisk: { sizeGiB: 80 } }, 'kvm-large'),
  automatic: aPlan(
    { rollOut: 'Automatic', systemDisk: { sizeGiB: 40 }, additionalDisk: { sizeGiB: 10 } },
    'kvm-automatic',
  ),
  east: aPlan({ clusterRef: { name: 'east' }, systemDisk: { sizeGiB: 40 } }, 'kvm-east'),
  foreign: aPlan({ allowedNamespaces: FOREIGN }, 'kvm-foreign'),
  ofForeignCluster: aPlan({ clusterRef: { name: 'foreign' } }, 'kvm-of-foreign-cluster'),
  billed: aPlan({ nameRule: '{client_id}-{service_id}' }, 'kvm-billed'),
  named: aPlan({ nameRule: 'c-{client_id}' }, 'kvm-named'),
  strict: aPlan({ clientPermissions: { operations: { deny: ['Start', 'Stop', 'Reinstall'] } } }, 'kvm-strict'),
  oneFamily: aPlan({ familyChange: 'Forbidden', allowedTemplates }, 'kvm-one-family'),
  withoutDomain: aPlan({ domain: undefined }, 'kvm-without-domain'),
  /** Has room for one VM a namespace, which is there. */
  full: aPlan({ quota: { virtualMachinesPerNamespace: 1 } }, 'kvm-full'),
  unused: aPlan({}, 'kvm-unused'),
} as const;

const GIB = 2 ** 30;
const GROWN: Partial<EffectivePackage> = { systemDiskGiB: 40, additionalDiskGiB: 10 };
const bothDisks = { systemDiskGiB: 40, additionalDiskGiB: 10 };

function built(name: string, effective: Partial<EffectivePackage>, more: Partial<VirtualMachineStatus> = {}) {
  const fqdn = `${name}.example.com`;
  return {
    state: 'ready',
    clusterName: CLUSTER,
    powerState: 'Running',
    fqdn,
    effective: aPackage(effective),
    ...more,
  } as const;
}

/** The VMs; each has a part that is changed in the tables, beside parts that stay. */
export const VMS = {
  /** Runs, has records in a zone, an address and a VMID, and a snapshot that is in the way. */
  ordinary: {
    ...aTenantVm('web-1', { hostname: 'web-1.example.com', options: { systemDiskGiB: 40 } }),
    status: built(
      'web-1',
      { systemDiskGiB: 40 },
      {
        vmid: 2000,
        planRevision: 'kvm-1',
        snapshotsInTheWay: ['before-upgrade'],
        dns: {
          forward: { ok: 1, failed: 0 },
          reverse: { ok: 0, failed: 0 },
          zones: [{ zone: 'example.com', provider: 'PowerDNS', ok: true }],
        },
      },
    ),
  },
  /** Its sizes are said by typed options. */
  typed: { ...aTenantVm('typed-1', { options: bothDisks }), status: built('typed-1', GROWN) },
  /** Its sizes are said by the options of a panel. */
  mapped: {
    ...aTenantVm('mapped-1', {
      configurableOptions: { 'System Disk': '40|40 GB', 'Additional Disk': '10', 'CPU Cores': '2' },
    }),
    status: built('mapped-1', { ...GROWN, cpuCores: 2 }),
  },
  /** Its sizes are said by its plan. */
  planned: {
    ...aTenantVm('planned-1', { planRef: { name: 'kvm-large' } }),
    status: built('planned-1', { cpuCores: 4, systemDiskGiB: 80, additionalDiskGiB: 80 }),
  },
  automatic: {
    ...aTenantVm('automatic-1', { planRef: { name: 'kvm-automatic' } }),
    status: built('automatic-1', GROWN, { planRevision: 'kvm-automatic-1' }),
  },
  /** Has grown in the meantime: it was declared with less than it was built with. */
  outgrown: { ...aTenantVm('outgrown-1', { configurableOptions: { RAM: '1' } }), status: built('outgrown-1', GROWN) },
  /** Somebody has made its disks larger in Proxmox VE. */
  enlarged: {
    ...aTenantVm('enlarged-1', { configurableOptions: { 'System Disk': '40', 'Additional Disk': '10' } }),
    status: built('enlarged-1', GROWN, {
      disks: {
        system: 'scsi0',
        additional: 'scsi1',
        observed: { systemBytes: 60 * GIB, additionalBytes: 30 * GIB, additionalVolume: 'local-lvm:vm-2007-disk-1' },
      },
    }),
  },
  strict: { ...aTenantVm('strict-1', { planRef: { name: 'kvm-strict' } }), status: built('strict-1', {}) },
  oneFamily: { ...aTenantVm('family-1', { planRef: { name: 'kvm-one-family' } }), status: built('family-1', {}) },
  full: aTenantVm('full-1', { planRef: { name: 'kvm-full' } }),
  /** Its plan is still to come. */
  early: aTenantVm('early-1', { planRef: { name: 'kvm-to-come' } }),
  suspended: aTenantVm('suspended-1', { suspension: { reason: 'unpaid' } }),
  /** Has set all that needs a right to be set. */
  guarded: aTenantVm(
    'guarded-1',
    {
      suspension: { reason: 'unpaid' },
      consent: { deleteSnapshots: ['before'] },
      deletionPolicy: 'Retain',
      deletionProtection: true,
    },
    { annotations: { [PAUSE_ANNOTATION]: 'true', [FORCE_REMOVE_ANNOTATION]: 'true' } },
  ),
  protected: aTenantVm('protected-1', { deletionProtection: true }),
  held: aTenantVm('held-1', {}, { finalizers: [FINALIZER] }),
  /** Has chosen another operating system than that of its plan. */
  chosen: aTenantVm('chosen-1', { options: { operatingSystem: 9001 } }),
  /** Runs because it says so. */
  running: aTenantVm('running-1', { runStrategy: 'Always' }),
} as const satisfies Readonly<Record<string, VirtualMachine>>;

export const CLUSTERS = {
  lab: aSeenCluster(CLUSTER),
  east: aSeenCluster('east'),
  foreign: aSeenCluster('foreign', { allowedNamespaces: FOREIGN }),
  unused: aSeenCluster('unused'),
} as const;

export const POOLS = {
  used: aPool(),
  unused: aPool({ vlan: 7 }, 'unused'),
} as const;

/** A zone on a server of its own. */
export function aServedZone(zone: string, spec: Partial<DNSZone['spec']> = {}): DNSZone {
  return aZone(zone, 'https://ns.example.net:8081', spec);
}

export const ZONES = {
  used: aServedZone('example.com'),
  foreign: aServedZone('example.net', { allowedNamespaces: FOREIGN }),
  unused: aServedZone('example.org'),
} as const;

/** What the operator has made; the VM's own address, one of a VM that is gone, and the same of VMIDs. */
export const RESERVED = {
  address: reservedAddress('192.0.2.20', 'web-1'),
  released: reservedAddress('192.0.2.21', 'gone-1'),
  vmid: reservedVmid(2000, 'web-1'),
  releasedVmid: reservedVmid(2001, 'gone-1'),
} as const;

/** An address of a VM in the tenant's namespace; its UID is filled in when the scene is set. */
export function reservedAddress(address: string, vm: string): IPAddressReservation {
  const reservation = aReservation(address, { virtualMachine: holder(vm) });
  return { ...reservation, metadata: { name: `${CLUSTER}.vmbr0.0.${address.replaceAll('.', '-')}` } };
}

/** A VMID of a VM in the tenant's namespace. */
export function reservedVmid(vmid: number, vm: string): VMIDReservation {
  return {
    apiVersion: API_VERSION,
    kind: 'VMIDReservation',
    metadata: { name: `${CLUSTER}.${vmid}` },
    spec: { clusterRef: { name: CLUSTER }, vmid, virtualMachine: holder(vm) },
  };
}

function holder(name: string) {
  return { namespace: TENANT_NAMESPACE, name, uid: 'of-nobody' };
}

export const REVISIONS = {
  used: aRevision(PLANS.ordinary),
  automatic: aRevision(PLANS.automatic),
  unused: aRevision(PLANS.unused),
} as const;

/** A place in the quota of the plan that is full. */
export function aSlot(number: number): QuotaSlot {
  const plan = PLANS.full.metadata.name;
  return {
    apiVersion: API_VERSION,
    kind: 'QuotaSlot',
    metadata: { name: quotaSlotName({ plan, number }), namespace: TENANT_NAMESPACE },
    spec: { planRef: { name: plan }, number, virtualMachine: { name: 'full-1', uid: 'of-nobody' } },
  };
}

/** The record of a run of web-1. */
export function aRun(number: number): VirtualMachineRun {
  return {
    apiVersion: API_VERSION,
    kind: 'VirtualMachineRun',
    metadata: { name: `web-1-${number}`, namespace: TENANT_NAMESPACE },
    spec: { virtualMachineName: 'web-1', number, machine: 'deploy', trigger: 'created', from: 'creation' },
  };
}

type Stated = KubeObject & { status?: object };

/** Makes everything, as the administrator and before the webhook is there. */
export async function setScene({ client }: TestBed): Promise<void> {
  for (const name of [TENANT_NAMESPACE, ...FOREIGN.names, ACCOUNT_NAMESPACE])
    await client.create(namespaces, { metadata: { name } });
  const make = async ({ status, ...object }: Stated): Promise<KubeObject> => {
    const type: ResourceType<KubeObject> = typeOf(object);
    const made = await client.create(type, object);
    if (status !== undefined)
      await client.patch(type, made.metadata, { status }, { kind: 'merge', subresource: 'status' });
    return made;
  };
  const all = [PLANS, CLUSTERS, POOLS, ZONES, REVISIONS, VMS].flatMap((group): Stated[] => Object.values(group));
  const made = await Promise.all(all.map(make));
  const uidOf = (name: string) =>
    made.find((one) => one.kind === 'VirtualMachine' && one.metadata.name === name)?.metadata.uid;
  const reservations: (IPAddressReservation | VMIDReservation)[] = Object.values(RESERVED);
  await Promise.all(
    reservations.map(({ spec, ...object }) => {
      const { uid, ...vm } = spec.virtualMachine;
      const reservation = { ...object, spec: { ...spec, virtualMachine: { ...vm, uid: uidOf(vm.name) ?? uid } } };
      return make(reservation);
    }),
  );
  await Promise.all([make(aRun(1)), make(aSlot(1))]);
}

/** Every object of our kinds, to tell that none was made, changed or removed: `Kind namespace/name version`. */
export async function everything({ client }: TestBed): Promise<string[]> {
  const { secret: _, ...ours } = resources;
  const lists = await Promise.all(
    Object.values(ours).map(async (type: ResourceType<KubeObject>) => {
      const { items } = await client.list(type);
      return items.map(
        ({ metadata: { namespace = '', name, resourceVersion } }) =>
          `${type.kind} ${namespace}/${name} ${resourceVersion}`,
      );
    }),
  );
  return lists.flat().sort();
}
