// What outlives a crash: the API server, the Proxmox cluster, the DNS server and time. All in memory, time moved by the test.
import { readFileSync } from 'node:fs';
import type { DNSZone } from '../../src/api/dns-zone.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { DnsChange, DnsProvider, DnsRecord } from '../../src/dns/provider.ts';
import { createFakeKube, type FakeKube } from '../fakes/kube.ts';
import { parseTopology, Simulator, VirtualClock } from '../sim/simulator.ts';
import type { Interruption } from './interruption.ts';
import type { Profile } from './profiles.ts';

export const NAMESPACE = 'customer-1';
export const OPERATOR_NAMESPACE = 'pve-operator-system';
export const VM_KEY = `${NAMESPACE}/web-1`;
const START = Date.UTC(2026, 10, 22, 6, 0, 0);

export interface CrashWorld {
  profile: Profile;
  clock: VirtualClock;
  kube: FakeKube;
  sim: Simulator;
  dns: MemoryDns;
  interruption: Interruption;
}

/** A DNS server with one zone, in memory; its writes count as effects. */
export class MemoryDns {
  readonly records = new Map<string, DnsRecord>();
  interruption: Interruption;

  constructor(interruption: Interruption) {
    this.interruption = interruption;
  }

  open(_zone: DNSZone): DnsProvider {
    return {
      read: async (names) => names.flatMap(({ name, type }) => this.records.get(`${name} ${type}`) ?? []),
      apply: (changes) => this.interruption.dns(() => this.#apply(changes)),
      test: async () => undefined,
    };
  }

  #apply(changes: readonly DnsChange[]): void {
    for (const change of changes) {
      if (change.kind === 'set') this.records.set(`${change.record.name} ${change.record.type}`, change.record);
      else this.records.delete(`${change.name} ${change.type}`);
    }
  }
}

const demoTopology: unknown = JSON.parse(readFileSync(new URL('../sim/topologies/demo.json', import.meta.url), 'utf8'));

/** A world with everything that a VM needs, before the operator has seen any of it. */
export function createWorld(profile: Profile, interruption: Interruption): CrashWorld {
  const clock = new VirtualClock(START);
  const sim = new Simulator({ topology: parseTopology(demoTopology), clock, seed: 7, authDelayMs: 0 });
  const kube = createFakeKube({ now: () => clock.now() });
  const world = { profile, clock, kube, sim, dns: new MemoryDns(interruption), interruption };
  seedObjects(world);
  return world;
}

function seedObjects({ kube, sim, profile }: CrashWorld): void {
  const [token] = tokensOf();
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
  kube.seed(resources.ipPool, {
    metadata: { name: 'v4', generation: 1 },
    spec: {
      clusterRef: { name: 'lab' },
      family: 'IPv4',
      bridge: 'vmbr0',
      prefixLength: 24,
      gateway: '192.0.2.1',
      first: '192.0.2.10',
      last: '192.0.2.20',
    },
  });
  kube.seed(resources.ipPool, {
    metadata: { name: 'v6', generation: 1 },
    spec: {
      clusterRef: { name: 'lab' },
      family: 'IPv6',
      bridge: 'vmbr0',
      prefixLength: 64,
      first: '2001:db8::10',
      last: '2001:db8::20',
    },
  });
  kube.seed(resources.dnsZone, {
    metadata: { name: 'zone', generation: 1 },
    spec: { zone: 'example.com', powerDNS: { url: 'http://dns.example.com', apiKeySecretRef: { name: 'dns-key' } } },
  });
  kube.seed(resources.plan, { metadata: { name: 'small', generation: 1 }, spec: profile.plan });
  kube.seed(resources.virtualMachine, {
    metadata: { name: 'web-1', namespace: NAMESPACE, generation: 1, uid: '7e1f4a9c-1111-4222-8333-944455556666' },
    spec: profile.vm,
  });
  profile.arrange?.(sim);
}

export function tokensOf(): [{ id: string; secret: string }] {
  const [token] = parseTopology(demoTopology).tokens;
  if (token === undefined) throw new Error('The demo topology has a token.');
  return [token];
}

export function vmOf({ kube }: CrashWorld): VirtualMachine | undefined {
  return kube.objects(resources.virtualMachine).find(({ metadata }) => metadata.name === 'web-1');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
