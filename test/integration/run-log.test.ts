// The record of what was done with a VM: one object per run, the same lines in the operator's log, and the newest 50 kept.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import { textLine } from '../../src/log.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { EVERY_CALL } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';
import { done, edited, request, untilSaid } from './requests.ts';

const KEPT = 50;

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed);
  await world.create(aPool(), aPlan(EVERY_CALL));
  await world.create(aVirtualMachine('web'));
  await world.untilReady('web', 60_000);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

interface StepLine {
  message: string;
  VirtualMachine?: string;
  machine?: string;
  number?: number;
  result?: string;
  from?: string;
  to?: string;
  durationMs?: number;
  why?: string;
}

/** The lines about steps of the VM that the operator has logged, as JSON and as text. */
function stepLines(name: string): { line: StepLine; text: string }[] {
  return (world.operator?.log ?? [])
    .map((text) => ({ line: JSON.parse(text) as StepLine, text: textLine(text) }))
    .filter(({ line }) => line.VirtualMachine === `${world.namespace}/${name}` && line.number !== undefined);
}

function expectWhole({ spec, status }: VirtualMachineRun): void {
  const { startedAt = '', completedAt = '', durationMs = -1, steps = [] } = status ?? {};
  expect(durationMs).toBe(Date.parse(completedAt) - Date.parse(startedAt));
  expect(status?.duration).toMatch(/^\d+\.\ds$/);
  expect(steps.map(({ number }) => number)).toEqual(steps.map((_, index) => index + 1));
  expect(steps.at(-1)?.to).toBe(status?.to);
  expect(steps.map(({ from }) => from)).toEqual([spec.from, ...steps.slice(0, -1).map(({ to }) => to)]);
  const unexplained = steps.filter(({ result, message = '' }) => result === 'Skipped' && message === '');
  expect(unexplained).toEqual([]);
  expect(steps.filter((step) => step.durationMs < 0 || Number.isNaN(Date.parse(step.startedAt)))).toEqual([]);
}

describe('records', () => {
  test('of a deploy: every step, and the tasks of Proxmox VE', async () => {
    const [run] = await world.runs('web');
    expect(run?.spec).toMatchObject({
      machine: 'deploy',
      trigger: 'VirtualMachine created',
      from: 'creation',
      number: 1,
    });
    expect(run?.status).toMatchObject({ result: 'Succeeded', to: 'ready' });
    expect(run?.status?.steps).toHaveLength(15);
    expectWhole(run!);
    const tasks = run?.status?.taskIDs ?? [];
    const types = tasks.map((upid) => upid.split(':')[5]);
    expect(types).toEqual(expect.arrayContaining(['qmclone', 'qmigrate', 'qmstart']));
    expect(run?.metadata.ownerReferences).toEqual([expect.objectContaining({ kind: 'VirtualMachine', name: 'web' })]);
  });

  test('of a change and of an operation', async () => {
    await edited(world, 'web', { options: { cpuCores: 3 } });
    const change = await world.untilRunSucceeded('web');
    expect(change.spec).toMatchObject({
      machine: 'change_package',
      trigger: 'package: cpuCores 2 → 3',
      from: 'ready',
      number: 2,
    });
    expectWhole({ ...change, spec: { ...change.spec, from: change.status?.steps?.[0]?.from ?? '' } });
    const { run } = await done(world, 'web', 'reset', { type: 'Reset' });
    expect(run.spec).toMatchObject({ machine: 'reset', trigger: 'VirtualMachineOperation reset (Reset)', number: 3 });
    expect(run.status?.taskIDs).toEqual([expect.stringContaining(':qmreset:')]);
    expectWhole(run);
  });

  test('of a failure: what it is stopped by, and the VM shows it too', async () => {
    await done(world, 'web', 'stop', { type: 'Stop', stop: { gracePeriodSeconds: 0 } });
    await request(world, 'web', 'reboot', { type: 'Reboot' });
    const operation = await untilSaid(world, 'reboot', { status: 'False', reason: 'NotRunning' });
    const runName = operation.status?.runName ?? '';
    const read = () => bed.client.get(resources.virtualMachineRun, runName, world.namespace);
    await until('the record of it is written', async () => (await read()).status?.result !== undefined);
    expect((await read()).status).toMatchObject({
      result: 'Failed',
      error: expect.stringMatching(/^NotRunning: /) as string,
    });
    const vm = await world.vm('web');
    expect(vm.status?.lastFailure).toMatchObject({ step: 'reboot-vm', reason: 'NotRunning' });
    await done(world, 'web', 'start', { type: 'Start' });
    expect(condition(await world.untilReady('web'), 'Stalled')).toBeUndefined();
    expect((await world.vm('web')).status?.lastFailure).toMatchObject({ reason: 'NotRunning' });
  });

  test('cannot be changed, and show in columns', async () => {
    const [run] = await world.runs('web');
    const name = run?.metadata.name ?? '';
    await expect(world.patch(resources.virtualMachineRun, name, { spec: { trigger: 'me' } })).rejects.toThrow(
      /cannot be changed/,
    );
    const [header = '', first = ''] = (await bed.kubectl(['get', 'pvmrun', name, '-n', world.namespace])).split('\n');
    expect(header).toMatch(/VM +.*PIPELINE.*RESULT/);
    expect(first).toMatch(/web +.*deploy.*Succeeded/);
  });
});

const isDone = ({ result }: { result: string }): boolean => result !== 'Failed';

describe("the operator's log", () => {
  test('has one line for each step that is done, which says what the record says', async () => {
    // A step that failed has a warning of its own, at every look.
    const recorded = (await world.runs('web')).flatMap(({ spec, status }) =>
      (status?.steps ?? []).filter(isDone).map(({ number, name, result, from, to, durationMs, message }) => ({
        machine: spec.machine,
        number,
        message: name,
        result,
        from,
        to,
        durationMs,
        why: message,
      })),
    );
    const logged = stepLines('web').map(({ line }) => {
      const { machine, number, message, result, from, to, durationMs, why } = line;
      return { machine, number, message, result, from, to, durationMs, why };
    });
    expect(logged).toEqual(recorded);
  });

  test('can be read by a person: one line, what was done first, no JSON', async () => {
    const texts = stepLines('web').map(({ text }) => text);
    expect(texts.filter((text) => text.trimEnd().includes('\n') || text.includes('{'))).toEqual([]);
    const clone = texts.find((text) => text.includes('Clone template'));
    expect(clone).toMatch(
      /info {2}Clone template {2}VirtualMachine=\S+\/web {2}vmid=2000 {2}machine=deploy {2}number=2 {2}result=Succeeded {2}from=set_ip {2}to=clone/,
    );
  });

  test('has no password in it', async () => {
    const { password = '' } = await world.credentials(await world.vm('web'));
    expect(password).not.toBe('');
    expect((world.operator?.log ?? []).filter((line) => line.includes(password))).toEqual([]);
    expect(JSON.stringify(await world.runs('web'))).not.toContain(password);
  });
});

test('the newest 50 records of a VM are kept', { timeout: 120_000 }, async () => {
  const { status } = await world.vm('web');
  const wanted = KEPT + 3;
  for (let number = status?.runCount ?? 0; number < wanted; number += 1)
    await done(world, 'web', `again-${number}`, { type: 'SetFirewall' });
  const newest = Array.from({ length: KEPT }, (_, index) => wanted - KEPT + 1 + index);
  await until('the oldest records are gone', async () => (await world.runs('web')).length <= KEPT);
  expect((await world.runs('web')).map(({ spec }) => spec.number)).toEqual(newest);
});

test('records go with their VM', async () => {
  await world.stop();
});
