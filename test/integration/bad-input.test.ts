// Mistakes in objects: each is told on the right object in words that name the field, costs next to nothing, and is over when it is corrected.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IPPool } from '../../src/api/ip-pool.ts';
import type { PlanSpec } from '../../src/api/plan.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { aTemplate, aTopology } from '../builders/topology.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, untilClusterReady, type World } from './harness-world.ts';

/** One machine that cannot be deployed as it is declared, and what corrects it. */
interface Mistake {
  name: string;
  plan?: Partial<PlanSpec>;
  spec?: Partial<VirtualMachineSpec>;
  reason: string;
  /** Of these the message must speak. */
  says: readonly (string | RegExp)[];
  cure:
    | { type: ResourceType<KubeObject>; name?: string; patch: object }
    | { create: KubeObject }
    | { inProxmox: (sim: World['sim']) => void };
}

const curePlan = (patch: object): Mistake['cure'] => ({ type: resources.plan, patch: { spec: patch } });
const cureVm = (patch: object): Mistake['cure'] => ({ type: resources.virtualMachine, patch: { spec: patch } });

const ORDINARY_VM = 9100;

const MISTAKES: readonly Mistake[] = [
  {
    name: 'unknown-plan',
    spec: { planRef: { name: 'no-such-plan' } },
    reason: 'PlanNotFound',
    says: ['no-such-plan', 'spec.planRef'],
    cure: { create: aPlan({}, 'no-such-plan') },
  },
  {
    name: 'no-template',
    plan: { template: { vmid: ORDINARY_VM } },
    reason: 'NotATemplate',
    says: [String(ORDINARY_VM), 'pve1', 'ordinary VM'],
    cure: curePlan({ template: { vmid: 9000 } }),
  },
  {
    name: 'missing-template',
    plan: { template: { vmid: 9999 } },
    reason: 'TemplateMissing',
    says: ['9999'],
    cure: curePlan({ template: { vmid: 9000 } }),
  },
  {
    name: 'unusable-template',
    plan: { template: { vmid: 9030 } },
    reason: 'TemplateUnusable',
    says: ['9030', /cloud-init/],
    cure: curePlan({ template: { vmid: 9000 } }),
  },
  {
    name: 'missing-storage',
    plan: { cloneType: 'Full', systemDisk: { storage: 'nowhere' } },
    reason: 'StorageMissing',
    says: ['nowhere', 'plan'],
    cure: curePlan({ systemDisk: { storage: 'shared' } }),
  },
  {
    name: 'storage-to-come',
    plan: { cloneType: 'Full', systemDisk: { storage: 'to-come' } },
    reason: 'StorageMissing',
    says: ['to-come'],
    // No object changes: it shows in the next look at the cluster.
    cure: { inProxmox: (sim) => enableStorage(sim, 'to-come') },
  },
  {
    name: 'missing-node',
    plan: { targetNode: 'pve9' },
    reason: 'PlanInvalid',
    says: ['pve9', 'targetNode'],
    cure: curePlan({ targetNode: 'pve2' }),
  },
  {
    name: 'wrong-case',
    spec: { configurableOptions: { 'cpu cores': '2' } },
    reason: 'OptionInvalid',
    says: ['spec.configurableOptions["cpu cores"]', 'did you mean', 'CPU Cores'],
    cure: cureVm({ configurableOptions: { 'cpu cores': null, 'CPU Cores': '2' } }),
  },
  {
    name: 'no-number',
    spec: { configurableOptions: { RAM: 'much|Much' } },
    reason: 'OptionInvalid',
    says: ['spec.configurableOptions["RAM"]', 'much', 'whole number from 1 to'],
    cure: cureVm({ configurableOptions: { RAM: '2|2 GB' } }),
  },
  {
    name: 'said-twice',
    spec: { configurableOptions: { CPU: '2' }, options: { cpuCores: 3 } },
    reason: 'OptionInvalid',
    says: ['CPU', 'spec.options.cpuCores', 'remove one'],
    cure: cureVm({ configurableOptions: null }),
  },
  {
    name: 'foreign-template',
    spec: { options: { operatingSystem: 9001 } },
    reason: 'OptionInvalid',
    says: ['spec.options.operatingSystem', '9001', 'allowedTemplates'],
    cure: curePlan({ allowedTemplates: [{ vmid: 9001 }] }),
  },
  {
    name: 'bad-name',
    plan: { nameRule: '-{client_id}' },
    spec: { billing: { clientID: '7', serviceID: '8' } },
    reason: 'NameInvalid',
    says: ['nameRule', '-7'],
    cure: curePlan({ nameRule: 'c-{client_id}' }),
  },
  {
    name: 'not-for-you',
    plan: { allowedNamespaces: { names: ['somebody-else'] } },
    reason: 'NotAllowed',
    says: ['not-for-you', /namespace world-/],
    cure: curePlan({ allowedNamespaces: null }),
  },
  {
    name: 'no-pool',
    plan: { network: { autoNetwork: false, bridge: 'vmbr1', vlan: 7 } },
    reason: 'NoMatchingPool',
    says: ['vmbr1', '7'],
    cure: { create: aPool({ bridge: 'vmbr1', vlan: 7 }, 'for-no-pool') },
  },
  {
    name: 'bad-gateway',
    plan: { network: { autoNetwork: false, bridge: 'vmbr1', vlan: 8 } },
    reason: 'NoMatchingPool',
    says: ['vmbr1', '8', 'IPPool gateway-outside has a mistake'],
    cure: { type: resources.ipPool, name: 'gateway-outside', patch: { spec: { gateway: '192.0.2.1' } } },
  },
];

