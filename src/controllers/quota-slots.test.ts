// Places in quotas are given out once, whoever asks at the same time, and to nobody when there are as many as allowed.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOwner } from '../../test/builders/facts.ts';
import { aPlan } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { KubeError, networkError } from '../kube/errors.ts';
import { newRevision } from './plan-revisions.ts';
import { deployRefusal, quotaRefusal, QuotaSlots } from './quota-slots.ts';

const NAMESPACE = 'customer-1';

let fake: FakeContext;
let slots: QuotaSlots;

beforeEach(() => {
  fake = createFakeContext();
  slots = new QuotaSlots(fake.context);
});
afterEach(() => fake[Symbol.asyncDispose]());

/** A plan with a revision of its own; without a limit it has no quota. */
function plan(name: string, virtualMachinesPerNamespace?: number): void {
  const quota = virtualMachinesPerNamespace === undefined ? {} : { quota: { virtualMachinesPerNamespace } };
  const stored = fake.kube.seed(resources.plan, aPlan(quota, name));
  fake.kube.seed(resources.planRevision, newRevision(stored, 1));
}

function vm(name: string, status?: VirtualMachineStatus, planName = 'small', namespace = NAMESPACE): VirtualMachine {
  const spec = { planRef: { name: planName } };
  return fake.kube.seed(resources.virtualMachine, {
    ...anOwner({ name, namespace, uid: `uid-${namespace}-${name}` }),
    spec,
    ...(status === undefined ? {} : { status }),
  });
}

const made = (planName = 'small'): VirtualMachineStatus => ({ vmid: 2000, planRevision: `${planName}-1` });

/** One look at a VM, as its reconcile takes it. */
async function look(one: VirtualMachine, by = slots): Promise<void> {
  const changes = by.changesFor(one);
  if (changes !== undefined) await by.settle(one, changes);
}

const held = () =>
  fake.kube
    .objects(resources.quotaSlot)
    .map(({ metadata, spec }) => `${metadata.name} ${spec.virtualMachine.name}`)
    .sort();
const creates = () => fake.kube.client.requestCounts()['create quotaslots'];
const isRefused = (one: VirtualMachine) => deployRefusal(one, fake.context.stores)?.reason;

/** A store that does not show what another process has just made. */
function blind(): void {
  fake.context.stores.quotaSlots.byIndex = () => [];
}

describe('a new VM', () => {
  test('takes the lowest slot, in its own namespace', async () => {
    plan('small', 2);
    await look(vm('a'));
    expect(fake.kube.objects(resources.quotaSlot)).toMatchObject([
      {
        metadata: { name: 'small.1', namespace: NAMESPACE, labels: { 'app.kubernetes.io/managed-by': 'pve-operator' } },
        spec: { planRef: { name: 'small' }, number: 1, virtualMachine: { name: 'a', uid: 'uid-customer-1-a' } },
      },
    ]);
  });

  test('takes none of a plan without a quota', async () => {
    plan('small');
    expect(slots.changesFor(vm('a'))).toBeUndefined();
    expect(isRefused(vm('a'))).toBeUndefined();
  });

  test('that there is no room for has none, and is told so', async () => {
    plan('small', 1);
    const [a, b] = [vm('a'), vm('b')];
    await look(a);
    await look(b);
    expect(held()).toEqual(['small.1 a']);
    expect([isRefused(a), isRefused(b)]).toEqual([undefined, 'QuotaExceeded']);
    expect(deployRefusal(b, fake.context.stores)?.message).toContain('allows (1)');
  });

  test('of another namespace or another plan takes nobody a place', async () => {
    plan('small', 1);
    plan('big', 1);
    for (const one of [vm('a'), vm('a', undefined, 'small', 'customer-2'), vm('b', undefined, 'big')]) await look(one);
    expect(held()).toHaveLength(3);
  });

  test('takes the place of one that is gone', async () => {
    plan('small', 1);
    const [a, b] = [vm('a'), vm('b')];
    await look(a);
    await slots.releaseAll(a);
    await look(b);
    expect(held()).toEqual(['small.1 b']);
  });

  test('has none without another look when the quota is raised, and one with it', async () => {
    plan('small', 0);
    const a = vm('a');
    await look(a);
    expect(held()).toEqual([]);
    plan('small', 1);
    await look(a);
    expect(held()).toEqual(['small.1 a']);
  });
});

