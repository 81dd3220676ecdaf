// What the API server itself takes of a VirtualMachineOperation, with every webhook and the operator down, and how kubectl shows it.
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ControlPlane } from '../../hack/control-plane/control-plane.ts';
import { API_VERSION, GROUP } from '../../src/api/object.ts';
import { OPERATION_TYPES, virtualMachineOperation } from '../../src/api/virtual-machine-operation.ts';
import { type Cluster, startCluster } from '../kube/cluster.ts';
import { Account } from './account.ts';
import { expectAccepted } from './admission/row.ts';
import { sent } from './admission/write.ts';

const root = resolve(import.meta.dirname, '../..');
const namespace = 'customer-142';
let cluster: Cluster;
let plane: ControlPlane;
let administrator: Account;

beforeAll(async () => {
  cluster = await startCluster();
  ({ plane } = cluster);
  administrator = Account.administrator({ cluster });
  const definition = resolve(root, `crds/${GROUP}_${virtualMachineOperation.plural}.yaml`);
  await wanted(['apply', '--server-side', '-f', definition]);
  await wanted(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  await wanted(['apply', '--server-side', '-f', resolve(root, 'config/samples/00-namespaces.yaml')]);
  await wanted(['apply', '-f', resolve(root, 'config/rbac')]);
});

afterAll(async () => {
  await administrator?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

async function wanted(args: readonly string[], input?: string): Promise<string> {
  const result = await plane.kubectl(args, input);
  expect(result.code, result.stderr).toBe(0);
  return result.stdout;
}

function manifest(name: string, spec: object) {
  const metadata = { name, namespace };
  return {
    apiVersion: API_VERSION,
    kind: 'VirtualMachineOperation',
    metadata,
    spec: { virtualMachineName: 'web-1', ...spec },
  };
}

const REINSTALL = { confirmation: 'REINSTALL' };
const ADOPT = { vmid: 2000, mode: 'Observe' };
const UID = '6a0a5f6e-6d7b-4c1b-9d38-3c1b8d3f7a11';

/** What a type needs besides its word. */
const NEEDED: Readonly<Record<string, object>> = {
  Reinstall: { reinstall: REINSTALL },
  Redeploy: { redeploy: { confirmation: 'REDEPLOY' } },
  ResetStatus: { resetStatus: { state: 'ready' } },
  Adopt: { adopt: ADOPT },
};

describe('accepted', () => {
  const rows: { name: string; spec: object }[] = [
    ...OPERATION_TYPES.map((type) => ({ name: `${type} with what it needs`, spec: { type, ...NEEDED[type] } })),
    { name: 'Stop at once', spec: { type: 'Stop', stop: { gracePeriodSeconds: 0 } } },
    { name: 'Reboot with an hour of patience', spec: { type: 'Reboot', stop: { gracePeriodSeconds: 3_600 } } },
    { name: 'Stop that says nothing of patience', spec: { type: 'Stop', stop: {} } },
    { name: 'another template', spec: { type: 'Reinstall', reinstall: { ...REINSTALL, template: 9001 } } },
    ...['creation', 'set_ip', 'change_package', 'set_dns_records', 'terminate'].map((state) => ({
      name: `ResetStatus to ${state}`,
      spec: { type: 'ResetStatus', resetStatus: { state } },
    })),
    {
      name: 'a removal with its word',
      spec: { type: 'ResetStatus', resetStatus: { state: 'remove', confirmation: 'REMOVE' } },
    },
    { name: 'a take-over', spec: { type: 'Adopt', adopt: { vmid: 100, mode: 'TakeOver', previousUID: UID } } },
    {
      name: 'a second and a deletion at once',
      spec: { type: 'Start', deadlineSeconds: 1, ttlSecondsAfterFinished: 0 },
    },
    {
      name: 'a week and a year',
      spec: { type: 'Start', deadlineSeconds: 604_800, ttlSecondsAfterFinished: 31_536_000 },
    },
  ];

  test.each(rows)('$name', async ({ spec }) => {
    expectAccepted(await sent(administrator, { create: manifest('trial', spec) }, { dryRun: true }));
  });
});

describe('an operation that is there', () => {
  beforeAll(async () => {
    const spec = { type: 'Reinstall', reinstall: REINSTALL, deadlineSeconds: 60 };
    await wanted(['apply', '--server-side', '-f', '-'], JSON.stringify(manifest('reinstall-1', spec)));
  });

  const patch = (body: object, ...flags: string[]) =>
    plane.kubectl([
      'patch',
      'pvmop',
      'reinstall-1',
      '-n',
      namespace,
      '--type=merge',
      ...flags,
      '-p',
      JSON.stringify(body),
    ]);

  test.each([
    { name: 'its deadline', change: { deadlineSeconds: 3_600 } },
    { name: 'a deadline taken away', change: { deadlineSeconds: null } },
    { name: 'a time to live set later', change: { ttlSecondsAfterFinished: 0 } },
    { name: 'its VM', change: { virtualMachineName: 'web-2' } },
    { name: 'its template', change: { reinstall: { template: 9001 } } },
    { name: 'its type', change: { type: 'Start', reinstall: null } },
  ])('cannot be changed: $name', async ({ change }) => {
    expect(await patch({ spec: change })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/cannot be changed: make a new one/),
    });
  });

  test('takes labels, and a status of its own', async () => {
    expect(await patch({ metadata: { labels: { ticket: '4711' } } })).toMatchObject({ code: 0 });
    const condition = {
      type: 'Succeeded',
      status: 'Unknown',
      reason: 'Queued',
      message: '',
      lastTransitionTime: '2026-03-01T10:00:00Z',
    };
    const status = { observations: ['memory'], conditions: [condition] };
    expect(await patch({ status }, '--subresource=status')).toMatchObject({ code: 0 });
    const read = JSON.parse(await wanted(['get', 'pvmop', 'reinstall-1', '-n', namespace, '-o', 'json'])) as object;
    expect(read).toMatchObject({ metadata: { generation: 1 }, status });
  });

  test('shows in its columns what became of it, and is found by its VM', async () => {
    const [header = '', row = ''] = (await wanted(['get', 'pvmop', '-n', namespace])).split('\n');
    expect(header.trim().split(/\s{2,}/)).toEqual(['NAME', 'VM', 'TYPE', 'SUCCEEDED', 'REASON', 'RUN', 'AGE']);
    expect(
      row
        .trim()
        .split(/\s{2,}/)
        .slice(0, 5),
    ).toEqual(['reinstall-1', 'web-1', 'Reinstall', 'Unknown', 'Queued']);
    const found = (selector: string) => wanted(['get', 'pvmop', '-A', '--field-selector', selector, '-o', 'name']);
    expect((await found('spec.virtualMachineName=web-1,spec.type=Reinstall')).trim()).toBe(
      `virtualmachineoperation.${GROUP}/reinstall-1`,
    );
    expect(await found('spec.virtualMachineName=web-2')).toBe('');
  });
});

describe('rights', () => {
  const operator = 'system:serviceaccount:pve-operator-system:pve-operator';

  test.each([
    { may: true, verb: 'watch', subresource: '' },
    { may: true, verb: 'patch', subresource: 'status' },
    { may: true, verb: 'patch', subresource: '' },
    { may: true, verb: 'delete', subresource: '' },
    { may: false, verb: 'create', subresource: '' },
    { may: false, verb: 'update', subresource: '' },
  ])('operator: $verb $subresource: $may', async ({ may, verb, subresource }) => {
    const flags = ['-n', namespace, '--as', operator, `--subresource=${subresource}`];
    const { stdout } = await plane.kubectl(['auth', 'can-i', verb, `virtualmachineoperations.${GROUP}`, ...flags]);
    expect(stdout.trim()).toBe(may ? 'yes' : 'no');
  });
});
