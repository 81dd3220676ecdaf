// Plays one test's world on a test bed: a simulated Proxmox VE cluster, an operator, and the objects of both sides.
import { Resolver } from 'node:dns/promises';
import { expect } from 'vitest';
import type { Condition } from '../../src/api/object.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import { eventType, type KubeEvent } from '../../src/kube/events.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { secretType, secretValues } from '../../src/kube/secrets.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import { aProxmoxCluster, aSecret, aTokenSecret, CLUSTER, DNS_SECRET } from '../builders/objects.ts';
import { aTopology } from '../builders/topology.ts';
import { type PowerDnsServer, startPowerDns } from '../contract/powerdns-server.ts';
import { until } from '../kube/until.ts';
import { type Listening, Simulator, type SimulatorOptions, type Topology } from '../sim/simulator.ts';
import { type TestBed, typeOf } from './harness.ts';
import { type Operator, startOperator } from './harness-operator.ts';

export interface WorldOptions {
  topology?: Topology;
  /** Of the simulator's tasks: `instant` unless told, 1 is as recorded. */
  speed?: SimulatorOptions['speed'];
  /** Whether a real PowerDNS server runs; the caller has looked whether one is installed. */
  powerDns?: boolean;
  /** Whether an operator is started in this process; true unless told. */
  operator?: boolean;
  /** Changes to the ProxmoxCluster object; null leaves it out, with its Secret. */
  cluster?: Partial<ReturnType<typeof aProxmoxCluster>['spec']> | null;
}

/** What `stop` lets pass, because the test is about it. */
export interface Leftovers {
  /** VMs that are there on purpose, beside those of the topology. */
  vmids?: readonly number[];
  /** Leave the leak check of the simulator to the test. */
  leaks?: boolean;
}

const CLEANUP_LIMIT_MS = 30_000;
/** The VMID of a clone call without an answer is kept until it cannot be carried out any more: 45 s at the least. */
const GONE_LIMIT_MS = 90_000;
let worlds = 0;

/** Starts a world with a ProxmoxCluster object and its token. Worlds of one test bed must not overlap. */
export async function startWorld(bed: TestBed, options: WorldOptions = {}): Promise<World> {
  worlds += 1;
  const topology = options.topology ?? aTopology();
  const sim = new Simulator({ topology, speed: options.speed ?? 'instant' });
  const [listening, namespace, powerDns] = await Promise.all([
    sim.listen(),
    bed.cluster.newNamespace(`world-${worlds}`),
    options.powerDns === true ? startedPowerDns() : undefined,
  ]);
  const world = new World({ bed, sim, listening, namespace, topology, powerDns });
  if (options.cluster !== null) {
    await world.create(
      aTokenSecret(world.token),
      aProxmoxCluster({
        ...world.access,
        adoption: { allowedNamespaces: { names: [world.namespace] } },
        ...options.cluster,
      }),
    );
  }
  if (powerDns !== undefined) await world.create(aSecret(DNS_SECRET, { apiKey: powerDns.apiKey }));
  if (options.operator !== false) world.operator = startOperator(bed);
  return world;
}

async function startedPowerDns(): Promise<PowerDnsServer> {
  const server = await startPowerDns();
  if ('unavailable' in server) throw new Error(server.unavailable);
  return server;
}

interface Parts {
  bed: TestBed;
  sim: Simulator;
  listening: Listening;
  namespace: string;
  topology: Topology;
  powerDns: PowerDnsServer | undefined;
}

export class World implements AsyncDisposable {
  readonly bed: TestBed;
  readonly sim: Simulator;
  readonly listening: Listening;
  /** Namespace of the world's VMs. */
  readonly namespace: string;
  readonly #topology: Topology;
  readonly #powerDns: PowerDnsServer | undefined;
  /** Absent when the test runs it by itself. */
  operator: Operator | undefined;
  #ended = false;

  constructor({ bed, sim, listening, namespace, topology, powerDns }: Parts) {
    this.bed = bed;
    this.sim = sim;
    this.listening = listening;
    this.namespace = namespace;
    this.#topology = topology;
    this.#powerDns = powerDns;
  }

  /** Endpoints and trust, for a ProxmoxCluster. */
  get access() {
    return { endpoints: Object.values(this.listening.nodeUrls), tls: { caBundle: this.listening.caPem } };
  }

  /** The first API token of the topology. */
  get token(): { id: string; secret: string } {
    const [token] = this.#topology.tokens;
    if (token === undefined) throw new Error('The topology has no API token.');
    return token;
  }

