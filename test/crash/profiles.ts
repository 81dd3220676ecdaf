// The kinds of virtual machine whose life is interrupted everywhere: their plans, and the VM itself.
import type { FullPlanSpec, PlanSpec } from '../../src/api/plan.ts';
import type { VirtualMachineSpec } from '../../src/api/virtual-machine.ts';

export interface Profile {
  name: string;
  /** Plans by name; the VM's is `small`. */
  plans: Readonly<Record<string, FullPlanSpec>>;
  vm: VirtualMachineSpec;
}

const clusterRef = { name: 'lab' };

const linkedPlan: PlanSpec = {
  clusterRef,
  template: { vmid: 9000 },
  targetNode: 'pve1',
  firstVMID: 2000,
  cpuCores: 2,
  memoryGiB: 2,
  systemDisk: { sizeGiB: 10, readMBps: 100 },
  domain: 'example.com',
};

/** A linked clone on shared storage that stays on its node: the usual VM. */
export const linked: Profile = {
  name: 'linked',
  plans: { small: linkedPlan },
  vm: { planRef: { name: 'small' }, hostname: 'web-1.example.com' },
};

const fullPlan: PlanSpec = {
  ...linkedPlan,
  cloneType: 'Full',
  targetNode: 'pve3',
  systemDisk: { storage: 'local-lvm', sizeGiB: 12, writeMBps: 50, readIOPS: 500 },
  additionalDisk: { storage: 'local-lvm', sizeGiB: 5, readMBps: 10, writeIOPS: 100 },
  network: { model: 'virtio', ipv4Addresses: 2, ipv6Addresses: 1, rateMBps: 12 },
  firewall: { inputPolicy: 'DROP', ipFilter: true },
};

/** Everything bigger than in the plan `small` of the full VM. */
const bigPlan: PlanSpec = {
  ...fullPlan,
  cpuCores: 6,
  memoryGiB: 6,
  systemDisk: { storage: 'local-lvm', sizeGiB: 16, writeMBps: 80, readIOPS: 900 },
  additionalDisk: { storage: 'local-lvm', sizeGiB: 8, readMBps: 20, writeIOPS: 200 },
  network: { model: 'virtio', ipv4Addresses: 3, ipv6Addresses: 2, rateMBps: 25 },
};

/** Everything smaller: one address, no additional disk, no limits. */
const tinyPlan: PlanSpec = {
  ...fullPlan,
  cpuCores: 1,
  memoryGiB: 1,
  systemDisk: { storage: 'local-lvm', sizeGiB: 12 },
  additionalDisk: undefined,
  network: { model: 'virtio', ipv4Addresses: 1, ipv6Addresses: 0 },
};

/** A full clone with everything there is: another node, a second disk with limits, both address families. */
export const full: Profile = {
  name: 'full',
  plans: { small: fullPlan, big: bigPlan, tiny: tinyPlan },
  vm: {
    planRef: { name: 'small' },
    hostname: 'web-1.example.com',
    sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9vZ2Q0Yk1Yd3h0bGpvb3F3cGJ5b2RkZWFi admin@example.com'],
  },
};

const quota = { virtualMachinesPerNamespace: 1 };

/** Of plans that let a namespace have one VM each: a slot that is lost or taken twice keeps the VM from its end. */
export const counted: Profile = {
  name: 'counted',
  plans: { small: { ...linkedPlan, quota }, big: { ...linkedPlan, cpuCores: 4, quota } },
  vm: linked.vm,
};

/** A guest that gets its address by DHCP: no firewall, no addresses of ours. */
export const dhcp: Profile = {
  name: 'dhcp',
  plans: { small: { ...linkedPlan, network: { dhcpIPv4: true }, systemDisk: {} } },
  vm: linked.vm,
};
