// Starts the simulator's process and asks it for its record.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Sent by the simulator's process once it listens. */
export interface SimulatorStart {
  kind: 'listening';
  url: string;
  caPem: string;
  tokenID: string;
  secret: string;
}

export interface SimulatorRequest {
  kind: 'report';
}

export interface TaskRecord {
  upid: string;
  /** Such as `qmclone`. */
  type: string;
  startedAtMs: number;
  /** Absent while it runs. */
  endedAtMs?: number;
}

/** Everything that the simulator was asked and did so far. */
export interface SimulatorRecord {
  kind: 'report';
  requests: { atMs: number; method: string; path: string; status: number }[];
  tasks: TaskRecord[];
  /** Processor time so far. */
  cpuSeconds: number;
}

/** A simulator that runs in a process of its own, so that its work does not slow down what is measured. */
export class BenchSimulator implements AsyncDisposable {
  readonly start: SimulatorStart;
  readonly #process: ChildProcess;
  #asked: Promise<unknown> = Promise.resolve();

  private constructor(process: ChildProcess, start: SimulatorStart) {
    this.#process = process;
    this.start = start;
  }

  /** `speed` 1: tasks last as long as on the recorded cluster. */
  static async open(speed: number | 'instant'): Promise<BenchSimulator> {
    const child = fork(join(import.meta.dirname, 'simulator-process.ts'), [String(speed)]);
    return new BenchSimulator(child, await answer<SimulatorStart>(child));
  }

  /** One question at a time: answers do not say what they answer. */
  async record(): Promise<SimulatorRecord> {
    const next = this.#asked.then(() => this.#ask());
    this.#asked = next.catch(() => undefined);
    return next;
  }

  async #ask(): Promise<SimulatorRecord> {
    const pending = answer<SimulatorRecord>(this.#process);
    this.#process.send({ kind: 'report' } satisfies SimulatorRequest);
    return pending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController();
  try {
    const ended = once(child, 'exit', { signal: over.signal }).then(([code]) => {
      throw new Error(`The simulator ended by itself (exit code ${code}).`);
    });
    const [message] = await Promise.race([once(child, 'message', { signal: over.signal }), ended]);
    return message as T;
  } finally {
    over.abort();
  }
}
