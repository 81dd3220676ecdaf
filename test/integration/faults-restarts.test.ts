// The operator or its API server dies in the middle of a deploy: afterwards there is one VM an object, ready, and nothing more.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { EVERY_CALL, expectOneVmEach, shapeOf } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import type { OperatorProcess } from './harness-operator.ts';
import { startWorld, type World } from './harness-world.ts';
import { atRequest, Operators, untilLeads, untilLogged } from './processes.ts';

const CLONE = /\/qemu\/9000\/clone$/;

/** What is cut off is sent again, and given back, the sooner. */
const timeouts = { writeSeconds: 5, startSeconds: 10 };

let bed: TestBed;

beforeAll(async () => {
  bed = await startTestBed();
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

test('the API server is killed and comes back while five VMs deploy', async () => {
  await using world = await startWorld(bed, { speed: 1, cluster: { timeouts } });
  await world.create(aPool(), aPlan());
  const names = ['one', 'two', 'three', 'four', 'five'];
  const killed = atRequest(world, { method: 'POST', path: CLONE, when: 'after' }, () =>
    bed.cluster.plane.killApiServer(),
  );
  await world.create(...names.map((name) => aVirtualMachine(name)));
  await killed;
  // Everything that was under way goes on in Proxmox VE while nothing of it can be written down.
  await until('the clones that were sent have ended', () => [...world.sim.world.tasks.running()].length === 0);
  await bed.cluster.plane.startApiServer();
  for (const name of names) await world.untilReady(name, 60_000);
  await expectOneVmEach(world);
  await world.stop();
});

describe('the operator is killed and started again', () => {
  const moments: { name: string; method: string; path: RegExp; when: 'before' | 'after' }[] = [
    { name: 'clone-call', method: 'POST', path: CLONE, when: 'before' },
    { name: 'clone-begun', method: 'POST', path: CLONE, when: 'after' },
    { name: 'clone-runs', method: 'GET', path: /\/cluster\/tasks$/, when: 'after' },
    { name: 'migration-begun', method: 'POST', path: /\/migrate$/, when: 'after' },
    { name: 'configured', method: 'POST', path: /\/config$/, when: 'after' },
    { name: 'disk-grows', method: 'PUT', path: /\/resize$/, when: 'after' },
    { name: 'address-set-empty', method: 'POST', path: /\/firewall\/ipset$/, when: 'after' },
    { name: 'start-call', method: 'POST', path: /\/status\/start$/, when: 'before' },
    { name: 'start-runs', method: 'POST', path: /\/status\/start$/, when: 'after' },
    { name: 'seen-running', method: 'GET', path: /\/status\/current$/, when: 'after' },
  ];
  let world: World;
  let operators: Operators;
  let operator: OperatorProcess;

  beforeAll(async () => {
    world = await startWorld(bed, { speed: 4, operator: false, cluster: { timeouts } });
    operators = new Operators(bed);
    operator = await operators.startAlone();
    await world.create(aPool(), aPlan(EVERY_CALL), aVirtualMachine('undisturbed'));
    await world.untilReady('undisturbed', 30_000);
  });

  afterAll(async () => {
    await operators?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('at every moment of a deploy, with another VM added each time', async () => {
    for (const moment of moments) {
      const killed = atRequest(world, moment, () => operator.kill());
      await world.create(aVirtualMachine(moment.name));
      await killed;
      operator = await operators.startAlone();
    }
    const undisturbed = shapeOf(world, await world.vm('undisturbed'));
    for (const { name } of moments) {
      // A start that was cut off is sent again when it has had its time.
      expect(shapeOf(world, await world.untilReady(name, 90_000)), name).toEqual(undisturbed);
    }
    await expectOneVmEach(world);
  });

  test('in the middle of a deletion, twice', async () => {
    const vm = await world.vm('undisturbed');
    const path = new RegExp(`/qemu/${vm.status?.vmid}$`);
    const stopped = atRequest(world, { method: 'POST', path: /\/status\/shutdown$/, when: 'after' }, () =>
      operator.kill(),
    );
    await bed.client.delete(resources.virtualMachine, 'undisturbed', world.namespace);
    await stopped;
    const destroyed = atRequest(world, { method: 'DELETE', path, when: 'after' }, () => operator.kill());
    operator = await operators.startAlone();
    await destroyed;
    operator = await operators.startAlone();
    await world.untilVmGone('undisturbed');
    await expectOneVmEach(world);
    await world.stop();
  });
});

describe('the operator is asked to stop', () => {
  test('it finishes the call under way, begins none, gives the lease up, and the other goes on at once', async () => {
    await using world = await startWorld(bed, { speed: 1, operator: false, cluster: { timeouts } });
    await using operators = new Operators(bed);
    const leader = await operators.startReplica('leader');
    await untilLeads(bed, 'leader');
    await operators.startReplica('standby');
    await world.create(aPool(), aPlan());
    const names = ['one', 'two', 'three'];
    let seen = 0;
    let askedAt = 0;
    const stopping = atRequest(world, { method: 'POST', path: CLONE, when: 'before' }, async () => {
      askedAt = Date.now();
      process.kill(leader.pid, 'SIGTERM');
      await untilLogged(leader, 'Stopping');
      seen = world.sim.requests.length;
    });
    await world.create(...names.map((name) => aVirtualMachine(name)));
    await stopping;
    const takenOver = await untilLeads(bed, 'standby');
    await until('the leader has ended', () => !leader.isRunning);
    const acquiredAt = Date.parse(takenOver.spec?.acquireTime ?? '');
    // Had the lease to run out, it would take fifteen seconds from the last renewal.
    expect(acquiredAt - askedAt).toBeLessThan(12_000);
    const ofTheLeader = world.sim.requests.slice(seen).filter(({ at }) => at < acquiredAt);
    // Calls that had been sent before the stop may still be on their way in; the one that was held is.
    const begun = ofTheLeader.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);
    expect(begun.length).toBeGreaterThan(0);
    expect(begun.length).toBeLessThanOrEqual(names.length);
    expect(begun.every((call) => CLONE.test(call))).toBe(true);
    for (const name of names) await world.untilReady(name);
    await expectOneVmEach(world);
    expect(leader.lastLines(1)[0]).toContain('"end":"stopped"');
    await world.stop();
  });
});
