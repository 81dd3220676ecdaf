// Answers of Proxmox VE that are lost, broken or late: the deploy ends as the undisturbed one, with nothing twice.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import type { Fault, FaultEffect } from '../sim/simulator.ts';
import { EVERY_CALL, expectOneVmEach, type Shape, shapeOf } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { startWorld, type World } from './harness-world.ts';

const CALLS = {
  clone: { method: 'POST', path: /\/qemu\/9000\/clone$/ },
  migrate: { method: 'POST', path: /\/migrate$/ },
  config: { method: 'POST', path: /\/config$/ },
  resize: { method: 'PUT', path: /\/resize$/ },
  'firewall options': { method: 'PUT', path: /\/firewall\/options$/ },
  ipset: { method: 'POST', path: /\/firewall\/ipset$/ },
  'ipset member': { method: 'POST', path: /\/firewall\/ipset\/[\w-]+$/ },
  start: { method: 'POST', path: /\/status\/start$/ },
  configuration: { method: 'GET', path: /\/qemu\/20\d\d\/config$/ },
  tasks: { method: 'GET', path: /\/cluster\/tasks$/ },
} as const;

const PROXY_GAVE_UP = { status: 596, reason: 'Connection timed out' };
const HOP_FAILED = { status: 595, reason: 'Connection refused' };
const CUT_OFF = { status: 599, reason: 'Too many redirections' };

type Row = [name: keyof typeof CALLS, when: Fault['when'], what: string, effect: FaultEffect];

const rows: Row[] = [
  ...(Object.keys(CALLS) as (keyof typeof CALLS)[]).map((name): Row => [name, 'after', 'connection reset', 'reset']),
  ['clone', 'before', 'connection reset', 'reset'],
  ['clone', 'after', 'answer cut in the middle', 'truncate'],
  ['clone', 'after', '596', PROXY_GAVE_UP],
  ['clone', 'before', '595', HOP_FAILED],
  ['clone', 'after', 'dripping answer', { dripMs: 1500 }],
  ['migrate', 'after', 'answer cut in the middle', 'truncate'],
  ['config', 'before', '599', CUT_OFF],
  ['config', 'after', '596', PROXY_GAVE_UP],
  ['resize', 'after', 'answer cut in the middle', 'truncate'],
  ['resize', 'before', '595', HOP_FAILED],
  ['start', 'after', '596', PROXY_GAVE_UP],
  ['start', 'before', 'connection reset', 'reset'],
  ['tasks', 'after', 'answer cut in the middle', 'truncate'],
  ['configuration', 'after', 'a page of a proxy', { status: 502, reason: 'Bad Gateway', body: '<html>' }],
];

let bed: TestBed;
let world: World;
let undisturbed: Shape;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed, { cluster: { timeouts: { writeSeconds: 5, readSeconds: 2, startSeconds: 10 } } });
  await world.create(aPool(), aPlan(EVERY_CALL), aVirtualMachine('calm'));
  undisturbed = shapeOf(world, await world.untilReady('calm'));
});

afterEach(() => world.sim.faults.clear());

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

describe('a deploy ends as the undisturbed one', () => {
  test.each(rows)('%s, %s it took effect: %s', async (name, when, _what, effect) => {
    world.sim.faults.add({ match: CALLS[name], when, effect });
    await deployAndCompare();
  });

  test('a start whose answer never comes', async () => {
    world.sim.faults.add({ match: CALLS.start, when: 'after', effect: 'timeout' });
    await deployAndCompare();
  });
});

let struck = 0;
/** A start that was cut off is sent again when it has had its time. */
const READY_LIMIT_MS = 60_000;

async function deployAndCompare(): Promise<void> {
  struck += 1;
  const name = `struck-${struck}`;
  await world.create(aVirtualMachine(name));
  const vm = await world.untilReady(name, READY_LIMIT_MS);
  expect(world.sim.faults.list()).toEqual([]);
  expect(shapeOf(world, vm)).toEqual(undisturbed);
  await expectOneVmEach(world);
}

test('ten deploys at once while a third of all changing calls loses its answer', async () => {
  const effects: FaultEffect[] = ['reset', 'truncate', PROXY_GAVE_UP];
  const changing = [CALLS.clone, CALLS.config, CALLS.resize, CALLS.start, CALLS.migrate, CALLS.ipset];
  for (const match of changing) {
    for (const [index, effect] of effects.entries()) {
      world.sim.faults.add({ match: { ...match, nth: 2 + 3 * index }, when: 'after', effect });
    }
  }
  const names = Array.from({ length: 10 }, (_, index) => `crowd-${index}`);
  await world.create(...names.map((name) => aVirtualMachine(name)));
  for (const name of names) expect(shapeOf(world, await world.untilReady(name))).toEqual(undisturbed);
  await expectOneVmEach(world);
});

test('a deletion whose calls lose their answers leaves nothing and destroys once', async () => {
  await world.create(aVirtualMachine('doomed'));
  const { status } = await world.untilReady('doomed');
  world.sim.faults.add({ match: { method: 'POST', path: /\/status\/shutdown$/ }, when: 'after', effect: 'reset' });
  world.sim.faults.add({ match: { method: 'DELETE', path: /\/qemu\/\d+$/ }, when: 'after', effect: 'truncate' });
  await world.deleteVm('doomed');
  expect(world.sim.faults.list()).toEqual([]);
  expect(world.madeVmids).not.toContain(status?.vmid);
  expect(world.requests({ method: 'DELETE', path: new RegExp(`/qemu/${status?.vmid}$`) })).toHaveLength(1);
  await expectOneVmEach(world);
});

test('everything can be deleted at the end, and nothing is left', async () => {
  await world.stop();
});
