// The objects of the benchmark: the usual small machine with one IPv4 address, a disk that grows and the firewall on.
import type { IPPool } from '../../src/api/ip-pool.ts';
import { API_VERSION } from '../../src/api/object.ts';
import type { Plan } from '../../src/api/plan.ts';
import type { ProxmoxCluster } from '../../src/api/proxmox-cluster.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { SimulatorStart } from './simulator-link.ts';

export const NAMESPACE = 'bench';
export const OPERATOR_NAMESPACE = 'pve-operator-system';
/** Of the simulated cluster. */
export const TEMPLATE_VMID = 9000;
const NAME = 'bench';
const CLONES_AT_ONCE = 100;

/** What the virtual machines need. */
export function surroundings(simulator: SimulatorStart): object[] {
  const metadata = { name: NAME };
  const cluster: Pick<ProxmoxCluster, 'spec'> = {
    spec: {
      endpoints: [simulator.url],
      tls: { caBundle: simulator.caPem },
      tokenSecretRef: { name: NAME },
      limits: { clonesPerStorage: CLONES_AT_ONCE, clonesPerNode: CLONES_AT_ONCE },
      // Its calls come on top of every figure, as many as its budget says; here only what a machine costs is counted.
      sweep: { callsPerMinute: 0 },
    },
  };
  const pool: Pick<IPPool, 'spec'> = {
    spec: {
      clusterRef: metadata,
      family: 'IPv4',
      bridge: 'vmbr0',
      vlan: 0,
      first: '10.32.0.10',
      last: '10.32.15.250',
      prefixLength: 20,
      gateway: '10.32.0.1',
      nameservers: ['10.32.0.2'],
    },
  };
  const plan: Pick<Plan, 'spec'> = {
    spec: {
      clusterRef: metadata,
      template: { vmid: TEMPLATE_VMID },
      cloneType: 'Linked',
      firstVMID: 20_000,
      domain: 'example.com',
      cpuCores: 2,
      memoryGiB: 2,
      osUser: 'debian',
      network: { model: 'virtio', autoNetwork: true, rateMBps: 100, ipv4Addresses: 1, ipv6Addresses: 0 },
      firewall: { enabled: true, macFilter: true, antiSpoofing: true, inputPolicy: 'ACCEPT', outputPolicy: 'ACCEPT' },
      systemDisk: { sizeGiB: 20, readMBps: 200, writeMBps: 100, readIOPS: 2000, writeIOPS: 1000 },
    },
  };
  const { tokenID, secret } = simulator;
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: NAME, namespace: OPERATOR_NAMESPACE },
      stringData: { tokenID, secret },
    },
    { apiVersion: API_VERSION, kind: 'ProxmoxCluster', metadata, ...cluster },
    { apiVersion: API_VERSION, kind: 'IPPool', metadata, ...pool },
    { apiVersion: API_VERSION, kind: 'Plan', metadata, ...plan },
  ];
}

/** What has to be ready before the first virtual machine is made, as kubectl names it. */
export const READY_FIRST = [`proxmoxcluster/${NAME}`, `ippool/${NAME}`, `plan/${NAME}`];

export function virtualMachine(number: number): Pick<VirtualMachine, 'metadata' | 'spec'> {
  return { metadata: { name: `vm-${number}`, namespace: NAMESPACE }, spec: { planRef: { name: NAME } } };
}
