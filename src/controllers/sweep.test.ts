// How the VMs of a cluster are looked at in turn: the budget holds whatever their number, and nobody is forgotten.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aListedVm, aNode, anOwner, aSnapshot } from '../../test/builders/facts.ts';
import { aProxmoxCluster, CLUSTER } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { VmConfig, VmResource } from '../pve/answer-types.ts';
import { PveError } from '../pve/errors.ts';
import type { InventoryHealth } from '../pve/inventory.ts';
import { printStamp } from '../pve/stamp.ts';
import { sweepCluster, type SweepInput } from './sweep.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface Call {
  at: number;
  what: 'config' | 'options' | 'ipset' | 'pending';
  vmid: number;
}

let fake: FakeContext;
let calls: Call[];
let enqueued: string[];
let listed: Map<number, VmResource>;
let health: InventoryHealth;
let offline: Set<string>;
/** Configuration lines by VMID, above the stamp. */
let lines: Map<number, Record<string, string>>;
let answers: (call: Call) => void;
let ending: AbortController;

beforeEach(() => {
  fake = createFakeContext();
  calls = [];
  enqueued = [];
  listed = new Map();
  health = { state: 'reachable', since: 0 };
  offline = new Set();
  lines = new Map();
  answers = () => undefined;
  ending = new AbortController();
});
afterEach(async () => {
  ending.abort();
  await fake[Symbol.asyncDispose]();
});

const uidOf = (vmid: number): string => `8a2f0b9c-0000-4000-8000-${String(vmid).padStart(12, '0')}`;

function aReadyVm(vmid: number, change: VirtualMachineStatus = {}, node = 'pve1'): VirtualMachine {
  listed.set(vmid, aListedVm(vmid, { node, status: 'running' }));
  const settledAt = '2026-03-01T09:00:00Z';
  const status = { state: 'ready' as const, clusterName: CLUSTER, vmid, settledAt, ...change };
  const owner = anOwner({ name: `vm-${vmid}`, uid: uidOf(vmid), generation: 1 });
  return fake.kube.seed(resources.virtualMachine, { ...owner, status });
}

function called(what: Call['what'], vmid: number): void {
  const call = { at: fake.clock.now(), what, vmid };
  calls.push(call);
  answers(call);
}

function configOf(vmid: number): VmConfig {
  const own = { description: printStamp({ uid: uidOf(vmid), vmid }), cores: '1', ...lines.get(vmid) };
  return { values: new Map(Object.entries(own)), digest: JSON.stringify(own) };
}

function begin(callsPerMinute?: number): void {
  const cluster = aProxmoxCluster({
    endpoints: ['https://pve1:8006'],
    ...(callsPerMinute === undefined ? {} : { sweep: { callsPerMinute } }),
  });
  const api = {
    config: async ({ vmid }: { vmid: number }) => {
      called('config', vmid);
      return configOf(vmid);
    },
    firewallOptions: async ({ vmid }: { vmid: number }) => {
      called('options', vmid);
      return { enable: 1, digest: 'f' };
    },
    ipset: async ({ vmid }: { vmid: number }) => {
      called('ipset', vmid);
      return ['192.0.2.10'];
    },
    pending: async ({ vmid }: { vmid: number }) => {
      called('pending', vmid);
      return [
        { key: 'cores', value: '1', pending: '2', deletion: false },
        { key: 'memory', value: '1024', deletion: false },
      ];
    },
  };
  const nodes = ['pve1', 'pve2'];
  const inventory = {
    // The map itself: to copy ten thousand entries at every question would be most of the time of this file.
    snapshot: () => ({
      ...aSnapshot({ nodes: nodes.map((name) => aNode(name, { status: offline.has(name) ? 'offline' : 'online' })) }),
      vms: listed,
    }),
    get health() {
      return health;
    },
  };
  const input = {
    connection: { name: CLUSTER, spec: cluster.spec, api, inventory },
    context: fake.context,
    clock: fake.clock,
    random: () => 0,
    enqueue: (key: string) => void enqueued.push(key),
  } as unknown as SweepInput;
  void sweepCluster(input, ending.signal);
}

