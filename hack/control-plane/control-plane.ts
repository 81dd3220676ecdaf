// Starts and ends a Kubernetes control plane on this machine: etcd, API server and, when wanted, a controller manager.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readEnvironment } from '../environment.ts';
import { Child, ChildEndedError } from '../process/child.ts';
import { isAlive } from '../process/file-lock.ts';
import { Guard } from '../process/guard.ts';
import { run, type RunResult } from '../process/run.ts';
import {
  apiServerArguments,
  apiServerUrl,
  controllerManagerArguments,
  etcdArguments,
  files,
  type Layout,
} from './arguments.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { type AdminCredentials, writeFiles } from './files.ts';
import { freePorts } from './free-ports.ts';
import { untilReady } from './readiness.ts';
import { standardSources } from './sources.ts';

/** How to start a control plane. */
export interface ControlPlaneOptions {
  /** Folder to keep its data in; used again by the next start. Without it a temporary one that `stop` removes. */
  dir?: string;
  /** Whether garbage collection, namespace deletion and service accounts work; true unless told. */
  controllerManager?: boolean;
  /** File that gets one JSON line per finished request. */
  auditLog?: string;
  /** Gets lines of progress while programs are fetched or built. */
  log?: (line: string) => void;
}

/** A running control plane. */
export interface ControlPlane extends AsyncDisposable {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly url: string;
  /** Path of the kubectl that fits. */
  readonly kubectlPath: string;
  /** Runs kubectl as the administrator; `input` is its standard input. Never rejects: look at `code`. */
  kubectl(args: readonly string[], input?: string): Promise<RunResult>;
  /** Ends the API server gracefully and starts it again on the same port. */
  restartApiServer(): Promise<void>;
  /** Kills the API server at once, as a crash would. */
  killApiServer(): Promise<void>;
  /** Starts the API server that was killed, on the same port. */
  startApiServer(): Promise<void>;
  /** Ends everything that was started and removes what is temporary. */
  stop(): Promise<void>;
}

/** The folder is in use by a running control plane. */
export class FolderInUseError extends Error {
  override name = 'FolderInUseError';
}

const readyTimeoutMs = 60_000;
const gracefulStopMs = 2000;
// A free port may be taken by somebody else before it is listened on.
const startTries = 3;
const pidFile = 'pid';

/** The programs of the control plane: found, fetched or built. Rejects with NoBinariesError. */
export function ensureControlPlaneBinaries(log: (line: string) => void = () => {}): Promise<Binaries> {
  return findBinaries(standardSources(readEnvironment(), log));
}

/** Starts a control plane; resolves when it is ready (about 4 s when its programs are there). */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await ensureControlPlaneBinaries(options.log);
  for (let tries = 1; ; tries += 1) {
    const plane = await LocalControlPlane.prepare(binaries, options);
    try {
      await plane.start(options.controllerManager ?? true);
      return plane;
    } catch (error) {
      await plane.stop();
      const taken = error instanceof ChildEndedError && error.message.includes('address already in use');
      if (!taken || tries === startTries) throw error;
    }
  }
}

class LocalControlPlane implements ControlPlane {
  readonly kubeconfig: string;
  readonly url: string;
  readonly kubectlPath: string;
  readonly #binaries: Binaries;
  readonly #layout: Layout;
  readonly #credentials: AdminCredentials;
  readonly #isTemporary: boolean;
  readonly #guard = new Guard();
  #etcd: Child | undefined;
  #apiServer: Child | undefined;
  #controllerManager: Child | undefined;

  private constructor(binaries: Binaries, layout: Layout, credentials: AdminCredentials, isTemporary: boolean) {
    this.#binaries = binaries;
    this.#layout = layout;
    this.#credentials = credentials;
    this.#isTemporary = isTemporary;
    this.kubeconfig = join(layout.folder, files.adminKubeconfig);
    this.url = apiServerUrl(layout);
    this.kubectlPath = binaries.kubectl;
    if (isTemporary) this.#guard.addFolder(layout.folder);
  }

  static async prepare(binaries: Binaries, options: ControlPlaneOptions): Promise<LocalControlPlane> {
    const folder = options.dir === undefined ? await temporaryFolder() : await ownFolder(resolve(options.dir));
    const [etcdPort = 0, etcdPeerPort = 0, apiServerPort = 0, controllerManagerPort = 0] = await freePorts(4);
    const auditLog = options.auditLog === undefined ? undefined : resolve(options.auditLog);
    const layout = { folder, etcdPort, etcdPeerPort, apiServerPort, controllerManagerPort, auditLog };
    const credentials = await writeFiles(layout, Date.now());
    return new LocalControlPlane(binaries, layout, credentials, options.dir === undefined);
  }

  async start(controllerManager: boolean): Promise<void> {
    this.#etcd = await this.#child('etcd', etcdArguments(this.#layout));
    // The API server waits for etcd and the controller manager for the API server, so all start at once.
    await Promise.all([this.startApiServer(), controllerManager ? this.#startControllerManager() : undefined]);
  }

  async startApiServer(): Promise<void> {
    if (this.#apiServer?.isRunning === true) return;
    this.#apiServer = await this.#child('kube-apiserver', apiServerArguments(this.#layout));
    const { ca, certificate: cert, key } = this.#credentials;
    await untilReady(this.#apiServer, {
      url: `${this.url}/readyz`,
      tls: { ca, cert, key },
      timeoutMs: readyTimeoutMs,
    });
  }

  async #startControllerManager(): Promise<void> {
    const child = await this.#child('kube-controller-manager', controllerManagerArguments(this.#layout));
    this.#controllerManager = child;
    await untilReady(child, {
      url: `https://127.0.0.1:${this.#layout.controllerManagerPort}/healthz`,
      // It signs its own certificate, and nothing secret is sent.
      tls: { rejectUnauthorized: false },
      timeoutMs: readyTimeoutMs,
    });
  }

  kubectl(args: readonly string[], input?: string): Promise<RunResult> {
    const cache = join(this.#layout.folder, 'kubectl-cache');
    return run(this.kubectlPath, ['--kubeconfig', this.kubeconfig, '--cache-dir', cache, ...args], { input });
  }

  async restartApiServer(): Promise<void> {
    await this.#apiServer?.stop(gracefulStopMs);
    await this.startApiServer();
  }

  async killApiServer(): Promise<void> {
    await this.#apiServer?.stop(0);
  }

  async stop(): Promise<void> {
    // Nothing here is kept for its own sake: killing takes no time and loses nothing that matters. Only etcd
    // is asked, where its data is used again.
    await Promise.all([this.#controllerManager?.stop(0), this.#apiServer?.stop(0)]);
    await this.#etcd?.stop(this.#isTemporary ? 0 : gracefulStopMs);
    await rm(this.#isTemporary ? this.#layout.folder : join(this.#layout.folder, pidFile), {
      recursive: true,
      force: true,
    });
    await this.#guard.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #child(name: 'etcd' | 'kube-apiserver' | 'kube-controller-manager', args: string[]): Promise<Child> {
    const logFile = join(this.#layout.folder, `${name}.log`);
    return Child.start({ command: this.#binaries[name], args, logFile, guard: this.#guard });
  }
}

function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'pve-operator-control-plane-'));
}

async function ownFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, pidFile);
  const owner = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  if (owner !== process.pid && isAlive(owner)) {
    throw new FolderInUseError(`${folder} is in use by the control plane of process ${owner}.`);
  }
  await writeFile(file, String(process.pid));
  return folder;
}
