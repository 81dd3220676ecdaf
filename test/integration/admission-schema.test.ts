// What the API server refuses by itself, with every webhook and the operator down: each rule of the definitions, at each of its places.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { optionSchemas } from '../../src/api/options.ts';
import { webhookConfigurationType } from '../../src/webhook/webhook-configuration.ts';
import { namespaces } from '../kube/cluster.ts';
import { Account, type HttpAnswer } from './account.ts';
import { expectAccepted } from './admission/row.ts';
import { sent, type Write } from './admission/write.ts';
import { definitionRules, placeOf } from './api/definition-rules.ts';
import { FULL, fullManifest } from './api/full-manifests.ts';
import { MACHINE_REFUSALS, PLAN_REFUSALS } from './api/machine-refusals.ts';
import { changed, type Manifest, valid, validManifests } from './api/manifests.ts';
import { OPERATION_REFUSALS } from './api/operation-refusals.ts';
import { CLUSTER_REFUSALS, POOL_REFUSALS, ZONE_REFUSALS } from './api/platform-refusals.ts';
import type { Refusal } from './api/refusal.ts';
import { BUILT_REFUSALS, UPDATE_REFUSALS } from './api/update-refusals.ts';
import { startTestBed, type TestBed, typeOf } from './harness.ts';

const rules = await definitionRules();
const kinds = [...new Set(rules.map(({ kind }) => kind))];
/** Those that can be broken in the manifest that says everything; of two fields that exclude one another it says one. */
const ofTexts = rules.flatMap(({ wrongText, ...rule }) => {
  const field = rule.place.replaceAll('[]', '[0]');
  const path = field.replaceAll(/\[(\d+)\]/g, '.$1');
  if (wrongText === undefined || typeof textAt(fullManifest(rule.kind), path) !== 'string') return [];
  return [{ ...rule, wrongText, field, path }];
});

let bed: TestBed;
let administrator: Account;

beforeAll(async () => {
  bed = await startTestBed();
  administrator = Account.administrator(bed);
  expect((await bed.client.list(webhookConfigurationType)).items).toEqual([]);
  await bed.client.create(namespaces, { metadata: { name: 'customer-142' } });
  const objects = validManifests().filter(({ kind }) => kind !== 'Namespace');
  await Promise.all(objects.map((manifest) => bed.client.create(typeOf(manifest), manifest)));
  for (const kind of kinds) await makeFull(kind);
  const effective = {
    ...Object.fromEntries(Object.keys(optionSchemas).map((name) => [name, 0])),
    cpuCores: 1,
    memoryGiB: 1,
    operatingSystem: 9000,
    systemDiskGiB: 30,
    additionalDiskGiB: 10,
  };
  await write({ merge: { status: { effective } }, of: valid('VirtualMachine', 'service-5546') }, 'status');
});

afterAll(async () => {
  await administrator?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

async function write(one: Write, subresource?: 'status'): Promise<void> {
  expectAccepted(await sent(administrator, one, subresource === undefined ? {} : { subresource }));
}

/** Makes what says everything, where it is not among the valid manifests already. */
async function makeFull(kind: string): Promise<void> {
  const { status, ...manifest } = fullManifest(kind);
  if (manifest.metadata.name === FULL) await write({ create: manifest });
  if (status !== undefined) await write({ merge: { status }, of: manifest }, 'status');
}

const manifestOf = ([kind, name]: Refusal['of']): Manifest => (name === FULL ? fullManifest(kind) : valid(kind, name));

const tried = (one: Write, subresource?: 'status'): Promise<HttpAnswer> =>
  sent(administrator, one, { dryRun: true, ...(subresource === undefined ? {} : { subresource }) });

/** The manifest as an edit of the object that is there. */
async function edited(manifest: Manifest): Promise<Write> {
  const { name, namespace } = manifest.metadata;
  const { metadata } = await bed.client.get(typeOf(manifest), name, namespace);
  return { replace: { ...manifest, metadata: { ...metadata, ...manifest.metadata } } };
}

/** Holds an answer to naming the field with words of the rule. */
function expectRefusal({ status, body }: HttpAnswer, { field, says }: { field: string; says: RegExp }): void {
  if (status === 400) {
    // What the schema does not know is refused before it is checked.
    expect(body).toMatchObject({ reason: 'BadRequest', message: expect.stringContaining(field) });
    return expect(body.message).toMatch(says);
  }
  expect({ status, reason: body.reason }, JSON.stringify(body)).toEqual({ status: 422, reason: 'Invalid' });
  // A rule on the whole object has no field, and says which it is about.
  const named = (body.details?.causes ?? []).map((cause) => ({
    ...cause,
    field: cause.field === '<nil>' ? 'metadata.name' : cause.field,
  }));
  const about = named.filter((cause) => cause.field === field).map(({ message }) => message);
  expect(about, JSON.stringify(named)).toContainEqual(expect.stringMatching(says));
}

describe('a text that is none of its kind', () => {
  test.each(ofTexts)('$kind: $place', async ({ kind, field, path, message, wrongText }) => {
    const manifest = fullManifest(kind);
    const broken = changed(manifest, path, wrongText);
    const answer = field.startsWith('status')
      ? await tried(await edited(broken), 'status')
      : await tried({ create: { ...broken, metadata: { ...broken.metadata, name: 'trial' } } });
    expectRefusal(answer, { field, says: literally(message) });
  });
});

function textAt(manifest: Manifest, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], manifest);
}

