// The same change by every verb, kind of patch and client, in every role: there is no way around a rule.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GROUP, VERSION } from '../../src/api/object.ts';
import { resources } from '../../src/api/resources.ts';
import { FINALIZER } from '../../src/controllers/finalizer.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import { aPool } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { promisedRights, type RoleName } from './access-page.ts';
import { Account, type HttpAnswer } from './account.ts';
import { type Change, applied, creationsOf, editsOf, merged } from './admission/paths.ts';
import { anAsked, GUARDED, GUARDED_LATER, takenAway } from './admission/permission-rows.ts';
import { expectAccepted } from './admission/row.ts';
import { ACCOUNT_NAMESPACE, aTenantVm, everything, PLANS, setScene, TENANT_NAMESPACE, VMS } from './admission/scene.ts';
import { requestOf, sent, type Write } from './admission/write.ts';
import { startTestBed, type TestBed, typeOf } from './harness.ts';
import type { Operator } from './harness-operator.ts';
import { serveOnly } from './webhook.ts';

const ROLES = ['tenant-edit', 'billing', 'platform-admin'] as const satisfies readonly RoleName[];
type Role = (typeof ROLES)[number];

let bed: TestBed;
let operator: Operator;
let administrator: Account;
let before: string[];
const accounts = new Map<Role, Account>();

beforeAll(async () => {
  bed = await startTestBed();
  await setScene(bed);
  administrator = Account.administrator(bed);
  for (const role of ROLES) {
    const within = role === 'tenant-edit' ? { within: TENANT_NAMESPACE } : {};
    const options = { namespace: ACCOUNT_NAMESPACE, name: role, roles: [`pve-operator-${role}`], ...within };
    accounts.set(role, await Account.create(bed, options));
  }
  before = await everything(bed);
  const attempt = () => bed.client.create(resources.ipPool, aPool({ vlan: 98 }, 'trial'), { dryRun: true });
  operator = await serveOnly(bed, { allowLocalTargets: false }, attempt);
});

afterAll(async () => {
  await operator?.stop();
  await Promise.all([...accounts.values(), administrator].map((account) => account?.[Symbol.asyncDispose]()));
  await bed?.[Symbol.asyncDispose]();
});

function as(role: Role): Account {
  const account = accounts.get(role);
  if (account === undefined) throw new TypeError(`Nobody is ${role}.`);
  return account;
}

function current(object: KubeObject): Promise<KubeObject> {
  return bed.client.get(typeOf(object), object.metadata.name, object.metadata.namespace);
}

interface Wanted {
  status: number;
  /** `reason field`; other things may speak against the write as well. */
  cause: string;
}

function expectCause({ status, body }: HttpAnswer, path: string, want: Wanted): void {
  const causes = (body.details?.causes ?? []).map(({ reason, field }) => `${reason} ${field}`);
  expect({ path, status, causes }, body.message).toEqual({
    path,
    status: want.status,
    causes: expect.arrayContaining([want.cause]),
  });
}

/** Sends the writes in earnest, and holds each to its refusal. */
async function refused(account: Account, ways: readonly { path: string; write: Write }[], want: Wanted): Promise<void> {
  const answers = await Promise.all(ways.map(({ write }) => sent(account, write)));
  answers.forEach((answer, index) => expectCause(answer, ways[index]?.path ?? '', want));
}

/** Sends the writes as trials, and holds each to being let in. */
async function accepted(account: Account, ways: readonly { write: Write }[]): Promise<void> {
  const answers = await Promise.all(ways.map(({ write }) => sent(account, write, { dryRun: true })));
  answers.forEach(expectAccepted);
}

interface Shrink {
  name: string;
  of: KubeObject;
  set: Change;
  /** A change like it that passes. */
  grow: Change;
  cause: string;
}

const options = (value: object): Change => ({ spec: { options: value } });
const panel = (value: object): Change => ({ spec: { configurableOptions: value } });
const planRef = (name: string): Change => ({ spec: { planRef: { name } } });
const BY_SCHEMA = 'FieldValueInvalid';
const VOLUME = ['local-lvm:vm-2000-disk-1'];

