// Gathers the facts that a step looks at, each at most once a pass unless an action made it old.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { findSystemDisk } from '../pve/drive.ts';
import { ADDRESS_SET } from '../domain/firewall.ts';
import { StalledError, WaitingError } from '../errors.ts';
import type { ClusterFacts, Design, Facts, Need, ObservedVm, ClusterTimes, TemplateFacts } from '../machine/facts.ts';
import type { VmRef } from '../pve/client.ts';
import { PveError } from '../pve/errors.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import type { Allocations } from './allocations.ts';
import type { ClusterConnection } from './clusters.ts';
import { type Context, INDEX } from './context.ts';
import { matchingDnsZones } from './dns-publication.ts';
import { observeVm } from './observe.ts';
import { resolveDesign } from './design.ts';
import { deployRefusal } from './quota-slots.ts';

const SNAPSHOT_WAIT_MS = 1_000;

export interface GatherInput {
  context: Context;
  allocations: Allocations;
  vm: VirtualMachine;
  /** Whether the VM is being deleted: a plan that is gone must not stand in the way. */
  deleting: boolean;
  /** Called when a clone slot may have become free. */
  wake(): void;
}

type Gathered = Partial<Pick<Facts, Need | 'cloneTask' | 'inForce'>>;

/** The facts of one pass over one VM. */
export class Gatherer {
  readonly #input: GatherInput;
  #gathered: Gathered = {};
  #design: Design | undefined;
  #designTried = false;

  constructor(input: GatherInput) {
    this.#input = input;
  }

  /** Forgets what an action may have changed. */
  forget(...needs: readonly Need[]): void {
    for (const need of needs) delete this.#gathered[need];
  }

