// Runs the operator for integration tests: in this process, or as a process of its own that can be killed.
import { join } from 'node:path';
import { Child } from '../../hack/process/child.ts';
import { Guard } from '../../hack/process/guard.ts';
import { type AppOptions, startApp } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { ROOT, type TestBed } from './harness.ts';

/** An operator in this process. */
export interface Operator {
  /** Everything it logged, as JSON lines at the level debug. */
  readonly log: readonly string[];
  /** Port of /healthz, /readyz and /metrics. */
  readonly healthPort: Promise<number>;
  /** Stops it gracefully. Rejects with what it failed by, also when that was earlier. */
  stop(): Promise<void>;
}

/** Starts the operator in this process, without a lease. */
export function startOperator(
  bed: TestBed,
  settings: Partial<Config> = {},
  parts: Pick<AppOptions, 'certificateTimes'> = {},
): Operator {
  const stop = new AbortController();
  const log: string[] = [];
  const listening = Promise.withResolvers<number>();
  const config: Config = {
    kubeconfig: bed.operatorKubeconfig,
    namespace: OPERATOR_NAMESPACE,
    leaderElection: false,
    identity: 'integration-test',
    healthPort: 0,
    healthHost: '127.0.0.1',
    logFormat: 'json',
    logLevel: 'debug',
    workers: 32,
    dnsTimeoutMs: 2000,
    ...settings,
  };
  const running = startApp({
    config,
    log: createLog({ format: 'json', level: 'debug', write: (line) => log.push(line) }),
    version: '0.0.0',
    signal: stop.signal,
    onListening: ({ port }) => listening.resolve(port),
    ...parts,
  });
  // It is reported by stop(); here it must not count as unhandled.
  running.catch(listening.reject);
  listening.promise.catch(() => {});
  return {
    log,
    healthPort: listening.promise,
    async stop() {
      stop.abort();
      await running;
    },
  };
}

/** An operator in a process of its own. */
export interface OperatorProcess extends AsyncDisposable {
  /** The newest lines of its log. */
  lastLines(count: number): string[];
  readonly isRunning: boolean;
  readonly pid: number;
  /** Ends it without warning, as a lost machine would. */
  kill(): Promise<void>;
  /** Asks it to stop and waits until it has. */
  stop(): Promise<void>;
}

export interface ProcessOptions {
  leaderElection?: boolean;
  identity?: string;
  /** More of its command line. */
  args?: readonly string[];
}

const STOP_GRACE_MS = 10_000;
let processes = 0;

/** Starts the operator as `npm run operator` does; it takes the lease unless told not to. */
export async function startOperatorProcess(
  bed: TestBed,
  { leaderElection = false, identity, args = [] }: ProcessOptions = {},
): Promise<OperatorProcess> {
  processes += 1;
  const guard = new Guard();
  const name = identity ?? `operator-${processes}`;
  const child = await Child.start({
    command: process.execPath,
    args: [
      join(ROOT, 'src/main.ts'),
      `--kubeconfig=${bed.operatorKubeconfig}`,
      `--namespace=${OPERATOR_NAMESPACE}`,
      `--identity=${name}`,
      '--health-port=0',
      '--log-format=json',
      '--dns-timeout-ms=2000',
      ...(leaderElection ? [] : ['--no-leader-election']),
      ...args,
    ],
    logFile: join(bed.folder, `${name}-${processes}.log`),
    guard,
    name,
  });
  const end = async (graceMs: number): Promise<void> => {
    await child.stop(graceMs);
    await guard.close();
  };
  return {
    pid: child.pid,
    lastLines: (count) => child.lastLines(count),
    get isRunning() {
      return child.isRunning;
    },
    kill: () => end(0),
    stop: () => end(STOP_GRACE_MS),
    [Symbol.asyncDispose]: () => end(0),
  };
}