const SHRINKS: readonly Shrink[] = [
  {
    name: 'a typed system disk',
    of: VMS.typed,
    set: options({ systemDiskGiB: 39 }),
    grow: options({ systemDiskGiB: 41 }),
    cause: `${BY_SCHEMA} spec.options.systemDiskGiB`,
  },
  {
    name: 'a typed system disk to that of the template',
    of: VMS.typed,
    set: options({ systemDiskGiB: 0 }),
    grow: options({ systemDiskGiB: 40 }),
    cause: `${BY_SCHEMA} spec.options.systemDiskGiB`,
  },
  {
    name: 'a typed system disk that is left out, so that the plan decides',
    of: VMS.typed,
    set: options({ systemDiskGiB: null }),
    grow: options({ systemDiskGiB: 50 }),
    cause: 'DiskShrink spec.planRef.name',
  },
  {
    name: 'a typed additional disk, with a consent to the loss of it',
    of: VMS.typed,
    set: { spec: { options: { additionalDiskGiB: 9 }, consent: { destroyVolumes: VOLUME } } },
    grow: { spec: { options: { additionalDiskGiB: 0 }, consent: { destroyVolumes: VOLUME } } },
    cause: `${BY_SCHEMA} spec.options.additionalDiskGiB`,
  },
  {
    name: 'a typed additional disk to nothing',
    of: VMS.typed,
    set: options({ additionalDiskGiB: 0 }),
    grow: options({ additionalDiskGiB: 11 }),
    cause: `${BY_SCHEMA} spec.options.additionalDiskGiB`,
  },
  {
    name: 'a typed size below what the VM was built with',
    of: VMS.outgrown,
    set: options({ systemDiskGiB: 39 }),
    grow: options({ systemDiskGiB: 40, additionalDiskGiB: 10 }),
    cause: `${BY_SCHEMA} spec.options.systemDiskGiB`,
  },
  {
    name: 'the system disk of a panel',
    of: VMS.mapped,
    set: panel({ 'System Disk': '39|39 GB' }),
    grow: panel({ 'System Disk': '40|40 GB SSD' }),
    cause: 'DiskShrink spec.configurableOptions["System Disk"]',
  },
  {
    name: 'the system disk of a panel that is left out',
    of: VMS.mapped,
    set: panel({ 'System Disk': null }),
    grow: panel({ 'CPU Cores': null }),
    cause: 'DiskShrink spec.planRef.name',
  },
  {
    name: 'the additional disk of a panel to nothing',
    of: VMS.mapped,
    set: panel({ 'Additional Disk': '0' }),
    grow: { spec: { configurableOptions: { 'Additional Disk': '0' }, consent: { destroyVolumes: VOLUME } } },
    cause: 'ConsentRequired spec.configurableOptions["Additional Disk"]',
  },
  {
    name: 'the options of a panel in place of typed ones',
    of: VMS.typed,
    set: { spec: { options: null, configurableOptions: { 'System Disk': '39', 'Additional Disk': '10' } } },
    grow: { spec: { options: null, configurableOptions: { 'System Disk': '40', 'Additional Disk': '10' } } },
    cause: 'DiskShrink spec.configurableOptions["System Disk"]',
  },
  {
    name: 'a disk that Proxmox VE shows larger',
    of: VMS.enlarged,
    set: panel({ 'System Disk': '59' }),
    grow: panel({ 'System Disk': '61' }),
    cause: 'DiskShrink spec.configurableOptions["System Disk"]',
  },
  {
    name: 'a smaller plan',
    of: VMS.planned,
    set: planRef('kvm-small'),
    grow: { spec: { planRef: { name: 'kvm-small' }, options: { systemDiskGiB: 80, additionalDiskGiB: 80 } } },
    cause: 'DiskShrink spec.planRef.name',
  },
];

const PLAN_SHRINKS: readonly Shrink[] = [
  {
    name: 'a plan that rolls out by itself',
    of: PLANS.automatic,
    set: { spec: { systemDisk: { sizeGiB: 39 } } },
    grow: { spec: { systemDisk: { sizeGiB: 39 }, rollOut: 'OnRequest' } },
    cause: 'DiskShrink spec.systemDisk.sizeGiB',
  },
  {
    name: 'a size of such a plan that is left out',
    of: PLANS.automatic,
    set: { spec: { additionalDisk: null } },
    grow: { spec: { additionalDisk: { sizeGiB: 20 } } },
    cause: 'DiskShrink spec.additionalDisk.sizeGiB',
  },
  {
    name: 'a smaller plan that rolls out from now on',
    of: PLANS.ordinary,
    set: { spec: { rollOut: 'Automatic' } },
    grow: { spec: { rollOut: 'OnRequest' } },
    cause: 'DiskShrink spec.systemDisk.sizeGiB',
  },
];

