// What the engine learns from tasks that failed, from effects that are had once, and from steps that changed nothing.
import { beforeEach, describe, expect, test } from 'vitest';
import { aStep, doing, done, PlayedWorld, started, wanting } from '../../test/builders/played-machine.ts';
import { at } from '../../test/builders/facts.ts';
import { TransientError } from '../errors.ts';
import type { Advance, ActionResult } from './advance.ts';
import {
  type Action,
  defineMachine,
  definePrefixedMachine,
  defineStatelessMachine,
  type Verdict,
} from './vocabulary.ts';

const UPID = 'UPID:pve1:00000001:00000001:65000000:resize:2000:op@pve!k8s:';
const TASK: ActionResult = { kind: 'task', upid: UPID };
const RESIZE: Action = { kind: 'resizeDisk', disk: 'scsi0', sizeGiB: 20 };

let world: PlayedWorld;
beforeEach(() => {
  world = new PlayedWorld();
});

const results = ({ status }: Advance) =>
  (status.operation?.steps ?? []).map(({ result, message }) => [result, message]);

describe('a failed task', () => {
  const failure = new TransientError('It says no.', { reason: 'TaskFailed' });
  const learned = { blockedBySnapshots: true };

  /** Grows the disk; once it knows of snapshots it says so and lets it be. */
  const growing = defineStatelessMachine('grow', 'ready', [
    aStep('growing', ({ status }): Verdict =>
      status.operation?.blockedBySnapshots === true
        ? { kind: 'skip', why: 'there are snapshots' }
        : { kind: 'act', action: RESIZE, why: 'too small' },
    ),
  ]);
  const waiting = (operation: object = {}) =>
    started({ state: 'ready' }, { machine: 'grow', step: 'growing', taskID: UPID, changed: ['growing'], ...operation });

  test('that teaches something is no failure: the step goes about it in another way, in the same pass', async () => {
    world.taskView = { kind: 'failed', failure, learned };
    const result = await world.play(growing, waiting());
    expect(result.complete).toBe(true);
    expect(results(result)).toEqual([['Skipped', 'there are snapshots']]);
  });

  test('that teaches nothing new is a failure', async () => {
    world.taskView = { kind: 'failed', failure, learned };
    const result = await world.play(growing, waiting(learned));
    expect(result.trouble).toMatchObject({ class: 'transient', reason: 'TaskFailed' });
  });

  test('what a step has learned is forgotten when it is done', async () => {
    world.taskView = { kind: 'failed', failure, learned };
    const result = await world.play(growing, waiting());
    expect(result.status.operation?.blockedBySnapshots).toBeUndefined();
  });

  test.each([
    { action: 'start', tolerated: false },
    { action: 'reboot', tolerated: false },
    { action: 'reset', tolerated: false },
    { action: 'shutdown', tolerated: true },
    { action: 'stop', tolerated: true },
  ])('of $action is told: $tolerated', async ({ action, tolerated }) => {
    world.taskView = { kind: 'failed', failure };
    world.act = () => TASK;
    const step = doing('power', { kind: 'start' });
    const machine = defineStatelessMachine('power', 'ready', [step]);
    const intent = { action, sentAt: at(-5), attempt: 1 };
    const status = started({ state: 'ready' }, { machine: 'power', step: 'power', taskID: 'UPID:old', intent });
    const result = await world.play(machine, status);
    expect(result.trouble?.reason).toBe(tolerated ? 'WaitingForTask' : 'TaskFailed');
    if (!tolerated) expect(result.status.operation).toMatchObject({ intent: { action, failed: true } });
    expect(result.status.operation?.taskID).toBe(tolerated ? UPID : undefined);
  });
});

describe('effects that are had once a run', () => {
  const removing = defineStatelessMachine('remove', 'terminate', [
    aStep('removing', ({ status }) =>
      status.operation?.tried?.includes('removeBackups') === true
        ? { kind: 'done' }
        : { kind: 'act', action: { kind: 'removeBackups' }, why: 'not yet' },
    ),
  ]);

  test('are remembered when they were had', async () => {
    const result = await world.play(removing);
    expect(result.complete).toBe(true);
    expect(world.effects()).toEqual(['removeBackups']);
    expect(result.status.operation?.tried).toEqual(['removeBackups']);
  });

  test('are tried again when they were not', async () => {
    world.act = () => new TransientError('Not now.');
    const failed = await world.play(removing);
    expect(failed.status.operation?.tried).toBeUndefined();
    world.act = () => ({ kind: 'done' });
    expect((await world.play(removing, failed.status)).complete).toBe(true);
    expect(world.effects()).toEqual(['removeBackups', 'removeBackups']);
  });
});

