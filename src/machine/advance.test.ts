// The engine: order, records and batches, with steps and a world that exist only in the test.
import { beforeEach, describe, expect, test } from 'vitest';
import { at, NOW } from '../../test/builders/facts.ts';
import { aStep, doing, done, PlayedWorld, started, wanting } from '../../test/builders/played-machine.ts';
import { StalledError, TransientError } from '../errors.ts';
import { type Advance, advance } from './advance.ts';
import { type Action, defineMachine, defineStatelessMachine, type Verdict } from './vocabulary.ts';

const UPID = 'UPID:pve1:00000001:00000001:65000000:qmclone:9000:op@pve!k8s:';
const CLONE: Action = { kind: 'clone', template: { node: 'pve1', vmid: 9000 }, vmid: 2000, name: 'web', full: false };

let world: PlayedWorld;
beforeEach(() => {
  world = new PlayedWorld();
});

const records = ({ status }: Advance) =>
  status.operation?.steps?.map(({ number, name, result, from, to }) => `${number} ${name} ${result} ${from}→${to}`);

describe('the way through a machine', () => {
  const machine = defineMachine('deploy', 'creation', {
    set_ip: done('first', { status: { node: 'pve1' } }),
    clone: aStep('second', () => ({ kind: 'skip', why: 'nothing to do' })),
    ready: done('third', { status: { vmid: 2000 } }),
  });

  test('goes in order to the end, and each step leaves its state, its record and what it learned', async () => {
    const result = await world.play(machine);
    expect(result).toMatchObject({ complete: true, requeue: { kind: 'done' }, notes: [] });
    expect(result.status).toMatchObject({ state: 'ready', node: 'pve1', vmid: 2000 });
    expect(records(result)).toEqual([
      '1 Do first Succeeded creation→set_ip',
      '2 Do second Skipped set_ip→clone',
      '3 Do third Succeeded clone→ready',
    ]);
    expect(result.status.operation?.steps?.[1]?.message).toBe('nothing to do');
    expect(world.log).toEqual(['first: recorded', 'second: recorded', 'third: recorded']);
  });

  test.each([
    { state: 'creation', rest: ['first', 'second', 'third'] },
    { state: 'set_ip', rest: ['second', 'third'] },
    { state: 'clone', rest: ['third'] },
    { state: 'ready', rest: [] },
    { state: undefined, rest: ['first', 'second', 'third'] },
  ] as const)('resumes behind $state', async ({ state, rest }) => {
    await world.play(machine, started({ state }));
    expect(world.log).toEqual(rest.map((id) => `${id}: recorded`));
  });

  test('a machine without states of its own begins anew, and its records replace those of the pass before', async () => {
    const anew = defineStatelessMachine('terminate', 'terminate', [done('stop'), done('destroy')]);
    const first = await world.play(anew, started({ state: 'terminate' }));
    const second = await world.play(anew, first.status);
    expect(records(second)).toEqual([
      '1 Do stop Succeeded terminate→terminate',
      '2 Do destroy Succeeded terminate→terminate',
    ]);
  });

  test('the time that a step took is counted from its beginning, over passes', async () => {
    const waiting = defineMachine('deploy', 'creation', {
      set_ip: aStep('slow', (facts) =>
        facts.now === NOW
          ? { kind: 'wait', reason: 'WaitingForLock', message: 'Locked.', afterMs: 10 }
          : { kind: 'done' },
      ),
    });
    const first = await world.play(waiting);
    world.now += 4_000;
    const second = await world.play(waiting, first.status);
    expect(second.status.operation?.steps).toMatchObject([{ startedAt: at(0), durationMs: 4_000 }]);
  });
});

