// The Proxmox VE cluster goes away for a while: as a whole, a node of it, its quorum, or the right to use it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { secretType } from '../../src/kube/secrets.ts';
import { aPlan, aPool, aVirtualMachine, CLUSTER, OPERATOR_NAMESPACE, TOKEN_SECRET } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import type { FaultEffect } from '../sim/simulator.ts';
import { changesSince, expectOneVmEach, reasonOf } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, untilClusterReady, type World } from './harness-world.ts';

const CLONE = /\/qemu\/900\d\/clone$/;
const NAMES = ['one', 'two', 'three'];
/** The inventory is polled every ten seconds; what it shows wakes everything that waits. */
const BACK_LIMIT_MS = 90_000;

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
});

beforeEach(async () => {
  world = await startWorld(bed, { cluster: { timeouts: { readSeconds: 1, writeSeconds: 5 } } });
  await world.create(aPool());
});

afterEach(async () => {
  await world?.[Symbol.asyncDispose]();
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

/** From now on every request ends like that; the answer ends it. */
function breakAll(effect: FaultEffect): () => void {
  return world.sim.faults.add({ match: {}, when: 'before', effect, times: Number.POSITIVE_INFINITY });
}

async function untilCluster(reason: string): Promise<void> {
  await world.untilObject(resources.proxmoxCluster, CLUSTER, reason, {
    wanted: (cluster) => condition(cluster, 'Ready')?.reason === reason,
    limitMs: 30_000,
  });
}

/** Arms something that happens when the first clone has begun. */
function whenFirstCloned(meanwhile: () => void): void {
  world.sim.faults.add({ match: { method: 'POST', path: CLONE }, when: 'after', effect: { meanwhile } });
}

const isUnreachable = (vm: VirtualMachine): boolean => reasonOf(vm) === 'ClusterUnreachable';

describe('the cluster is out of reach in the middle of three deploys', () => {
  const rows: { name: string; effect: FaultEffect }[] = [
    { name: 'connections are reset', effect: 'reset' },
    { name: 'nothing answers', effect: 'timeout' },
  ];

  test.each(rows)('$name: that is said, few requests are made, and it goes on when it is back', async ({ effect }) => {
    await world.create(aPlan(), aVirtualMachine('doomed'));
    await world.untilReady('doomed');
    let repair = (): void => undefined;
    let brokenAt = 0;
    let seen = 0;
    whenFirstCloned(() => {
      repair = breakAll(effect);
      brokenAt = performance.now();
      seen = world.sim.requests.length;
    });
    await world.create(...NAMES.map((name) => aVirtualMachine(name)));
    for (const name of NAMES) {
      const vm = await world.untilVm(name, 'ClusterUnreachable', isUnreachable, 30_000);
      expect(condition(vm, 'Stalled')).toBeUndefined();
      expect(condition(vm, 'Ready')?.message).toContain(CLUSTER);
    }
    await untilCluster('ClusterUnreachable');
    await bed.client.delete(resources.virtualMachine, 'doomed', world.namespace);
    await world.untilVm('doomed', 'ClusterUnreachable', isUnreachable);
    expect(await world.list(resources.ipAddressReservation)).toHaveLength(NAMES.length + 1);
    const requests = world.sim.requests.length - seen;
    const seconds = (performance.now() - brokenAt) / 1000;
    // Polls of inventory and tasks, and each VM's look, each at every endpoint, with growing pauses.
    expect(requests).toBeLessThan(60 + 12 * seconds);
    repair();
    for (const name of NAMES) await world.untilReady(name, BACK_LIMIT_MS);
    await untilClusterReady(world, BACK_LIMIT_MS);
    await world.untilVmGone('doomed', BACK_LIMIT_MS);
    await expectOneVmEach(world);
  });
});

describe('a node of the cluster is down', () => {
  const isWaiting = (vm: VirtualMachine): boolean => reasonOf(vm) === 'WaitingForNode';

  test('a deploy on it waits, a VM on it is not taken for gone, and both go on when it is up', async () => {
    // The template is on a local storage of this node, so the VMs can be nowhere else.
    await world.create(aPlan({ template: { vmid: 9001 } }), aVirtualMachine('doomed'));
    const { status } = await world.untilReady('doomed');
    whenFirstCloned(() => world.sim.nodeDown('pve2'));
    await world.create(aVirtualMachine('web'));
    const waiting = await world.untilVm('web', 'WaitingForNode', isWaiting);
    expect(condition(waiting, 'Ready')?.message).toContain('pve2');
    expect(condition(waiting, 'Stalled')).toBeUndefined();
    await bed.client.delete(resources.virtualMachine, 'doomed', world.namespace);
    await world.untilVm('doomed', 'WaitingForNode', isWaiting);
    expect(await world.list(resources.vmidReservation)).toHaveLength(2);
    expect(world.madeVmids).toContain(status?.vmid);
    world.sim.nodeUp('pve2');
    await world.untilVmGone('doomed', 30_000);
    await world.untilReady('web', 30_000);
    await expectOneVmEach(world);
    await world.stop();
  });

  test('a deploy that needs nothing of it is not held up', async () => {
    await world.create(aPlan());
    world.sim.nodeDown('pve3');
    await world.create(aVirtualMachine('web'));
    const vm = await world.untilReady('web');
    expect(vm.status?.node).not.toBe('pve3');
    world.sim.nodeUp('pve3');
    await world.stop();
  });
});

test('without quorum nothing is begun and nothing is believed, and it goes on when there is one again', async () => {
  await world.create(aPlan());
  whenFirstCloned(() => {
    world.sim.nodeDown('pve2');
    world.sim.nodeDown('pve3');
  });
  await world.create(...NAMES.map((name) => aVirtualMachine(name)));
  const isWaiting = (vm: VirtualMachine): boolean => reasonOf(vm) === 'WaitingForQuorum';
  await until('a VM waits for the quorum', async () => (await world.list(resources.virtualMachine)).some(isWaiting));
  await untilCluster('WaitingForQuorum');
  world.sim.nodeUp('pve2');
  world.sim.nodeUp('pve3');
  for (const name of NAMES) await world.untilReady(name, BACK_LIMIT_MS);
  await expectOneVmEach(world);
  await world.stop();
});

describe('the token is not accepted any more', () => {
  test('that is said, hardly a request is made, and a new token in the Secret is used at once', async () => {
    await world.create(aPlan());
    const old = world.sim.world.access.tokens.get(world.token.id);
    whenFirstCloned(() => world.sim.revokeToken(world.token.id));
    await world.create(...NAMES.map((name) => aVirtualMachine(name)));
    for (const name of NAMES) await world.untilStalled(name, 'Unauthorized', 30_000);
    await untilCluster('Unauthorized');
    const seen = world.sim.requests.length;
    if (old === undefined) throw new Error('The simulator had no token.');
    world.sim.world.access.tokens.set(world.token.id, { ...old, secret: 'another-secret-0000-0000-000000000000' });
    await world.patch(
      secretType,
      TOKEN_SECRET,
      { stringData: { secret: 'another-secret-0000-0000-000000000000' } },
      OPERATOR_NAMESPACE,
    );
    for (const name of NAMES) await world.untilReady(name, BACK_LIMIT_MS);
    await untilClusterReady(world, BACK_LIMIT_MS);
    expect(changesSince(world, 0).length).toBeGreaterThan(0);
    expect(world.sim.requests.slice(seen).filter(({ status }) => status === 401).length).toBeLessThan(10);
    await expectOneVmEach(world);
  });
});
