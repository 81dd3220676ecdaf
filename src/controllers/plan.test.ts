// Which copies of a plan are kept, which one counts, and what the plan says of itself.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import type { FullPlanSpec, Plan, PlanRevision, PlanSpec } from '../api/plan.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { findCondition } from '../kube/conditions.ts';
import { currentRevision, newRevision, outlivedRevisions } from './plan-revisions.ts';
import { planStatus, reconcilePlan } from './plan.ts';

const { signal } = new AbortController();
const spec: PlanSpec = { clusterRef: { name: 'pve' }, template: { vmid: 9000 }, cpuCores: 1 };

function aPlan(changes: Partial<FullPlanSpec> = {}, uid = 'uid-1'): Plan {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'Plan',
    metadata: { name: 'small', uid, generation: 2 },
    spec: { ...spec, ...changes },
  };
}

function aVm(name: string, planRevision?: string): VirtualMachine {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'VirtualMachine',
    metadata: { name, namespace: 'n' },
    spec: { planRef: { name: 'small' } },
    status: { planRevision },
  };
}

describe('the status of a plan', () => {
  const rows: { name: string; clusterExists: boolean; want: string[] }[] = [
    { name: 'with its cluster', clusterExists: true, want: ['Ready=True Ready'] },
    {
      name: 'without its cluster',
      clusterExists: false,
      want: ['Ready=False ClusterNotFound', 'Stalled=True ClusterNotFound'],
    },
  ];

  test.each(rows)('$name', ({ clusterExists, want }) => {
    const plan = aPlan();
    const virtualMachines = [aVm('a'), aVm('b')];
    const status = planStatus({ plan, current: newRevision(plan, 3), virtualMachines, clusterExists, now: 0 });
    expect(status).toMatchObject({ observedGeneration: 2, currentRevision: 'small-3', virtualMachines: 2 });
    expect(status.conditions?.map(({ type, status: is, reason }) => `${type}=${is} ${reason}`)).toEqual(want);
  });
});

describe('the current revision', () => {
  const one = newRevision(aPlan(), 1);
  const two = newRevision(aPlan({ cpuCores: 2 }), 2);
  const rows: { name: string; plan: Plan; revisions: PlanRevision[]; want: string | undefined }[] = [
    { name: 'none yet', plan: aPlan(), revisions: [], want: undefined },
    { name: 'the equal one', plan: aPlan({ cpuCores: 2 }), revisions: [one, two], want: 'small-2' },
    { name: 'an older one after an edit was taken back', plan: aPlan(), revisions: [one, two], want: 'small-1' },
    {
      name: 'the newest of equal ones',
      plan: aPlan(),
      revisions: [one, newRevision(aPlan(), 10), two],
      want: 'small-10',
    },
    {
      name: 'the same after the quota was changed: nobody is built from it',
      plan: aPlan({ quota: { virtualMachinesPerNamespace: 5 } }),
      revisions: [one, two],
      want: 'small-1',
    },
    { name: 'none right after an edit', plan: aPlan({ cpuCores: 3 }), revisions: [one, two], want: undefined },
    { name: 'not one of a deleted plan of the same name', plan: aPlan({}, 'uid-2'), revisions: [one], want: undefined },
    {
      name: 'one without an owner, as after a restore',
      plan: aPlan(),
      revisions: [{ ...one, metadata: { name: 'small-1' } }],
      want: 'small-1',
    },
    {
      name: 'the order of fields does not count',
      plan: { ...aPlan(), spec: { cpuCores: 1, template: { vmid: 9000 }, clusterRef: { name: 'pve' } } },
      revisions: [one],
      want: 'small-1',
    },
  ];

  test.each(rows)('$name', ({ plan, revisions, want }) => {
    const { kube, context } = createFakeContext();
    for (const revision of revisions) kube.seed(resources.planRevision, revision);
    expect(currentRevision(plan, context.stores)?.metadata.name).toBe(want);
  });
});

test('a new revision says what VMs are built from, and not how many there may be', () => {
  const made = newRevision(aPlan({ quota: { virtualMachinesPerNamespace: 5 } }), 1);
  expect(made.spec.plan).toEqual(spec);
});

describe('revisions that nobody needs', () => {
  const revisions = Array.from({ length: 15 }, (_, index) => newRevision(aPlan({ cpuCores: index + 1 }), index + 1));
  const current = newRevision(aPlan({ cpuCores: 15 }), 15);
  const rows: { name: string; vms: string[]; want: number[] }[] = [
    { name: 'the ten newest of the unused stay', vms: [], want: [4, 3, 2, 1] },
    { name: 'those that a VM names stay as well', vms: ['small-1', 'small-3'], want: [4, 2] },
    { name: 'a VM on a newer one makes room for an older one', vms: ['small-14'], want: [3, 2, 1] },
  ];

  test.each(rows)('$name', ({ vms, want }) => {
    const machines = vms.map((name, index) => aVm(`vm-${index}`, name));
    expect(outlivedRevisions(revisions, current, machines).map((one) => one.spec.revision)).toEqual(want);
  });

  test('the current one stays however old it is', () => {
    const oldest = newRevision(aPlan(), 1);
    expect(outlivedRevisions(revisions, oldest, []).map((one) => one.spec.revision)).toEqual([5, 4, 3, 2]);
  });
});

