// Quotas on a real API server: however many are asked for at the same time, no more are made than a namespace may have.
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FullPlanSpec } from '../../src/api/plan.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { aPlan, aPool, aVirtualMachine, PLAN } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { type Operator, startOperator } from './harness-operator.ts';
import { condition, isReady, startWorld, type World } from './harness-world.ts';
import { freeLease } from './processes.ts';
import { applyWebhook, removeWebhook, untilAsked, webhookSettings } from './webhook.ts';

const LIMIT = 7;
const REQUESTS = 100;
const LIMIT_MS = 90_000;

let bed: TestBed;
let world: World;
/** Replicas beside the one that ends with the world, and what stands before them. */
let replicas: Operator[];
let balancer: Server | undefined;

beforeAll(async () => {
  bed = await startTestBed();
});

afterEach(async () => {
  balancer?.close();
  balancer = undefined;
  await removeWebhook(bed);
  await Promise.all(replicas.map((replica) => replica.stop()));
  await world[Symbol.asyncDispose]();
  await freeLease(bed);
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

const names = Array.from({ length: REQUESTS }, (_, index) => `vm-${index + 1}`);
const quota = (virtualMachinesPerNamespace: number): Partial<FullPlanSpec> => ({
  quota: { virtualMachinesPerNamespace },
});
const all = () => world.list(resources.virtualMachine);
const clones = () => world.requests({ method: 'POST', path: /\/clone$/ }).length;

/** Connections go to the ports in turn, as those through a Service do. */
async function balanced(ports: readonly number[]): Promise<number> {
  let turn = 0;
  balancer = createServer((client) => {
    const port = ports[turn++ % ports.length] ?? 0;
    const server = connect({ host: '127.0.0.1', port });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => balancer?.listen(0, '127.0.0.1', resolve));
  return (balancer.address() as AddressInfo).port;
}

/** What became of each request: undefined where it was let in. */
function ask(): Promise<(KubeError | undefined)[]> {
  const create = (name: string): Promise<KubeError | undefined> =>
    world.create(aVirtualMachine(name)).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof KubeError) return error;
        throw error;
      },
    );
  return Promise.all(names.map(create));
}

/** Waits until as many are ready and every other one says that there is no room for it. */
async function untilDecided(ready: number): Promise<VirtualMachine[]> {
  const isWaiting = (vm: VirtualMachine): boolean => condition(vm, 'Stalled')?.reason === 'QuotaExceeded';
  return until(
    `${ready} are ready and the others wait`,
    async () => {
      const vms = await all();
      const isDecided = vms.every((vm) => isReady(vm) || isWaiting(vm));
      return isDecided && vms.filter(isReady).length >= ready ? vms : undefined;
    },
    LIMIT_MS,
  );
}

/** What was given out: machines, and everything that is held for one. */
async function expectMade(count: number): Promise<void> {
  const slots = await world.list(resources.quotaSlot);
  expect({
    machines: world.madeVmids.length,
    vmids: (await world.list(resources.vmidReservation)).length,
    addresses: (await world.list(resources.ipAddressReservation)).length,
    slots: slots.map(({ metadata }) => metadata.name).sort(),
  }).toEqual({
    machines: count,
    vmids: count,
    addresses: count,
    slots: Array.from({ length: count }, (_, index) => `${PLAN}.${index + 1}`).sort(),
  });
  const holders = new Set(slots.map(({ spec }) => spec.virtualMachine.uid));
  expect(holders).toEqual(new Set((await all()).filter(isReady).map(({ metadata }) => metadata.uid)));
}