function enableStorage({ world: cluster }: World['sim'], id: string): void {
  const storage = cluster.volumes.storages.get(id);
  if (storage === undefined) throw new Error(`The topology has no storage ${id}.`);
  storage.disabled = false;
}

const POOLS: readonly { pool: IPPool; reason: string; says: readonly string[]; patch: object }[] = [
  {
    pool: aPool({ bridge: 'vmbr1', vlan: 8, gateway: '198.51.100.1' }, 'gateway-outside'),
    reason: 'AddressRangeInvalid',
    says: ['spec.gateway', '198.51.100.1', '192.0.2.0/24'],
    patch: { gateway: '192.0.2.1' },
  },
  {
    pool: aPool({ bridge: 'vmbr1', vlan: 9, first: '192.0.2.50', last: '192.0.2.10' }, 'backwards'),
    reason: 'AddressRangeInvalid',
    says: ['spec.last', '192.0.2.10'],
    patch: { first: '192.0.2.10', last: '192.0.2.50' },
  },
  {
    pool: aPool({ first: '192.0.2.40', last: '192.0.2.90' }, 'overlapping'),
    reason: 'Overlapping',
    says: ['spec.first', 'IPPool ipv4'],
    patch: { first: '192.0.2.51' },
  },
];

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
  const ordinary = aTemplate({ vmid: ORDINARY_VM, options: { template: null } });
  const topology = aTopology([{ vmid: 9030, options: { ide2: null } }]);
  const toCome = { id: 'to-come', disabled: true, path: '/mnt/pve/to-come', usedBytes: 0, totalBytes: 2 ** 40 };
  const storage = { type: 'nfs' as const, content: ['images'], shared: true, ...toCome };
  world = await startWorld(bed, {
    topology: { ...topology, vms: [...topology.vms, ordinary], storages: [...topology.storages, storage] },
  });
  await world.create(aPool());
  // Objects age in whole seconds: the overlapping pool gives way to this one by its name.
  await world.create(...POOLS.map(({ pool }) => pool));
  await world.create(...MISTAKES.map(({ name, plan }) => aPlan(plan, name)));
  await world.create(...MISTAKES.map(({ name, spec }) => aVirtualMachine(name, { planRef: { name }, ...spec })));
  await untilClusterReady(world);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

