// What the API server refuses a billing system by itself, with every webhook and the operator down: each answer can be read by a program.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { optionSchemas } from '../../src/api/options.ts';
import { resources } from '../../src/api/resources.ts';
import type { Account, HttpAnswer, HttpRequest } from './account.ts';
import { billingAccount, documented, PAGE_NAMESPACE } from './billing-account.ts';
import {
  type BillingRefusal,
  CHANGE_REFUSALS,
  LONG_NAME,
  OPERATION_REFUSALS,
  ORDER_REFUSALS,
} from './api/billing-refusals.ts';
import { manifestsIn, startTestBed, type TestBed } from './harness.ts';

type Json = Record<string, unknown>;

const CREATE = documented('Create', PAGE_NAMESPACE);
const REINSTALL = documented('Reinstall', PAGE_NAMESPACE);
const CHANGE = documented('Suspend', PAGE_NAMESPACE);

let bed: TestBed;
let billing: Account;

beforeAll(async () => {
  bed = await startTestBed();
  await bed.kubectl(['create', 'namespace', PAGE_NAMESPACE]);
  billing = await billingAccount(bed);
  const zeros = Object.fromEntries(Object.keys(optionSchemas).map((name) => [name, 0]));
  const effective = {
    ...zeros,
    cpuCores: 1,
    memoryGiB: 1,
    operatingSystem: 9000,
    systemDiskGiB: 30,
    additionalDiskGiB: 5,
  };
  for (const name of ['service-5546', 'built']) {
    await billing.send(order({ options: name === 'built' ? {} : { systemDiskGiB: 20, additionalDiskGiB: 10 } }, name));
  }
  const target = { name: 'built', namespace: PAGE_NAMESPACE };
  await bed.client.patch(
    resources.virtualMachine,
    target,
    { status: { effective } },
    { kind: 'merge', subresource: 'status' },
  );
  await billing.send(REINSTALL);
});

