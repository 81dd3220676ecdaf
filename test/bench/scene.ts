// Everything that runs during one run of the benchmark: control plane, simulator and operator, each a process of its own.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane/control-plane.ts';
import { Guard } from '../../hack/process/guard.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import { resources } from '../../src/api/resources.ts';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/local-config.ts';
import { type KubeWrite, writesOf } from './audit.ts';
import { NAMESPACE, READY_FIRST, surroundings } from './manifests.ts';
import { BenchOperator, metric, OPERATOR_USER } from './operator-process.ts';
import { BenchSimulator } from './simulator-link.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Processor time by process. */
export interface CpuSeconds {
  operator: number;
  apiServer: number;
  simulator: number;
}

export class Scene implements AsyncDisposable {
  readonly plane: ControlPlane;
  readonly simulator: BenchSimulator;
  readonly operator: BenchOperator;
  readonly client: KubeClient;
  readonly #auditLog: string;
  readonly #cleanup: AsyncDisposableStack;

  private constructor(
    parts: Pick<Scene, 'plane' | 'simulator' | 'operator' | 'client'>,
    auditLog: string,
    cleanup: AsyncDisposableStack,
  ) {
    this.plane = parts.plane;
    this.simulator = parts.simulator;
    this.operator = parts.operator;
    this.client = parts.client;
    this.#auditLog = auditLog;
    this.#cleanup = cleanup;
  }

  /** Resolves when cluster, pool and plan are ready and no virtual machine exists yet. */
  static async open(speed: number | 'instant'): Promise<Scene> {
    await using cleanup = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'pve-operator-bench-'));
    const guard = new Guard();
    guard.addFolder(folder);
    cleanup.defer(() => guard.close());
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    const auditLog = join(folder, 'audit.log');
    const plane = cleanup.use(await startControlPlane({ controllerManager: false, auditLog, log: console.error }));
    const simulator = cleanup.use(await BenchSimulator.open(speed));
    await applyBasics(plane);
    const operator = cleanup.use(await BenchOperator.open(plane, folder, guard));
    await applySurroundings(plane, surroundings(simulator.start));
    const client = createKubeClient({
      kubeConfig: loadKubeConfig({ kubeconfigPath: plane.kubeconfig, inCluster: false }),
      userAgent: 'pve-operator-bench',
      fieldManager: 'bench',
    });
    cleanup.defer(() => client.close(0));
    return new Scene({ plane, simulator, operator, client }, auditLog, cleanup.move());
  }

  /** The operator's writes to the API server so far. */
  async writes(): Promise<KubeWrite[]> {
    return writesOf(await readFile(this.#auditLog, 'utf8'), OPERATOR_USER);
  }

  /** Processor time of each process so far, in seconds. */
  async cpuSeconds(): Promise<CpuSeconds> {
    const [operator, apiServer, simulator] = await Promise.all([
      this.operator.usage(),
      this.plane.kubectl(['get', '--raw', '/metrics']),
      this.simulator.record(),
    ]);
    return {
      operator: operator.cpuSeconds,
      apiServer: metric(apiServer.stdout, 'process_cpu_seconds_total'),
      simulator: simulator.cpuSeconds,
    };
  }

  async runs(): Promise<VirtualMachineRun[]> {
    return (await this.client.list(resources.virtualMachineRun, { namespace: NAMESPACE })).items;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }
}

async function applyBasics(plane: ControlPlane): Promise<void> {
  const crds = join(ROOT, 'crds');
  await kubectl(plane, ['apply', '--server-side', '-f', crds, '-f', join(ROOT, 'config/rbac')]);
  await kubectl(plane, ['wait', '--for=condition=Established', '--timeout=20s', '-f', crds]);
}

async function applySurroundings(plane: ControlPlane, items: readonly object[]): Promise<void> {
  await kubectl(plane, ['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await kubectl(plane, ['wait', '--for=condition=Ready', '--timeout=60s', ...READY_FIRST]);
}

async function kubectl(plane: ControlPlane, args: readonly string[], input?: string): Promise<void> {
  const result = await plane.kubectl(args, input);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')} failed:\n${result.stderr}`);
}
