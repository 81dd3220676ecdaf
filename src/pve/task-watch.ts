// Answers for when tasks end: one poll per cluster while any is watched, whatever their number.
import type { Clock } from '../clock.ts';
import type { TaskState } from './answer-types.ts';
import type { PveApi } from './client.ts';
import { PveError } from './errors.ts';
import type { PveLog } from './log.ts';
import type { Upid } from './upid.ts';

/** How a task stands or ended; with the last lines of its log when it failed. */
export type WatchedState = TaskState & { readonly logTail?: readonly string[] };

export interface TaskWatch {
  /** Polls whenever tasks are watched, until the signal is aborted. */
  start(signal: AbortSignal): void;
  /**
   * Calls back once, when the task has ended; at once for one that is known to have ended. A watcher that names itself
   * with `key` may ask as often as it likes: its last callback replaces the one before.
   */
  watch(upid: Upid, onEnd: (end: WatchedState) => void, key?: string): void;
  /** What is known of a watched or lately ended task. */
  state(upid: Upid): WatchedState | undefined;
  /** Why the tasks cannot be seen at the moment; undefined when the last poll was good. */
  readonly failure: unknown;
}

/** How long to wait between two polls while the youngest task is younger than this. */
interface TaskDelay {
  readonly underMs: number;
  readonly delayMs: number;
}

export interface TaskWatchOptions {
  readonly api: Pick<PveApi, 'clusterTasks' | 'taskStatus' | 'taskLog'>;
  readonly clock: Clock;
  readonly log?: PveLog;
  readonly delays?: readonly TaskDelay[];
}

// Most tasks of a deploy end within a second or two; a full clone may take an hour.
const DELAYS: readonly TaskDelay[] = [
  { underMs: 3_000, delayMs: 100 },
  { underMs: 15_000, delayMs: 500 },
  { underMs: 60_000, delayMs: 1_000 },
  { underMs: Number.POSITIVE_INFINITY, delayMs: 2_000 },
];

// The list of all tasks holds 25 a node; asking for one occupies one of its node's three workers.
const FIRST_ASK_MS = 400;
const SINGLE_ASK_MS = 1_000;
const SINGLE_RETRY_MS = 5_000;
const FAILED_POLL_MS = 2_000;
// Each call with a rejected token costs the server 3 s.
const REJECTED_POLL_MS = 30_000;

const LOG_TAIL = 10;
const REMEMBERED_ENDS = 1_000;

interface Watched {
  readonly since: number;
  /** By the key of the watcher; a key of its own for each that has none. */
  readonly listeners: Map<string | symbol, (end: WatchedState) => void>;
  state: TaskState | undefined;
  /** Not before this time is the task asked for on its own. */
  askAt: number;
  busy: boolean;
}