afterAll(async () => {
  await billing?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

/** The page's order with another spec, without its options. */
function order(spec: Json, name = 'trial'): HttpRequest {
  const body = CREATE.body as { metadata: Json; spec: Json };
  const { configurableOptions: _, ...rest } = body.spec;
  return { ...CREATE, body: { ...body, metadata: { name }, spec: { ...rest, ...spec } } };
}

function operation(spec: Json): HttpRequest {
  const body = REINSTALL.body as { spec: Json };
  const { virtualMachineName } = body.spec;
  return { ...REINSTALL, body: { ...body, metadata: { name: 'trial' }, spec: { virtualMachineName, ...spec } } };
}

function change(spec: Json, name = 'service-5546'): HttpRequest {
  return { ...CHANGE, path: CHANGE.path.replace('service-5546', name), body: { spec } };
}

/** What a program needs of the answer, and nothing that only a person could read. */
function expectRefusal(
  { status, body }: HttpAnswer,
  { field, says, reason = 'FieldValueInvalid' }: BillingRefusal,
): void {
  expect({ status, code: body.code, reason: body.reason }).toEqual({ status: 422, code: 422, reason: 'Invalid' });
  const cause = body.details?.causes?.find((each) => each.field === field && each.message?.includes(says));
  expect(cause, JSON.stringify(body.details?.causes, undefined, 1)).toMatchObject({ reason });
}

describe('an order', () => {
  test.each(ORDER_REFUSALS)('with $name is refused', async (row) => {
    expectRefusal(await billing.send(order(row.spec)), row);
  });

  test('with a name that is too long for a host is refused', async () => {
    expectRefusal(await billing.send(order({}, 'a'.repeat(64))), LONG_NAME);
  });

  test('with a misspelt field is refused, and without Strict only warned of', async () => {
    const misspelt = order({ plan: 'kvm-small' });
    const refused = await billing.send(misspelt);
    expect(refused).toMatchObject({ status: 400, body: { reason: 'BadRequest' } });
    expect(refused.body.message).toContain('unknown field "spec.plan"');
    const path = misspelt.path.replace('fieldValidation=Strict', 'dryRun=All');
    const { status, warnings } = await billing.send({ ...misspelt, path });
    expect({ status, warnings }).toEqual({ status: 201, warnings: [expect.stringContaining('spec.plan')] });
  });
});

describe('a change', () => {
  test.each(CHANGE_REFUSALS)('to $name is refused', async (row) => {
    expectRefusal(await billing.send(change(row.spec, row.of)), row);
  });

  test('of a machine that is not there is answered with 404', async () => {
    const { status, body } = await billing.send(change({}, 'service-1'));
    expect({ status, reason: body.reason, name: body.details?.name }).toEqual({
      status: 404,
      reason: 'NotFound',
      name: 'service-1',
    });
  });

  test('of what was changed in between is answered with 409', async () => {
    const request = change({ runStrategy: 'Always' });
    const body = { ...request.body, metadata: { resourceVersion: '1' } };
    expect(await billing.send({ ...request, body })).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
  });
});

describe('an operation', () => {
  test.each(OPERATION_REFUSALS)('$name is refused', async (row) => {
    expectRefusal(await billing.send(operation(row.spec)), row);
  });

  test('cannot be changed: the role does not even try', async () => {
    const path = `${REINSTALL.path.split('?')[0]}/service-5546-reinstall-1`;
    const patch = {
      method: 'PATCH',
      path,
      contentType: 'application/merge-patch+json',
      body: { spec: { deadlineSeconds: 1 } },
    };
    expect(await billing.send(patch)).toMatchObject({
      status: 403,
      body: { reason: 'Forbidden', details: { name: 'service-5546-reinstall-1' } },
    });
  });
});

describe('what the role may not do is told as such', () => {
  const base = '/apis/pve-operator.io/v1alpha1';
  test.each<{ name: string; request: HttpRequest }>([
    {
      name: 'make a plan',
      request: {
        method: 'POST',
        path: `${base}/plans`,
        contentType: 'application/json',
        body: { metadata: { name: 'mine' } },
      },
    },
    { name: 'release an address', request: { method: 'DELETE', path: `${base}/ipaddressreservations/a` } },
    {
      name: 'write a status',
      request: { ...change({}), path: `${base}/namespaces/${PAGE_NAMESPACE}/virtualmachines/service-5546/status` },
    },
    { name: 'list passwords', request: { method: 'GET', path: `/api/v1/namespaces/${PAGE_NAMESPACE}/secrets` } },
    {
      name: 'make a namespace',
      request: {
        method: 'POST',
        path: '/api/v1/namespaces',
        contentType: 'application/json',
        body: { metadata: { name: 'mine' } },
      },
    },
  ])('$name', async ({ request }) => {
    const { status, body } = await billing.send(request);
    expect({ status, code: body.code, reason: body.reason }).toEqual({ status: 403, code: 403, reason: 'Forbidden' });
  });
});

describe('completeness', () => {
  let rules: string[];

  beforeEach(async () => {
    const definitions = (await manifestsIn('crds')) as unknown as {
      spec: { names: { kind: string }; versions: [{ schema: { openAPIV3Schema: Json } }] };
    }[];
    const written = definitions.filter(({ spec }) =>
      ['VirtualMachine', 'VirtualMachineOperation'].includes(spec.names.kind),
    );
    rules = written.flatMap(({ spec }) => rulesIn(spec.versions[0].schema.openAPIV3Schema));
  });

  test('every rule of what billing writes was refused above', () => {
    expect(rules.length).toBeGreaterThan(20);
    const seen = [...ORDER_REFUSALS, ...CHANGE_REFUSALS, ...OPERATION_REFUSALS, LONG_NAME].map(({ says }) => says);
    // The role cannot change an operation, so that this rule never answers it.
    const unreachable = 'an operation cannot be changed: make a new one';
    expect(rules.filter((rule) => rule !== unreachable && !seen.some((text) => rule.includes(text)))).toEqual([]);
  });
});

/** The messages of the rules of a schema, apart from those of the status. */
function rulesIn(schema: Json): string[] {
  const own = (schema['x-kubernetes-validations'] ?? []) as { message: string }[];
  const { status: _, ...properties } = (schema['properties'] ?? {}) as Record<string, Json>;
  const below = [...Object.values(properties), schema['items'], schema['additionalProperties']];
  return [
    ...own.map(({ message }) => message),
    ...below.filter((each): each is Json => typeof each === 'object' && each !== null).flatMap(rulesIn),
  ];
}
