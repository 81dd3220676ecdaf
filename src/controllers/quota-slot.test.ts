// A slot lasts as long as its VM, and no longer.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOwner } from '../../test/builders/facts.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import { reconcileQuotaSlot } from './quota-slot.ts';
import { QuotaSlots } from './quota-slots.ts';

const KEY = 'customer-1/small.1';

let fake: FakeContext;
beforeEach(() => {
  fake = createFakeContext();
  fake.kube.seed(resources.quotaSlot, {
    metadata: { name: 'small.1', namespace: 'customer-1' },
    spec: { planRef: { name: 'small' }, number: 1, virtualMachine: { name: 'a', uid: 'uid-a' } },
  });
});
afterEach(() => fake[Symbol.asyncDispose]());

const reconcile = () => reconcileQuotaSlot(KEY, fake.context, new QuotaSlots(fake.context));
const left = () => fake.kube.objects(resources.quotaSlot).length;
const reads = () => fake.kube.client.requestCounts()['get virtualmachines'] ?? 0;

describe('a slot', () => {
  test('of a VM that is there is kept, and nobody is asked', async () => {
    fake.kube.seed(resources.virtualMachine, anOwner({ name: 'a', uid: 'uid-a' }));
    expect(await reconcile()).toEqual({ kind: 'done' });
    expect([left(), reads()]).toEqual([1, 0]);
  });

  test('of a VM that is being deleted is kept: it still counts', async () => {
    const deletionTimestamp = '2026-03-01T10:00:00Z';
    fake.kube.seed(
      resources.virtualMachine,
      anOwner({ name: 'a', uid: 'uid-a', deletionTimestamp, finalizers: ['x'] }),
    );
    await reconcile();
    expect(left()).toBe(1);
  });

  test('of a VM that the watch does not show yet is kept', async () => {
    fake.kube.seed(resources.virtualMachine, anOwner({ name: 'a', uid: 'uid-a' }));
    fake.context.stores.virtualMachines.get = () => undefined;
    await reconcile();
    expect([left(), reads()]).toEqual([1, 1]);
  });

  test('of a VM that is gone goes', async () => {
    expect(await reconcile()).toEqual({ kind: 'done' });
    expect(left()).toBe(0);
  });

  test('of a VM that was made anew under the same name goes: the new one has its own', async () => {
    fake.kube.seed(resources.virtualMachine, anOwner({ name: 'a', uid: 'uid-of-another' }));
    await reconcile();
    expect(left()).toBe(0);
  });

  test('is kept while nobody can be asked', async () => {
    fake.context.client.get = () => Promise.reject(new Error('no answer'));
    await expect(reconcile()).rejects.toThrow('no answer');
    expect(left()).toBe(1);
  });

  test('that is gone needs nothing', async () => {
    expect(await reconcileQuotaSlot('customer-1/small.2', fake.context, new QuotaSlots(fake.context))).toEqual({
      kind: 'done',
    });
    expect(left()).toBe(1);
  });
});