function literally(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
}

const NEW_REFUSALS: readonly Refusal[] = [
  ...CLUSTER_REFUSALS,
  ...POOL_REFUSALS,
  ...ZONE_REFUSALS,
  ...PLAN_REFUSALS,
  ...MACHINE_REFUSALS,
];

describe('a new object', () => {
  test.each(NEW_REFUSALS)('$of.0: $name', async ({ of: [kind, name], set, to, field, says }) => {
    const { metadata, ...rest } = valid(kind, name);
    const manifest = changed({ ...rest, metadata: { ...metadata, name: 'trial' } }, set, to);
    expectRefusal(await tried({ create: manifest }), { field, says });
  });

  test.each(OPERATION_REFUSALS)('VirtualMachineOperation: $name', async ({ spec, field, says }) => {
    const { metadata, ...rest } = valid('VirtualMachineOperation', 'web-1-start');
    const operation = {
      ...rest,
      metadata: { ...metadata, name: 'trial' },
      spec: { virtualMachineName: 'web-1', ...spec },
    };
    expectRefusal(await tried({ create: operation }), { field, says });
  });
});

describe('an edit', () => {
  test.each([...UPDATE_REFUSALS, ...BUILT_REFUSALS])('$of.0: $name', async ({ of, set, to, field, says }) => {
    expectRefusal(await tried(await edited(changed(manifestOf(of), set, to))), { field, says });
  });

  test.each<{ name: string; of: [string, string]; set: string; to: unknown }>([
    { name: 'a disk grows', of: ['VirtualMachine', 'web-1'], set: 'spec.options.systemDiskGiB', to: 21 },
    { name: 'a disk option is set', of: ['VirtualMachine', 'web-1'], set: 'spec.options.additionalDiskGiB', to: 5 },
    { name: 'cores go down', of: ['VirtualMachine', 'web-1'], set: 'spec.options.cpuCores', to: 1 },
    { name: 'a key is added', of: ['VirtualMachine', 'service-5546'], set: 'spec.sshAuthorizedKeys', to: [] },
    {
      name: 'as much as was built',
      of: ['VirtualMachine', 'service-5546'],
      set: 'spec.options',
      to: { systemDiskGiB: 30 },
    },
    { name: 'a pool grows', of: ['IPPool', 'lab-ipv4'], set: 'spec.last', to: '192.0.2.99' },
    { name: 'a plan changes its size', of: ['Plan', 'kvm-small'], set: 'spec.memoryGiB', to: 2 },
  ])('$name: accepted', async ({ of: [kind, name], set, to }) => {
    expectAccepted(await tried(await edited(changed(valid(kind, name), set, to))));
  });

  test('of anything is let in once an option is below what was built meanwhile', async () => {
    const vm = valid('VirtualMachine', 'service-5546');
    const effective = { systemDiskGiB: 40 };
    await write({ merge: { spec: { options: { systemDiskGiB: 30 } } }, of: vm });
    await write({ merge: { status: { effective } }, of: vm }, 'status');
    await write({ merge: { status: { runCount: 1 } }, of: vm }, 'status');
    await write({ merge: { spec: { options: { cpuCores: 3 } } }, of: vm });
  });
});

test('every rule of the definitions is broken above', () => {
  const broken: readonly { kind: string; field: string; says: RegExp }[] = [
    ...[...NEW_REFUSALS, ...UPDATE_REFUSALS, ...BUILT_REFUSALS].map(({ of: [kind], ...row }) => ({ kind, ...row })),
    ...OPERATION_REFUSALS.map((row) => ({ kind: 'VirtualMachineOperation', ...row })),
  ];
  expect(rules.length).toBeGreaterThan(100);
  const missing = rules.filter(
    ({ kind, place, message }) =>
      !ofTexts.some((rule) => rule.kind === kind && rule.place === place && rule.message === message) &&
      !broken.some((row) => row.kind === kind && placeOf(row.field) === place && row.says.test(message)),
  );
  expect(missing).toEqual([]);
});
