// What a VM is to become: by its own options at once, by its plan only when the plan or somebody says so.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aPackage, anOwner } from '../../test/builders/facts.ts';
import { aPlan, aProxmoxCluster } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import type { FullPlanSpec, Plan } from '../api/plan.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { packageWish } from './package-wish.ts';
import { newRevision } from './plan-revisions.ts';

let fake: FakeContext;
beforeEach(() => {
  fake = createFakeContext();
  fake.kube.seed(resources.proxmoxCluster, aProxmoxCluster({ endpoints: ['https://pve1:8006'] }));
});
afterEach(() => fake[Symbol.asyncDispose]());

/** A plan as it is now, with its revisions up to it. */
function plan(edits: Partial<FullPlanSpec>[] = [{}], name?: string): Plan {
  const [newest = {}] = edits.slice(-1);
  const stored = fake.kube.seed(resources.plan, aPlan(newest, name));
  edits.forEach((edit, index) =>
    fake.kube.seed(resources.planRevision, newRevision({ ...stored, spec: aPlan(edit).spec }, index + 1)),
  );
  return stored;
}

function built(spec: Partial<VirtualMachineSpec> = {}, status: VirtualMachineStatus = {}): VirtualMachine {
  const vm = anOwner({ generation: 2 });
  const kept = { effective: aPackage(), planRevision: 'kvm-1', clusterName: 'lab', observedGeneration: 1, ...status };
  return { ...vm, spec: { ...vm.spec, ...spec }, status: kept };
}

const wishOf = (vm: VirtualMachine, options?: { newest?: boolean }) => packageWish(vm, fake.context, options);
const changesOf = (vm: VirtualMachine, options?: { newest?: boolean }) => {
  const wish = wishOf(vm, options);
  return wish.kind === 'differs' ? wish.changes : wish.kind;
};

describe('options', () => {
  test.each<{ name: string; options: VirtualMachineSpec['options']; want: unknown }>([
    { name: 'as built', options: {}, want: 'none' },
    { name: 'said, and the same', options: { cpuCores: 1 }, want: 'none' },
    { name: 'another', options: { cpuCores: 4 }, want: ['cpuCores 1 → 4'] },
    { name: 'another system is a reinstallation, not a change', options: { operatingSystem: 9001 }, want: 'none' },
  ])('$name', ({ options, want }) => {
    plan([{ allowedTemplates: [{ vmid: 9001 }] }]);
    expect(changesOf(built({ options }))).toEqual(want);
  });

  test('that make no package are refused', () => {
    plan();
    const vm = built({ options: { cpuCores: 2 }, configurableOptions: { 'CPU Cores': '4' } });
    expect(wishOf(vm)).toMatchObject({ kind: 'refused', explanation: { reason: 'OptionInvalid' } });
  });

  test('of a VM that was never built ask for nothing', () => {
    plan();
    expect(wishOf({ ...built({ options: { cpuCores: 4 } }), status: {} })).toEqual({ kind: 'none' });
  });
});

describe('an edit of the plan', () => {
  const edits = [{}, { memoryGiB: 2 }];

  test('moves no VM by itself', () => {
    plan(edits);
    expect(changesOf(built())).toBe('none');
  });

  test('is not mixed with options that are applied at once', () => {
    plan(edits);
    expect(changesOf(built({ options: { cpuCores: 4 } }))).toEqual(['cpuCores 1 → 4']);
  });

  test('is applied where it is asked for', () => {
    plan(edits);
    expect(changesOf(built(), { newest: true })).toEqual([expect.stringMatching(/1 → 2$/), 'plan revision kvm-2']);
  });

  test('is applied where the plan rolls out by itself', () => {
    plan([{}, { memoryGiB: 2, rollOut: 'Automatic' }]);
    expect(wishOf(built())).toMatchObject({ kind: 'differs', planRevision: 'kvm-2', package: { memoryGiB: 2 } });
  });

  test('that changes no option is a new revision all the same', () => {
    plan([{}, { cloneType: 'Full' }]);
    expect(changesOf(built(), { newest: true })).toEqual(['plan revision kvm-2']);
  });

  test('whose revision is not there yet is waited for', () => {
    const stored = plan();
    fake.kube.seed(resources.plan, { ...stored, spec: { ...stored.spec, memoryGiB: 2 } });
    expect(changesOf(built(), { newest: true })).toBe('none');
  });

  test('of a plan that is gone leaves the VM with the revision that it keeps', async () => {
    plan();
    await fake.kube.client.delete(resources.plan, 'kvm');
    expect(changesOf(built({ options: { cpuCores: 4 } }))).toEqual(['cpuCores 1 → 4']);
  });
});

