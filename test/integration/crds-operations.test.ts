// What the API server itself demands of a VirtualMachineOperation: the rules hold with every webhook and the operator down.
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane/control-plane.ts';
import type { RunResult } from '../../hack/process/run.ts';
import { API_VERSION, GROUP } from '../../src/api/object.ts';
import { OPERATION_TYPES, virtualMachineOperation } from '../../src/api/virtual-machine-operation.ts';

const root = resolve(import.meta.dirname, '../..');
const namespace = 'customer-142';
let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane({ controllerManager: false });
  const definition = resolve(root, `crds/${GROUP}_${virtualMachineOperation.plural}.yaml`);
  await wanted(['apply', '--server-side', '-f', definition]);
  await wanted(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  await wanted(['apply', '--server-side', '-f', resolve(root, 'config/samples/00-namespaces.yaml')]);
  await wanted(['apply', '-f', resolve(root, 'config/rbac')]);
});

afterAll(async () => {
  await plane?.stop();
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

function create(spec: object): Promise<RunResult> {
  const input = JSON.stringify(manifest('trial', spec));
  return plane.kubectl(['create', '--validate=strict', '--dry-run=server', '-f', '-'], input);
}

const REINSTALL = { confirmation: 'REINSTALL' };
const ADOPT = { vmid: 2000, mode: 'Observe' };
const UID = '6a0a5f6e-6d7b-4c1b-9d38-3c1b8d3f7a11';

/** What a type needs besides its word. */
const NEEDED: Readonly<Record<string, object>> = {
  Reinstall: { reinstall: REINSTALL },
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
    expect(await create(spec)).toMatchObject({ code: 0 });
  });
});

describe('refused', () => {
  const rows: { name: string; spec: object; field: string; says: RegExp }[] = [
    {
      name: 'no VM',
      spec: { type: 'Start', virtualMachineName: undefined },
      field: 'spec.virtualMachineName',
      says: /Required value/,
    },
    {
      name: 'no name of a VM',
      spec: { type: 'Start', virtualMachineName: 'Web_1' },
      field: 'spec.virtualMachineName',
      says: /must be an object name/,
    },
    { name: 'no type', spec: {}, field: 'spec.type', says: /Required value/ },
    { name: 'an unknown type', spec: { type: 'start' }, field: 'spec.type', says: /Unsupported value/ },
    {
      name: 'a reinstallation without its parameters',
      spec: { type: 'Reinstall' },
      field: 'spec.reinstall',
      says: /must be set with type Reinstall/,
    },
    {
      name: 'a reinstallation without the word',
      spec: { type: 'Reinstall', reinstall: {} },
      field: 'spec.reinstall.confirmation',
      says: /Required value/,
    },
    {
      name: 'a reinstallation with another word',
      spec: { type: 'Reinstall', reinstall: { confirmation: 'yes' } },
      field: 'spec.reinstall.confirmation',
      says: /Unsupported value/,
    },
    {
      name: 'the parameters of a reinstallation elsewhere',
      spec: { type: 'Reboot', reinstall: REINSTALL },
      field: 'spec.reinstall',
      says: /with no other type/,
    },
    {
      name: 'a deployment anew without the word',
      spec: { type: 'Redeploy' },
      field: 'spec.redeploy',
      says: /must be set with type Redeploy/,
    },
    {
      name: 'a deployment anew with the word of another type',
      spec: { type: 'Redeploy', redeploy: { confirmation: 'REINSTALL' } },
      field: 'spec.redeploy.confirmation',
      says: /Unsupported value/,
    },
    {
      name: 'the word of a deployment anew elsewhere',
      spec: { type: 'Reboot', redeploy: { confirmation: 'REDEPLOY' } },
      field: 'spec.redeploy',
      says: /with no other type/,
    },
    {
      name: 'a reset without a state',
      spec: { type: 'ResetStatus' },
      field: 'spec.resetStatus',
      says: /must be set with type ResetStatus/,
    },
    {
      name: 'a reset to a state that nothing starts at',
      spec: { type: 'ResetStatus', resetStatus: { state: 'cp_stop' } },
      field: 'spec.resetStatus.state',
      says: /Unsupported value/,
    },
    {
      name: 'a state elsewhere',
      spec: { type: 'Reset', resetStatus: { state: 'ready' } },
      field: 'spec.resetStatus',
      says: /with no other type/,
    },
    {
      name: 'a removal without the word',
      spec: { type: 'ResetStatus', resetStatus: { state: 'remove' } },
      field: 'spec.resetStatus.confirmation',
      says: /must be REMOVE/,
    },
    {
      name: 'the word without a removal',
      spec: { type: 'ResetStatus', resetStatus: { state: 'ready', confirmation: 'REMOVE' } },
      field: 'spec.resetStatus.confirmation',
      says: /must not be set/,
    },
    {
      name: 'an adoption of nothing',
      spec: { type: 'Adopt' },
      field: 'spec.adopt',
      says: /must be set with type Adopt/,
    },
    {
      name: 'an adoption elsewhere',
      spec: { type: 'Start', adopt: ADOPT },
      field: 'spec.adopt',
      says: /with no other type/,
    },
    {
      name: 'an adoption of a VMID that is none',
      spec: { type: 'Adopt', adopt: { ...ADOPT, vmid: 99 } },
      field: 'spec.adopt.vmid',
      says: /greater than or equal to 100/,
    },
    {
      name: 'a UID that is none',
      spec: { type: 'Adopt', adopt: { ...ADOPT, previousUID: 'web-1' } },
      field: 'spec.adopt.previousUID',
      says: /must be the UID/,
    },
    {
      name: 'patience with a start',
      spec: { type: 'Start', stop: {} },
      field: 'spec.stop',
      says: /other than Stop and Reboot/,
    },
    {
      name: 'more than an hour of patience',
      spec: { type: 'Stop', stop: { gracePeriodSeconds: 3_601 } },
      field: 'spec.stop.gracePeriodSeconds',
      says: /less than or equal to 3600/,
    },
    {
      name: 'no time to begin',
      spec: { type: 'Start', deadlineSeconds: 0 },
      field: 'spec.deadlineSeconds',
      says: /greater than or equal to 1/,
    },
    {
      name: 'more than a week to begin',
      spec: { type: 'Start', deadlineSeconds: 604_801 },
      field: 'spec.deadlineSeconds',
      says: /less than or equal to 604800/,
    },
    {
      name: 'a deletion before the end',
      spec: { type: 'Start', ttlSecondsAfterFinished: -1 },
      field: 'spec.ttlSecondsAfterFinished',
      says: /greater than or equal to 0/,
    },
    {
      name: 'more than a year to keep',
      spec: { type: 'Start', ttlSecondsAfterFinished: 31_536_001 },
      field: 'spec.ttlSecondsAfterFinished',
      says: /less than or equal to 31536000/,
    },
  ];

  test.each(rows)('$name', async ({ spec, field, says }) => {
    const result = await create(spec);
    expect(result.code, result.stdout).not.toBe(0);
    expect(result.stderr).toContain(field);
    expect(result.stderr).toMatch(says);
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
