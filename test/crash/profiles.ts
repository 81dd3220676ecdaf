// The kinds of virtual machine whose deploy and deletion are interrupted everywhere.
import type { PlanSpec } from '../../src/api/plan.ts';
import type { VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import type { Simulator } from '../sim/simulator.ts';

export interface Profile {
  name: string;
  plan: PlanSpec;
  vm: VirtualMachineSpec;
  arrange?(sim: Simulator): void;
}

const clusterRef = { name: 'lab' };

/** A linked clone on shared storage that stays on its node: the usual VM. */
const linked: Profile = {
  name: 'linked',
  plan: {
    clusterRef,
    template: { vmid: 9000 },
    targetNode: 'pve1',
    firstVMID: 2000,
    cpuCores: 2,
    memoryGiB: 2,
    systemDisk: { sizeGiB: 10, readMBps: 100 },
    domain: 'example.com',
  },
  vm: { planRef: { name: 'small' }, hostname: 'web-1.example.com' },
};

/** A full clone with everything there is: another node, a second disk with limits, both address families. */
const full: Profile = {
  name: 'full',
  plan: {
    ...linked.plan,
    cloneType: 'Full',
    targetNode: 'pve3',
    systemDisk: { storage: 'local-lvm', sizeGiB: 12, writeMBps: 50, readIOPS: 500 },
    additionalDisk: { storage: 'local-lvm', sizeGiB: 5, readMBps: 10, writeIOPS: 100 },
    network: { model: 'virtio', ipv4Addresses: 2, ipv6Addresses: 1, rateMBps: 12 },
    firewall: { inputPolicy: 'DROP', ipFilter: true },
  },
  vm: {
    planRef: { name: 'small' },
    hostname: 'web-1.example.com',
    options: { cpuCores: 4, memoryGiB: 4 },
    sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9vZ2Q0Yk1Yd3h0bGpvb3F3cGJ5b2RkZWFi admin@example.com'],
  },
};

/** A guest that gets its address by DHCP: no firewall, no addresses of ours. */
const dhcp: Profile = {
  name: 'dhcp',
  plan: { ...linked.plan, network: { dhcpIPv4: true }, systemDisk: {} },
  vm: linked.vm,
};

export const PROFILES: readonly Profile[] = [linked, full, dhcp];
