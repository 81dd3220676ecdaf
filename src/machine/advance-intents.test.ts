// Calls that must not be repeated blindly, and tasks that outlive a pass: what the engine remembers of them.
import { beforeEach, describe, expect, test } from 'vitest';
import { aFacts, at } from '../../test/builders/facts.ts';
import { aStep, doing, done, PlayedWorld, started } from '../../test/builders/played-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { DefectError, StalledError, TransientError, UnknownOutcomeError, WaitingError } from '../errors.ts';
import { type Advance, advance } from './advance.ts';
import { type Action, defineMachine } from './vocabulary.ts';

const UPID = 'UPID:pve1:00000001:00000001:65000000:qmclone:9000:op@pve!k8s:';
const CLONE: Action = { kind: 'clone', template: { node: 'pve1', vmid: 9000 }, vmid: 2000, name: 'web', full: false };

let world: PlayedWorld;
beforeEach(() => {
  world = new PlayedWorld();
});

describe('intents', () => {
  const cloning = defineMachine('deploy', 'creation', { clone: doing('cloning', CLONE) });
  const intentOf = ({ status }: Advance) => status.operation?.intent;

  test('a clone is stored as intended, with what was decided, before it is sent', async () => {
    const machine = defineMachine('deploy', 'creation', {
      clone: aStep('cloning', () => ({ kind: 'act', action: CLONE, why: '', note: { status: { vmid: 2000 } } })),
    });
    world.act = () => ({ kind: 'task', upid: UPID });
    const result = await world.play(machine);
    expect(world.effects()).toEqual(['save', 'clone']);
    expect(world.saved).toMatchObject([
      { vmid: 2000, operation: { intent: { action: 'clone', sentAt: at(0), attempt: 1 } } },
    ]);
    expect(result.status).toMatchObject({
      operation: { taskID: UPID, taskIDs: [UPID], intent: { action: 'clone', answered: true } },
    });
  });

  async function whenNothingIsStored(status: VirtualMachineStatus): Promise<Advance> {
    const result = await advance(cloning, status, {
      facts: async (current) => aFacts({ status: current }),
      perform: (action, facts) => world.perform(action, facts),
      task: async () => world.taskView,
      save: () => Promise.reject(new TransientError('Conflict.')),
      now: () => world.now,
    });
    expect(world.effects()).toEqual([]);
    expect(result.trouble?.class).toBe('transient');
    return result;
  }

  test('when it cannot be stored, nothing is sent, and nothing says that it was', async () => {
    expect(intentOf(await whenNothingIsStored(started()))).toBeUndefined();
  });

  test('when the second one cannot be stored, the first is still remembered', async () => {
    const intent = { action: 'clone', sentAt: at(-9), attempt: 1 };
    expect(intentOf(await whenNothingIsStored(started({}, { intent })))).toEqual(intent);
  });

  test.each<{ name: string; error: Error; kept: boolean }>([
    { name: 'refused for good', error: new StalledError('Forbidden', 'No.'), kept: false },
    { name: 'refused for now', error: new WaitingError('WaitingForLock', 'Locked.', 1), kept: false },
    { name: 'surely not carried out', error: new TransientError('No route.', { refused: true }), kept: false },
    { name: 'perhaps carried out', error: new TransientError('Reset.'), kept: true },
    { name: 'without an answer', error: new UnknownOutcomeError('No answer.'), kept: true },
    { name: 'answered in a way that cannot be read', error: new DefectError('What?'), kept: true },
  ])('a clone call that was $name', async ({ error, kept }) => {
    world.act = () => error;
    expect(intentOf(await world.play(cloning)) !== undefined).toBe(kept);
  });

  test('every attempt is counted', async () => {
    world.act = () => new UnknownOutcomeError('No answer.');
    const first = await world.play(cloning);
    world.now += 5_000;
    expect(intentOf(await world.play(cloning, first.status))).toEqual({ action: 'clone', sentAt: at(5), attempt: 2 });
  });

  test('a refused second call leaves the first one, which got no answer, remembered: it may yet be carried out', async () => {
    world.act = () => new UnknownOutcomeError('No answer.');
    const first = await world.play(cloning);
    world.now += 5_000;
    world.act = () => new TransientError('The id is taken.', { refused: true });
    expect(intentOf(await world.play(cloning, first.status))).toEqual({ action: 'clone', sentAt: at(0), attempt: 1 });
  });

  describe('of several clone calls without an answer the newest is remembered', () => {
    const FIRST = { action: 'clone', sentAt: at(-9), attempt: 1 };

    test('while the next one is on its way', async () => {
      world.act = () => new UnknownOutcomeError('No answer.');
      const { status } = await world.play(cloning, started({}, { intent: FIRST }));
      expect(status).toMatchObject({ cloneUnansweredAt: at(-9), operation: { intent: { sentAt: at(0), attempt: 2 } } });
    });

    test('when another call takes the place of the intent', async () => {
      const machine = defineMachine('deploy', 'creation', { clone: doing('x', { kind: 'createCredentials' }) });
      const { status } = await world.play(machine, started({}, { intent: FIRST }));
      expect(status.cloneUnansweredAt).toBe(at(-9));
    });

    test('unless it was answered before the next one was sent', async () => {
      world.act = () => new UnknownOutcomeError('No answer.');
      const { status } = await world.play(cloning, started({}, { intent: { ...FIRST, answered: true } }));
      expect(status).not.toHaveProperty('cloneUnansweredAt');
    });

    test('after the step and the run, when the last one was answered, only those before it', async () => {
      world.lines = { cloning: 'done' };
      const operation = { intent: { ...FIRST, answered: true } };
      const { status } = await world.play(cloning, started({ cloneUnansweredAt: at(-20) }, operation));
      expect(status.cloneUnansweredAt).toBe(at(-20));
    });

    test('after the step and the run: either may have made the VM, the other may still come', async () => {
      world.lines = { cloning: 'done' };
      const { status } = await world.play(cloning, started({ cloneUnansweredAt: at(-20) }, { intent: FIRST }));
      expect(status.cloneUnansweredAt).toBe(at(-9));
    });

    test('a single one has made the VM that is there', async () => {
      world.lines = { cloning: 'done' };
      const { status } = await world.play(cloning, started({}, { intent: FIRST }));
      expect(status).not.toHaveProperty('cloneUnansweredAt');
    });
  });

  test('a step that is done has no intent any more', async () => {
    world.lines = { cloning: 'done' };
    const status = started({}, { intent: { action: 'clone', sentAt: at(-1), attempt: 1 } });
    expect(intentOf(await world.play(cloning, status))).toBeUndefined();
  });

  test.each<{ action: Action; saves: boolean; marked: boolean }>([
    { action: { kind: 'createCredentials' }, saves: true, marked: true },
    { action: { kind: 'migrate', target: 'pve2' }, saves: false, marked: true },
    { action: { kind: 'start' }, saves: false, marked: true },
    { action: { kind: 'destroy' }, saves: true, marked: true },
    { action: { kind: 'destroyDisk', disk: 'scsi1', volume: 'local-lvm:vm-1-disk-1' }, saves: true, marked: true },
    { action: { kind: 'deleteSnapshot', name: 'before' }, saves: true, marked: true },
    { action: { kind: 'releaseReservations' }, saves: true, marked: true },
    { action: { kind: 'shutdown', graceSeconds: 60 }, saves: true, marked: true },
    { action: { kind: 'stop' }, saves: true, marked: true },
    { action: { kind: 'reboot', graceSeconds: 60 }, saves: true, marked: true },
    { action: { kind: 'resizeDisk', disk: 'scsi0', sizeGiB: 1 }, saves: false, marked: false },
  ])('$action.kind: durable $saves, marked $marked', async ({ action, saves, marked }) => {
    world.act = () => new UnknownOutcomeError('No answer.');
    const result = await world.play(defineMachine('deploy', 'creation', { clone: doing('x', action) }));
    expect(world.log.includes('save')).toBe(saves);
    expect(intentOf(result)?.action).toBe(marked ? action.kind : undefined);
  });
});