describe('at the same time', () => {
  test('twenty of one process take what there is and no more', async () => {
    plan('small', 7);
    const vms = Array.from({ length: 20 }, (_, index) => vm(`vm-${index}`));
    await Promise.all(vms.map((one) => look(one)));
    expect(held()).toHaveLength(7);
    // None of them went for a number that another one was after.
    expect(creates()).toBe(7);
    expect(vms.filter((one) => isRefused(one) === undefined)).toHaveLength(7);
  });

  test('two processes that see nothing of each other take what there is and no more', async () => {
    plan('small', 3);
    const { stores } = fake.context;
    const mine = () => {
      const seen: ReturnType<typeof fake.kube.objects<(typeof objects)[number]>> = [];
      const objects = fake.kube.objects(resources.quotaSlot);
      const store = {
        ...stores.quotaSlots,
        byIndex: () => seen,
        observe: (slot: (typeof objects)[number]) => void seen.push(slot),
      };
      return new QuotaSlots({ ...fake.context, stores: { ...stores, quotaSlots: store } });
    };
    const [one, other] = [mine(), mine()];
    const vms = Array.from({ length: 10 }, (_, index) => vm(`vm-${index}`));
    await Promise.all(vms.map((each, index) => look(each, index % 2 === 0 ? one : other)));
    expect(held()).toHaveLength(3);
  });

  test('a number that somebody else is faster with is passed over', async () => {
    plan('small', 2);
    const [a, b] = [vm('a'), vm('b')];
    await look(a);
    const { byIndex, observe } = fake.context.stores.quotaSlots;
    blind();
    fake.context.stores.quotaSlots.observe = (slot) => {
      fake.context.stores.quotaSlots.byIndex = byIndex;
      observe(slot);
    };
    await look(b);
    expect(held()).toEqual(['small.1 a', 'small.2 b']);
  });

  test('one that is given back in that moment is tried again', async () => {
    plan('small', 1);
    const [a, b] = [vm('a'), vm('b')];
    await look(a);
    blind();
    const { client } = fake.context;
    const get = client.get.bind(client);
    client.get = async (...args) => {
      await slots.releaseAll(a);
      await client.delete(resources.quotaSlot, 'small.1', NAMESPACE);
      client.get = get;
      return get(...args);
    };
    await look(b);
    expect(held()).toEqual(['small.1 b']);
  });
});

describe('an answer that is lost', () => {
  test('leads to the same slot again', async () => {
    plan('small', 2);
    const a = vm('a');
    fake.kube.onWrite(({ phase }) => {
      if (phase === 'after') throw networkError('create', new Error('connection reset'));
    });
    await expect(look(a)).rejects.toThrow('connection reset');
    fake.kube.onWrite(undefined);
    blind();
    await look(a);
    expect(held()).toEqual(['small.1 a']);
    expect(creates()).toBe(2);
  });

  test('that the watch shows a moment later leads to no second slot', async () => {
    plan('small', 2);
    const a = vm('a');
    const changes = slots.changesFor(a)!;
    await look(a);
    await slots.settle(a, changes);
    expect(held()).toEqual(['small.1 a']);
  });

  test('keeps nobody out: the claim goes with the call', async () => {
    plan('small', 1);
    fake.kube.onWrite(({ phase }) => {
      if (phase === 'before') throw networkError('create', new Error('connection reset'));
    });
    await expect(look(vm('a'))).rejects.toThrow('connection reset');
    fake.kube.onWrite(undefined);
    await look(vm('b'));
    expect(held()).toEqual(['small.1 b']);
  });

  test('is not waited for in a namespace that is being deleted', async () => {
    plan('small', 1);
    const details = { causes: [{ reason: 'NamespaceTerminating' }] };
    fake.kube.onWrite(() => {
      throw new KubeError({ status: 403, reason: 'Forbidden', message: 'being terminated', details });
    });
    await look(vm('a'));
    fake.kube.onWrite(undefined);
    expect(held()).toEqual([]);
  });

  test('of a release is no trouble: what is gone is gone', async () => {
    plan('small', 1);
    const a = vm('a');
    await look(a);
    const [slot] = fake.context.stores.quotaSlots.list();
    await slots.collect(slot!);
    await slots.collect(slot!);
    expect(held()).toEqual([]);
  });
});

