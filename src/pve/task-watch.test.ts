// Tests for the task watch's one poll.
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TaskState, TaskSummary } from './answer-types.ts';
import { PveError } from './errors.ts';
import { createTaskWatch, type WatchedState } from './task-watch.ts';
import { virtualClock } from './testing/virtual-clock.ts';
import { printUpid, type Upid } from './upid.ts';

const upidOf = (pid: number): Upid =>
  printUpid({
    node: 'pve1',
    pid,
    pstart: 1,
    startTime: 1,
    type: 'qmclone',
    id: '9000',
    user: 'op@pve',
    tokenId: 'k8s',
  });
const upid = upidOf(1);
const other = upidOf(2);

function scene() {
  const clock = virtualClock();
  const listed = new Map<Upid, TaskState>();
  const single = new Map<Upid, TaskState | Error>();
  const calls = { list: 0, single: 0, log: 0 };
  let listFailure: Error | undefined;
  const watch = createTaskWatch({
    clock,
    api: {
      clusterTasks: async () => {
        calls.list += 1;
        if (listFailure !== undefined) throw listFailure;
        return [...listed].map(([key, state]): TaskSummary => ({
          upid: key,
          node: 'pve1',
          type: 'qmclone',
          id: '9000',
          startTime: 1,
          state,
        }));
      },
      taskStatus: async (key) => {
        calls.single += 1;
        const state = single.get(key) ?? { state: 'running' };
        if (state instanceof Error) throw state;
        return state;
      },
      taskLog: async () => {
        calls.log += 1;
        return ['line', 'TASK ERROR: x'];
      },
    },
  });
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  watch.start(abort.signal);
  const ends: WatchedState[] = [];
  const onEnd = (end: WatchedState): void => void ends.push(end);
  const failList = (error: Error | undefined): void => {
    listFailure = error;
  };
  return { clock, listed, single, calls, watch, ends, onEnd, abort, failList };
}

const running: TaskState = { state: 'running' };
const ok: TaskState = { state: 'ok', warnings: 0 };
const failed: TaskState = { state: 'failed', exitstatus: 'x' };

describe('polling', () => {
  it('does nothing while nothing is watched', async () => {
    const { clock, calls } = scene();
    await clock.advance(600_000);
    expect(calls.list).toBe(0);
  });

  it('is quick at first and slower later', async () => {
    const { clock, calls, watch, listed, onEnd } = scene();
    await clock.advance(0);
    listed.set(upid, running);
    watch.watch(upid, onEnd);
    await clock.advance(3_000);
    expect(calls.list).toBe(29);
    await clock.advance(12_000);
    expect(calls.list).toBeGreaterThanOrEqual(29 + 23);
    expect(calls.list).toBeLessThanOrEqual(29 + 25);
    const before = calls.list;
    await clock.advance(45_000);
    expect(calls.list - before).toBeLessThanOrEqual(46);
    const later = calls.list;
    await clock.advance(60_000);
    expect(calls.list - later).toBeLessThanOrEqual(31);
  });

  it('tells why tasks cannot be seen, until they can be or none is of interest', async () => {
    const { clock, watch, listed, onEnd, failList } = scene();
    expect(watch.failure).toBeUndefined();
    const refused = new PveError({ kind: 'unreachable', call: 'GET /cluster/tasks', detail: 'refused' });
    failList(refused);
    listed.set(upid, running);
    watch.watch(upid, onEnd);
    await clock.advance(1_000);
    expect(watch.failure).toBe(refused);
    failList(undefined);
    await clock.advance(3_000);
    expect(watch.failure).toBeUndefined();
    failList(refused);
    listed.set(upid, ok);
    await clock.advance(3_000);
    expect(watch.failure).toBe(refused);
    failList(undefined);
    await clock.advance(10_000);
    expect(watch.failure).toBeUndefined();
  });

  it('is one for many tasks, and many new ones do not keep it from happening', async () => {
    const { clock, calls, watch, listed, onEnd } = scene();
    for (let pid = 1; pid <= 100; pid += 1) {
      listed.set(upidOf(pid), running);
      watch.watch(upidOf(pid), onEnd);
      await clock.advance(20);
    }
    expect(calls.list).toBeGreaterThanOrEqual(18);
    expect(calls.list).toBeLessThanOrEqual(20);
    expect(calls.single).toBe(0);
  });

  it('wakes for a new task while it rests for an old one', async () => {
    const { clock, watch, listed, ends, onEnd } = scene();
    listed.set(upid, running);
    watch.watch(upid, onEnd);
    await clock.advance(90_000);
    listed.set(other, ok);
    watch.watch(other, onEnd);
    await clock.advance(150);
    expect(ends).toEqual([ok]);
  });

  it('stops when nothing is left', async () => {
    const { clock, calls, watch, listed, onEnd } = scene();
    listed.set(upid, ok);
    watch.watch(upid, onEnd);
    await clock.advance(1_000);
    const { list } = calls;
    await clock.advance(60_000);
    expect(calls.list).toBe(list);
  });

  it('ends with the signal', async () => {
    const { clock, calls, watch, listed, onEnd, abort } = scene();
    listed.set(upid, running);
    watch.watch(upid, onEnd);
    await clock.advance(1_000);
    abort.abort();
    const { list } = calls;
    await clock.advance(60_000);
    expect(calls.list).toBe(list);
    expect(clock.sleepers).toBe(0);
  });

  it('goes on after the list could not be read', async () => {
    const { clock, calls, watch, listed, ends, onEnd, failList } = scene();
    failList(new PveError({ kind: 'unreachable', call: 'x', detail: 'x' }));
    watch.watch(upid, onEnd);
    await clock.advance(60_000);
    expect(calls.list).toBeLessThanOrEqual(31);
    failList(undefined);
    listed.set(upid, ok);
    await clock.advance(2_000);
    expect(ends).toEqual([ok]);
  });
});

