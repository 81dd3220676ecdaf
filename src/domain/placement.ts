// Decides where a VM goes before it is cloned: its node, its storage, and whether it could be moved at all.
import type { PlanSpec } from '../api/plan.ts';

export type CloneType = NonNullable<PlanSpec['cloneType']>;

interface PlacementNode {
  readonly name: string;
  readonly online: boolean;
  readonly memoryFreeBytes: number;
}

/** A storage as one node has it. */
export interface PlacementStorage {
  readonly node: string;
  readonly storage: string;
  /** Proxmox VE's plugin type, for example `lvmthin`. */
  readonly type: string;
  readonly shared: boolean;
  readonly available: boolean;
  /** What it may hold; disks need `images`. */
  readonly content: readonly string[];
}

export interface PlacementRequest {
  /** The plan's node; absent: the node with the most free memory. */
  readonly targetNode?: string;
  readonly cloneType: CloneType;
  readonly template: { readonly node: string; readonly storage: string };
  readonly nodes: readonly PlacementNode[];
  readonly storages: readonly PlacementStorage[];
  /** Memory of VMs that were placed on a node and that Proxmox VE does not count yet. */
  readonly placedMemoryBytes: ReadonlyMap<string, number>;
  readonly wanted: {
    readonly memoryBytes: number;
    readonly systemStorage?: string;
    readonly additionalStorage?: string;
  };
}

export interface Placement {
  readonly node: string;
  /** Where the system disk ends up; a migration takes it as target storage. */
  readonly targetStorage: string;
  /** The `storage` of a full clone; absent: not to be sent, the disk gets there by the migration or is there already. */
  readonly cloneStorage?: string;
  readonly movable: boolean;
  readonly message: string;
}

export interface PlacementProblem {
  readonly reason: 'NoNodeWithStorage' | 'StorageMissing' | 'WaitingForNode' | 'PlanInvalid';
  readonly message: string;
}

export type PlacementDecision = (Placement & { readonly problem?: undefined }) | { readonly problem: PlacementProblem };

/** Their linked clones are volumes of their own for Proxmox VE, so that an offline migration copies them. */
const COPIED_LINKED_CLONES = new Set(['lvmthin', 'lvm']);

/**
 * Whether a clone can be migrated afterwards. Of a linked clone on local storage whose volume names its base volume
 * (dir, zfspool, btrfs and unknown types) Proxmox VE says `can't migrate … as it's a clone of …` (QemuMigrate.pm).
 */
export function canMigrate({
  cloneType,
  storageType,
  storageShared,
}: {
  cloneType: CloneType;
  storageType: string;
  storageShared: boolean;
}): { movable: boolean; why: string } {
  if (storageShared) return { movable: true, why: 'The disks are on shared storage.' };
  if (cloneType === 'Full') return { movable: true, why: 'A full clone takes its disks along.' };
  if (COPIED_LINKED_CLONES.has(storageType)) {
    return { movable: true, why: `A linked clone on ${storageType} storage is copied when it moves.` };
  }
  return {
    movable: false,
    why: `A linked clone on local ${storageType} storage cannot leave its template's node; use a full clone or shared storage to move it.`,
  };
}

/** Where the VM goes. When no node suits better it stays on the template's node and the message says why. */
export function choosePlacement(request: PlacementRequest): PlacementDecision {
  const problem = templateProblem(request) ?? storageProblem(request);
  if (problem !== undefined) return { problem };
  const mobility = canMigrate(templateStorageFacts(request));
  if (request.targetNode !== undefined) return onPlannedNode(request, request.targetNode, mobility);
  return mobility.movable ? onFreestNode(request) : staying(request, mobility.why);
}

type Mobility = ReturnType<typeof canMigrate>;

function templateProblem({ nodes, template }: PlacementRequest): PlacementProblem | undefined {
  if (nodes.find(({ name }) => name === template.node)?.online === true) return undefined;
  return {
    reason: 'WaitingForNode',
    message: `The node ${template.node} of the template is offline; the clone waits until it is back.`,
  };
}

function storageProblem({ storages, wanted }: PlacementRequest): PlacementProblem | undefined {
  for (const name of [wanted.systemStorage, wanted.additionalStorage]) {
    if (name === undefined) continue;
    const known = storages.filter(({ storage }) => storage === name);
    if (known.some(({ content }) => content.includes('images'))) continue;
    const what = known.length === 0 ? 'does not exist on the cluster' : 'takes no disk images';
    return { reason: 'StorageMissing', message: `The storage ${name} ${what}; correct the storage in the plan.` };
  }
  return undefined;
}

function templateStorageFacts({ cloneType, template, storages }: PlacementRequest) {
  const facts = storages.find(({ node, storage }) => node === template.node && storage === template.storage);
  return { cloneType, storageType: facts?.type ?? 'unknown', storageShared: facts?.shared ?? false };
}