describe('a machine that compares', () => {
  const comparing = (compares: boolean) =>
    defineMachine(
      'change',
      'change_package',
      { cp_cpu_ram: wanting('cpu', { cores: '2' }), ready: done('ready') },
      { compares },
    );

  test.each([
    {
      name: 'says that nothing changed',
      compares: true,
      lines: { cores: '2' },
      want: [
        ['Skipped', 'no change'],
        ['Skipped', 'no change'],
      ],
    },
    {
      name: 'says what changed, and why',
      compares: true,
      lines: {},
      want: [
        ['Succeeded', 'differs'],
        ['Skipped', 'no change'],
      ],
    },
    {
      name: 'one that does not has done it all',
      compares: false,
      lines: { cores: '2' },
      want: [
        ['Succeeded', undefined],
        ['Succeeded', undefined],
      ],
    },
  ])('$name', async ({ compares, lines, want }) => {
    world.lines = { ...lines } as Record<string, string>;
    const result = await world.play(comparing(compares), started({ state: 'change_package' }, { machine: 'change' }));
    expect(results(result)).toEqual(want);
  });

  test('a step that changed something in an earlier pass has changed something', async () => {
    world.lines = { cores: '2' };
    const status = started({ state: 'change_package' }, { machine: 'change', changed: ['cpu'] });
    expect(results(await world.play(comparing(true), status))[0]).toEqual(['Succeeded', undefined]);
  });

  test('a step that went along with another has changed something too', async () => {
    const machine = defineMachine(
      'change',
      'change_package',
      { cp_cpu_ram: wanting('cpu', { cores: '2' }), cp_network: wanting('net', { net0: 'x' }), ready: done('ready') },
      { compares: true },
    );
    const result = await world.play(machine, started({ state: 'change_package' }, { machine: 'change' }));
    expect(world.effects()).toEqual(['configure cores+net0']);
    expect(results(result).map(([kind]) => kind)).toEqual(['Succeeded', 'Succeeded', 'Skipped']);
  });
});

describe('a machine with a prefix', () => {
  const clone: Action = { kind: 'clone', template: { node: 'pve1', vmid: 9000 }, vmid: 2000, name: 'web', full: false };
  const then = defineMachine('deploy', 'creation', { clone: doing('cloning', clone), ready: done('verify') });
  const machine = definePrefixedMachine('reinstall', 'reinstall', [doing('destroying', { kind: 'destroy' })], then);
  const play = (status = started({ state: 'reinstall' }, { machine: 'reinstall' })) => world.play(machine, status);

  test('looks at the prefix in every pass until it is behind it', async () => {
    world.act = ({ kind }) => {
      if (kind === 'destroy') world.lines['destroying'] = 'done';
      return kind === 'clone' ? TASK : { kind: 'done' };
    };
    const first = await play();
    expect(first.status.state).toBe('reinstall');
    expect(world.effects()).toEqual(['save', 'destroy', 'save', 'clone']);
    world.lines['cloning'] = 'done';
    const second = await play(first.status);
    expect(second.complete).toBe(true);
    expect(world.effects()).toHaveLength(4);
  });

  test('does not come back to the prefix afterwards, whatever it would say', async () => {
    const result = await play(started({ state: 'clone' }, { machine: 'reinstall' }));
    expect(result.complete).toBe(true);
    expect(world.effects()).toEqual([]);
  });
});

describe('what a step notes', () => {
  test('of its operation is kept for the passes to come', async () => {
    const step = aStep('stopping', () => ({
      kind: 'skip',
      why: 'stopped',
      note: { operation: { powerBefore: 'Stopped' } },
    }));
    const result = await world.play(defineMachine('change', 'change_package', { cp_stop: step }), started());
    expect(result.status.operation?.powerBefore).toBe('Stopped');
  });

  test('with a change of the configuration is durable before the change', async () => {
    const step = aStep('creating', ({ observed }) =>
      observed?.kind === 'ours' && observed.config.has('scsi1')
        ? { kind: 'done' }
        : {
            kind: 'act',
            action: { kind: 'configure', set: { scsi1: 'local:5' } },
            why: 'missing',
            note: { status: { disks: { additional: 'scsi1' } } },
          },
    );
    const result = await world.play(defineMachine('deploy', 'creation', { ready: step }));
    expect(world.effects()).toEqual(['save', 'configure scsi1']);
    expect(world.saved[0]?.disks).toEqual({ additional: 'scsi1' });
    expect(result.complete).toBe(true);
  });

  test('a change without a note needs no such record', async () => {
    await world.play(defineMachine('deploy', 'creation', { ready: wanting('cpu', { cores: '2' }) }));
    expect(world.effects()).toEqual(['configure cores']);
  });
});
