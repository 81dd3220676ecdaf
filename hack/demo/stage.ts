// Everything that runs during the demo: what is started together, what is applied, and how it is all ended again.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PowerDnsServer, startPowerDns } from '../../test/contract/powerdns-server.ts';
import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts';
import { freePorts } from '../control-plane/free-ports.ts';
import type { Child } from '../process/child.ts';
import { Guard } from '../process/guard.ts';
import { admissionManifests, admissionOptions, refusedShrink, untilAsked } from './admission.ts';
import { startOperator } from './operator.ts';
import { fitSamples, type Manifest, readManifests, type Servers, zoneNames } from './samples.ts';
import { type Simulator, startSimulator } from './simulator.ts';

const operatorStopMs = 5000;

/** The servers of the demo. Closing it ends them all and removes their files. */
export class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly #root: string;
  readonly #guard = new Guard();
  readonly #cleanup = new AsyncDisposableStack();
  plane!: ControlPlane;
  simulator!: Simulator;
  operator!: Child;
  /** A running PowerDNS, or why there is none. */
  powerDns!: PowerDnsServer | { unavailable: string };

  private constructor(root: string, folder: string) {
    this.#root = root;
    this.folder = folder;
    this.#guard.addFolder(folder);
    this.#cleanup.defer(() => this.#guard.close());
    this.#cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  }

  static async open(root: string): Promise<Stage> {
    return new Stage(root, await mkdtemp(join(tmpdir(), 'pve-operator-demo-')));
  }

  /** Starts what does not depend on anything: the control plane, the simulator and, when installed, PowerDNS. */
  async startServers(log: (line: string) => void): Promise<void> {
    const plane = this.#own(startControlPlane({ log }), (started) => started.stop());
    const simulator = this.#own(startSimulator(this.#root, this.folder, this.#guard), ({ child }) => child.stop(0));
    const powerDns = this.#own(startPowerDns(), async (started) => {
      if ('stop' in started) await started.stop();
    });
    [this.plane, this.simulator, this.powerDns] = await Promise.all([plane, simulator, powerDns]);
  }

  /** Makes the API known and lets the operator in. */
  async applyBasics(): Promise<void> {
    const crds = join(this.#root, 'crds');
    await this.#kubectl(['apply', '--server-side', '-f', crds, '-f', join(this.#root, 'config/rbac')]);
    await this.#kubectl(['wait', '--for=condition=Established', '--timeout=20s', '-f', crds]);
  }

  /** Starts the operator with its admission webhook; resolves when the API server asks it. */
  async startOperator(): Promise<void> {
    const [port = 0] = await freePorts(1);
    await this.#apply(await admissionManifests(this.#root, port));
    const place = { root: this.#root, folder: this.folder, plane: this.plane, guard: this.#guard };
    const operator = startOperator(place, admissionOptions(port));
    this.operator = await this.#own(operator, (child) => child.stop(operatorStopMs));
    const samples = await this.#samples();
    const probe = samples.find(({ kind }) => kind === 'ProxmoxCluster');
    if (probe !== undefined) await untilAsked((args, input) => this.plane.kubectl(args, input), probe);
  }

  /** What a billing panel sees that sells a machine a smaller disk than it has. */
  async refusedShrink(vm: { namespace: string; name: string }): Promise<string[]> {
    return refusedShrink((args, input) => this.plane.kubectl(args, input), vm);
  }

  /** Applies config/samples/, fitted to the servers; returns what was applied. */
  async applySamples(): Promise<Manifest[]> {
    const manifests = await this.#samples();
    if ('createZone' in this.powerDns) {
      for (const zone of zoneNames(manifests)) await this.powerDns.createZone(zone);
    }
    await this.#apply(manifests);
    return manifests;
  }

  async #samples(): Promise<Manifest[]> {
    return fitSamples(await readManifests(join(this.#root, 'config/samples')), this.#servers());
  }

  async #apply(manifests: readonly Manifest[]): Promise<void> {
    await this.#kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }));
  }

  /** The objects of a collection, such as `virtualmachines`, in all namespaces. */
  async list<T>(plural: string): Promise<T[]> {
    const text = await this.#kubectl(['get', `${plural}.pve-operator.io`, '--all-namespaces', '-o', 'json']);
    return (JSON.parse(text) as { items: T[] }).items;
  }

  /** An error when a server that is still needed has ended by itself. */
  failure(): Error | undefined {
    // What the operator said last is shown in any case.
    return this.operator.isRunning ? this.simulator.child.failure() : new Error('The operator ended by itself.');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }

  #servers(): Servers {
    const { nodeUrls, caPem, tokens } = this.simulator.announcement;
    const [token] = tokens;
    if (token === undefined) throw new Error('The topology of the demo has no API token.');
    const proxmox = { endpoints: Object.values(nodeUrls), caPem, tokenID: token.id, secret: token.secret };
    return 'apiUrl' in this.powerDns ? { proxmox, dns: this.powerDns } : { proxmox };
  }

  async #kubectl(args: readonly string[], input?: string): Promise<string> {
    const result = await this.plane.kubectl(args, input);
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')} failed:\n${result.stderr}`);
    return result.stdout;
  }

  /** Ends what is being started as well: an interruption may come before the start is through. */
  #own<T>(starting: Promise<T>, end: (started: T) => Promise<void>): Promise<T> {
    this.#cleanup.defer(async () => {
      const [outcome] = await Promise.allSettled([starting]);
      if (outcome.status === 'fulfilled') await end(outcome.value);
    });
    return starting;
  }
}