describe('a rejected token', () => {
  it('is not tried again and again', async () => {
    const { clock, calls, watch, onEnd, failList } = scene();
    failList(new PveError({ kind: 'unauthorized', call: 'x', detail: 'x' }));
    watch.watch(upid, onEnd);
    await clock.advance(60_000);
    expect(calls.list).toBeLessThanOrEqual(3);
  });
});

describe('ends', () => {
  it('calls a watcher that asked several times once, with its last callback', async () => {
    const { clock, watch, listed, ends, onEnd } = scene();
    listed.set(upid, running);
    watch.watch(upid, () => ends.push({ state: 'failed', exitstatus: 'an old callback' }), 'vm-1');
    await clock.advance(1_000);
    watch.watch(upid, onEnd, 'vm-1');
    watch.watch(upid, onEnd, 'vm-2');
    listed.set(upid, ok);
    await clock.advance(1_000);
    expect(ends).toEqual([ok, ok]);
  });

  it('calls back once, every listener, and remembers', async () => {
    const { clock, watch, listed, ends, onEnd } = scene();
    listed.set(upid, running);
    watch.watch(upid, onEnd);
    watch.watch(upid, () => {
      throw new Error('broken listener');
    });
    watch.watch(upid, onEnd);
    await clock.advance(1_000);
    expect(ends).toEqual([]);
    expect(watch.state(upid)).toEqual(running);
    listed.set(upid, { state: 'ok', warnings: 3 });
    await clock.advance(1_000);
    expect(ends).toEqual([
      { state: 'ok', warnings: 3 },
      { state: 'ok', warnings: 3 },
    ]);
    expect(watch.state(upid)).toEqual({ state: 'ok', warnings: 3 });
  });

  it('calls back at once for a task that is known to have ended', async () => {
    const { clock, calls, watch, listed, ends, onEnd } = scene();
    listed.set(upid, ok);
    watch.watch(upid, () => undefined);
    await clock.advance(1_000);
    const { list } = calls;
    watch.watch(upid, onEnd);
    await clock.advance(0);
    expect(ends).toEqual([ok]);
    expect(calls.list).toBe(list);
  });

  it('fetches the log once, and only of a task that failed', async () => {
    const { clock, calls, watch, listed, ends, onEnd } = scene();
    listed.set(upid, failed).set(other, ok);
    watch.watch(upid, onEnd);
    watch.watch(upid, onEnd);
    watch.watch(other, () => undefined);
    await clock.advance(5_000);
    const want = { ...failed, logTail: ['line', 'TASK ERROR: x'] };
    expect(ends).toEqual([want, want]);
    expect(watch.state(upid)).toEqual(want);
    expect(calls.log).toBe(1);
  });

  it('knows nothing of a stranger', () => {
    expect(scene().watch.state(upid)).toBeUndefined();
  });
});

describe('a task that is not in the list', () => {
  it('is asked for on its own, once in a second', async () => {
    const { clock, calls, watch, single, ends, onEnd } = scene();
    watch.watch(upid, onEnd);
    await clock.advance(350);
    expect(calls.single).toBe(0);
    await clock.advance(100);
    expect(calls.single).toBe(1);
    await clock.advance(4_200);
    expect(calls.single).toBeGreaterThanOrEqual(3);
    expect(calls.single).toBeLessThanOrEqual(5);
    single.set(upid, ok);
    await clock.advance(2_000);
    expect(ends).toEqual([ok]);
  });

  it('is asked for at once when it was there before: running tasks are always listed', async () => {
    const { clock, watch, single, listed, ends, onEnd } = scene();
    listed.set(upid, running);
    watch.watch(upid, onEnd);
    await clock.advance(2_000);
    listed.delete(upid);
    single.set(upid, ok);
    await clock.advance(150);
    expect(ends).toEqual([ok]);
  });

  it('is asked for rarely while its node is away, and does not hold up others', async () => {
    const { clock, calls, watch, single, listed, ends, onEnd } = scene();
    single.set(upid, new PveError({ kind: 'unreachable', call: 'x', detail: 'x' }));
    watch.watch(upid, onEnd);
    await clock.advance(20_000);
    expect(calls.single).toBeLessThanOrEqual(5);
    listed.set(other, ok);
    watch.watch(other, onEnd);
    await clock.advance(1_000);
    expect(ends).toEqual([ok]);
  });

  it('has an unknown end when its node has forgotten it', async () => {
    const { clock, watch, single, ends, onEnd } = scene();
    single.set(upid, new PveError({ kind: 'not-found', call: 'x', detail: 'no such task' }));
    watch.watch(upid, onEnd);
    await clock.advance(2_000);
    expect(ends).toMatchObject([{ state: 'failed', exitstatus: 'unexpected status' }]);
  });
});