function onPlannedNode(request: PlacementRequest, target: string, mobility: Mobility): PlacementDecision {
  const node = request.nodes.find(({ name }) => name === target);
  if (node === undefined) {
    const message = `The node ${target} that the plan names is not in the cluster; correct targetNode of the plan.`;
    return { problem: { reason: 'PlanInvalid', message } };
  }
  if (target !== request.template.node && !mobility.movable) {
    return staying(request, `It stays on ${request.template.node}, not ${target}. ${mobility.why}`);
  }
  if (!node.online) {
    const message = `The node ${target} that the plan names is offline; the VM waits until it is back.`;
    return { problem: { reason: 'WaitingForNode', message } };
  }
  if (!suits(request, node)) return { problem: noNodeProblem(request, `The node ${target} lacks`, [target]) };
  return placedOn(request, node, `The plan names the node ${target}.`);
}

function onFreestNode(request: PlacementRequest): PlacementDecision {
  const online = request.nodes.filter((node) => node.online);
  const suitable = online.filter((node) => suits(request, node)).sort((a, b) => compareNodes(request, a, b));
  const [freest] = suitable;
  if (freest === undefined) {
    const names = online.map(({ name }) => name);
    return { problem: noNodeProblem(request, 'No node that is online has', names) };
  }
  if (memoryLeft(request, freest) >= request.wanted.memoryBytes) {
    return placedOn(request, freest, `The node ${freest.name} has the storage and the most free memory.`);
  }
  const home = suitable.find(({ name }) => name === request.template.node);
  const shortage = `No node with the storage has ${gibibytes(request.wanted.memoryBytes)} GiB of free memory`;
  return home === undefined
    ? placedOn(request, freest, `${shortage}; the node ${freest.name} has the most.`)
    : placedOn(request, home, `${shortage}; the VM stays on the node ${home.name} of its template.`);
}

// The template's node wins a tie because it saves the migration; names make the choice repeatable.
function compareNodes(request: PlacementRequest, a: PlacementNode, b: PlacementNode): number {
  const byMemory = memoryLeft(request, b) - memoryLeft(request, a);
  if (byMemory !== 0) return byMemory;
  if (a.name === request.template.node || b.name === request.template.node) {
    return a.name === request.template.node ? -1 : 1;
  }
  return a.name < b.name ? -1 : 1;
}

function memoryLeft({ placedMemoryBytes }: PlacementRequest, node: PlacementNode): number {
  return node.memoryFreeBytes - (placedMemoryBytes.get(node.name) ?? 0);
}

function suits(request: PlacementRequest, node: PlacementNode): boolean {
  return missingStorages(request, node.name).length === 0;
}

function missingStorages(request: PlacementRequest, node: string): string[] {
  const system = systemStorageOn(request, node);
  const needed = new Set([system, request.wanted.additionalStorage ?? system]);
  return [...needed].filter((storage) => !hasStorage(request, node, storage));
}

// A linked clone is born on the template's storage and stays there unless it moves away from a local one.
function systemStorageOn(request: PlacementRequest, node: string): string {
  const { cloneType, template, wanted } = request;
  const keepsStorage =
    cloneType === 'Linked' && (node === template.node || templateStorageFacts(request).storageShared);
  return keepsStorage ? template.storage : (wanted.systemStorage ?? template.storage);
}

function hasStorage({ storages }: PlacementRequest, node: string, name: string): boolean {
  return storages.some(
    (entry) => entry.node === node && entry.storage === name && entry.available && entry.content.includes('images'),
  );
}

function staying(request: PlacementRequest, message: string): PlacementDecision {
  const { node: name } = request.template;
  const node = request.nodes.find((candidate) => candidate.name === name);
  if (node === undefined || !suits(request, node)) {
    return { problem: noNodeProblem(request, `The VM cannot leave the node ${name}, which lacks`, [name]) };
  }
  return placedOn(request, node, message);
}

function placedOn(request: PlacementRequest, node: PlacementNode, reason: string): Placement {
  const targetStorage = systemStorageOn(request, node.name);
  const { wanted } = request;
  const kept =
    wanted.systemStorage === undefined || wanted.systemStorage === targetStorage
      ? ''
      : ` A linked clone stays on ${targetStorage}, the storage of its template.`;
  const { movable } = canMigrate(templateStorageFacts(request));
  const base = { node: node.name, targetStorage, movable, message: `${reason}${kept}` };
  const cloneStorage = cloneStorageFor(request, targetStorage);
  return cloneStorage === undefined ? base : { ...base, cloneStorage };
}

// A linked clone takes no storage, and the clone runs on the template's node whatever the target.
function cloneStorageFor(request: PlacementRequest, targetStorage: string): string | undefined {
  const { cloneType, template } = request;
  if (cloneType === 'Linked' || targetStorage === template.storage) return undefined;
  return hasStorage(request, template.node, targetStorage) ? targetStorage : undefined;
}

function noNodeProblem(request: PlacementRequest, start: string, nodes: readonly string[]): PlacementProblem {
  const missing = new Set(nodes.flatMap((node) => missingStorages(request, node)));
  const what = [...missing].map((storage) => `the storage ${storage}`).join(' and ');
  const message = `${start} ${what}; make it available or correct the plan.`;
  return { reason: 'NoNodeWithStorage', message };
}

function gibibytes(bytes: number): number {
  return Math.round((bytes / 1024 ** 3) * 10) / 10;
}
