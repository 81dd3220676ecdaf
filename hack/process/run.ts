// Runs a program to its end and collects what it printed.
import { spawn } from 'node:child_process';

/** What a program left. */
export interface RunResult {
  stdout: string;
  stderr: string;
  /** Exit code; 127 when there is no such program, 128 + n after signal n or the time-out. */
  code: number;
}

/** How to run a program. */
export interface RunOptions {
  input?: string | undefined;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  timeoutMs?: number;
  /** Called with each whole line of stderr while it runs. */
  onLine?: (line: string) => void;
}

/** Runs a program; never rejects, the exit code tells how it went. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((done) => {
    const child = spawn(command, [...args], { env: options.env, cwd: options.cwd, timeout: options.timeoutMs });
    const output = { stdout: '', stderr: '' };
    const lines = new LineSplitter(options.onLine);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
      lines.push(text);
    });
    child.on('error', (error) => done({ ...output, stderr: output.stderr + error.message, code: 127 }));
    child.on('close', (code) => {
      lines.end();
      done({ ...output, code: code ?? 128 + 15 });
    });
    // A program that does not read its input closes the pipe: that is its right.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Turns pieces of text into whole lines. */
export class LineSplitter {
  #rest = '';
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void = () => {}) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}