  get powerDns(): PowerDnsServer {
    if (this.#powerDns === undefined) throw new Error('The world was started without PowerDNS.');
    return this.#powerDns;
  }

  /** Asks the PowerDNS server itself; sorted answers, none for a name it does not know. */
  async resolve(name: string, type: 'A' | 'AAAA' | 'PTR'): Promise<string[]> {
    const resolver = new Resolver({ timeout: 2000, tries: 2 });
    resolver.setServers([`127.0.0.1:${this.powerDns.dnsPort}`]);
    try {
      return (await resolver.resolve(name, type)).sort();
    } catch (error) {
      if (['ENOTFOUND', 'ENODATA'].includes((error as { code?: string }).code ?? '')) return [];
      throw error;
    }
  }

  /** Creates objects; those that live in a namespace go to the world's unless they say otherwise. */
  async create(...objects: KubeObject[]): Promise<void> {
    await Promise.all(objects.map((object) => this.bed.client.create(typeOf(object), this.#placed(object))));
  }

  /** Merges a change into an object. */
  patch(type: ResourceType<KubeObject>, name: string, body: object, namespace?: string): Promise<KubeObject> {
    const target = type.namespaced ? { name, namespace: namespace ?? this.namespace } : { name };
    return this.bed.client.patch(type, target, body, { kind: 'merge' });
  }

  #placed(object: KubeObject): KubeObject {
    if (!typeOf(object).namespaced || object.metadata.namespace !== undefined) return object;
    return { ...object, metadata: { ...object.metadata, namespace: this.namespace } };
  }

  /** The objects of a kind, in the world's namespace if they live in one. */
  async list<T extends KubeObject>(type: ResourceType<T>): Promise<T[]> {
    const selection = type.namespaced ? { namespace: this.namespace } : {};
    return (await this.bed.client.list(type, selection)).items;
  }

  /** A VM; undefined when there is none. */
  async findVm(name: string): Promise<VirtualMachine | undefined> {
    return this.bed.client.get(resources.virtualMachine, name, this.namespace).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  }

  async vm(name: string): Promise<VirtualMachine> {
    return this.bed.client.get(resources.virtualMachine, name, this.namespace);
  }

  /** The VM as soon as it is as wanted; the error tells what it was like instead. */
  async untilVm(
    name: string,
    what: string,
    wanted: (vm: VirtualMachine) => boolean,
    limitMs = 20_000,
  ): Promise<VirtualMachine> {
    return this.untilObject(resources.virtualMachine, name, what, { wanted, limitMs });
  }

  /** An object as soon as it is as wanted; the error tells what it was like instead. */
  async untilObject<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    what: string,
    { wanted, limitMs = 20_000 }: { wanted: (object: T) => boolean; limitMs?: number },
  ): Promise<T> {
    let last: T | undefined;
    try {
      return await until(
        `${type.kind} ${name}: ${what}`,
        async () => {
          last = await this.bed.client.get(type, name, type.namespaced ? this.namespace : undefined);
          return wanted(last) ? last : undefined;
        },
        limitMs,
      );
    } catch (error) {
      const seen = JSON.stringify((last as { status?: unknown } | undefined)?.status, undefined, 1);
      throw new Error(`${String(error)}\nlast status: ${seen}\n${this.recentTrouble()}`, { cause: error });
    }
  }

  /** The VM when it is ready and nothing runs any more. */
  untilReady(name: string, limitMs?: number): Promise<VirtualMachine> {
    return this.untilVm(name, 'Ready', isReady, limitMs);
  }

  /** The VM when it is stalled for that reason. */
  untilStalled(name: string, reason: string, limitMs?: number): Promise<VirtualMachine> {
    const wanted = (vm: VirtualMachine): boolean => condition(vm, 'Stalled')?.reason === reason;
    return this.untilVm(name, `Stalled/${reason}`, wanted, limitMs);
  }

  /** Deletes a VM and waits until the object is gone. */
  async deleteVm(name: string, limitMs = GONE_LIMIT_MS): Promise<void> {
    await this.bed.client.delete(resources.virtualMachine, name, this.namespace);
    await this.untilVmGone(name, limitMs);
  }

  async untilVmGone(name: string, limitMs = GONE_LIMIT_MS): Promise<void> {
    await until(`VirtualMachine ${name} is gone`, async () => (await this.findVm(name)) === undefined, limitMs).catch(
      async (error: unknown) => {
        const seen = JSON.stringify((await this.findVm(name))?.status?.conditions, undefined, 1);
        throw new Error(`${String(error)}\nlast conditions: ${seen}\n${this.recentTrouble()}`, { cause: error });
      },
    );
  }

  /** Events about an object of the world's namespace, or in the default namespace about one that lives in none. */
  async events(name: string, namespace = this.namespace): Promise<KubeEvent[]> {
    const { items } = await this.bed.client.list(eventType, { namespace });
    return items.filter(({ regarding }) => regarding.name === name);
  }

  /** The records of a VM's pipeline runs, oldest first. */
  async runs(name: string): Promise<VirtualMachineRun[]> {
    const runs = await this.list(resources.virtualMachineRun);
    return runs
      .filter(({ spec }) => spec.virtualMachineName === name)
      .sort((left, right) => left.spec.number - right.spec.number);
  }

  /** The newest record of a VM's runs, as soon as it is complete. */
  untilRunSucceeded(name: string): Promise<VirtualMachineRun> {
    return until(`the newest run of ${name} succeeded`, async () => {
      const run = (await this.runs(name)).at(-1);
      return run?.status?.result === 'Succeeded' ? run : undefined;
    });
  }

  /** The texts of a VM's credentials. */
  async credentials(vm: VirtualMachine): Promise<Record<string, string>> {
    const name = vm.status?.credentialsSecret ?? '';
    return secretValues(await this.bed.client.get(secretType, name, this.namespace));
  }

  /** Configuration lines of a VM in Proxmox VE. */
  config(vmid: number | undefined): Record<string, string> {
    const vm = this.sim.world.vms.get(vmid ?? 0);
    if (vm === undefined) throw new Error(`The simulator has no VM ${vmid}.`);
    return vm.options;
  }

  /** Requests that reached the simulator, apart from what is polled for whole clusters. */
  requests(filter: { method?: string; path?: RegExp } = {}) {
    const { method, path } = filter;
    return this.sim.requests.filter(
      (request) => (method === undefined || request.method === method) && (path?.test(request.path) ?? true),
    );
  }

  /** VMIDs in the simulator that the topology did not have. */
  get madeVmids(): number[] {
    const known = new Set(this.#topology.vms.map(({ vmid }) => vmid));
    return [...this.sim.world.vms.keys()].filter((vmid) => !known.has(vmid)).sort((a, b) => a - b);
  }

  /** Warnings and errors of the operator, newest last. */
  recentTrouble(): string {
    const lines = (this.operator?.log ?? []).filter((line) => /"level":(40|50)/.test(line));
    return ['operator:', ...lines.slice(-8)].join('\n');
  }

  /** What the operator logged about mistakes in its own code. */
  get programmingErrors(): string[] {
    return (this.operator?.log ?? []).filter((line) =>
      /"err":\{"name":"(Type|Reference|Range|Syntax)Error"/.test(line),
    );
  }

  /** Deletes every VM, demands that nothing is left, and ends the world. */
  async stop(allowed: Leftovers = {}): Promise<void> {
    const names = (await this.list(resources.virtualMachine)).map(({ metadata }) => metadata.name);
    await Promise.all(names.map((name) => this.deleteVm(name)));
    expect(await this.list(resources.vmidReservation)).toEqual([]);
    expect(await this.list(resources.ipAddressReservation)).toEqual([]);
    expect(await this.list(resources.quotaSlot)).toEqual([]);
    expect(this.madeVmids).toEqual([...(allowed.vmids ?? [])]);
    if (allowed.leaks !== true) expect(this.sim.leaks()).toEqual(NO_LEAKS);
    expect(this.programmingErrors).toEqual([]);
    await this[Symbol.asyncDispose]();
  }

  /** Ends the world in whatever state it is, and clears the API server for the next one. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await this.operator?.stop();
    } finally {
      await Promise.all([this.sim.close(), this.#powerDns?.stop()]);
      await this.#removeObjects();
    }
  }

  async #removeObjects(): Promise<void> {
    for (const type of Object.values(resources) as ResourceType<KubeObject>[]) {
      const { items } = await this.bed.client.list(type);
      await Promise.all(items.map((object) => this.#remove(type, object)));
    }
    await until(
      'the API server is empty',
      async () => (await this.list(resources.plan)).length === 0,
      CLEANUP_LIMIT_MS,
    );
  }

  async #remove(type: ResourceType<KubeObject>, { metadata }: KubeObject): Promise<void> {
    const { name, namespace } = metadata;
    try {
      if ((metadata.finalizers ?? []).length > 0) {
        await this.bed.client.patch(type, { name, namespace }, { metadata: { finalizers: null } }, { kind: 'merge' });
      }
      await this.bed.client.delete(type, name, namespace);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** What a clean simulator reports. */
export const NO_LEAKS = { orphanVolumes: [], lockedVms: [], halfClones: [], firewallFiles: [], ipsets: [] };

/** A condition of an object; undefined when it is not there. */
export function condition(
  object: KubeObject & { status?: { conditions?: Condition[] } },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((candidate) => candidate.type === type);
}

/** Whether a VM is ready and settled, in the generation it has now. */
export function isReady(vm: VirtualMachine): boolean {
  const ready = condition(vm, 'Ready');
  return (
    ready?.status === 'True' &&
    vm.status?.operation === undefined &&
    vm.status?.observedGeneration === vm.metadata.generation
  );
}

/** The cluster's readiness as the object tells it. */
export function untilClusterReady(world: World, limitMs?: number) {
  const wanted = (object: KubeObject): boolean => condition(object, 'Ready')?.status === 'True';
  return world.untilObject(resources.proxmoxCluster, CLUSTER, 'Ready', {
    wanted,
    ...(limitMs === undefined ? {} : { limitMs }),
  });
}
