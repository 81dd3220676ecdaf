// What outlives a crash: the API server, the Proxmox cluster, the DNS server and time. All in memory, time moved by the test.
import { readFileSync } from 'node:fs';
import type { DNSZone } from '../../src/api/dns-zone.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { type DnsChange, DnsError, type DnsProvider, type DnsRecord } from '../../src/dns/provider.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import { createFakeKube, type FakeKube } from '../fakes/kube.ts';
import { parseTopology, type SavedState, Simulator, VirtualClock } from '../sim/simulator.ts';
import { type Forces, Interruption, type Life, type Point } from './interruption.ts';
import type { Profile } from './profiles.ts';

export const NAMESPACE = 'customer-1';
export const OPERATOR_NAMESPACE = 'pve-operator-system';
export const VM_NAME = 'web-1';
export const VM_KEY = `${NAMESPACE}/${VM_NAME}`;
export const STRANGER = 'stranger';
/** The first VMID of every plan: the VM's, unless somebody else is faster. */
export const FIRST_VMID = 2000;
/** How long a watch that is held shows what was. */
const HELD_MS = 10_000;
const START = Date.UTC(2026, 10, 22, 6, 0, 0);

export interface CrashWorld {
  profile: Profile;
  clock: VirtualClock;
  kube: FakeKube;
  sim: Simulator;
  dns: MemoryDns;
  interruption: Interruption;
  watch: HeldWatch;
  /** Texts of the warnings that were given about anything. */
  warnings: string[];
  /** Called when somebody else changes something that the operator watches. */
  onChange: () => void;
}

/** What can be seen of the VirtualMachine: the newest, or for a while the one before. */
class HeldWatch {
  #current: VirtualMachine | undefined;
  #older: VirtualMachine | undefined;
  #shown: { object: VirtualMachine; until: number } | undefined;

  /** Before a write of the object and after it. */
  remember(phase: 'before' | 'after', object: VirtualMachine | undefined): void {
    if (phase === 'before') this.#current = object;
    else this.#older = this.#current;
  }

  get hasOlder(): boolean {
    return this.#older !== undefined;
  }

  hold(now: number): void {
    if (this.#older !== undefined) this.#shown = { object: this.#older, until: now + HELD_MS };
  }

  /** The older one while the watch is held. */
  shown(now: number): VirtualMachine | undefined {
    return this.#shown !== undefined && now < this.#shown.until ? this.#shown.object : undefined;
  }
}

/** A DNS server with one zone, in memory. */
class MemoryDns {
  readonly records = new Map<string, DnsRecord>();

  open(_zone: DNSZone, interruption: Interruption, life: Life): DnsProvider {
    return {
      read: (names) =>
        interruption.read(life, async () =>
          names.flatMap(({ name, type }) => this.records.get(`${name} ${type}`) ?? []),
        ),
      apply: (changes) =>
        interruption.effect(life, {
          text: 'write DNS zone',
          send: async () => this.#apply(changes),
          lost: () => new DnsError('timeout', 'no answer'),
        }),
      test: async () => undefined,
    };
  }

  #apply(changes: readonly DnsChange[]): void {
    for (const change of changes) {
      if (change.kind === 'set') this.records.set(`${change.record.name} ${change.record.type}`, change.record);
      else this.#remove(change);
    }
  }

  #remove({ name, type, onlyIfValues }: Extract<DnsChange, { kind: 'delete' }>): void {
    const key = `${name} ${type}`;
    const values = this.records.get(key)?.values ?? [];
    if (onlyIfValues === undefined || values.every((value) => onlyIfValues.includes(value))) this.records.delete(key);
  }
}

const demoTopology: unknown = JSON.parse(readFileSync(new URL('../sim/topologies/demo.json', import.meta.url), 'utf8'));
const topology = parseTopology(demoTopology);

/** A world with everything that a VM needs, before the operator has seen any of it. */
export function createWorld(profile: Profile, point?: Point): CrashWorld {
  const clock = new VirtualClock(START);
  const sim = new Simulator({ topology, clock, seed: 7, authDelayMs: 0 });
  const kube = createFakeKube({ now: () => clock.now() });
  const world = assembled({ profile, clock, kube, sim }, point);
  seedObjects(world);
  return world;
}

/** A world at rest, to begin from many times. */
export interface SavedWorld {
  profile: Profile;
  at: number;
  sim: SavedState;
  objects: string;
  dns: readonly DnsRecord[];
}

