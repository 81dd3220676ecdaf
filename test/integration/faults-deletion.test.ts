// Deletions at bad moments, with a controller manager: while cloning, twice, a cluster in use, a whole namespace.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import { aPlan, aPool, aVirtualMachine, CLUSTER } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { expectOneVmEach } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, NO_LEAKS, startWorld } from './harness-world.ts';
import { atRequest } from './processes.ts';

const CLONE = /\/qemu\/9000\/clone$/;

let bed: TestBed;

beforeAll(async () => {
  bed = await startTestBed({ controllerManager: true });
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

test('deleted while its clone runs, and once more: the clone ends, is destroyed once, and nothing is left', async () => {
  await using world = await startWorld(bed, { speed: 1 });
  await world.create(aPool(), aPlan({ cloneType: 'Full' }));
  const remove = () => bed.client.delete(resources.virtualMachine, 'web', world.namespace);
  const deleted = atRequest(world, { method: 'POST', path: CLONE, when: 'after' }, async () => {
    await remove();
    await remove();
  });
  await world.create(aVirtualMachine('web'));
  await deleted;
  await world.untilVmGone('web');
  expect(world.requests({ method: 'DELETE', path: /\/qemu\/2000$/ })).toHaveLength(1);
  expect(world.requests({ method: 'POST', path: /\/config$|\/start$/ })).toEqual([]);
  await world.stop();
});

test('deleted before anything was made: only its reservations go', async () => {
  await using world = await startWorld(bed);
  const full = world.sim.faults.add({
    match: { method: 'POST', path: CLONE },
    when: 'before',
    effect: { status: 500, reason: 'no such storage' },
    times: Number.POSITIVE_INFINITY,
  });
  await world.create(aPool(), aPlan(), aVirtualMachine('web'));
  await world.untilStalled('web', 'Refused');
  expect(await world.list(resources.vmidReservation)).toHaveLength(1);
  await world.deleteVm('web');
  expect(world.requests({ method: 'DELETE' })).toEqual([]);
  full();
  await world.stop();
});

test('a cluster with VMs waits, says for how many, and goes with the last of them', async () => {
  await using world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('one'), aVirtualMachine('two'));
  await Promise.all(['one', 'two'].map((name) => world.untilReady(name)));
  await bed.client.delete(resources.proxmoxCluster, CLUSTER);
  await untilInUse(2);
  await world.deleteVm('one');
  await untilInUse(1);
  await world.deleteVm('two');
  await until('the cluster is gone', async () => (await world.list(resources.proxmoxCluster)).length === 0);
  await world.stop();

  async function untilInUse(count: number): Promise<void> {
    await world.untilObject(resources.proxmoxCluster, CLUSTER, `in use by ${count}`, {
      wanted: (cluster) => {
        const ready = condition(cluster, 'Ready');
        return (
          ready?.reason === 'InUse' && ready.message.includes(` ${count} `) && cluster.status?.virtualMachines === count
        );
      },
    });
  }
});

test('a namespace is deleted with everything in it, whatever state its VMs are in', async () => {
  await using world = await startWorld(bed, { speed: 4 });
  await world.create(aPool(), aPlan(), aVirtualMachine('ready'));
  await world.untilReady('ready');
  const cloning = atRequest(world, { method: 'POST', path: CLONE, when: 'after' }, () => undefined);
  await world.create(aVirtualMachine('deploying'));
  await cloning;
  await bed.kubectl(['delete', 'namespace', world.namespace, '--wait=false']);
  await until(
    'the namespace is gone',
    async () => !(await bed.kubectl(['get', 'namespaces', '--output=name'])).includes(`/${world.namespace}\n`),
    60_000,
  );
  expect(await world.list(resources.vmidReservation)).toEqual([]);
  expect(await world.list(resources.ipAddressReservation)).toEqual([]);
  expect(world.madeVmids).toEqual([]);
  expect(world.sim.leaks()).toEqual(NO_LEAKS);
});

test('objects that belong to a VM go with it', async () => {
  await using world = await startWorld(bed);
  await world.create(aPool(), aPlan(), aVirtualMachine('web'));
  const vm = await world.untilReady('web');
  await expectOneVmEach(world);
  expect(await world.credentials(vm)).toMatchObject({ username: 'debian' });
  await world.deleteVm('web');
  await until('the runs are gone', async () => (await world.runs('web')).length === 0);
  await until(
    'the Secret is gone',
    async () => !(await bed.kubectl(['get', 'secrets', '-n', world.namespace])).includes('web'),
  );
  await world.stop();
});
