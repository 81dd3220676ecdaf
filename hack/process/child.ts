// A long-running child process with a log file: start it, see whether it lives, end it.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Guard } from './guard.ts';

/** How to start a child. */
export interface ChildOptions {
  command: string;
  args: readonly string[];
  /** Receives everything that the child prints. */
  logFile: string;
  guard: Guard;
  /** What messages call it; the command's name unless given. */
  name?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** A child that has ended by itself although it was still needed. */
export class ChildEndedError extends Error {
  override name = 'ChildEndedError';
}

/** A running child process. It leads its own process group, so that a terminal's Ctrl-C reaches only us. */
export class Child {
  readonly pid: number;
  readonly name: string;
  /** Where its output goes. */
  readonly logFile: string;
  readonly #process: ChildProcess;
  readonly #exit: Promise<void>;

  private constructor(process: ChildProcess, options: ChildOptions) {
    if (process.pid === undefined) throw new ChildEndedError(`${options.command} could not be started.`);
    this.#process = process;
    this.logFile = options.logFile;
    this.pid = process.pid;
    this.name = options.name ?? basename(options.command);
    const { guard } = options;
    const { pid } = this;
    guard.addProcess(pid);
    this.#exit = new Promise((done) => {
      process.once('exit', () => {
        guard.removeProcess(pid);
        done();
      });
    });
  }

  /** Starts a child; rejects when there is no such program. */
  static async start(options: ChildOptions): Promise<Child> {
    const log = openSync(options.logFile, 'a');
    try {
      const process = spawn(options.command, [...options.args], {
        stdio: ['ignore', log, log],
        detached: true,
        env: options.env,
        cwd: options.cwd,
      });
      await new Promise<void>((done, failed) => {
        process.once('spawn', done);
        process.once('error', failed);
      });
      return new Child(process, options);
    } finally {
      closeSync(log);
    }
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Resolves when the child has ended. */
  get ended(): Promise<void> {
    return this.#exit;
  }

  /** Asks the child to end and kills it when it has not after `graceMs`; 0 kills at once. */
  async stop(graceMs: number): Promise<void> {
    if (!this.isRunning) return this.#exit;
    if (graceMs > 0) {
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), graceMs);
      await this.#exit;
      clearTimeout(timer);
      return;
    }
    this.#process.kill('SIGKILL');
    await this.#exit;
  }

  /** The last lines of what the child printed. */
  lastLines(count: number): string[] {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-count) : [];
  }

  /** An error that carries the child's last lines when the child is gone, otherwise undefined. */
  failure(): ChildEndedError | undefined {
    if (this.isRunning) return undefined;
    const how = this.#process.signalCode ?? `exit code ${this.#process.exitCode}`;
    return new ChildEndedError(`${this.name} ended by itself (${how}):\n${this.lastLines(15).join('\n')}`);
  }
}