describe('a disk does not shrink', () => {
  test.each(SHRINKS)('$name', async ({ of, set, grow, cause }) => {
    const object = await current(of);
    await refused(as('billing'), editsOf(object, set), { status: 422, cause });
    await refused(administrator, editsOf(object, set), { status: 422, cause });
    await accepted(as('billing'), editsOf(object, grow));
  });

  test.each(PLAN_SHRINKS)('$name', async ({ of, set, grow, cause }) => {
    const object = await current(of);
    await refused(as('platform-admin'), editsOf(object, set), { status: 422, cause });
    await accepted(as('platform-admin'), editsOf(object, grow));
  });

  test('by a size that is copied from another one', async () => {
    const copy = { op: 'copy', from: '/spec/options/additionalDiskGiB', path: '/spec/options/systemDiskGiB' };
    const request = requestOf({ merge: {}, of: VMS.typed });
    const answer = await as('billing').send({ ...request, contentType: 'application/json-patch+json', body: [copy] });
    expectCause(answer, 'copy', { status: 422, cause: `${BY_SCHEMA} spec.options.systemDiskGiB` });
  });

  test.each([
    { client: 'kubectl apply', args: ['apply', '--validate=false'] },
    { client: 'kubectl apply --server-side', args: ['apply', '--server-side', '--force-conflicts'] },
    { client: 'kubectl replace', args: ['replace', '--validate=false'] },
  ])('by $client', async ({ args }) => {
    const object = await current(VMS.mapped);
    const { configurableOptions } = (object as typeof VMS.mapped).spec;
    const spec = { configurableOptions: { ...configurableOptions, 'System Disk': '39' } };
    const { spec: whole } = merged(object as typeof VMS.mapped, { spec });
    const file = JSON.stringify(applied(object, { spec: whole }));
    const who = `--as=${as('billing').user}`;
    const { code, stderr } = await bed.cluster.plane.kubectl([who, ...args, '-f', '-'], file);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('The system disk has 40 GiB') });
  });
});

describe('who may change what costs money or data', () => {
  const cases = [...GUARDED, ...GUARDED_LATER].flatMap((guarded) => ROLES.map((role) => ({ ...guarded, role })));
  const isPromised = (role: Role, right: string): boolean =>
    promisedRights()[role].get('virtualmachines')?.has(right) === true;

  test.each(cases)('$role: $field', async ({ role, field, right, set }) => {
    const object = await current(VMS.running);
    const isNew = GUARDED.some((guarded) => guarded.field === field);
    const made = aTenantVm('trial', set.spec, set.metadata);
    const ways = [...editsOf(object, set), ...(isNew ? creationsOf(made) : [])];
    if (isPromised(role, right)) await accepted(as(role), ways);
    else await refused(as(role), ways, { status: 403, cause: `PermissionRequired ${field}` });
  });

  const ends = [
    ...GUARDED.map(({ field, right, set }) => ({ field, right, of: VMS.guarded, change: takenAway(set) })),
    {
      field: `metadata.finalizers["${FINALIZER}"]`,
      right: 'forceremove',
      of: VMS.held,
      change: { metadata: { finalizers: [] } },
    },
  ].flatMap((end) => ROLES.map((role) => ({ ...end, role })));

  test.each(ends)('$role: $field taken away', async ({ role, of, field, right, change }) => {
    const ways = editsOf(await current(of), change);
    if (isPromised(role, right)) await accepted(as(role), ways);
    else await refused(as(role), ways, { status: 403, cause: `PermissionRequired ${field}` });
  });

  const lettingGo = [
    {
      right: 'adopt',
      field: 'spec.type',
      operation: anAsked({ type: 'Adopt', adopt: { vmid: 2000, mode: 'TakeOver' } }),
    },
    {
      right: 'forceremove',
      field: 'spec.resetStatus.state',
      operation: anAsked({ type: 'ResetStatus', resetStatus: { state: 'remove', confirmation: 'REMOVE' } }),
    },
  ].flatMap((one) => ROLES.map((role) => ({ ...one, role })));

  test.each(lettingGo)('$role: an operation that needs $right', async ({ role, right, field, operation }) => {
    // Billing has no verb to patch an operation, so it applies none.
    const ways = creationsOf(operation).filter(({ path }) => role !== 'billing' || path.startsWith('create'));
    if (isPromised(role, right)) await accepted(as(role), ways);
    else await refused(as(role), ways, { status: 403, cause: `PermissionRequired ${field}` });
  });

  test('a tenant changes what costs nothing by every path', async () => {
    const harmless = {
      metadata: { labels: { team: 'shop' } },
      spec: { driftPolicy: 'Correct', runStrategy: 'Manual' },
    };
    await accepted(as('tenant-edit'), editsOf(await current(VMS.running), harmless));
    await accepted(as('tenant-edit'), creationsOf(aTenantVm('trial', { options: { cpuCores: 8 } })));
  });
});

