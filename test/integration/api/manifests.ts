// Valid manifests to break: the samples of config/samples, one of each kind, and made-up ones of what the operator makes.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** Any manifest; only tests look into it, by path. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

const samplesFolder = resolve(import.meta.dirname, '../../../config/samples');

/** Every manifest of config/samples, in the order of the files. */
function sampleManifests(): Manifest[] {
  return readdirSync(samplesFolder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(join(samplesFolder, name), 'utf8'), { version: '1.1' }))
    .map((document) => document.toJS() as Manifest);
}

const owner = { namespace: 'customer-142', name: 'web-1', uid: '6a0a5f6e-6d7b-4c1b-9d38-3c1b8d3f7a11' };

const made: Manifest[] = [
  {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'PlanRevision',
    metadata: { name: 'kvm-small-1' },
    spec: { planName: 'kvm-small', revision: 1, plan: { clusterRef: { name: 'lab' }, template: { vmid: 9000 } } },
  },
  {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'IPAddressReservation',
    metadata: { name: 'lab.vmbr0.0.192-0-2-10' },
    spec: {
      clusterRef: { name: 'lab' },
      bridge: 'vmbr0',
      vlan: 0,
      address: '192.0.2.10',
      family: 'IPv4',
      prefixLength: 24,
      poolName: 'lab-ipv4',
      order: 0,
      virtualMachine: owner,
    },
  },
  {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'VMIDReservation',
    metadata: { name: 'lab.2000' },
    spec: { clusterRef: { name: 'lab' }, vmid: 2000, virtualMachine: owner },
  },
  {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'QuotaSlot',
    metadata: { name: 'kvm-small.1', namespace: 'customer-142' },
    spec: { planRef: { name: 'kvm-small' }, number: 1, virtualMachine: { name: owner.name, uid: owner.uid } },
  },
  {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'VirtualMachineRun',
    metadata: { name: 'web-1-1', namespace: 'customer-142' },
    spec: { virtualMachineName: 'web-1', number: 1, machine: 'deploy', trigger: 'created', from: 'creation' },
  },
];

/** All samples and one object of each kind that the operator itself makes. */
export function validManifests(): Manifest[] {
  return [...sampleManifests(), ...structuredClone(made)];
}

/** A copy of a valid manifest, by kind and name. */
export function valid(kind: string, name: string): Manifest {
  const found = validManifests().find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`There is no valid ${kind} ${name} to start from.`);
  return found;
}

/** A copy with one value set (undefined removes it); the path is dotted, numbers are places in lists. */
export function changed(manifest: Manifest, path: string, value: unknown): Manifest {
  const copy = structuredClone(manifest);
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let node = copy as unknown as Record<string, unknown>;
  for (const step of steps) {
    node[step] ??= {};
    node = node[step] as Record<string, unknown>;
  }
  if (value === undefined) delete node[last];
  else node[last] = value;
  return copy;
}
