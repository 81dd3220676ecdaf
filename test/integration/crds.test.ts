// The generated definitions on a real API server: accepted, established, and shown by kubectl as they are declared.
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane/control-plane.ts';
import type { RunResult } from '../../hack/process/run.ts';
import { KINDS } from '../../src/api/kinds.ts';
import { GROUP } from '../../src/api/object.ts';
import { validManifests } from './api/manifests.ts';

const root = resolve(import.meta.dirname, '../..');
let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane({ controllerManager: false });
  const applied = await plane.kubectl(['apply', '--server-side', '-f', resolve(root, 'crds')]);
  expect(applied).toMatchObject({ code: 0, stderr: '' });
  await wanted(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  await wanted(['apply', '-f', resolve(root, 'config/rbac')]);
  await wanted(['apply', '--server-side', '-f', resolve(root, 'config/samples/00-namespaces.yaml')]);
});

afterAll(async () => {
  await plane?.stop();
});

async function wanted(args: readonly string[], input?: string): Promise<string> {
  const result = await plane.kubectl(args, input);
  expect(result.code, result.stderr).toBe(0);
  return result.stdout;
}

function apply(manifest: unknown, ...flags: string[]): Promise<RunResult> {
  return plane.kubectl(['apply', '--server-side', '--validate=strict', ...flags, '-f', '-'], JSON.stringify(manifest));
}

test('every definition is there, established and without a complaint', async () => {
  const listed = JSON.parse(await wanted(['get', 'crd', '-o', 'json'])) as {
    items: { metadata: { name: string }; status: { conditions: { type: string; status: string }[] } }[];
  };
  expect(listed.items.map((item) => item.metadata.name).sort()).toEqual(
    KINDS.map((kind) => `${kind.plural}.${GROUP}`).sort(),
  );
  for (const { metadata, status } of listed.items) {
    const conditions = Object.fromEntries(status.conditions.map(({ type, status: value }) => [type, value]));
    expect(conditions, metadata.name).toEqual({ NamesAccepted: 'True', Established: 'True' });
  }
});