describe('what ends a pass', () => {
  const stopping = (verdict: Verdict) =>
    defineMachine('deploy', 'creation', { set_ip: done('first'), clone: aStep('second', () => verdict) });

  test.each<{ name: string; verdict: Verdict; want: object }>([
    {
      name: 'waiting',
      verdict: { kind: 'wait', reason: 'WaitingForLock', message: 'Locked.', afterMs: 7 },
      want: {
        trouble: { class: 'waiting', reason: 'WaitingForLock', message: 'Locked.' },
        requeue: { kind: 'after', ms: 7 },
      },
    },
    {
      name: 'standing still',
      verdict: { kind: 'stall', reason: 'PoolEmpty', message: 'Empty.' },
      want: { trouble: { class: 'stalled', reason: 'PoolEmpty' }, requeue: { kind: 'after', ms: 600_000 } },
    },
  ])('$name: what was done before stays', async ({ verdict, want }) => {
    const result = await world.play(stopping(verdict));
    expect(result).toMatchObject({ complete: false, current: { step: { id: 'second' } }, ...want });
    expect(result.status).toMatchObject({ state: 'set_ip', operation: { step: 'second', stepStartedAt: at(0) } });
    expect(world.log.at(-1)).toBe(`second: ${result.trouble?.reason}`);
  });

  test('facts that cannot be gathered', async () => {
    const machine = stopping({ kind: 'done' });
    const result = await advance(machine, started(), {
      facts: () => Promise.reject(new TransientError('No answer.', { reason: 'ClusterUnreachable' })),
      perform: (action, facts) => world.perform(action, facts),
      task: async () => world.taskView,
      save: async () => undefined,
      now: () => world.now,
    });
    expect(result).toMatchObject({
      trouble: { class: 'transient', reason: 'ClusterUnreachable' },
      requeue: { kind: 'retry' },
    });
    expect(result.current?.step.id).toBe('first');
  });

  test('an error that nobody knows is a defect, and is handed over for the log', async () => {
    const broken = new RangeError('never');
    const machine = defineMachine('deploy', 'creation', {
      set_ip: aStep('broken', () => {
        throw broken;
      }),
    });
    const result = await world.play(machine);
    expect(result.trouble).toMatchObject({ class: 'defect', reason: 'InternalError' });
    expect(result.trouble?.message).not.toContain('never');
    expect(result.cause).toBe(broken);
  });

  test('a step that is never satisfied does not go round for ever', async () => {
    const machine = defineMachine('deploy', 'creation', { set_ip: doing('stubborn', { kind: 'publishDns' }) });
    const result = await world.play(machine);
    expect(result.trouble).toMatchObject({ class: 'transient', reason: 'Retrying' });
    expect(world.effects()).toHaveLength(12);
  });

  test('many actions of one step are no loop as long as the step ends', async () => {
    let left = 12;
    const machine = defineMachine('deploy', 'creation', {
      set_ip: aStep('busy', () =>
        left === 0 ? { kind: 'done' } : { kind: 'act', action: { kind: 'createIpset', name: 's' }, why: '' },
      ),
      clone: doing('after', { kind: 'publishDns' }),
    });
    world.act = (action) => {
      if (action.kind === 'createIpset') left -= 1;
      else world.lines['after'] = 'done';
      return { kind: 'done' };
    };
    expect(await world.play(machine)).toMatchObject({ complete: true });
  });
});

describe('joint changes', () => {
  const three = defineMachine('deploy', 'creation', {
    set_ip: wanting('a', { cores: '2' }),
    clone: wanting('b', { memory: '4096' }),
    set_dns: wanting('c', { net0: 'virtio' }),
  });

  test('neighbouring changes go in one call, and every step is recorded in its turn', async () => {
    const result = await world.play(three);
    expect(world.effects()).toEqual(['configure cores+memory+net0']);
    expect(records(result)).toEqual([
      '1 Do a Succeeded creation→set_ip',
      '2 Do b Succeeded set_ip→clone',
      '3 Do c Succeeded clone→set_dns',
    ]);
  });

  test('steps in between that cannot join do not keep others from joining', async () => {
    const machine = defineMachine('deploy', 'creation', {
      set_ip: wanting('a', { cores: '2' }),
      clone: wanting('alone', { scsi0: 'x' }, { batchable: false }),
      set_dns: wanting('c', { net0: 'virtio' }),
    });
    await world.play(machine);
    expect(world.effects()).toEqual(['configure cores+net0', 'configure scsi0']);
  });

  test('a step that cannot join takes no other along', async () => {
    const machine = defineMachine('deploy', 'creation', {
      set_ip: wanting('alone', { scsi0: 'x' }, { batchable: false }),
      clone: wanting('b', { memory: '1' }),
    });
    await world.play(machine);
    expect(world.effects()).toEqual(['configure scsi0', 'configure memory']);
  });

  test('two steps that touch one key go one after the other', async () => {
    const machine = defineMachine('deploy', 'creation', {
      set_ip: wanting('a', { scsi1: 'new' }),
      clone: aStep(
        'b',
        ({ observed }) =>
          observed?.kind === 'ours' && observed.config.get('scsi1') === 'limited'
            ? { kind: 'done' }
            : { kind: 'act', action: { kind: 'configure', set: { scsi1: 'limited' } }, why: '' },
        { batchable: true },
      ),
    });
    await world.play(machine);
    expect(world.effects()).toEqual(['configure scsi1', 'configure scsi1']);
  });

  test('the facts of all steps that may join are gathered with the first', async () => {
    const machine = defineMachine('deploy', 'creation', {
      set_ip: wanting('a', { cores: '2' }),
      clone: wanting('b', { memory: '1' }, { needs: () => ['observed', 'credentials'] }),
    });
    await world.play(machine);
    expect(world.log[0]).toBe('look observed+credentials');
  });

  test('after a refusal what it left is reverted, and the changes go one by one, so that the culprit has a name', async () => {
    world.refused = (keys) => keys.includes('memory');
    const first = await world.play(three);
    expect(world.effects()).toEqual([
      'configure cores+memory+net0',
      'save',
      'revert cores+memory+net0',
      'configure cores',
      'configure memory',
      'save',
      'revert memory',
    ]);
    expect(first).toMatchObject({
      current: { step: { id: 'b' } },
      trouble: { class: 'stalled', message: 'No such key.' },
    });
    expect(first.status).toMatchObject({ state: 'set_ip', operation: { separately: true } });

    world.log = [];
    world.refused = () => false;
    expect(await world.play(three, first.status)).toMatchObject({ complete: true });
    expect(world.effects()).toEqual(['configure memory', 'configure net0']);
  });

  test('one change that is refused is not sent twice', async () => {
    world.refused = () => true;
    const machine = defineMachine('deploy', 'creation', { set_ip: wanting('a', { cores: '2' }) });
    const result = await world.play(machine);
    expect(world.effects()).toEqual(['configure cores', 'save', 'revert cores']);
    expect(result.trouble).toMatchObject({ class: 'stalled', reason: 'Refused' });
    expect(result.status.operation?.separately).toBeUndefined();
  });

  test('a joint change that fails in its task is taken back before anything is compared, and goes on one by one', async () => {
    world.act = ({ kind }) => (kind === 'configure' ? { kind: 'task', upid: 'UPID:config' } : { kind: 'done' });
    const sent = await world.play(three);
    expect(sent.status.operation).toMatchObject({ taskID: 'UPID:config', revert: ['cores', 'memory', 'net0'] });

    world.taskView = { kind: 'failed', failure: new StalledError('TaskFailed', 'No.') };
    const failed = await world.play(three, sent.status);
    expect(failed.status.operation).toMatchObject({ revert: ['cores', 'memory', 'net0'], separately: true });

    world.log = [];
    world.lines = {};
    world.act = () => ({ kind: 'done' });
    expect(await world.play(three, failed.status)).toMatchObject({ complete: true });
    expect(world.effects().slice(0, 2)).toEqual(['revert cores+memory+net0', 'configure cores']);
  });

  test('a refusal whose remains could not be taken back is taken back first in the next pass', async () => {
    const left = started();
    left.operation = { ...left.operation!, revert: ['memory'], separately: true };
    expect(await world.play(three, left)).toMatchObject({ complete: true });
    expect(world.effects()[0]).toBe('revert memory');
  });
});

