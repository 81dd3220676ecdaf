// Watches virtual machines through kubectl: one call that streams every change as a line of JSON.
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { LineSplitter } from '../process/run.ts';

const reopenMs = 200;

/** One change of an object. */
interface WatchEvent {
  type: string;
  object: VirtualMachine;
}

/**
 * Calls `onMachine` with every virtual machine and after each of its changes, until `signal` is aborted.
 * When the stream ends by itself, for example because the API server restarts, it is opened again.
 */
export async function watchMachines(
  target: { kubectl: string; kubeconfig: string; path: string },
  onMachine: (vm: VirtualMachine) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await stream(target, (line) => handle(line, onMachine), signal);
    await delay(reopenMs, undefined, { signal }).catch(() => {});
  }
}

function handle(line: string, onMachine: (vm: VirtualMachine) => void): void {
  const event = JSON.parse(line) as WatchEvent;
  if (event.type === 'ADDED' || event.type === 'MODIFIED') onMachine(event.object);
}

function stream(
  { kubectl, kubeconfig, path }: { kubectl: string; kubeconfig: string; path: string },
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((done) => {
    const args = ['--kubeconfig', kubeconfig, 'get', '--raw', `${path}?watch=true`];
    const child = spawn(kubectl, args, { stdio: ['ignore', 'pipe', 'ignore'], signal });
    const lines = new LineSplitter(onLine);
    child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text));
    // An aborted child reports that as an error and closes all the same.
    child.on('error', () => {});
    child.on('close', () => done());
  });
}