describe('valid manifests', () => {
  test.each(validManifests().map((manifest) => ({ title: `${manifest.kind} ${manifest.metadata.name}`, manifest })))(
    '$title is accepted as a trial and in earnest',
    async ({ manifest }) => {
      expect(await apply(manifest, '--dry-run=server')).toMatchObject({ code: 0, stderr: '' });
      expect(await apply(manifest)).toMatchObject({ code: 0, stderr: '' });
    },
  );

  test('every kind is among them', () => {
    const kinds = new Set(validManifests().map((manifest) => manifest.kind));
    expect(KINDS.map((kind) => kind.kind).filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  test('the status of a machine is checked as well and is kept apart from the spec', async () => {
    const patch = (state: string) => {
      const body = JSON.stringify({ status: { state, vmid: 2000 }, spec: { hostname: 'ignored.example.com' } });
      const target = ['pvm', 'web-1', '-n', 'customer-142', '--subresource=status'];
      return plane.kubectl(['patch', ...target, '--type=merge', '-p', body]);
    };
    expect(await patch('done')).toMatchObject({ code: 1, stderr: expect.stringMatching(/status\.state/) });
    expect(await patch('set_ip')).toMatchObject({ code: 0 });
    const read = await wanted(['get', 'pvm', 'web-1', '-n', 'customer-142', '-o', 'json']);
    expect(JSON.parse(read)).toMatchObject({
      metadata: { generation: 1 },
      spec: { hostname: 'web-1.example.com' },
      status: { state: 'set_ip', vmid: 2000 },
    });
  });

  test.each([
    { selector: 'spec.planRef.name=kvm-small', found: 'service-5546 web-1' },
    { selector: 'status.state=set_ip', found: 'web-1' },
    { selector: 'spec.planRef.name=other', found: '' },
  ])('field selector $selector', async ({ selector, found }) => {
    const jsonPath = 'jsonpath={.items[*].metadata.name}';
    expect(await wanted(['get', 'pvm', '-A', '--field-selector', selector, '-o', jsonPath])).toBe(found);
  });

  test('categories list what they should', async () => {
    expect(await wanted(['get', 'pve-operator', '-A', '-o', 'name'])).toContain(`ippool.${GROUP}/lab-ipv4`);
    const all = await wanted(['get', 'all', '-n', 'customer-142', '-o', 'name']);
    expect(all.trim().split('\n').sort()).toEqual([
      `virtualmachine.${GROUP}/service-5546`,
      `virtualmachine.${GROUP}/web-1`,
    ]);
  });
});

describe.each(KINDS.map((kind) => ({ name: kind.kind, kind })))('$name', ({ kind }) => {
  const namespaced = kind.scope === 'Namespaced';

  test('has the columns that are declared, the wide ones only when asked for', async () => {
    const header = async (...flags: string[]) => {
      const [line = ''] = (await wanted(['get', kind.plural, ...(namespaced ? ['-A'] : []), ...flags])).split('\n');
      return line.trim().split(/\s{2,}/);
    };
    const titles = (wide: boolean) => [
      ...(namespaced ? ['NAMESPACE'] : []),
      'NAME',
      ...kind.printerColumns.filter(({ priority }) => wide || priority !== 1).map(({ name }) => name.toUpperCase()),
    ];
    expect(await header()).toEqual(titles(false));
    expect(await header('-o', 'wide')).toEqual(titles(true));
  });

  test('is explained', async () => {
    const text = (await wanted(['explain', kind.plural])).replaceAll(/\s+/g, ' ');
    expect(text).toContain(kind.description);
    expect(await wanted(['explain', `${kind.plural}.spec`, '--recursive'])).not.toContain('<no description>');
  });

  test.each(kind.shortNames)('is reachable as %s', async (shortName) => {
    expect((await plane.kubectl(['get', shortName, '-A'])).code).toBe(0);
  });
});

test('kubectl explain shows what each option means', async () => {
  const text = (await wanted(['explain', 'virtualmachine.spec.options'])).replaceAll(/\s+/g, ' ');
  expect(text).toContain('cpuCores <integer> Number of virtual CPU cores.');
  expect(text).toContain('An option that is absent comes from the plan; 0 is a value.');
  expect(text).not.toContain('<no description>');
});

describe('rights', () => {
  const operator = `system:serviceaccount:pve-operator-system:pve-operator`;

  test.each<{ may: boolean; verb: string; what: string; namespace?: string }>([
    { may: true, verb: 'watch', what: `virtualmachines.${GROUP}` },
    { may: true, verb: 'patch', what: `virtualmachines.${GROUP}/status` },
    { may: true, verb: 'create', what: `ipaddressreservations.${GROUP}` },
    { may: true, verb: 'patch', what: `ipaddressreservations.${GROUP}` },
    { may: false, verb: 'update', what: `ipaddressreservations.${GROUP}` },
    { may: false, verb: 'update', what: `virtualmachines.${GROUP}` },
    { may: true, verb: 'delete', what: `virtualmachines.${GROUP}` },
    { may: false, verb: 'create', what: `plans.${GROUP}` },
    { may: false, verb: 'patch', what: `plans.${GROUP}` },
    { may: true, verb: 'create', what: 'secrets', namespace: 'customer-142' },
    { may: true, verb: 'patch', what: 'secrets', namespace: 'customer-142' },
    { may: false, verb: 'list', what: 'secrets', namespace: 'customer-142' },
    { may: false, verb: 'get', what: 'secrets', namespace: 'customer-142' },
    { may: false, verb: 'delete', what: 'secrets', namespace: 'customer-142' },
    { may: true, verb: 'watch', what: 'secrets', namespace: 'pve-operator-system' },
    { may: true, verb: 'update', what: 'leases.coordination.k8s.io', namespace: 'pve-operator-system' },
    { may: false, verb: 'update', what: 'leases.coordination.k8s.io', namespace: 'kube-system' },
    { may: true, verb: 'create', what: 'events.events.k8s.io', namespace: 'customer-142' },
    { may: false, verb: 'get', what: 'pods', namespace: 'customer-142' },
  ])('operator: $verb $what in $namespace: $may', async ({ may, verb, what, namespace = 'default' }) => {
    const [resource = '', subresource = ''] = what.split('/');
    const flags = ['-n', namespace, '--as', operator, `--subresource=${subresource}`];
    const { stdout } = await plane.kubectl(['auth', 'can-i', verb, resource, ...flags]);
    expect(stdout.trim()).toBe(may ? 'yes' : 'no');
  });
});
