// Facts: from the stores, and what they lack from the API server; sizes as Proxmox VE was last seen to have them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aPlan, aProxmoxCluster, aVirtualMachine } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { createFakeKube } from '../../test/fakes/kube.ts';
import { API_VERSION } from '../api/object.ts';
import { resources } from '../api/resources.ts';
import { KubeError } from '../kube/errors.ts';
import type { KubeObject } from '../kube/types.ts';
import { type FactSources, gatherFacts } from './gather-facts.ts';
import type { Review } from './rule.ts';

const user = { name: 'anna', groups: [] };
const review = (object: KubeObject, namespace = 'customer-1'): Review => ({
  verb: 'CREATE',
  object,
  namespace,
  user,
  dryRun: false,
});
const cluster = aProxmoxCluster({ endpoints: ['https://192.0.2.1:8006'] });
const operation = {
  apiVersion: API_VERSION,
  kind: 'VirtualMachineOperation',
  metadata: { name: 'o' },
  spec: { type: 'Restart', virtualMachineName: 'web' },
};

describe('what the stores lack', () => {
  // The stores are those of an API server that knows less: a watch that is behind.
  let behind: FakeContext;
  let ahead: ReturnType<typeof createFakeKube>;
  let sources: FactSources;
  beforeEach(() => {
    behind = createFakeContext();
    ahead = createFakeKube();
    const { stores } = behind.context;
    sources = { client: ahead.client, stores, operatorUser: 'me', allowLocalTargets: false };
  });
  afterEach(() => behind[Symbol.asyncDispose]());

  test('is asked for: the plan, and the cluster that the plan names', async () => {
    ahead.seed(resources.plan, aPlan());
    ahead.seed(resources.proxmoxCluster, cluster);
    const facts = await gatherFacts(review(aVirtualMachine('web')), sources);
    expect(facts.plan('kvm')).toMatchObject({ metadata: { name: 'kvm' } });
    expect(facts.cluster('lab')).toMatchObject({ metadata: { name: 'lab' } });
    expect(ahead.client.requestCounts()).toEqual({ 'get plans': 1, 'get proxmoxclusters': 1 });
  });

  test('is asked for: the VM of an operation, in its own namespace', async () => {
    const metadata = { name: 'web', namespace: 'customer-1' };
    ahead.seed(resources.virtualMachine, { ...aVirtualMachine('web'), metadata });
    ahead.seed(resources.virtualMachine, { ...aVirtualMachine('web'), metadata: { ...metadata, namespace: 'b' } });
    const facts = await gatherFacts(review(operation), sources);
    expect(facts.virtualMachine('customer-1', 'web')).toMatchObject({ metadata });
    expect(facts.virtualMachine('b', 'web')).toBeUndefined();
  });

  test('is asked for: the cluster of a plan or a pool', async () => {
    ahead.seed(resources.proxmoxCluster, cluster);
    expect((await gatherFacts(review(aPlan(), ''), sources)).cluster('lab')).toBeDefined();
  });

  test('may not be there at all', async () => {
    const facts = await gatherFacts(review(aVirtualMachine('web')), sources);
    expect(facts.plan('kvm')).toBeUndefined();
  });

  test('is not guessed when it cannot be asked for', async () => {
    const error = new KubeError({ status: 0, reason: 'Network', message: 'gone' });
    const client = { get: () => Promise.reject(error) };
    await expect(gatherFacts(review(aVirtualMachine('web')), { ...sources, client })).rejects.toBe(error);
  });

  test('is not asked for when the stores have it', async () => {
    behind.kube.seed(resources.plan, aPlan());
    behind.kube.seed(resources.proxmoxCluster, cluster);
    const facts = await gatherFacts(review(aVirtualMachine('web')), sources);
    expect(facts.plan('kvm')).toBeDefined();
    expect(ahead.client.requestCounts()).toEqual({});
  });

  test.each<{ name: string; object: KubeObject }>([
    { name: 'no spec', object: { apiVersion: API_VERSION, kind: 'VirtualMachine', metadata: { name: 'web' } } },
    { name: 'names that are none', object: { ...aVirtualMachine('web'), spec: { planRef: { name: 7 } } } as never },
    { name: 'an empty name', object: aVirtualMachine('web', { planRef: { name: '' } }) },
    { name: 'a kind without references', object: { ...operation, kind: 'IPAddressReservation', spec: {} } as never },
  ])('of a forged request with $name is nothing', async ({ object }) => {
    await gatherFacts(review(object), sources);
    expect(ahead.client.requestCounts()).toEqual({});
  });
});
