// What an IPPool says of itself, and how long it stays.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import type { IPPool, IPPoolSpec } from '../api/ip-pool.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import { resources } from '../api/resources.ts';
import { findCondition } from '../kube/conditions.ts';
import { ipPoolStatus } from './ip-pool-status.ts';
import { reconcileIpPool } from './ip-pool.ts';
import { IN_USE_FINALIZER } from './readiness.ts';

const now = Date.parse('2026-03-01T10:00:00Z');
const spec: IPPoolSpec = {
  clusterRef: { name: 'pve' },
  family: 'IPv4',
  bridge: 'vmbr0',
  gateway: '192.0.2.1',
  prefixLength: 24,
  first: '192.0.2.10',
  last: '192.0.2.12',
};

function aPool(name: string, changes: Partial<IPPoolSpec> = {}, metadata: Partial<IPPool['metadata']> = {}): IPPool {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'IPPool',
    metadata: { name, generation: 3, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    spec: { ...spec, ...changes },
  };
}

function aReservation(address: string, poolName = 'a'): IPAddressReservation {
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'IPAddressReservation',
    metadata: { name: `pve.vmbr0.0.${address.replaceAll('.', '-')}` },
    spec: {
      clusterRef: { name: 'pve' },
      bridge: 'vmbr0',
      vlan: 0,
      address,
      family: 'IPv4',
      prefixLength: 24,
      poolName,
      order: 0,
      virtualMachine: { namespace: 'n', name: 'vm', uid: 'u' },
    },
  };
}

describe('the status of a pool', () => {
  const older = { creationTimestamp: '2025-01-01T00:00:00Z' };
  const younger = { creationTimestamp: '2026-02-01T00:00:00Z' };
  const full = ['192.0.2.10', '192.0.2.11', '192.0.2.12'];
  const deleting = { deletionTimestamp: '2026-03-01T09:00:00Z' };
  const rows: {
    name: string;
    pool?: IPPool;
    others?: IPPool[];
    held?: string[];
    noCluster?: boolean;
    want: { ready: string; stalled?: boolean; says?: RegExp; total?: string; allocated?: number; reverseZone?: string };
  }[] = [
    {
      name: 'a good pool is ready',
      want: { ready: 'Ready', total: '3', allocated: 0, reverseZone: '2.0.192.in-addr.arpa' },
    },
    {
      name: 'allocated addresses are counted, those of other pools are not',
      held: ['192.0.2.10'],
      want: { ready: 'Ready', total: '3', allocated: 1 },
    },
    {
      name: 'the gateway of a sibling is not counted',
      others: [aPool('b', { first: '192.0.2.30', last: '192.0.2.40', gateway: '192.0.2.11' })],
      want: { ready: 'Ready', total: '2', allocated: 0 },
    },
    {
      name: 'a full pool says so',
      held: full,
      want: { ready: 'PoolEmpty', stalled: true, says: /All 3 addresses/, allocated: 3 },
    },
    {
      name: 'the field that is wrong is named, and a wrong network has no reverse zone',
      pool: aPool('a', { last: '198.51.100.5' }),
      want: { ready: 'AddressRangeInvalid', stalled: true, says: /^spec\.last: /, total: '0', reverseZone: undefined },
    },
    {
      name: 'every field that is wrong is named',
      pool: aPool('a', { first: 'x', gateway: 'y' }),
      want: { ready: 'AddressRangeInvalid', stalled: true, says: /spec\.first: .*spec\.gateway: / },
    },
    {
      name: 'the younger of two that overlap gives way',
      others: [aPool('b', { first: '192.0.2.12', last: '192.0.2.20' }, older)],
      want: { ready: 'Overlapping', stalled: true, says: /IPPool b / },
    },
    {
      name: 'the older of two that overlap is used',
      others: [aPool('b', { first: '192.0.2.12', last: '192.0.2.20' }, younger)],
      want: { ready: 'Ready' },
    },
    {
      name: 'the same range on another VLAN is another network',
      others: [aPool('b', { vlan: 7 }, older)],
      want: { ready: 'Ready' },
    },
    {
      name: 'an older pool that is wrong itself takes nothing away',
      others: [aPool('b', { prefixLength: 33 }, older)],
      want: { ready: 'Ready' },
    },
    {
      name: 'an older pool that is being deleted counts: machines still have its addresses',
      others: [aPool('b', {}, { ...older, ...deleting })],
      want: { ready: 'Overlapping', stalled: true, says: /IPPool b / },
    },
    {
      name: 'a pool of a cluster that does not exist',
      noCluster: true,
      want: { ready: 'ClusterNotFound', stalled: true, says: /ProxmoxCluster pve / },
    },
    {
      name: 'a pool that is being deleted waits for its addresses',
      pool: aPool('a', {}, deleting),
      held: ['192.0.2.10', '192.0.2.11'],
      want: { ready: 'InUse', says: / 2 / },
    },
    {
      name: 'an IPv6 pool counts further than a number can',
      pool: aPool('a', {
        family: 'IPv6',
        gateway: 'fe80::1',
        prefixLength: 48,
        first: '2001:db8::1',
        last: '2001:db8:0:ffff:ffff:ffff:ffff:ffff',
      }),
      want: { ready: 'Ready', total: '1208925819614629174706175', reverseZone: '0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa' },
    },
  ];

  test.each(rows)('$name', ({ pool = aPool('a'), others = [], held = [], noCluster = false, want }) => {
    const reservations = [...held.map((address) => aReservation(address)), aReservation('192.0.2.99', 'z')];
    const pools = [pool, ...others];
    const status = ipPoolStatus({ pool, pools, reservations, clusterExists: !noCluster, now });
    const ready = findCondition(status.conditions, 'Ready');
    expect(ready).toMatchObject({ reason: want.ready, status: want.ready === 'Ready' ? 'True' : 'False' });
    expect(findCondition(status.conditions, 'Stalled')?.status).toBe(want.stalled ? 'True' : undefined);
    expect(status.observedGeneration).toBe(3);
    if (want.says !== undefined) expect(ready?.message).toMatch(want.says);
    const { ready: _ready, stalled: _stalled, says: _says, ...figures } = want;
    expect(status).toMatchObject(figures);
  });
});