describe('another plan', () => {
  const other = (vm: Partial<VirtualMachineSpec> = {}) => built({ planRef: { name: 'big' }, ...vm });

  test('is changed to', () => {
    plan();
    plan([{ cpuCores: 8 }], 'big');
    expect(wishOf(other())).toMatchObject({ kind: 'differs', planRevision: 'big-1', package: { cpuCores: 8 } });
  });

  test.each<{ name: string; arrange: () => void; reason: string }>([
    { name: 'that does not exist', arrange: () => undefined, reason: 'PlanNotFound' },
    {
      name: 'of another cluster',
      arrange: () => void plan([{ clusterRef: { name: 'elsewhere' } }], 'big'),
      reason: 'ClusterChanged',
    },
    {
      name: 'that the namespace may not use',
      arrange: () => void plan([{ allowedNamespaces: { names: ['other'] } }], 'big'),
      reason: 'NotAllowed',
    },
    {
      name: 'whose quota is full',
      arrange: () => void plan([{ quota: { virtualMachinesPerNamespace: 1 } }], 'big'),
      reason: 'QuotaExceeded',
    },
  ])('$name is refused', ({ arrange, reason }) => {
    plan();
    arrange();
    expect(wishOf(other())).toMatchObject({ kind: 'refused', explanation: { reason } });
  });
});

describe('a quota', () => {
  const quota = { virtualMachinesPerNamespace: 0 };

  test('of another plan lets those in that have a slot', () => {
    plan();
    plan([{ cpuCores: 8, quota }], 'big');
    const vm = built({ planRef: { name: 'big' } });
    fake.kube.seed(resources.quotaSlot, {
      metadata: { name: 'big.1', namespace: vm.metadata.namespace },
      spec: { planRef: { name: 'big' }, number: 1, virtualMachine: { name: 'web-1', uid: vm.metadata.uid ?? '' } },
    });
    expect(wishOf(vm)).toMatchObject({ kind: 'differs', planRevision: 'big-1' });
  });

  test('of the plan that the VM is of stands in the way of no other package', () => {
    plan([{ quota }]);
    expect(changesOf(built({ options: { cpuCores: 4 } }))).toEqual(['cpuCores 1 → 4']);
  });

  test('is nothing that a VM has to follow', () => {
    plan([{ rollOut: 'Automatic' }]);
    const stored = fake.kube.objects(resources.plan)[0]!;
    fake.kube.seed(resources.plan, { ...stored, spec: { ...stored.spec, quota } });
    expect(changesOf(built(), { newest: true })).toBe('none');
  });
});

describe('a consent', () => {
  const disks = { system: 'scsi0', additional: 'scsi1' };
  const consent = { destroyVolumes: ['local:2000/d.qcow2'], deleteSnapshots: ['a', 'b'] };

  const rows: { name: string; vm: () => VirtualMachine; want: unknown }[] = [
    {
      name: 'for a disk that was kept, whenever it is seen',
      vm: () => built({ consent }, { disks: { ...disks, kept: 'local:2000/d.qcow2' }, observedGeneration: 2 }),
      want: ['consent'],
    },
    {
      name: 'for another disk than the one that was kept',
      vm: () => built({ consent }, { disks: { ...disks, kept: 'local:2000/e.qcow2' } }),
      want: 'none',
    },
    { name: 'for a disk where none was kept', vm: () => built({ consent }, { disks }), want: 'none' },
    {
      name: 'for a disk that the package has',
      vm: () =>
        built({ consent, options: { additionalDiskGiB: 5 } }, { disks, effective: aPackage({ additionalDiskGiB: 5 }) }),
      want: 'none',
    },
    {
      name: 'for all snapshots in the way, whenever it is seen',
      vm: () => built({ consent }, { snapshotsInTheWay: ['b', 'a'], observedGeneration: 2 }),
      want: ['consent'],
    },
    { name: 'for some of them', vm: () => built({ consent }, { snapshotsInTheWay: ['a', 'c'] }), want: 'none' },
    { name: 'with nothing in the way', vm: () => built({ consent }, { snapshotsInTheWay: [] }), want: 'none' },
    { name: 'that was never given', vm: () => built({}, { snapshotsInTheWay: ['a'], disks }), want: 'none' },
  ];
  test.each(rows)('$name', ({ vm, want }) => {
    plan();
    expect(changesOf(vm())).toEqual(want);
  });
});