export function saveWorld({ profile, clock, sim, kube, dns }: CrashWorld): SavedWorld {
  const objects = JSON.stringify(KINDS.map((type) => kube.objects(type)));
  // The API server of the next world counts its UIDs from the beginning; those of before must stay apart from them.
  const apart = objects.replaceAll('"00000000-0000-4000-8000-', '"00000000-0000-4000-9000-');
  return { profile, at: clock.now(), sim: sim.save(), objects: apart, dns: [...dns.records.values()] };
}

export function restoredWorld(saved: SavedWorld, point?: Point): CrashWorld {
  const { profile, at, objects, dns } = saved;
  const clock = new VirtualClock(at);
  const sim = new Simulator({ topology, clock, seed: 7, authDelayMs: 0, state: structuredClone(saved.sim) });
  const kube = createFakeKube({ now: () => clock.now() });
  const lists = JSON.parse(objects) as KubeObject[][];
  for (const [index, list] of lists.entries()) for (const object of list) kube.seed(KINDS[index]!, object);
  const world = assembled({ profile, clock, kube, sim }, point);
  for (const record of dns) world.dns.records.set(`${record.name} ${record.type}`, record);
  return world;
}

const KINDS: readonly ResourceType<KubeObject>[] = Object.values(resources);

function assembled(parts: Pick<CrashWorld, 'profile' | 'clock' | 'kube' | 'sim'>, point?: Point): CrashWorld {
  const { clock, kube, sim } = parts;
  const watch = new HeldWatch();
  const forces: Forces = {
    after: (ms, callback) => void clock.after(ms, callback),
    vmidFree: () => !sim.world.vms.has(FIRST_VMID),
    vmWritten: () => watch.hasOlder,
    stealVmid: () => sim.stealVmid(FIRST_VMID, { name: STRANGER, memory: '512' }),
    deleteVm: async () => {
      await kube.client.delete(resources.virtualMachine, VM_NAME, NAMESPACE);
      world.onChange();
    },
    holdWatch: () => {
      watch.hold(clock.now());
      clock.after(HELD_MS, () => world.onChange());
    },
  };
  kube.onWrite(({ type, phase }) => {
    if (type.startsWith('virtualmachines')) watch.remember(phase, storedVm(kube));
  });
  const world: CrashWorld = {
    ...parts,
    dns: new MemoryDns(),
    interruption: new Interruption(forces, point),
    watch,
    warnings: [],
    onChange: () => undefined,
  };
  return world;
}

function seedObjects({ kube, profile }: CrashWorld): void {
  const token = TOKEN;
  kube.seed(resources.secret, {
    metadata: { name: 'pve-token', namespace: OPERATOR_NAMESPACE },
    data: { tokenID: base64(token.id), secret: base64(token.secret) },
  });
  kube.seed(resources.secret, {
    metadata: { name: 'dns-key', namespace: OPERATOR_NAMESPACE },
    data: { apiKey: base64('key') },
  });
  kube.seed(resources.proxmoxCluster, {
    metadata: { name: 'lab', generation: 1 },
    spec: { endpoints: ['https://pve1.example.com:8006'], tokenSecretRef: { name: 'pve-token' } },
  });
  const pool = { clusterRef: { name: 'lab' }, bridge: 'vmbr0' };
  kube.seed(resources.ipPool, {
    metadata: { name: 'v4', generation: 1 },
    spec: {
      ...pool,
      family: 'IPv4',
      prefixLength: 24,
      gateway: '192.0.2.1',
      first: '192.0.2.10',
      last: '192.0.2.20',
    },
  });
  kube.seed(resources.ipPool, {
    metadata: { name: 'v6', generation: 1 },
    spec: { ...pool, family: 'IPv6', prefixLength: 64, first: '3fff::10', last: '3fff::20' },
  });
  kube.seed(resources.dnsZone, {
    metadata: { name: 'zone', generation: 1 },
    spec: { zone: 'example.com', powerDNS: { url: 'http://dns.example.com', apiKeySecretRef: { name: 'dns-key' } } },
  });
  for (const [name, spec] of Object.entries(profile.plans)) {
    kube.seed(resources.plan, { metadata: { name, generation: 1 }, spec });
  }
  kube.seed(resources.virtualMachine, {
    metadata: { name: VM_NAME, namespace: NAMESPACE, generation: 1, uid: '7e1f4a9c-1111-4222-8333-944455556666' },
    spec: profile.vm,
  });
}

function demoToken(): { id: string; secret: string } {
  const [token] = topology.tokens;
  if (token === undefined) throw new Error('The demo topology has a token.');
  return token;
}

export const TOKEN = demoToken();

export function vmOf({ kube }: Pick<CrashWorld, 'kube'>): VirtualMachine | undefined {
  return storedVm(kube);
}

function storedVm(kube: FakeKube): VirtualMachine | undefined {
  return kube.store(resources.virtualMachine).get(VM_KEY);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
