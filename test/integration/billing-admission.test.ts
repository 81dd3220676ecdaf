// Billing and its customers with the webhook up: who may change what costs money, and the words in which a program is refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../hack/process/run.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { StatusBody } from '../../src/kube/errors.ts';
import { aPlan, aPool } from '../builders/objects.ts';
import { resources } from '../../src/api/resources.ts';
import type { Account, HttpRequest } from './account.ts';
import { billingAccount, documented } from './billing-account.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { startOperator } from './harness-operator.ts';
import { startWorld, untilClusterReady, type World } from './harness-world.ts';
import { applyWebhook, removeWebhook, untilAsked, webhookSettings } from './webhook.ts';

const NAME = 'service-5546';
const NAME_RULE = { nameRule: '{client_id}-{service_id}' };
const TENANT = 'customer';

let bed: TestBed;
let world: World;
let billing: Account;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed, { operator: false });
  const webhook = await webhookSettings();
  await applyWebhook(bed, webhook.port);
  world.operator = startOperator(bed, { webhook });
  await untilAsked(bed, () => bed.client.create(resources.ipPool, aPool(), { dryRun: true }));
  await untilClusterReady(world);
  await world.create(
    aPool(),
    aPlan(NAME_RULE, 'kvm-small'),
    aPlan({ ...NAME_RULE, memoryGiB: 2 }, 'kvm-large'),
    aPlan({ ...NAME_RULE, allowedNamespaces: { names: ['somebody-else'] } }, 'kvm-private'),
  );
  billing = await billingAccount(bed);
  const binding = ['rolebinding', TENANT, '--clusterrole=pve-operator-tenant-edit', `--user=${TENANT}`];
  await bed.kubectl(['-n', world.namespace, 'create', ...binding]);
});

afterAll(async () => {
  await removeWebhook(bed).catch(() => undefined);
  await billing?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

const send = (section: string) => billing.send(documented(section, world.namespace));

/** An order of another service. */
function order(spec: Partial<VirtualMachine['spec']>): HttpRequest {
  const { body, ...request } = documented('Create', world.namespace);
  const vm = body as VirtualMachine;
  const other = { ...vm.spec, billing: { clientID: '142', serviceID: '5547' } };
  return { ...request, body: { ...vm, metadata: { name: 'trial' }, spec: { ...other, ...spec } } };
}

function change(spec: object): HttpRequest {
  return { ...documented('Suspend', world.namespace), body: { spec } };
}

function causesOf(body: StatusBody): string[] {
  return (body.details?.causes ?? []).map(({ reason, field }) => `${reason} ${field}`);
}

test('what billing does is let in', async () => {
  expect((await send('Create')).status).toBe(201);
  await world.untilReady(NAME, 60_000);
  for (const section of ['Upgrade and downgrade', 'Downgrade', 'Suspend', 'Unsuspend']) {
    expect({ section, status: (await send(section)).status }).toEqual({ section, status: 200 });
    await world.untilReady(NAME, 60_000);
  }
});

describe('what is refused has a code for programs', () => {
  test.each<{ name: string; request: () => HttpRequest; status: number; reason: string; cause: string }>([
    {
      name: 'a plan that there is not',
      request: () => order({ planRef: { name: 'kvm' } }),
      status: 422,
      reason: 'Invalid',
      cause: 'PlanNotFound spec.planRef.name',
    },
    {
      name: 'a plan of somebody else',
      request: () => order({ planRef: { name: 'kvm-private' } }),
      status: 403,
      reason: 'Forbidden',
      cause: 'PlanNotAllowed spec.planRef.name',
    },
    {
      name: 'a misspelt option',
      request: () => order({ configurableOptions: { 'cpu cores': '2' } }),
      status: 422,
      reason: 'Invalid',
      cause: 'OptionUnknown spec.configurableOptions["cpu cores"]',
    },
    {
      name: 'the same service under another name',
      request: () => order({ billing: { clientID: '142', serviceID: '5546' } }),
      status: 409,
      reason: 'Conflict',
      cause: 'NameTaken metadata.name',
    },
    {
      name: 'half a core',
      request: () => change({ configurableOptions: { 'CPU Cores': '0.5' } }),
      status: 422,
      reason: 'Invalid',
      cause: 'OptionInvalid spec.configurableOptions["CPU Cores"]',
    },
    {
      name: 'an option that is said twice',
      request: () => change({ options: { cpuCores: 2 } }),
      status: 422,
      reason: 'Invalid',
      cause: 'OptionDuplicate spec.configurableOptions["CPU Cores"]',
    },
    {
      name: 'a smaller disk',
      request: () => change({ configurableOptions: { 'System Disk': '10|10 GB' } }),
      status: 422,
      reason: 'Invalid',
      cause: 'DiskShrink spec.configurableOptions["System Disk"]',
    },
  ])('$name', async ({ request, status, reason, cause }) => {
    const { status: code, body } = await billing.send(request());
    expect({ status: code, code: body.code, reason: body.reason }).toEqual({ status, code: status, reason });
    expect(causesOf(body)).toEqual([cause]);
    expect(body.details?.causes?.[0]?.message).toMatch(/\.$/);
  });
});

describe('a customer', () => {
  function patch(spec: object): Promise<RunResult> {
    const as = [`--as=${TENANT}`, '-n', world.namespace];
    return bed.cluster.plane.kubectl([...as, 'patch', 'pvm', NAME, '--type=merge', '-p', JSON.stringify({ spec })]);
  }

  test.each<{ name: string; spec: object; verb: string }>([
    { name: 'take a larger plan', spec: { planRef: { name: 'kvm-large' } }, verb: 'setplan' },
    { name: 'take more cores', spec: { configurableOptions: { 'CPU Cores': '8' } }, verb: 'setplan' },
    { name: 'say so by other options', spec: { options: { networkMBps: 100 } }, verb: 'setplan' },
    { name: 'keep a machine from being terminated', spec: { deletionPolicy: 'Retain' }, verb: 'setdeletionpolicy' },
    { name: 'protect it', spec: { deletionProtection: true }, verb: 'setdeletionpolicy' },
    { name: 'consent', spec: { consent: { deleteSnapshots: ['before'] } }, verb: 'consent' },
    { name: 'suspend', spec: { suspension: { reason: 'holiday' } }, verb: 'suspend' },
  ])('cannot $name', async ({ spec, verb }) => {
    const { code, stderr } = await patch(spec);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`"${verb}"`) });
  });

  test('cannot end a suspension', async () => {
    expect((await send('Suspend')).status).toBe(200);
    const { code, stderr } = await patch({ suspension: null });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('"suspend"') });
    expect((await send('Unsuspend')).status).toBe(200);
  });

  test('can do what costs nothing', async () => {
    expect(await patch({ runStrategy: 'Always', driftPolicy: 'Correct' })).toMatchObject({ code: 0 });
  });
});

test('what is terminated goes', async () => {
  expect((await send('Terminate')).status).toBe(200);
  await world.untilVmGone(NAME, 60_000);
});