describe('the reconcile of a plan', () => {
  let fake: FakeContext;

  beforeEach(() => {
    fake = createFakeContext();
    const clusterSpec = { endpoints: ['https://pve1:8006'], tokenSecretRef: { name: 'token' } };
    fake.kube.seed(resources.proxmoxCluster, { metadata: { name: 'pve' }, spec: clusterSpec });
    fake.kube.seed(resources.plan, { metadata: { name: 'small' }, spec });
  });
  afterEach(() => fake[Symbol.asyncDispose]());

  const reconcile = () => reconcilePlan('small', fake.context, signal);
  const plan = () => fake.context.stores.plans.get('small') as Plan;
  const edit = (changes: Partial<PlanSpec>) =>
    fake.kube.client.patch(resources.plan, { name: 'small' }, { spec: changes }, { kind: 'merge' });
  const names = () => fake.kube.objects(resources.planRevision).map(({ metadata }) => metadata.name);

  test('keeps one revision for each state, and writes nothing when nothing changes', async () => {
    expect(await reconcile()).toEqual({ kind: 'done' });
    expect(names()).toEqual(['small-1']);
    expect(fake.kube.objects(resources.planRevision)[0]).toMatchObject({
      metadata: {
        labels: { 'pve-operator.io/plan': 'small' },
        ownerReferences: [{ kind: 'Plan', name: 'small', uid: plan().metadata.uid }],
      },
      spec: { planName: 'small', revision: 1, plan: spec },
    });
    expect(plan().status).toMatchObject({ currentRevision: 'small-1', virtualMachines: 0, observedGeneration: 1 });
    await reconcile();
    expect(fake.kube.writes).toHaveLength(2);
    expect(fake.events).toMatchObject([{ type: 'Normal', reason: 'Ready', about: 'small' }]);
  });

  test('an edit makes a new revision, and taking it back makes none', async () => {
    await reconcile();
    await edit({ cpuCores: 2 });
    await reconcile();
    expect(names()).toEqual(['small-1', 'small-2']);
    expect(plan().status?.currentRevision).toBe('small-2');
    await edit({ cpuCores: 1 });
    await reconcile();
    expect(names()).toEqual(['small-1', 'small-2']);
    expect(plan().status?.currentRevision).toBe('small-1');
  });

  test('the revisions go with the plan', async () => {
    await reconcile();
    await fake.kube.client.delete(resources.plan, 'small');
    expect(await reconcile()).toEqual({ kind: 'done' });
    fake.kube.collectGarbage();
    expect(names()).toEqual([]);
  });

  test('a revision of a deleted plan of that name is neither used nor written over', async () => {
    fake.kube.seed(resources.planRevision, newRevision(aPlan(), 1));
    await reconcile();
    expect(names()).toEqual(['small-1', 'small-2']);
    expect(plan().status?.currentRevision).toBe('small-2');
  });

  test('what the store does not show yet is found by its name: equal is taken, other is passed over', async () => {
    const { stores } = fake.context;
    fake.context.stores = { ...stores, planRevisions: { ...stores.planRevisions, byIndex: () => [] } };
    fake.kube.seed(resources.planRevision, newRevision({ ...plan(), spec: { ...spec, cpuCores: 8 } }, 1));
    fake.kube.seed(resources.planRevision, newRevision(plan(), 2));
    await reconcile();
    expect(names()).toEqual(['small-1', 'small-2']);
    expect(plan().status?.currentRevision).toBe('small-2');
  });

  test('a lost answer to the create leaves one revision', async () => {
    fake.kube.onWrite(({ verb, phase }) => {
      if (verb === 'create' && phase === 'after') throw new Error('killed');
    });
    await expect(reconcile()).rejects.toThrow('killed');
    fake.kube.onWrite(undefined);
    await reconcile();
    expect(names()).toEqual(['small-1']);
  });

  test('counts its VMs and drops revisions that none of them names', async () => {
    for (let number = 1; number <= 12; number += 1) {
      const old = { ...plan(), spec: { ...spec, cpuCores: 100 + number } };
      fake.kube.seed(resources.planRevision, newRevision(old, number));
    }
    fake.kube.seed(resources.virtualMachine, aVm('a', 'small-1'));
    await reconcile();
    expect(plan().status).toMatchObject({ virtualMachines: 1, currentRevision: 'small-13' });
    expect(names()).not.toContain('small-2');
    expect(names()).toHaveLength(12);
  });

  test('waits for its cluster and tells of it once', async () => {
    await fake.kube.client.delete(resources.proxmoxCluster, 'pve');
    expect(await reconcile()).toEqual({ kind: 'after', ms: 60_000 });
    await reconcile();
    expect(findCondition(plan().status?.conditions, 'Ready')).toMatchObject({ reason: 'ClusterNotFound' });
    expect(fake.events).toMatchObject([{ type: 'Warning', reason: 'ClusterNotFound' }]);
  });

  test('a plan that is gone is done', async () => {
    expect(await reconcilePlan('other', fake.context, signal)).toEqual({ kind: 'done' });
    expect(fake.kube.writes).toEqual([]);
  });

  test('nothing is created after the stop', async () => {
    expect(await reconcilePlan('small', fake.context, AbortSignal.abort())).toEqual({ kind: 'retry' });
    expect(names()).toEqual([]);
  });
});