describe('what steps and actions leave in the status', () => {
  test('notes of the passed steps are all kept, those of a step that does not come to its end too', async () => {
    const machine = defineMachine('deploy', 'creation', {
      set_ip: done('a', { conditions: [{ type: 'FirewallInactive' }] }),
      clone: aStep('b', () => ({
        kind: 'act',
        action: { kind: 'start' },
        why: '',
        note: { status: { node: 'pve2' }, conditions: [{ type: 'LeftBehind', reason: 'CloneBroken' }] },
      })),
    });
    world.act = () => new StalledError('Forbidden', 'No.');
    const result = await world.play(machine);
    expect(result.notes.map(({ type }) => type)).toEqual(['FirewallInactive', 'LeftBehind']);
    expect(result.status.node).toBe('pve2');
  });

  test('what an action answers is merged, also into the operation', async () => {
    const machine = defineMachine('deploy', 'creation', { set_ip: doing('x', { kind: 'publishDns' }) });
    world.act = (_action, { status }) => {
      world.lines['x'] = 'done';
      const operation = { ...status.operation!, passwordHandedOver: true };
      return { kind: 'done', status: { osUser: 'debian', operation } };
    };
    const result = await world.play(machine);
    expect(result.status).toMatchObject({
      osUser: 'debian',
      operation: { passwordHandedOver: true, machine: 'deploy' },
    });
    expect(result.status.operation?.steps).toHaveLength(1);
  });

  test('an action sees the status of this moment, with its own intent', async () => {
    let attempt: number | undefined;
    world.act = (_action, { status }) => {
      attempt = status.operation?.intent?.attempt;
      return { kind: 'task', upid: UPID };
    };
    await world.play(defineMachine('deploy', 'creation', { clone: doing('x', CLONE) }));
    expect(attempt).toBe(1);
  });

  test('a refusal of anything but configuration stands still', async () => {
    world.act = () => ({ kind: 'refused', explanation: { reason: 'NoSpace', message: 'Full.' } });
    const result = await world.play(defineMachine('deploy', 'creation', { clone: doing('x', { kind: 'start' }) }));
    expect(result.trouble).toMatchObject({ class: 'stalled', reason: 'NoSpace' });
  });

  test('a status without an operation is a defect, not a crash', async () => {
    const result = await world.play(defineMachine('deploy', 'creation', { clone: done('x') }), { state: 'creation' });
    expect(result).toMatchObject({ complete: false, trouble: { class: 'defect' } });
  });
});