function expectSays(message: string | undefined, texts: readonly (string | RegExp)[]): void {
  for (const text of texts) expect(message).toMatch(typeof text === 'string' ? literally(text) : text);
}

function literally(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
}

describe('machines', () => {
  test.each(MISTAKES)('$name: $reason', async ({ name, reason, says }) => {
    const vm = await world.untilStalled(name, reason);
    expectSays(condition(vm, 'Stalled')?.message, says);
    expect(condition(vm, 'Ready')).toMatchObject({ status: 'False', reason });
    expect(condition(vm, 'Reconciling')).toBeUndefined();
    expect(vm.status?.lastFailure).toMatchObject({ reason });
    await until('the record of its run says the same', async () => {
      const [run] = await world.runs(name);
      return run?.status?.result === 'Failed' && run.status.error?.startsWith(`${reason}: `);
    });
    await until('a warning says the same', async () =>
      (await world.events(name)).some((event) => event.type === 'Warning' && event.reason === reason),
    );
  });
});

describe('pools', () => {
  test.each(POOLS)('$pool.metadata.name: $reason', async ({ pool, reason, says }) => {
    const { name } = pool.metadata;
    const isStalled = (seen: IPPool): boolean => condition(seen, 'Stalled')?.reason === reason;
    const seen = await world.untilObject(resources.ipPool, name, `Stalled/${reason}`, { wanted: isStalled });
    expectSays(condition(seen, 'Stalled')?.message, says);
    expect(condition(seen, 'Ready')?.status).toBe('False');
  });

  test('the older one of two that overlap is used', async () => {
    const isReady = (seen: IPPool): boolean => condition(seen, 'Ready')?.status === 'True';
    await world.untilObject(resources.ipPool, 'ipv4', 'is ready', { wanted: isReady });
  });
});

test('mistakes cost nothing: no call that changes anything, no second look at each, no status write after status write', async () => {
  await Promise.all(MISTAKES.map(({ name, reason }) => world.untilStalled(name, reason)));
  const versions = async (): Promise<string[]> =>
    (await world.list(resources.virtualMachine)).map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
  const before = await versions();
  const seen = world.sim.requests.length;
  const polls = () => world.requests({ path: /^\/cluster\/resources/ }).length;
  const polled = polls();
  // The time from one look at the cluster to the next is ten seconds.
  await until('the cluster is looked at again', () => polls() > polled, 15_000);
  const since = world.sim.requests.slice(seen);
  expect(since.filter(({ path }) => !path.startsWith('/cluster/'))).toEqual([]);
  expect(since.length).toBeLessThanOrEqual(5);
  expect(await versions()).toEqual(before);
  expect(world.sim.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  expect(world.madeVmids).toEqual([]);
});

test('what is corrected goes on by itself, and deleting everything leaves nothing', async () => {
  for (const { name, cure } of MISTAKES) {
    if ('create' in cure) await world.create(cure.create);
    else if ('inProxmox' in cure) cure.inProxmox(world.sim);
    else await world.patch(cure.type, cure.name ?? name, cure.patch);
  }
  for (const { pool, patch } of POOLS) await world.patch(resources.ipPool, pool.metadata.name, { spec: patch });
  await Promise.all(MISTAKES.map(({ name }) => world.untilReady(name, 60_000)));
  const vms: VirtualMachine[] = await world.list(resources.virtualMachine);
  for (const vm of vms) expect(condition(vm, 'Stalled'), vm.metadata.name).toBeUndefined();
  const isReady = (pool: IPPool): boolean => condition(pool, 'Ready')?.status === 'True';
  for (const { pool } of POOLS) {
    await world.untilObject(resources.ipPool, pool.metadata.name, 'is ready again', { wanted: isReady });
  }
  await world.stop({ vmids: [] });
});