describe('VMs that were there before the quota', () => {
  test('take their places, also beyond it', async () => {
    plan('small', 1);
    const vms = [vm('a', made()), vm('b', made())];
    for (const one of vms) await look(one);
    expect(held()).toEqual(['small.1 a', 'small.2 b']);
    expect(vms.map(isRefused)).toEqual([undefined, undefined]);
  });

  test('count before they have come to take them', async () => {
    plan('small', 2);
    vm('a', made());
    vm('b', made());
    const late = vm('late');
    await look(late);
    expect(held()).toEqual([]);
    expect(isRefused(late)).toBe('QuotaExceeded');
  });

  test('in another namespace count there', async () => {
    plan('small', 1);
    vm('a', made(), 'small', 'customer-2');
    await look(vm('b'));
    expect(held()).toEqual(['small.1 b']);
  });

  test('of another plan, which only want to this one, do not', async () => {
    plan('small', 1);
    plan('big');
    vm('a', made('big'));
    await look(vm('b'));
    expect(held()).toEqual(['small.1 b']);
  });

  test('stay when it is lowered, and those that come wait until enough are gone', async () => {
    plan('small', 3);
    const vms = ['a', 'b', 'c'].map((name) => vm(name));
    for (const one of vms) await look(one);
    plan('small', 2);
    const late = vm('late');
    await slots.releaseAll(vms[0]!);
    await look(late);
    expect(held()).toEqual(['small.2 b', 'small.3 c']);
    await slots.releaseAll(vms[1]!);
    await look(late);
    expect(held()).toEqual(['small.1 late', 'small.3 c']);
  });

  test('give their slots back when there is no quota any more', async () => {
    plan('small', 1);
    const a = vm('a', made());
    await look(a);
    plan('small');
    await look(a);
    expect(held()).toEqual([]);
  });

  test('whose revision is lost are of the plan that they name', async () => {
    plan('small', 0);
    await look(vm('a', { vmid: 2000, planRevision: 'small-99' }));
    expect(held()).toEqual(['small.1 a']);
  });
});

describe('a VM that goes to another plan', () => {
  test('before it is made is made as it was begun', async () => {
    plan('small', 1);
    plan('big', 0);
    const begun = vm('a', { planRevision: 'small-1' }, 'big');
    await look(begun);
    expect(held()).toEqual(['small.1 a']);
    expect(isRefused(begun)).toBeUndefined();
  });

  test('needs a place there, which is free when its VM is gone, and keeps its own until it has moved', async () => {
    plan('small', 1);
    plan('big', 1);
    const before = vm('a', made());
    await look(before);
    const other = vm('b', made('big'), 'big');
    await look(other);
    const moving = vm('a', made(), 'big');
    await look(moving);
    expect(quotaRefusal(moving, 'big', fake.context.stores)?.reason).toBe('QuotaExceeded');
    expect(isRefused(moving)).toBeUndefined();
    await slots.releaseAll(other);
    await look(moving);
    expect(held()).toEqual(['small.1 a']);
    await fake.context.client.delete(resources.virtualMachine, 'b', NAMESPACE);
    await look(moving);
    expect(held()).toEqual(['big.1 a', 'small.1 a']);
    await look(vm('a', made('big'), 'big'));
    expect(held()).toEqual(['big.1 a']);
  });
});
