// Tasks (workers): their UPIDs, logs and exit statuses, and the lists of running and finished ones.
import type { SimClock } from '../clock.ts';
import { failure, messageOf } from '../errors.ts';
import type { Random } from '../random.ts';
import { callerOf } from '../state/access.ts';
import type { Caller } from '../state/access.ts';

/** What a new task is about. */
export interface TaskKind {
  node: string;
  type: string;
  /** Usually a VMID; empty for tasks about several. */
  id: string;
  caller: Caller;
}

const interrupted = 'received interrupt';

/** One worker process. */
export class Task {
  readonly upid: string;
  readonly node: string;
  readonly type: string;
  readonly id: string;
  readonly caller: Caller;
  readonly pid: number;
  readonly pstart: number;
  /** Seconds since the epoch. */
  readonly startTime: number;
  endTime: number | undefined;
  /** The exit status; undefined while it runs. */
  status: string | undefined;
  readonly log: string[] = [];
  warnings = 0;
  /** Settles when the worker has ended; never rejects. */
  done: Promise<void> = Promise.resolve();
  readonly #clock: SimClock;
  #stopped = false;
  #interrupt: (() => void) | undefined;

  constructor(kind: TaskKind, clock: SimClock, process: { pid: number; pstart: number; startTime?: number }) {
    this.#clock = clock;
    this.node = kind.node;
    this.type = kind.type;
    this.id = kind.id;
    this.caller = kind.caller;
    this.pid = process.pid;
    this.pstart = process.pstart;
    this.startTime = process.startTime ?? Math.floor(clock.now() / 1000);
    const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
    this.upid = `UPID:${kind.node}:${hex(this.pid)}:${hex(this.pstart)}:${hex(this.startTime)}:${kind.type}:${kind.id}:${kind.caller.id}:`;
  }

  print(...lines: string[]): void {
    this.log.push(...lines);
  }

  /** A warning: the task ends as `WARNINGS: n` instead of `OK`. */
  warn(line: string): void {
    this.warnings += 1;
    this.log.push(`WARN: ${line}`);
  }

  /** Time passes for the worker; throws when it was stopped meanwhile. */
  async wait(ms: number): Promise<void> {
    this.#checkStopped();
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      this.#interrupt = resolve;
      void this.#clock.sleep(ms).then(resolve);
    });
    this.#interrupt = undefined;
    this.#checkStopped();
  }

  /** Waits for something else, unless the task is stopped first. */
  async until<T>(promise: Promise<T>): Promise<T> {
    this.#checkStopped();
    const stop = new Promise<never>((_, reject) => {
      this.#interrupt = () => reject(failure(interrupted));
    });
    try {
      return await Promise.race([promise, stop]);
    } finally {
      this.#interrupt = undefined;
    }
  }

  /** Lines a task writes while it waits for a lock; pass as `onWait`. */
  readonly lockNotice = (): (() => void) => {
    this.log.push('trying to acquire lock...');
    return () => {
      this.log.push(' OK');
    };
  };

  stop(): void {
    if (this.status !== undefined) return;
    this.#stopped = true;
    this.#interrupt?.();
  }

  #checkStopped(): void {
    if (!this.#stopped) return;
    // Only once: what a worker does to clean up after the signal runs to its end.
    this.#stopped = false;
    throw failure(interrupted);
  }
}

/** Tasks at rest. */
export interface SavedTasks {
  nextPid: number;
  tasks: (Pick<Task, 'upid' | 'endTime' | 'status' | 'warnings'> & { log: readonly string[] })[];
}

/** All tasks of the cluster, newest last. */
export class TaskRegistry {
  readonly #clock: SimClock;
  readonly #random: Random;
  readonly #tasks = new Map<string, Task>();
  readonly #running = new Set<Task>();
  #nextPid = 4096;

  constructor(clock: SimClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Starts a worker; the answer is its UPID's task, which is running already. */
  start(kind: TaskKind, worker: (task: Task) => void | Promise<void>): Task {
    this.#nextPid += 1 + this.#random.below(20);
    const pstart = Math.floor(this.#clock.now() / 10) % 0x7fffffff;
    const task = new Task(kind, this.#clock, { pid: this.#nextPid, pstart });
    this.#tasks.set(task.upid, task);
    this.#running.add(task);
    task.done = this.#run(task, worker);
    return task;
  }

  get(upid: string): Task | undefined {
    return this.#tasks.get(upid);
  }

  /** Tasks of a node, newest first. */
  ofNode(node: string): Task[] {
    return [...this.#tasks.values()].filter((task) => task.node === node).toReversed();
  }

  running(): Iterable<Task> {
    return this.#running;
  }

  /** The tasks as plain values, oldest first. */
  save(): SavedTasks {
    const tasks = [...this.#tasks.values()].map(({ upid, endTime, status, log, warnings }) => ({
      upid,
      endTime,
      status,
      log,
      warnings,
    }));
    return { nextPid: this.#nextPid, tasks };
  }

  /** Adds saved tasks; a worker that ran when they were saved has died without a word. */
  restore(saved: SavedTasks): void {
    this.#nextPid = saved.nextPid;
    for (const { upid, ...rest } of saved.tasks) {
      const parts = parseUpid(upid);
      if (parts === undefined) continue;
      const task = new Task(parts, this.#clock, parts);
      Object.assign(task, rest);
      task.status ??= 'unexpected status';
      task.endTime ??= Math.floor(this.#clock.now() / 1000);
      this.#tasks.set(upid, task);
    }
  }

  async #run(task: Task, worker: (task: Task) => void | Promise<void>): Promise<void> {
    let error: string | undefined;
    try {
      await worker(task);
    } catch (thrown) {
      error = messageOf(thrown);
    }
    if (error !== undefined) {
      const line = error.replaceAll('\n', ' ');
      task.print(...`TASK ERROR: ${line}`.split('\n'));
      task.status = line;
    } else if (task.warnings > 0) {
      task.print(`TASK WARNINGS: ${task.warnings}`);
      task.status = `WARNINGS: ${task.warnings}`;
    } else {
      task.print('TASK OK');
      task.status = 'OK';
    }
    task.endTime = Math.floor(this.#clock.now() / 1000);
    this.#running.delete(task);
  }
}

/** Waits for the task, at most that long. */
export async function doneWithin(clock: SimClock, task: Task, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.after(ms, resolve);
    void task.done.then(() => {
      cancel();
      resolve();
    });
  });
}

/** The parts of a UPID; undefined when it cannot be read. */
export function parseUpid(upid: string): (TaskKind & { pid: number; pstart: number; startTime: number }) | undefined {
  const pattern =
    /^UPID:([a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([^:\s]+):([^:\s]*):([^:\s]+):$/;
  const match = pattern.exec(upid);
  if (match === null) return undefined;
  const [, node = '', pid = '', pstart = '', start = '', type = '', id = '', who = ''] = match;
  return {
    node,
    type,
    id,
    caller: callerOf(who),
    pid: parseInt(pid, 16),
    pstart: parseInt(pstart, 16),
    startTime: parseInt(start, 16),
  };
}