/** Most calls within any minute. */
function busiestMinute(): number {
  let most = 0;
  let first = 0;
  for (const [index, { at }] of calls.entries()) {
    while (calls[first]!.at <= at - MINUTE_MS) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

const looksAt = (vmid: number): Call[] => calls.filter((call) => call.vmid === vmid && call.what === 'config');

describe('the budget', () => {
  test.each<{ vms: number; callsPerMinute?: number; hours: number; perHour: [number, number] }>([
    // A VM is not looked at more than once a minute, however much room there is.
    { vms: 1, hours: 1, perHour: [230, 240] },
    { vms: 10, hours: 1, perHour: [2_200, 2_400] },
    { vms: 100, hours: 1, perHour: [3_500, 3_600] },
    { vms: 100, callsPerMinute: 6, hours: 2, perHour: [350, 360] },
    { vms: 10_000, hours: 0.25, perHour: [3_400, 3_600] },
  ])(
    'with $vms VMs and $callsPerMinute calls a minute',
    async ({ vms, callsPerMinute, hours, perHour }) => {
      for (let index = 0; index < vms; index += 1) aReadyVm(2000 + index);
      begin(callsPerMinute);
      await fake.clock.advance(MINUTE_MS + hours * HOUR_MS);
      const rate = calls.length / hours;
      expect(rate).toBeGreaterThanOrEqual(perHour[0]);
      expect(rate).toBeLessThanOrEqual(perHour[1] + 4 / hours);
      // The calls of one look come together: up to three more than the budget in some minute, never on average.
      expect(busiestMinute()).toBeLessThanOrEqual((callsPerMinute ?? 60) + 3);
    },
    60_000,
  );

  test('nothing is asked where it is 0', async () => {
    aReadyVm(2000);
    begin(0);
    await fake.clock.advance(HOUR_MS);
    expect(calls).toEqual([]);
  });

  test('nothing is asked in the first minute: after a start there is other work', async () => {
    aReadyVm(2000);
    begin();
    await fake.clock.advance(MINUTE_MS - 1);
    expect(calls).toEqual([]);
    await fake.clock.advance(2);
    expect(calls).toHaveLength(4);
  });

  test('nothing is asked when there is no VM', async () => {
    begin();
    await fake.clock.advance(HOUR_MS);
    expect(calls).toEqual([]);
  });
});

describe('the round', () => {
  test('everybody is looked at equally often', async () => {
    for (let vmid = 2000; vmid < 2050; vmid += 1) aReadyVm(vmid);
    begin();
    await fake.clock.advance(HOUR_MS);
    const counts = Array.from({ length: 50 }, (_, index) => looksAt(2000 + index).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(Math.min(...counts)).toBeGreaterThan(10);
  });

  test('long rounds read the configuration of everybody, and the rest of every fourth', async () => {
    for (let vmid = 2000; vmid < 2400; vmid += 1) aReadyVm(vmid);
    begin();
    // 300 looks of one call and 100 of four.
    const roundMs = 700 * 1_000;
    await fake.clock.advance(MINUTE_MS + roundMs);
    const configs = calls.filter(({ what }) => what === 'config');
    expect(new Set(configs.map(({ vmid }) => vmid)).size).toBe(400);
    expect(configs.length).toBeLessThanOrEqual(402);
    await fake.clock.advance(3 * roundMs);
    const full = calls.filter(({ what }) => what === 'options').map(({ vmid }) => vmid);
    expect(new Set(full).size).toBe(400);
    expect(full.length).toBeLessThanOrEqual(402);
  });

  test('a change of the configuration is looked at in full, whosever turn it is', async () => {
    for (let vmid = 2000; vmid < 2400; vmid += 1) aReadyVm(vmid);
    begin();
    await fake.clock.advance(MINUTE_MS + 700_000);
    lines.set(2000, { cores: '4' });
    calls.length = 0;
    await fake.clock.advance(700_000);
    expect(calls.filter(({ vmid }) => vmid === 2000).map(({ what }) => what)).toEqual([
      'config',
      'options',
      'ipset',
      'pending',
    ]);
  });

  test('one that comes later is in the next round, and one that is gone is passed over', async () => {
    aReadyVm(2000);
    const gone = aReadyVm(2001);
    begin();
    await fake.clock.advance(2 * MINUTE_MS);
    aReadyVm(2002);
    await fake.kube.client.delete(resources.virtualMachine, gone.metadata.name, gone.metadata.namespace);
    calls.length = 0;
    await fake.clock.advance(3 * MINUTE_MS);
    expect(looksAt(2001)).toEqual([]);
    expect(looksAt(2002).length).toBeGreaterThan(0);
    expect(looksAt(2000).length).toBeGreaterThan(0);
  });

  test.each<{ name: string; prepare(): void }>([
    { name: 'a pipeline runs on it', prepare: () => void aReadyVm(2000, { operation: anOperation() }) },
    { name: 'it is not ready', prepare: () => void aReadyVm(2000, { state: 'clone' }) },
    { name: 'it has no VMID', prepare: () => void aReadyVm(2000, { vmid: undefined }) },
    {
      name: 'it is paused',
      prepare: () => {
        const vm = aReadyVm(2000);
        const annotations = { 'pve-operator.io/pause': 'true' };
        fake.kube.seed(resources.virtualMachine, { ...vm, metadata: { ...vm.metadata, annotations } });
      },
    },
    {
      name: 'it is being deleted',
      prepare: () => {
        const vm = aReadyVm(2000);
        const deletionTimestamp = '2026-03-01T10:00:00Z';
        fake.kube.seed(resources.virtualMachine, { ...vm, metadata: { ...vm.metadata, deletionTimestamp } });
      },
    },
    {
      name: 'the cluster does not list it',
      prepare: () => {
        aReadyVm(2000);
        listed.clear();
      },
    },
    {
      name: 'a container has its number',
      prepare: () => {
        aReadyVm(2000);
        listed.set(2000, aListedVm(2000, { type: 'lxc' }));
      },
    },
    { name: 'its node is offline', prepare: () => void offline.add(aReadyVm(2000, {}, 'pve2').status?.node ?? 'pve2') },
  ])('a VM is passed over while $name', async ({ prepare }) => {
    prepare();
    aReadyVm(2001);
    begin();
    await fake.clock.advance(10 * MINUTE_MS);
    expect(looksAt(2000)).toEqual([]);
    expect(looksAt(2001).length).toBeGreaterThan(5);
  });

  test('it is looked at again when its node is back', async () => {
    aReadyVm(2000, {}, 'pve2');
    offline.add('pve2');
    begin();
    await fake.clock.advance(5 * MINUTE_MS);
    expect(calls).toEqual([]);
    offline.clear();
    await fake.clock.advance(2 * MINUTE_MS);
    expect(looksAt(2000).length).toBeGreaterThan(0);
  });

  test('a cluster that does not answer is left alone until it does', async () => {
    aReadyVm(2000);
    const error = new PveError({ kind: 'unreachable', call: 'GET /cluster/resources', detail: 'refused' });
    health = { state: 'unreachable', since: 0, error };
    begin();
    await fake.clock.advance(HOUR_MS);
    expect(calls).toEqual([]);
    health = { state: 'reachable', since: 0 };
    await fake.clock.advance(2 * MINUTE_MS);
    expect(calls.length).toBeGreaterThan(0);
  });

  test.each(['not-found', 'forbidden', 'timeout', 'locked'] as const)(
    'a call that fails (%s) ends the look and not the sweep',
    async (kind) => {
      aReadyVm(2000);
      aReadyVm(2001);
      answers = ({ vmid }) => {
        if (vmid === 2000) throw new PveError({ kind, call: 'GET /config', detail: 'no' });
      };
      begin();
      await fake.clock.advance(5 * MINUTE_MS);
      expect(looksAt(2001).length).toBeGreaterThan(3);
      expect(looksAt(2000).length).toBeGreaterThan(3);
      expect(enqueued).toEqual(['customer-1/vm-2001']);
    },
  );

  test('what nobody foresaw is logged once, and the sweep goes on', async () => {
    aReadyVm(2000);
    answers = () => {
      throw new TypeError('a defect');
    };
    begin();
    await fake.clock.advance(5 * MINUTE_MS);
    expect(fake.logged).toEqual(['Looking at a VM met a defect']);
    expect(calls.length).toBeGreaterThan(3);
  });
});

describe('what is handed over', () => {
  const anHour = () => fake.clock.advance(HOUR_MS);
  const seen = (vmid = 2000) => fake.context.sightings.get(uidOf(vmid));

  test('the first look, and no other as long as nothing changes', async () => {
    aReadyVm(2000);
    begin();
    await anHour();
    expect(enqueued).toEqual(['customer-1/vm-2000']);
    expect(seen()).toMatchObject({
      observed: { kind: 'ours', node: 'pve1' },
      firewall: { ipset: ['192.0.2.10'] },
      pending: ['cores'],
    });
  });

  test('a VM that is stopped has nothing that waits for a start, and is not asked', async () => {
    aReadyVm(2000);
    listed.set(2000, aListedVm(2000, { status: 'stopped' }));
    begin();
    await anHour();
    expect(seen()?.pending).toEqual([]);
    expect(calls.some(({ what }) => what === 'pending')).toBe(false);
  });

  test('a change, with everything about it', async () => {
    aReadyVm(2000);
    begin();
    await anHour();
    lines.set(2000, { cores: '4' });
    await anHour();
    expect(enqueued).toHaveLength(2);
    expect(seen()).toMatchObject({ firewall: {}, pending: ['cores'] });
  });

  test.each<{ name: string; description: string; want: object }>([
    { name: 'without stamp', description: 'mine', want: { kind: 'foreign', stamped: false } },
    {
      name: 'with the stamp of another object',
      description: printStamp({ uid: 'another', vmid: 2000 }),
      want: { kind: 'foreign', stamped: true },
    },
  ])('a VM $name, after a single call', async ({ description, want }) => {
    aReadyVm(2000);
    lines.set(2000, { description });
    begin();
    await fake.clock.advance(MINUTE_MS + 1);
    expect(calls).toHaveLength(1);
    expect(seen()?.observed).toMatchObject(want);
  });

  test('what was found before is looked at until it is over', async () => {
    aReadyVm(2000, { drift: { pending: ['cores'] } });
    begin();
    await anHour();
    expect(enqueued.length).toBeGreaterThan(30);
  });

  test('a look after another declaration is news', async () => {
    const vm = aReadyVm(2000);
    begin();
    await anHour();
    fake.kube.seed(resources.virtualMachine, { ...vm, metadata: { ...vm.metadata, generation: 2 } });
    await anHour();
    expect(enqueued).toHaveLength(2);
  });
});

function anOperation(): NonNullable<VirtualMachineStatus['operation']> {
  return { machine: 'change_package', startedAt: '2026-03-01T10:00:00Z' };
}