describe('tasks', () => {
  const machine = defineMachine('deploy', 'creation', { clone: doing('cloning', CLONE), ready: done('last') });
  const running = (operation: object = {}) =>
    started({}, { taskID: UPID, intent: { action: 'clone', sentAt: at(-9), attempt: 1 }, ...operation });

  test('while one runs nothing is looked at and nothing is sent', async () => {
    world.taskView = { kind: 'running' };
    const result = await world.play(machine, running());
    expect(world.log).toEqual(['cloning: WaitingForTask']);
    expect(result).toMatchObject({
      trouble: { class: 'waiting', message: 'Do cloning is under way: a task runs in Proxmox VE.' },
      requeue: { kind: 'after', ms: 5_000 },
    });
    expect(result.status.operation?.taskID).toBe(UPID);
  });

  test('one that ended is forgotten, and what it did is looked at', async () => {
    world.lines = { cloning: 'done' };
    const result = await world.play(machine, running());
    expect(result).toMatchObject({ complete: true });
    expect(result.status.operation?.taskID).toBeUndefined();
  });

  test('one that failed is the trouble of the step that waits for it; its clone is not on its way any more', async () => {
    world.taskView = { kind: 'failed', failure: new TransientError('No space.', { reason: 'TaskFailed' }) };
    const result = await world.play(machine, running());
    expect(result).toMatchObject({ current: { step: { id: 'cloning' } }, trouble: { reason: 'TaskFailed' } });
    expect(result.status.operation).not.toHaveProperty('taskID');
    expect(result.status.operation).not.toHaveProperty('intent');
    expect(world.effects()).toEqual([]);
  });

  test('a failed migration keeps its intent: it tells what was tried', async () => {
    world.taskView = { kind: 'failed', failure: new TransientError('Aborted.', { reason: 'TaskFailed' }) };
    const result = await world.play(machine, running({ intent: { action: 'migrate', sentAt: at(-9), attempt: 1 } }));
    expect(result.status.operation?.intent?.action).toBe('migrate');
  });

  test('after a failed task the password is handed over again: the task may have been the one that carried it', async () => {
    world.taskView = { kind: 'failed', failure: new TransientError('Failed.', { reason: 'TaskFailed' }) };
    const result = await world.play(machine, running({ passwordHandedOver: true }));
    expect(result.status.operation).not.toHaveProperty('passwordHandedOver');
  });

  test('of many tasks the newest are kept', async () => {
    world.act = () => ({ kind: 'task', upid: UPID });
    const taskIDs = Array.from({ length: 64 }, (_, index) => `UPID:${index}`);
    const result = await world.play(machine, started({}, { taskIDs }));
    expect(result.status.operation?.taskIDs).toHaveLength(64);
    expect(result.status.operation?.taskIDs?.at(-1)).toBe(UPID);
    expect(result.status.operation?.taskIDs?.[0]).toBe('UPID:1');
  });
});

describe('a task that fails again and again', () => {
  const machine = defineMachine('deploy', 'creation', { clone: doing('cloning', CLONE), ready: done('last') });

  test.each([
    { failed: undefined, ms: 2_000 },
    { failed: 1, ms: 4_000 },
    { failed: 4, ms: 32_000 },
    { failed: 20, ms: 300_000 },
  ])('is sent again after $ms ms when $failed have failed before', async ({ failed, ms }) => {
    world.taskView = { kind: 'failed', failure: new TransientError('No space.', { reason: 'TaskFailed' }) };
    const intent = { action: 'clone', sentAt: at(-9), attempt: 1 };
    const result = await world.play(machine, started({}, { taskID: UPID, intent, failedTasks: failed }));
    expect(result.trouble?.requeue).toEqual({ kind: 'after', ms });
    expect(result.requeue).toEqual({ kind: 'after', ms });
  });

  test('is forgotten when its step is done', async () => {
    world.lines = { cloning: 'done' };
    const result = await world.play(machine, started({}, { failedTasks: 3 }));
    expect(result.status.operation).not.toHaveProperty('failedTasks');
  });
});