  /** Takes note of what is known without a look. */
  learn(known: Gathered): void {
    Object.assign(this.#gathered, known);
  }

  async facts(status: VirtualMachineStatus, needs: readonly Need[]): Promise<Facts> {
    const base = this.#base(status, needs);
    for (const need of ORDER.filter((candidate) => needs.includes(candidate))) {
      if (need in this.#gathered) continue;
      Object.assign(this.#gathered, await this.#look(need, { ...base, ...this.#gathered }));
    }
    return { ...base, ...this.#gathered };
  }

  async #look(need: Need, facts: Facts): Promise<Gathered> {
    if (need === 'pending') return waiting(this.#input, facts);
    if (need !== 'observed') return { [need]: await GATHER[need](this.#input, facts) };
    const observed = await lookAt(this.#input, facts);
    return { observed, cloneTask: await cloneTask(this.#input, { ...facts, observed }) };
  }

  /** The connection of the VM's cluster; throws when the cluster cannot be used as it is configured. */
  connection(status: VirtualMachineStatus): ClusterConnection {
    return this.#input.context.clusters.connection(this.#clusterName(status));
  }

  #clusterName(status: VirtualMachineStatus): string {
    const name = status.clusterName ?? this.#heldCluster() ?? this.#designOf(status)?.plan.clusterName;
    if (name === undefined)
      throw new WaitingError('InProgress', 'The cluster of the VM is not known yet.', SNAPSHOT_WAIT_MS);
    return name;
  }

  #knownCluster(status: VirtualMachineStatus): string {
    return status.clusterName ?? this.#heldCluster() ?? '';
  }

  // A reservation says where the VM is to be also when the status was not written any more.
  #heldCluster(): string | undefined {
    const { addresses, vmids } = this.#input.allocations.heldBy(this.#input.vm);
    return (vmids[0] ?? addresses[0])?.spec.clusterRef.name;
  }

  #designOf(status: VirtualMachineStatus): Design | undefined {
    if (this.#designTried) return this.#design;
    const { context, vm, deleting } = this.#input;
    if (!deleting) demandSlot({ ...vm, status }, context);
    try {
      this.#design = resolveDesign({ ...vm, status }, context);
    } catch (error) {
      if (!deleting) throw error;
    }
    this.#designTried = true;
    return this.#design;
  }

  #base(status: VirtualMachineStatus, needs: readonly Need[]): Facts {
    const { context, allocations, vm } = this.#input;
    const design = this.#designOf(status);
    const held = allocations.heldBy(vm);
    const reserved = held.vmids.map(({ spec }) => spec.vmid);
    // What the status says counts also when its reservation is gone or not seen yet: the VM is found by it.
    const vmid = status.vmid ?? reserved[0];
    return {
      now: context.now(),
      vm,
      status,
      design,
      cluster: this.#clusterFacts(status, needs.includes('template')),
      held: { addresses: held.addresses, vmid, vmidReserved: vmid !== undefined && reserved.includes(vmid) },
      dnsZones: matchingDnsZones(context, { ...vm, status }, design).length,
    };
  }

  #clusterFacts(status: VirtualMachineStatus, isPlacing: boolean): ClusterFacts {
    const name = this.#input.deleting ? this.#knownCluster(status) : this.#clusterName(status);
    const open = this.#input.context.clusters.open().find((connection) => connection.name === name);
    return {
      name,
      snapshot: open?.inventory.snapshot(),
      // A look at every other VM of the cluster, so only where a node is chosen.
      placedMemoryBytes: isPlacing ? placedMemory(this.#input, name, open) : new Map(),
      times: clusterTimes(open?.spec),
    };
  }
}

// Nothing is made, and nothing is reserved for it, before the VM has its place in the quota of its plan.
function demandSlot(vm: VirtualMachine, { stores }: Context): void {
  const refusal = deployRefusal(vm, stores);
  if (refusal !== undefined) throw new StalledError(refusal.reason, refusal.message);
}

const CLOCK_TOLERANCE_SECONDS = 60;

const DEFAULT_TIMES: ClusterTimes = { writeSeconds: 60, shutdownSeconds: 120, forceStopSeconds: 60, startSeconds: 60 };

function clusterTimes(spec: ClusterConnection['spec'] | undefined): ClusterTimes {
  const { writeSeconds, shutdownSeconds, forceStopSeconds, startSeconds } = spec?.timeouts ?? {};
  return {
    writeSeconds: writeSeconds ?? DEFAULT_TIMES.writeSeconds,
    shutdownSeconds: shutdownSeconds ?? DEFAULT_TIMES.shutdownSeconds,
    forceStopSeconds: forceStopSeconds ?? DEFAULT_TIMES.forceStopSeconds,
    startSeconds: startSeconds ?? DEFAULT_TIMES.startSeconds,
  };
}

// Memory of VMs that were placed and that the snapshot does not show running yet: two deploys must not both count on it.
function placedMemory(
  { context, allocations, vm }: GatherInput,
  cluster: string,
  connection: ClusterConnection | undefined,
): Map<string, number> {
  const bytes = allocations.claimedMemory(cluster);
  const snapshot = connection?.inventory.snapshot();
  for (const other of context.stores.virtualMachines.byIndex(INDEX.cluster, cluster)) {
    const { placement, effective } = other.status ?? {};
    const node = placement?.targetNode;
    if (other.metadata.uid === vm.metadata.uid || node === undefined || effective === undefined) continue;
    if (!isCounted(other, snapshot)) bytes.set(node, (bytes.get(node) ?? 0) + effective.memoryGiB * 2 ** 30);
  }
  return bytes;
}

/** Whether the figures of the nodes have the VM in them. */
function isCounted({ status }: VirtualMachine, snapshot: ClusterSnapshot | undefined): boolean {
  const seen = snapshot?.vms.get(status?.vmid ?? 0);
  return status?.state === 'ready' && seen !== undefined && seen.status !== 'unknown';
}

/** Some facts build on others. */
const ORDER: readonly Need[] = [
  'addresses',
  'credentials',
  'template',
  'observed',
  'power',
  'firewall',
  'guestAgent',
  'snapshots',
  'pending',
  'restartTask',
  'cloneSlot',
];

const GATHER: {
  [N in Exclude<Need, 'observed' | 'pending'>]: (input: GatherInput, facts: Facts) => Promise<Gathered[N]>;
} = {
  // All of them, whoever may use them: an overlap is an overlap also with a pool that is closed to the VM.
  addresses: async ({ context, allocations }, { cluster }) => ({
    pools: context.stores.pools.byIndex(INDEX.cluster, cluster.name),
    taken: (network, address) => allocations.addressTaken(cluster.name, network, address),
  }),

  credentials: async (_input, { status }) => {
    const { credentialsSecret, osUser } = status;
    if (credentialsSecret === undefined || osUser === undefined) return { kind: 'absent' };
    return { kind: 'present', secretName: credentialsSecret, user: osUser };
  },

  template: async ({ context }, facts) => templateFacts(context.clusters.connection(facts.cluster.name), facts),

  power: async ({ context }, { cluster, observed: seen, held }) => {
    if (seen?.kind !== 'ours' || held.vmid === undefined) return undefined;
    const { status } = await context.clusters.connection(cluster.name).api.status({ node: seen.node, vmid: held.vmid });
    return status;
  },

  firewall: async ({ context }, { cluster, observed: seen, held }) => {
    if (seen?.kind !== 'ours' || held.vmid === undefined) return undefined;
    const { api } = context.clusters.connection(cluster.name);
    const vm = { node: seen.node, vmid: held.vmid };
    const [options, ipset] = await Promise.all([api.firewallOptions(vm), api.ipset(vm, ADDRESS_SET)]);
    return { options: { ...options }, ipset: ipset ?? undefined };
  },

  guestAgent: async ({ context }, { cluster, observed: seen, held, power }) => {
    if (seen?.kind !== 'ours' || held.vmid === undefined || power !== 'running') return undefined;
    const answers = await context.clusters.connection(cluster.name).api.agentPing({ node: seen.node, vmid: held.vmid });
    return { answers };
  },

  restartTask: async ({ context }, { cluster, observed: seen, held, status }) => {
    const intent = status.operation?.intent;
    if (seen?.kind !== 'ours' || held.vmid === undefined || intent === undefined) return undefined;
    const { api } = context.clusters.connection(cluster.name);
    const tasks = await api.vmTasks({ node: seen.node, vmid: held.vmid }, `qm${intent.action}`);
    // The node's clock and ours need not agree to the second.
    const since = Date.parse(intent.sentAt) / 1_000 - CLOCK_TOLERANCE_SECONDS;
    return tasks.find(({ startTime }) => startTime >= since)?.state.state ?? 'none';
  },

  snapshots: async ({ context }, { cluster, observed: seen, held }) => {
    if (seen?.kind !== 'ours' || held.vmid === undefined) return undefined;
    const { api } = context.clusters.connection(cluster.name);
    const snapshots = await api.snapshots({ node: seen.node, vmid: held.vmid });
    return snapshots.map(({ name }) => name);
  },

  cloneSlot: async ({ context, vm, wake }, { cluster, template, observed: seen }) => {
    if (seen?.kind !== 'absent' || template?.kind !== 'present') return undefined;
    const disk = findSystemDisk({ values: template.config });
    const storage = 'error' in disk ? '' : (disk.drive.storage ?? '');
    const answer = context.clusters
      .connection(cluster.name)
      .cloneSlots.take(vm.metadata.uid ?? '', { node: template.node, storage }, wake);
    return answer.free ? undefined : answer;
  },
};

// What waits looks as if it were in force when the configuration is read, so both are told.
async function waiting(
  { context }: GatherInput,
  { cluster, observed: seen, held, power }: Facts,
): Promise<Required<Pick<Gathered, 'pending' | 'inForce'>>> {
  if (seen?.kind !== 'ours' || held.vmid === undefined || power === 'stopped')
    return { pending: [], inForce: new Map() };
  const entries = await context.clusters.connection(cluster.name).api.pending({ node: seen.node, vmid: held.vmid });
  const waits = entries.filter(({ pending, deletion }) => pending !== undefined || deletion);
  const inForce = waits.flatMap(({ key, value }): [string, string][] => (value === undefined ? [] : [[key, value]]));
  return { pending: waits.map(({ key }) => key), inForce: new Map(inForce) };
}

async function templateFacts(connection: ClusterConnection, facts: Facts): Promise<TemplateFacts> {
  const vmid = facts.design?.package.operatingSystem ?? 0;
  const snapshot = requireSnapshot(connection);
  const listed = snapshot.vms.get(vmid);
  if (listed?.type !== 'qemu') return { kind: 'missing' };
  const { node } = listed;
  if (snapshot.nodes.get(node)?.status === 'offline') return { kind: 'offline', node };
  // The list says nothing of a template that its node has not reported yet; the configuration does.
  if (listed.template === false) return { kind: 'notATemplate', node };
  return configuredTemplate(connection, { node, vmid });
}

async function configuredTemplate(connection: ClusterConnection, template: VmRef): Promise<TemplateFacts> {
  const { node } = template;
  try {
    const { values } = await connection.templates.config(template);
    return values.get('template') === '1' ? { kind: 'present', node, config: values } : { kind: 'notATemplate', node };
  } catch (error) {
    if (error instanceof PveError && error.kind === 'not-found') return { kind: 'missing' };
    throw error;
  }
}

/** The newest snapshot of a cluster that answers; one that does not is not asked again by every VM. */
function requireSnapshot(connection: ClusterConnection) {
  const { error } = connection.inventory.health;
  if (error !== undefined) throw error;
  const snapshot = connection.inventory.snapshot();
  if (snapshot !== undefined) return snapshot;
  throw new WaitingError(
    'InProgress',
    `Cluster ${connection.name} is being looked at for the first time.`,
    SNAPSHOT_WAIT_MS,
  );
}

async function observedVm(connection: ClusterConnection, { held, status, vm }: Facts): Promise<ObservedVm> {
  const { vmid } = held;
  if (vmid === undefined) return { kind: 'absent' };
  const listed = requireSnapshot(connection).vms.get(vmid);
  const attempted = status.vmid === vmid || status.operation?.intent?.action === 'clone';
  // Before the first clone call a list that does not have the id is enough: the call itself is refused if it is taken.
  if (!attempted && listed === undefined) return { kind: 'absent' };
  const hints = [status.node, listed?.node].filter((node) => node !== undefined);
  return observeVm(connection, { uid: vm.metadata.uid ?? '', vmid, nodeHints: [...new Set(hints)] });
}

// Where no VMID was ever decided on there is nothing to look for, and nobody to ask: the cluster may not even exist.
async function lookAt({ context }: GatherInput, facts: Facts): Promise<ObservedVm> {
  if (facts.held.vmid === undefined) return { kind: 'absent' };
  return observedVm(context.clusters.connection(facts.cluster.name), facts);
}

// A VM that is half cloned is waited for as long as somebody works on it, whatever step finds it.
async function cloneTask({ context }: GatherInput, facts: Facts): Promise<Facts['cloneTask']> {
  const { cluster, observed: seen, design } = facts;
  const isCloning = seen?.kind === 'cloning' || (seen?.kind === 'ours' && seen.lock === 'clone');
  if (!isCloning) return undefined;
  const tasks = await context.clusters.connection(cluster.name).api.clusterTasks();
  const source = design?.package.operatingSystem;
  const clones = tasks.filter(({ type, id }) => type === 'qmclone' && (source === undefined || id === String(source)));
  if (clones.some(({ state }) => state.state === 'running')) return { running: true };
  // The clone may have ended between the two looks; only one that is still seen without a task is broken.
  const again = await observedVm(context.clusters.connection(cluster.name), facts);
  return { running: again.kind !== seen?.kind };
}
