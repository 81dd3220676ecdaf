// The operator as a process of its own, with the rights of config/rbac/, and what its metrics say.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlane } from '../../hack/control-plane/control-plane.ts';
import { freePorts } from '../../hack/control-plane/free-ports.ts';
import { withToken } from '../../hack/demo/operator.ts';
import { Child } from '../../hack/process/child.ts';
import type { Guard } from '../../hack/process/guard.ts';
import { OPERATOR_NAMESPACE } from './manifests.ts';

/** The operator's name in the audit log. */
export const OPERATOR_USER = `system:serviceaccount:${OPERATOR_NAMESPACE}:pve-operator`;

const STOP_MS = 5000;

export interface Usage {
  /** Resident memory in bytes. */
  rssBytes: number;
  heapBytes: number;
  cpuSeconds: number;
}

export class BenchOperator implements AsyncDisposable {
  readonly #child: Child;
  readonly #metricsUrl: string;

  private constructor(child: Child, port: number) {
    this.#child = child;
    this.#metricsUrl = `http://127.0.0.1:${port}/metrics`;
  }

  static async open(plane: ControlPlane, folder: string, guard: Guard): Promise<BenchOperator> {
    const args = ['--namespace', OPERATOR_NAMESPACE, 'create', 'token', 'pve-operator', '--duration=24h'];
    const token = await plane.kubectl(args);
    if (token.code !== 0) throw new Error(`No token for the operator:\n${token.stderr}`);
    const kubeconfig = join(folder, 'operator.kubeconfig');
    const content = withToken(await readFile(plane.kubeconfig, 'utf8'), token.stdout.trim());
    await writeFile(kubeconfig, JSON.stringify(content), { mode: 0o600 });
    const [port = 0] = await freePorts(1);
    const child = await Child.start({
      command: process.execPath,
      args: [
        join(import.meta.dirname, '../../src/main.ts'),
        `--kubeconfig=${kubeconfig}`,
        `--namespace=${OPERATOR_NAMESPACE}`,
        `--health-port=${port}`,
      ],
      logFile: join(folder, 'operator.log'),
      guard,
      name: 'operator',
    });
    return new BenchOperator(child, port);
  }

  async usage(): Promise<Usage> {
    const text = await (await fetch(this.#metricsUrl)).text();
    return {
      rssBytes: metric(text, 'process_resident_memory_bytes'),
      heapBytes: metric(text, 'nodejs_heap_size_used_bytes'),
      cpuSeconds: metric(text, 'process_cpu_seconds_total'),
    };
  }

  lastLines(count: number): string[] {
    return this.#child.lastLines(count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop(STOP_MS);
  }
}

/** The value of a metric without labels; NaN when it is not there. */
export function metric(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? Number.NaN : Number(line.slice(name.length));
}