/** Questions that a replica has answered about VirtualMachines. */
async function answered(replica: Operator): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${await replica.healthPort}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('pve_operator_admissions_total'));
  const creates = lines.filter((line) => line.includes('kind="VirtualMachine"') && line.includes('verb="CREATE"'));
  return creates.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('100 requests at the same time', () => {
  test('through two webhooks and a change of the leader make exactly as many machines as allowed', async () => {
    world = await startWorld(bed, { operator: false });
    const settings = await Promise.all([webhookSettings(), webhookSettings()]);
    await applyWebhook(bed, await balanced(settings.map(({ port }) => port)));
    replicas = settings.map((webhook, index) =>
      startOperator(bed, { webhook, leaderElection: true, identity: `replica-${index}` }),
    );
    await untilAsked(bed, () => bed.client.create(resources.ipPool, aPool(), { dryRun: true }));
    await until('both replicas serve', async () => {
      const served = replicas.map(({ log }) => log.some((line) => line.includes('Serving the admission webhook')));
      return served.every(Boolean);
    });
    await world.create(aPool(), aPlan(quota(LIMIT)));

    const answers = await ask();
    await until('machines are being made', () => clones() > 0, LIMIT_MS);
    const [leader] = replicas.filter(({ log }) => log.some((line) => line.includes('"message":"Acting"')));
    const others = replicas.filter((replica) => replica !== leader);
    const questions = await Promise.all(replicas.map(answered));
    replicas = others;
    await leader?.stop();

    const refused = answers.filter((answer) => answer !== undefined);
    for (const { status, details } of refused) {
      expect(status).toBe(403);
      expect(details?.causes).toMatchObject([{ reason: 'QuotaExceeded', field: 'spec.planRef.name' }]);
    }
    expect(REQUESTS - refused.length).toBeGreaterThanOrEqual(LIMIT);
    expect(Math.min(...questions)).toBeGreaterThan(0);
    await untilDecided(LIMIT);
    await expectMade(LIMIT);
    console.log(`${REQUESTS - refused.length} let in, answers of the replicas: ${questions.join(' and ')}`);
  });

  test('without a webhook wait in the cluster, and go on as there is room', async () => {
    replicas = [];
    world = await startWorld(bed);
    await world.create(aPool(), aPlan(quota(LIMIT)));
    expect((await ask()).filter((answer) => answer !== undefined)).toEqual([]);
    await untilDecided(LIMIT);
    await expectMade(LIMIT);
    expect(clones()).toBe(LIMIT);

    // Raised: as many more, and the first ones stay as they are.
    await world.patch(resources.plan, PLAN, { spec: quota(LIMIT + 2) });
    await untilDecided(LIMIT + 2);
    await expectMade(LIMIT + 2);
    expect(clones()).toBe(LIMIT + 2);

    // Deleted: one takes the place.
    const [gone] = (await all()).filter(isReady);
    await world.deleteVm(gone?.metadata.name ?? '');
    await untilDecided(LIMIT + 2);
    await expectMade(LIMIT + 2);

    // Lowered: nobody is touched, and the end of one makes no room.
    const before = clones();
    await world.patch(resources.plan, PLAN, { spec: quota(1) });
    const [another] = (await all()).filter(isReady);
    await world.deleteVm(another?.metadata.name ?? '');
    const vms = await untilDecided(LIMIT + 1);
    expect(vms.filter(isReady)).toHaveLength(LIMIT + 1);
    expect(clones()).toBe(before);
    expect(await world.list(resources.quotaSlot)).toHaveLength(LIMIT + 1);
  });
});

test('slots come and go with the quota', async () => {
  replicas = [];
  world = await startWorld(bed);
  await world.create(aPool(), aPlan());
  await world.create(aVirtualMachine('one'), aVirtualMachine('two'));
  await Promise.all(['one', 'two'].map((name) => world.untilReady(name)));
  expect(await world.list(resources.quotaSlot)).toEqual([]);
  const slotted = (count: number) =>
    until(`${count} slots`, async () => (await world.list(resources.quotaSlot)).length === count);

  await world.patch(resources.plan, PLAN, { spec: quota(1) });
  await slotted(2);
  // By hand: the machine that it was for has it again.
  const [slot] = await world.list(resources.quotaSlot);
  await bed.client.delete(resources.quotaSlot, slot?.metadata.name ?? '', world.namespace);
  await until('it is there again', async () => {
    const slots = await world.list(resources.quotaSlot);
    const again = slots.find(({ metadata }) => metadata.name === slot?.metadata.name);
    return again !== undefined && again.metadata.uid !== slot?.metadata.uid;
  });
  // One without a machine, as a crash or a backup may leave it, is collected.
  const stray = { planRef: { name: PLAN }, number: 9, virtualMachine: { name: 'nobody', uid: 'nobody' } };
  const metadata = { name: `${PLAN}.9`, namespace: world.namespace };
  await bed.client.create(resources.quotaSlot, { metadata, spec: stray });
  await slotted(2);

  await world.patch(resources.plan, PLAN, { spec: { quota: null } });
  await slotted(0);
  const ready = (await all()).filter((vm) => condition(vm, 'PackageUpToDate')?.status === 'True');
  expect(ready.filter(isReady)).toHaveLength(2);
  expect(clones()).toBe(2);
});
