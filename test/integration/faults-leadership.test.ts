// Two operators with leader election, one of which dies or freezes: never two VMs, never two addresses.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { changesSince, expectOneVmEach } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { startWorld } from './harness-world.ts';
import { atRequest, freeLease, hasLogged, Operators, untilLeads } from './processes.ts';

const CLONE = /\/qemu\/9000\/clone$/;
const NAMES = ['one', 'two', 'three', 'four'];

/** The VMID of a clone call that was cut off is given back the sooner. */
const timeouts = { writeSeconds: 5 };

let bed: TestBed;

beforeAll(async () => {
  bed = await startTestBed();
});

beforeEach(() => freeLease(bed));

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

test('the leader is killed in the middle of four deploys and the other finishes them', async () => {
  await using world = await startWorld(bed, { speed: 1, operator: false, cluster: { timeouts } });
  await using operators = new Operators(bed);
  const first = await operators.startReplica('first');
  await untilLeads(bed, 'first');
  await operators.startReplica('second');
  await world.create(aPool(), aPlan());
  const killed = atRequest(world, { method: 'POST', path: CLONE, when: 'after' }, () => first.kill());
  await world.create(...NAMES.map((name) => aVirtualMachine(name)));
  await killed;
  await untilLeads(bed, 'second');
  for (const name of NAMES) await world.untilReady(name, 30_000);
  await expectOneVmEach(world);
  await world.stop();
});

test('the leader freezes past its lease and thaws: it does nothing more and ends', async () => {
  await using world = await startWorld(bed, { operator: false, cluster: { timeouts } });
  await using operators = new Operators(bed);
  const frozen = await operators.startReplica('frozen');
  await untilLeads(bed, 'frozen');
  const heir = await operators.startReplica('heir');
  await world.create(aPool(), aPlan());
  // The answer to its look at the VM reaches it while it is frozen: the next thing it would do is to change the VM.
  const freezing = Promise.withResolvers<void>();
  world.sim.faults.add({
    match: { method: 'GET', path: /\/qemu\/2000\/config$/ },
    when: 'after',
    effect: {
      meanwhile: () => {
        process.kill(frozen.pid, 'SIGSTOP');
        freezing.resolve();
      },
    },
  });
  await world.create(...NAMES.map((name) => aVirtualMachine(name)));
  await freezing.promise;
  await untilLeads(bed, 'heir');
  for (const name of NAMES) await world.untilReady(name, 30_000);
  await expectOneVmEach(world);
  // What the frozen one saw is not true any more.
  await world.deleteVm('one');
  const seen = world.sim.requests.length;
  process.kill(frozen.pid, 'SIGCONT');
  await until('the thawed one has ended', () => !frozen.isRunning);
  expect(hasLogged(frozen, 'Stopped')).toBe(true);
  expect(frozen.lastLines(1)[0]).toContain('"end":"lost"');
  expect(changesSince(world, seen)).toEqual([]);
  expect(heir.isRunning).toBe(true);
  await world.create(aVirtualMachine('after'));
  await world.untilReady('after', 30_000);
  await expectOneVmEach(world);
  expect(await world.list(resources.virtualMachine)).toHaveLength(NAMES.length);
  await world.stop();
});