export function createTaskWatch(options: TaskWatchOptions): TaskWatch {
  const { api, clock, log, delays = DELAYS } = options;
  const watched = new Map<Upid, Watched>();
  const ended = new Map<Upid, WatchedState>();
  let wake = new AbortController();
  let failure: unknown;

  const call = (listener: (end: WatchedState) => void, end: WatchedState): void => {
    try {
      listener(end);
    } catch (error) {
      log?.warn({ err: error }, 'Task listener failed');
    }
  };

  const finish = async (upid: Upid, task: Watched, state: TaskState): Promise<void> => {
    task.busy = true;
    const logTail = state.state === 'failed' ? await readTail(upid) : undefined;
    const end = logTail === undefined ? state : { ...state, logTail };
    watched.delete(upid);
    remember(upid, end);
    for (const listener of task.listeners.values()) call(listener, end);
  };

  const readTail = async (upid: Upid): Promise<string[]> => {
    try {
      return await api.taskLog(upid, { tail: LOG_TAIL });
    } catch (error) {
      log?.warn({ upid, err: error }, "Reading a failed task's log failed");
      return [];
    }
  };

  const remember = (upid: Upid, end: WatchedState): void => {
    ended.set(upid, end);
    const [oldest] = ended.keys();
    if (ended.size > REMEMBERED_ENDS && oldest !== undefined) ended.delete(oldest);
  };

  const askSingly = async (upid: Upid, task: Watched): Promise<void> => {
    task.busy = true;
    try {
      const state = await api.taskStatus(upid);
      if (state.state !== 'running') return await finish(upid, task, state);
      task.state = state;
      task.askAt = clock.now() + SINGLE_ASK_MS;
    } catch (error) {
      if (error instanceof PveError && error.kind === 'not-found') {
        // The node has forgotten the task, so nobody can say how it ended.
        return await finish(upid, task, { state: 'failed', exitstatus: 'unexpected status' });
      }
      task.askAt = clock.now() + SINGLE_RETRY_MS;
    }
    task.busy = false;
  };

  const poll = async (): Promise<void> => {
    const states = new Map((await api.clusterTasks()).map((task) => [task.upid, task.state]));
    for (const [upid, task] of watched) {
      if (task.busy) continue;
      const state = states.get(upid);
      if (state === undefined) {
        if (clock.now() >= task.askAt) void askSingly(upid, task);
      } else if (state.state === 'running') {
        task.state = state;
        // Running tasks are always in the list: one that leaves it has ended.
        task.askAt = 0;
      } else void finish(upid, task, state);
    }
  };

  const delay = (): number => {
    const youngest = Math.min(...[...watched.values()].map((task) => clock.now() - task.since));
    return (delays.find(({ underMs }) => youngest < underMs) ?? delays.at(-1))?.delayMs ?? FAILED_POLL_MS;
  };

  /** Sleeps until the time is over or a new task is watched. */
  const rest = async (ms: number, signal: AbortSignal): Promise<void> => {
    wake = new AbortController();
    const { signal: woken } = wake;
    await clock.sleep(ms, AbortSignal.any([signal, woken])).catch((error: unknown) => {
      if (!woken.aborted) throw error;
    });
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    let lastPoll = clock.now();
    while (!signal.aborted) {
      if (watched.size === 0) {
        await rest(IDLE_MS, signal);
        lastPoll = clock.now();
        continue;
      }
      // A new task shortens the wait but never restarts it: many new ones must not keep the poll from happening.
      const remaining = lastPoll + (failure === undefined ? delay() : pauseAfter(failure)) - clock.now();
      if (remaining > 0) {
        await rest(remaining, signal);
        continue;
      }
      lastPoll = clock.now();
      try {
        await poll();
        failure = undefined;
      } catch (error) {
        if (failure === undefined) log?.warn({ err: error }, "Reading the cluster's tasks failed");
        failure = error;
      }
    }
  };

  return {
    start: (signal) => {
      run(signal).catch((error: unknown) => {
        if (!signal.aborted) log?.warn({ err: error }, 'Task watch stopped');
      });
    },
    watch: (upid, onEnd, key) => {
      const end = ended.get(upid);
      if (end !== undefined) return queueMicrotask(() => call(onEnd, end));
      const watcher = key ?? Symbol('watcher');
      const task = watched.get(upid);
      if (task !== undefined) return void task.listeners.set(watcher, onEnd);
      const since = clock.now();
      const listeners = new Map([[watcher, onEnd]]);
      watched.set(upid, { since, listeners, state: undefined, askAt: since + FIRST_ASK_MS, busy: false });
      wake.abort();
    },
    state: (upid) => ended.get(upid) ?? watched.get(upid)?.state,
    get failure() {
      return watched.size === 0 ? undefined : failure;
    },
  };
}

function pauseAfter(failure: unknown): number {
  const rejected = failure instanceof PveError && (failure.kind === 'unauthorized' || failure.kind === 'certificate');
  return rejected ? REJECTED_POLL_MS : FAILED_POLL_MS;
}

/** While nothing is watched, the loop only waits to be woken. */
const IDLE_MS = 2 ** 30;