describe('the status', () => {
  test.each(ROLES)('is not for %s to write', async (role) => {
    const object = await current(VMS.typed);
    const change = { status: { effective: { systemDiskGiB: 1 }, vmid: 100 } };
    const answer = await sent(as(role), { merge: change, of: object }, { subresource: 'status' });
    expect({ status: answer.status, reason: answer.body.reason }).toEqual({ status: 403, reason: 'Forbidden' });
  });

  test('takes no spec with it, by whatever path', async () => {
    const object = await current(VMS.typed);
    const ways = editsOf(object, options({ systemDiskGiB: 39 }));
    for (const { path, write } of ways) {
      const answer = await sent(administrator, write, { subresource: 'status', dryRun: true });
      expect({ path, status: answer.status, spec: (answer.body as { spec?: object }).spec }).toEqual({
        path,
        status: 200,
        spec: VMS.typed.spec,
      });
    }
  });

  test('is the only subresource there is', async () => {
    const [collection = ''] = requestOf({ merge: {}, of: VMS.typed }).path.split('?');
    for (const subresource of ['scale', 'finalize', 'spec']) {
      expect((await administrator.send({ method: 'GET', path: `${collection}/${subresource}` })).status).toBe(404);
    }
  });
});

describe('a deletion', () => {
  test('of all VMs at once does not reach a protected one', async () => {
    const [path = ''] = requestOf({ create: VMS.protected }).path.split('?');
    const selected = `${path}?fieldSelector=metadata.name%3D${VMS.protected.metadata.name}`;
    const answer = await administrator.send({ method: 'DELETE', path: selected });
    expectCause(answer, 'deletecollection', { status: 403, cause: 'DeletionProtected spec.deletionProtection' });
  });

  test.each(ROLES)('%s cannot delete all at once', async (role) => {
    const [path = ''] = requestOf({ create: VMS.protected }).path.split('?');
    expect((await as(role).send({ method: 'DELETE', path })).status).toBe(403);
  });
});

test('a kind of patch that Kubernetes has for its own kinds only is not taken', async () => {
  const request = requestOf({ merge: panel({ 'System Disk': '39' }), of: VMS.mapped });
  const answer = await administrator.send({ ...request, contentType: 'application/strategic-merge-patch+json' });
  expect(answer.status).toBe(415);
});

test('none of it made, changed or removed anything', async () => {
  expect(await everything(bed)).toEqual(before);
});

describe('another version of the API', () => {
  interface Definition extends KubeObject {
    spec: { versions: { name: string; served: boolean; storage: boolean }[] };
  }
  const definitions: ResourceType<Definition> = {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    namespaced: false,
  };
  const OTHER = 'v1alpha0';

  test('is asked about as if it were ours', async () => {
    const name = `${resources.virtualMachine.plural}.${GROUP}`;
    const { spec } = await bed.client.get(definitions, name);
    const [ours] = spec.versions;
    const value = { ...ours, name: OTHER, storage: false };
    await bed.client.patch(definitions, { name }, [{ op: 'add', path: '/spec/versions/-', value }], { kind: 'json' });
    const request = requestOf({ merge: panel({ 'System Disk': '39' }), of: VMS.mapped });
    const path = request.path.replace(`/${VERSION}/`, `/${OTHER}/`);
    const type = { ...resources.virtualMachine, version: OTHER };
    await until('the other version is served', () =>
      bed.client.list(type, { limit: 1 }).then(
        () => true,
        () => false,
      ),
    );
    const answer = await administrator.send({ ...request, path });
    expectCause(answer, OTHER, { status: 422, cause: 'DiskShrink spec.configurableOptions["System Disk"]' });
  });
});