describe('the reconcile of a pool', () => {
  const { signal } = new AbortController();
  let fake: FakeContext;

  beforeEach(() => {
    fake = createFakeContext();
    const clusterSpec = { endpoints: ['https://pve1:8006'], tokenSecretRef: { name: 'token' } };
    fake.kube.seed(resources.proxmoxCluster, { metadata: { name: 'pve' }, spec: clusterSpec });
    fake.kube.seed(resources.ipPool, { metadata: { name: 'a' }, spec });
  });
  afterEach(() => fake[Symbol.asyncDispose]());

  const pool = () => fake.context.stores.pools.get('a');
  const ready = () => findCondition(pool()?.status?.conditions, 'Ready');
  const reconcile = () => reconcileIpPool('a', fake.context, signal);
  const reserve = (address: string) => fake.kube.seed(resources.ipAddressReservation, aReservation(address));

  test('shows the state, tells of it once and then writes nothing', async () => {
    expect(await reconcile()).toEqual({ kind: 'done' });
    expect(ready()).toMatchObject({ status: 'True', lastTransitionTime: '2026-03-01T10:00:00Z' });
    expect(fake.kube.writes).toHaveLength(1);
    await reconcile();
    expect(fake.kube.writes).toHaveLength(1);
    expect(fake.events).toMatchObject([{ about: 'a', type: 'Normal', reason: 'Ready' }]);
  });

  test('turns not ready with a warning, and ready again when it has grown', async () => {
    await reconcile();
    for (const address of ['192.0.2.10', '192.0.2.11', '192.0.2.12']) reserve(address);
    expect(await reconcile()).toEqual({ kind: 'after', ms: 60_000 });
    expect(ready()).toMatchObject({ status: 'False', reason: 'PoolEmpty' });
    const patch = { spec: { last: '192.0.2.20' } };
    await fake.kube.client.patch(resources.ipPool, { name: 'a' }, patch, { kind: 'merge' });
    await reconcile();
    expect(ready()).toMatchObject({ status: 'True', observedGeneration: 2 });
    expect(fake.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Normal Ready',
      'Warning PoolEmpty',
      'Normal Ready',
    ]);
  });

  test('a deleted pool stays until its last address is free', async () => {
    const reservation = reserve('192.0.2.10');
    await reconcile();
    expect(pool()?.metadata.finalizers).toEqual([IN_USE_FINALIZER]);
    await fake.kube.client.delete(resources.ipPool, 'a');
    await reconcile();
    expect(ready()).toMatchObject({ status: 'False', reason: 'InUse' });
    await fake.kube.client.delete(resources.ipAddressReservation, reservation.metadata.name);
    expect(await reconcile()).toEqual({ kind: 'done' });
    expect(pool()).toBeUndefined();
  });

  test('a pool without addresses in use is free to go', async () => {
    const reservation = reserve('192.0.2.10');
    await reconcile();
    await fake.kube.client.delete(resources.ipAddressReservation, reservation.metadata.name);
    await reconcile();
    expect(pool()?.metadata.finalizers ?? []).toEqual([]);
  });

  test('a pool that is gone is done', async () => {
    expect(await reconcileIpPool('z', fake.context, signal)).toEqual({ kind: 'done' });
    expect(fake.kube.writes).toEqual([]);
  });

  test('nothing is written after the stop', async () => {
    expect(await reconcileIpPool('a', fake.context, AbortSignal.abort())).toEqual({ kind: 'done' });
    expect(fake.kube.writes).toEqual([]);
  });
});
