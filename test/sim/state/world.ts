// The whole cluster: what every endpoint and every task reads and changes.
import type { SimClock } from '../clock.ts';
import { failure } from '../errors.ts';
import { Random } from '../random.ts';
import { ConsoleProxies } from '../api/console.ts';
import { TaskRegistry } from '../tasks/task-registry.ts';
import type { Topology } from '../topology.ts';
import { AccessControl } from './access.ts';
import { FileLocks } from './file-lock.ts';
import { FirewallFile } from './firewall-file.ts';
import type { HaCommand, HaService } from './ha-services.ts';
import { StatusView } from './status-view.ts';
import { Guests } from './guest.ts';
import { LoadModel } from './load.ts';
import { RunHistory } from './run-history.ts';
import type { Vm } from './vm.ts';
import { Volumes } from './volumes.ts';
import { Workers } from './workers.ts';
import { releaseOf } from '../schema/release.ts';

/** `down`: powered off; `cut`: runs, but the cluster does not hear it; `paused`: in the cluster, its API does not answer. */
export type NodeState = 'up' | 'down' | 'cut' | 'paused';

/** What a guest's agent does; `hanging` takes commands and never answers. */
export type AgentMode = 'answering' | 'absent' | 'hanging';

/** A host of the cluster. */
export interface ClusterNode {
  name: string;
  id: number;
  ip: string;
  cpus: number;
  memoryBytes: number;
  rootBytes: number;
  /** Simulated milliseconds since the epoch. */
  bootedAt: number;
  state: NodeState;
  /** When it went down or came back. */
  changedAt: number;
  fingerprint: string;
}

export interface Bridge {
  name: string;
  nodes: string[] | undefined;
  port: string;
  /** Whether VLAN tags have a physical interface to go through. */
  vlans: boolean;
  cidr: string | undefined;
}

export interface Pool {
  id: string;
  comment: string | undefined;
  vms: Set<number>;
  storages: Set<string>;
}

/** A backup job as it was posted. */
export type BackupJob = Record<string, string | number | undefined>;

/** How long the other nodes take to agree that one is gone. */
const agreedAfterMs = 5400;

/** The state of a cluster. */
export class World {
  readonly clock: SimClock;
  readonly random: Random;
  readonly topology: Topology;
  readonly nodes = new Map<string, ClusterNode>();
  readonly vms = new Map<number, Vm>();
  readonly volumes: Volumes;
  readonly access: AccessControl;
  readonly locks: FileLocks;
  readonly tasks: TaskRegistry;
  readonly view: StatusView;
  readonly workers = new Workers();
  readonly load: LoadModel;
  readonly history = new RunHistory();
  readonly guests = new Guests(this);
  readonly consoles = new ConsoleProxies();
  /** The API's certificate once it listens, as console clients are told. */
  certificatePem = '';
  readonly pools = new Map<string, Pool>();
  readonly backupJobs = new Map<string, BackupJob>();
  readonly clusterFirewall = new FirewallFile();
  readonly haResources = new Map<string, Record<string, string | number>>();
  readonly haRules = new Map<string, Record<string, string | number>>();
  /** How far the high-availability managers are, and what they were asked for, by resource. */
  readonly haServices = new Map<string, HaService>();
  readonly haCommands = new Map<string, HaCommand>();
  /** Resources they work on now. */
  readonly haBusy = new Set<string>();
  /** Tells the managers that there is something to do; they set it when they begin. */
  wakeHaManagers: () => void = () => undefined;
  /** Firewall files of VMs; they may exist without the VM. */
  readonly firewall = new Map<number, FirewallFile>();
  readonly options: Record<string, unknown> = { mac_prefix: 'BC:24:11' };
  /** Milliseconds until guests answer, by VMID; otherwise the topology's. */
  readonly guestBootMs = new Map<number, number | null>();
  /** Agents that do not behave, by VMID. */
  readonly agentModes = new Map<number, AgentMode>();
  readonly #sleepers = new Map<string, (() => void)[]>();

  constructor(topology: Topology, clock: SimClock, seed: number) {
    this.topology = topology;
    this.clock = clock;
    this.random = new Random(seed);
    this.load = new LoadModel(seed);
    this.volumes = new Volumes(() => this.nowSeconds());
    this.locks = new FileLocks(clock);
    this.tasks = new TaskRegistry(clock, this.random);
    this.view = new StatusView(this);
    this.access = new AccessControl(releaseOf(topology.version.version));
    this.access.poolOf = (path) => this.poolOfPath(path);
  }

  nowSeconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  /** Quorum: more than half of the nodes hear each other. */
  get quorate(): boolean {
    const up = [...this.nodes.values()].filter(isThere).length;
    return up * 2 > this.nodes.size;
  }

  /** Whether the other nodes count on the node: those that are lost are not missed at once. */
  isSeen(node: ClusterNode): boolean {
    return isThere(node) || this.clock.now() - node.changedAt < agreedAfterMs;
  }

  /** Milliseconds until all agree on who is there; writes into the cluster file system stand still so long. */
  get agreeingMs(): number {
    const lost = [...this.nodes.values()].filter((node) => !isThere(node) && this.isSeen(node));
    return Math.max(0, ...lost.map(({ changedAt }) => changedAt + agreedAfterMs - this.clock.now()));
  }

  /** The VM on that node; a VM elsewhere is as missing as one that never was. */
  vm(vmid: number, node: string): Vm {
    const vm = this.vms.get(vmid);
    if (vm === undefined || vm.node !== node) throw missingConfig(vmid, node);
    return vm;
  }

  firewallOf(vmid: number): FirewallFile {
    return this.firewall.get(vmid) ?? new FirewallFile();
  }

  poolOf(vmid: number): string | undefined {
    for (const pool of this.pools.values()) if (pool.vms.has(vmid)) return pool.id;
    return undefined;
  }

  poolOfPath(path: string): string | undefined {
    const match = /^\/(vms|storage)\/([^/]+)/.exec(path);
    if (match === null) return undefined;
    if (match[1] === 'vms') return this.poolOf(Number(match[2]));
    for (const pool of this.pools.values()) if (pool.storages.has(match[2] ?? '')) return pool.id;
    return undefined;
  }

  bridge(name: string, node: string): Bridge | undefined {
    const bridge = this.topology.bridges.find((one) => one.name === name);
    if (bridge === undefined || (bridge.nodes !== undefined && !bridge.nodes.includes(node))) return undefined;
    const vlans = bridge.vlans && bridge.port !== '';
    return { name: bridge.name, nodes: bridge.nodes, port: bridge.port, vlans, cidr: bridge.cidr };
  }

  /** Resolves when a paused node's API goes on. */
  async whenAwake(name: string): Promise<void> {
    if (this.nodes.get(name)?.state !== 'paused') return;
    await new Promise<void>((resolve) => {
      this.#sleepers.set(name, [...(this.#sleepers.get(name) ?? []), resolve]);
    });
  }

  wakeNode(name: string): void {
    const waiting = this.#sleepers.get(name) ?? [];
    this.#sleepers.delete(name);
    for (const wake of waiting) wake();
  }

  /** Fails as a write to the cluster file system does without quorum. */
  requireQuorum(): void {
    if (!this.quorate) throw failure('cluster not ready - no quorum?');
  }
}

/** Whether the node is part of the cluster. */
function isThere({ state }: ClusterNode): boolean {
  return state === 'up' || state === 'paused';
}

/** The error of a missing (or elsewhere living) VM. */
export function missingConfig(vmid: number, node: string): Error {
  return failure(`Configuration file 'nodes/${node}/qemu-server/${vmid}.conf' does not exist`);
}
