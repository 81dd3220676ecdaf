// Builds simulated Proxmox VE clusters for tests: the demo's three nodes, with the templates and storages a test asks for.
import { readFileSync } from 'node:fs';
import { parseTopology, type Topology } from '../sim/simulator.ts';

type TopologyVm = Topology['vms'][number];

const GIB = 1024 ** 3;
const CLOUD_INIT_BYTES = 4 * 1024 ** 2;

/** What a template is like; the rest is an ordinary cloud image. */
export interface TemplateShape {
  vmid: number;
  node?: string;
  /** `shared` (NFS, qcow2) unless told; `local` is a directory, `local-lvm` a thin pool. */
  storage?: string;
  /** Slot of the system disk. */
  disk?: string;
  sizeGiB?: number;
  /** Further configuration lines, or others in place of the usual ones; null removes one. */
  options?: Record<string, string | null>;
}

/** The demo's cluster, with further templates and with what `change` makes of it. */
export function aTopology(shapes: readonly TemplateShape[] = [], change: Partial<Topology> = {}): Topology {
  const file = new URL('../sim/topologies/demo.json', import.meta.url);
  const base = parseTopology(JSON.parse(readFileSync(file, 'utf8')));
  const vmids = new Set(shapes.map(({ vmid }) => vmid));
  const vms = [...base.vms.filter(({ vmid }) => !vmids.has(vmid)), ...shapes.map(aTemplate)];
  return { ...base, vms, ...change };
}

/** A template with a system disk and a cloud-init drive. */
export function aTemplate(shape: TemplateShape): TopologyVm {
  const { vmid, node = 'pve1', storage = 'shared', disk = 'scsi0', sizeGiB = 2 } = shape;
  const system = volume(storage, vmid, 'base', 'disk-0');
  const cloudInit = volume(storage, vmid, 'vm', 'cloudinit');
  // A template whose system disk is on the IDE bus has its cloud-init drive on another slot of it.
  const cloudInitSlot = disk === 'ide2' ? 'ide0' : 'ide2';
  const usual: Record<string, string | null> = {
    agent: '1',
    boot: `order=${disk};${cloudInitSlot};net0`,
    cores: '1',
    [cloudInitSlot]: `${storage}:${cloudInit.name},media=cdrom`,
    memory: '1024',
    name: `template-${vmid}`,
    net0: 'virtio=BC:24:11:00:90:00,bridge=vmbr0,firewall=1',
    ostype: 'l26',
    [disk]: `${storage}:${system.name},size=${sizeGiB}G`,
    scsihw: 'virtio-scsi-single',
    sockets: '1',
    template: '1',
  };
  const options = Object.entries({ ...usual, ...shape.options }).filter(([, value]) => value !== null);
  const volumes = [
    { storage, ...system, sizeBytes: sizeGiB * GIB, usedBytes: GIB / 2 },
    { storage, ...cloudInit, sizeBytes: CLOUD_INIT_BYTES },
  ];
  return {
    vmid,
    node,
    options: Object.fromEntries(options) as Record<string, string>,
    // A volume that no line names would be a leak from the start.
    volumes: volumes.filter(({ name }) => options.some(([, value]) => value?.startsWith(`${storage}:${name}`))),
    running: false,
  };
}

// File storages keep a folder per VM and several formats; block storages have bare names and raw volumes only.
function volume(storage: string, vmid: number, prefix: string, what: string) {
  return storage === 'local-lvm'
    ? { name: `${prefix}-${vmid}-${what}`, format: 'raw' as const }
    : { name: `${vmid}/${prefix}-${vmid}-${what}.qcow2`, format: 'qcow2' as const };
}
