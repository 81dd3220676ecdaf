// Makes sure that child processes and temporary folders do not outlive this process, even when it is killed.
//
// A handler cannot run on SIGKILL. A shell that waits on a pipe can: the kernel closes the pipe with us.
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

/** What is to be cleaned up when this process is gone. */
export class Guard {
  #shell: ChildProcess | undefined;

  /** Kills the process group that `pid` leads once we are gone. */
  addProcess(pid: number): void {
    this.#tell(`process ${pid}`);
  }

  /** Forgets a process that ended, before its number is given to a stranger. */
  removeProcess(pid: number): void {
    this.#tell(`ended ${pid}`);
  }

  /** Removes a folder once we are gone. */
  addFolder(path: string): void {
    this.#tell(`folder ${path}`);
  }

  /** Forgets a folder that is already removed. */
  removeFolder(path: string): void {
    this.#tell(`kept ${path}`);
  }

  /** Ends the guard, which cleans up what is still registered. */
  close(): Promise<void> {
    const shell = this.#shell;
    this.#shell = undefined;
    if (shell === undefined) return Promise.resolve();
    return new Promise((done) => {
      shell.ref();
      shell.once('exit', () => done());
      shell.stdin?.end();
    });
  }

  #tell(line: string): void {
    this.#shell ??= startShell();
    this.#shell.stdin?.write(`${line}\n`);
  }
}

function startShell(): ChildProcess {
  // Detached: a terminal's Ctrl-C must not end the guard before us.
  const shell = spawn('sh', [join(import.meta.dirname, 'guard.sh')], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  // The pipe must not keep us running either, and its loss must not end us.
  shell.stdin?.on('error', () => {});
  (shell.stdin as unknown as { unref?: () => void }).unref?.();
  return shell;
}
