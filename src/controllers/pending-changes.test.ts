// Later edits are told, not swallowed: what plan, options and keys ask for and the VM was not built with.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOwner, aPackage } from '../../test/builders/facts.ts';
import { aPlan } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import type { PlanSpec } from '../api/plan.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { sshKeysDigest } from '../domain/cloud-init.ts';
import { findCondition } from '../kube/conditions.ts';
import { withPackageCondition } from './pending-changes.ts';
import { newRevision } from './plan-revisions.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHc5kz4cLCzLVJRYOEDLDhSYBFKWQ6b7IGPCzU3FNk2w user@example';
const NONE = sshKeysDigest([]);

let fake: FakeContext;
beforeEach(() => {
  fake = createFakeContext();
});
afterEach(() => fake[Symbol.asyncDispose]());

interface Scene {
  /** What was edited in the plan after the VM was built. */
  plan?: Partial<PlanSpec>;
  spec?: Partial<VirtualMachineSpec>;
  status?: VirtualMachineStatus;
}

/** The condition of a VM that was built from `aPlan()` without keys. */
function shown({ plan, spec, status }: Scene) {
  fake.kube.seed(resources.planRevision, newRevision(aPlan(), 1));
  fake.kube.seed(resources.plan, aPlan(plan));
  const vm = anOwner({ generation: 4 });
  const built = { effective: aPackage(), planRevision: 'kvm-1', sshKeysDigest: NONE, ...status };
  const { conditions } = withPackageCondition({ ...vm, spec: { ...vm.spec, ...spec } }, built, fake.context);
  return findCondition(conditions, 'PackageUpToDate');
}

const upToDate = { status: 'True', reason: 'Succeeded', observedGeneration: 4 };
const pending = (message: string) => ({ status: 'False', reason: 'ChangePending', message });

describe('whether a VM is what is declared now', () => {
  test.each<Scene & { name: string; want: object }>([
    { name: 'nothing was edited', want: upToDate },
    { name: 'an option', spec: { options: { cpuCores: 4 } }, want: pending('Not applied yet: cpuCores 1 → 4.') },
    { name: 'a size of the plan', plan: { memoryGiB: 8 }, want: pending('Not applied yet: memoryGiB 1 → 8.') },
    {
      name: 'the firewall of the plan',
      plan: { firewall: { inputPolicy: 'DROP' } },
      want: pending('Not applied yet: firewall of the plan.'),
    },
    {
      name: 'network and domain of the plan, and an option',
      plan: { network: { bridge: 'vmbr7' }, domain: 'example.org', cpuCores: 2 },
      want: pending('Not applied yet: cpuCores 1 → 2, network of the plan, domain of the plan.'),
    },
    { name: 'a default that is spelled out', plan: { firewall: { enabled: true } }, want: upToDate },
    { name: 'who may use the plan', plan: { allowedNamespaces: { names: ['customer-1'] } }, want: upToDate },
    { name: 'what a VM is given once', plan: { firstVMID: 7000, nameRule: 'x-{service_id}' }, want: upToDate },
    {
      name: 'a size that this VM has of its own',
      plan: { systemDisk: { sizeGiB: 50 } },
      spec: { options: { systemDiskGiB: 0 } },
      want: upToDate,
    },
    { name: 'a key', spec: { sshAuthorizedKeys: [KEY] }, want: pending('Not applied yet: sshAuthorizedKeys.') },
    {
      name: 'keys of which it is not known whether they were handed over',
      spec: { sshAuthorizedKeys: [KEY] },
      status: { sshKeysDigest: undefined },
      want: upToDate,
    },
    {
      name: 'an option that cannot be met',
      spec: { options: { operatingSystem: 777 } },
      want: { status: 'False', reason: 'OptionInvalid', message: expect.stringContaining('777') },
    },
    {
      name: 'a revision that is gone is compared with nothing',
      plan: { domain: 'example.org' },
      status: { planRevision: 'kvm-0' },
      want: upToDate,
    },
  ])('$name', ({ want, ...scene }) => {
    expect(shown(scene)).toMatchObject(want);
  });

  test.each([
    {
      name: 'a plan that does not exist',
      planName: 'nothing',
      want: { reason: 'PlanNotFound', message: 'Plan nothing does not exist. Create it or correct spec.planRef.' },
    },
    {
      name: 'a plan of another cluster',
      planName: 'of-elsewhere',
      want: { reason: 'ClusterChanged', message: expect.stringContaining('is of cluster elsewhere') as string },
    },
  ])('another plan, that cannot be changed to: $name', ({ planName, want }) => {
    fake.kube.seed(resources.plan, aPlan({ clusterRef: { name: 'elsewhere' } }, 'of-elsewhere'));
    const status = { clusterName: 'lab' };
    expect(shown({ spec: { planRef: { name: planName } }, status })).toMatchObject({ status: 'False', ...want });
  });

  test('a text that is too long is cut', () => {
    const configurableOptions = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`Unknown ${index}`, '1']));
    expect(shown({ spec: { configurableOptions } })?.message).toHaveLength(300);
  });
});
