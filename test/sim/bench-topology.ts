// Large clusters for the benchmark: many machines in the shape the operator deploys them.
import { parseTopology } from './simulator.ts';
import type { Topology } from './simulator.ts';

/** The token of every benchmark cluster. */
export const benchToken = { id: 'bench@pve!load', secret: 'd3e0a7b5-0000-4000-8000-00000000be9c' };

const firstVmid = 1000;
const GIB = 1024 ** 3;

/** The VMIDs of a cluster of that many machines. */
export function benchVmids(machines: number): number[] {
  return Array.from({ length: machines }, (_, index) => firstVmid + index);
}

/** A cluster of four nodes with that many machines, half of them running. */
export function benchTopology(cluster: string, machines: number): Topology {
  const nodes = ['pve1', 'pve2', 'pve3', 'pve4'].map((name) => ({ name, cpus: 64, memoryBytes: 4096 * GIB }));
  return parseTopology({
    cluster,
    nodes,
    bridges: [{ name: 'vmbr0', port: 'eno1' }],
    storages: [{ id: 'shared', type: 'nfs', shared: true, totalBytes: 1024 ** 5 }],
    vms: benchVmids(machines).map((vmid, index) => machine(vmid, nodes[index % nodes.length]?.name ?? '')),
    users: ['bench@pve'],
    roles: { Bench: ['VM.Audit', 'Sys.Audit', 'Datastore.Audit'] },
    tokens: [{ ...benchToken, privilegeSeparation: true }],
    acl: ['bench@pve', benchToken.id].map((who) => ({ path: '/', role: 'Bench', who })),
  });
}

function machine(vmid: number, node: string): unknown {
  const disk = `${vmid}/vm-${vmid}-disk-0.qcow2`;
  const cloudInit = `${vmid}/vm-${vmid}-cloudinit.qcow2`;
  return {
    vmid,
    node,
    running: vmid % 2 === 0,
    options: {
      agent: '1',
      boot: 'order=scsi0;ide2;net0',
      ciuser: 'debian',
      cores: '2',
      description: `uid:00000000-0000-4000-8000-${String(vmid).padStart(12, '0')}`,
      ide2: `shared:${cloudInit},media=cdrom,size=4M`,
      ipconfig0: `ip=10.${vmid >> 16}.${(vmid >> 8) & 255}.${vmid & 255}/8,gw=10.255.255.254`,
      memory: '2048',
      name: `machine-${vmid}`,
      net0: `virtio=BC:24:11:00:${hex(vmid >> 8)}:${hex(vmid)},bridge=vmbr0,firewall=1,rate=100`,
      ostype: 'l26',
      scsi0: `shared:${disk},iops_rd=1000,iops_wr=1000,mbps_rd=200,mbps_wr=200,size=20G`,
      scsihw: 'virtio-scsi-single',
      smbios1: `uuid=00000000-0000-4000-8000-${String(vmid).padStart(12, '0')}`,
      sockets: '1',
      tags: 'operator',
    },
    volumes: [
      { storage: 'shared', name: disk, format: 'qcow2', sizeBytes: 20 * GIB, usedBytes: GIB },
      { storage: 'shared', name: cloudInit, format: 'qcow2', sizeBytes: 4 * 1024 ** 2 },
    ],
  };
}

function hex(byte: number): string {
  return (byte & 255).toString(16).toUpperCase().padStart(2, '0');
}
