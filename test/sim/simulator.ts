// A Proxmox VE cluster that exists in memory only: its API over TLS or by direct calls, faults, log and administrator.
import type { Server } from 'node:https';
import { startBackupSchedule } from './api/backup-schedule.ts';
import { startHaManagers } from './api/ha-manager.ts';
import { routes } from './api/routes.ts';
import { RealClock } from './clock.ts';
import type { SimClock } from './clock.ts';
import { Faults } from './faults.ts';
import { faultOf } from './fault-schema.ts';
import type { Fault, FaultKill, FaultPause } from './faults.ts';
import { Dispatcher } from './http/dispatcher.ts';
import type { ApiRequest, ApiResponse } from './http/dispatcher.ts';
import { makeCertificate } from './http/certificate.ts';
import type { ServerCertificate } from './http/certificate.ts';
import { parseForm } from './http/parameters.ts';
import { listenHttps } from './http/server.ts';
import type { HttpAnswer } from './http/server.ts';
import { findLeaks } from './leaks.ts';
import type { LeakReport } from './leaks.ts';
import { RequestLog } from './request-log.ts';
import type { RequestRecord } from './request-log.ts';
import type { SavedState } from './saved-state.ts';
import { restoreWorld, saveWorld } from './state/saved-world.ts';
import { serveConsole } from './console/serve-console.ts';
import { buildWorld } from './state/build-world.ts';
import { Administrator } from './administrator.ts';
import type { World } from './state/world.ts';
import type { Topology } from './topology.ts';

export { parseTopology } from './topology.ts';
export type { Topology } from './topology.ts';
export { VirtualClock } from './clock.ts';
export type { SimClock } from './clock.ts';
export type { Fault, FaultEffect, StruckRequest } from './faults.ts';
export type { LeakReport } from './leaks.ts';
export type { SavedState } from './saved-state.ts';
export type { RequestRecord } from './request-log.ts';

export interface SimulatorOptions {
  topology: Topology;
  /** Default: real time at `speed`. */
  clock?: SimClock;
  /** 1 is the recorded durations, `Infinity` or `instant` means that tasks take no time. Ignored when a clock is given. */
  speed?: number | 'instant';
  /** Same seed, same MAC addresses, PIDs and so on. */
  seed?: number;
  /** How long a 401 takes, in milliseconds of simulated time (3000 on a real one). */
  authDelayMs?: number;
  /** How many requests the log keeps in full; default 100,000. Counts are of all. */
  keptRecords?: number;
  /** Goes on from there; its own topology wins. */
  state?: SavedState;
}

export interface DirectRequest {
  node?: string;
  method: string;
  /** Below /api2/json; may carry a query. */
  path: string;
  params?: Record<string, unknown>;
  authorization?: string;
  /** The request asks to become a websocket. */
  websocket?: true;
}

/** Where a listening simulator is found. */
export interface Listening {
  url: string;
  caPem: string;
  fingerprint: string;
  nodeUrls: Record<string, string>;
}

export class Simulator extends Administrator {
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly clock: SimClock;
  readonly #dispatcher: Dispatcher;
  readonly #servers: Server[] = [];
  readonly #stopDaemons: readonly (() => void)[];
  #certificate: ServerCertificate | undefined;
  readonly #ports: Record<string, number>;

  constructor(options: SimulatorOptions) {
    const { state } = options;
    const { world, seed } = begin(options);
    super(world);
    this.clock = world.clock;
    this.#certificate = state?.certificate;
    this.#ports = { ...state?.ports };
    this.log = new RequestLog(options.keptRecords ?? 100_000);
    this.faults = new Faults(seed);
    for (const fault of world.topology.faults) this.faults.add(faultOf(fault));
    this.#dispatcher = new Dispatcher(world, routes, options.authDelayMs ?? 3000);
    world.view.start(!Number.isFinite(speedOf(options)));
    this.#stopDaemons = [startBackupSchedule(world), startHaManagers(world)];
  }

  /** Whether it goes on under the ports it had. */
  get hasSavedPorts(): boolean {
    return Object.keys(this.#ports).length > 0;
  }

  /** The kept part of the request log, oldest first. */
  get requests(): RequestRecord[] {
    return this.log.records;
  }

  /** Plays one request without a socket. */
  async handle(request: DirectRequest): Promise<ApiResponse> {
    const [path = '', query] = request.path.split(/\?(.*)/s);
    const params = { ...request.params, ...(query === undefined ? {} : parseForm(query)) };
    const { connection, ...answer } = await this.#serve({
      node: request.node ?? this.#firstNode(),
      method: request.method,
      path,
      params,
      authorization: request.authorization,
      websocket: request.websocket === true,
    });
    if (connection !== undefined) throw new Error(`the connection was broken on purpose (${connection})`);
    return answer;
  }

  /** Listens on 127.0.0.1, one port per node; `port` is the first node's. */
  async listen(options: { port?: number; host?: '127.0.0.1' } = {}): Promise<Listening> {
    const names = [...this.world.nodes.keys()];
    const certificate = (this.#certificate ??= await makeCertificate(names));
    const nodeUrls: Record<string, string> = {};
    for (const [index, node] of names.entries()) {
      const wanted = (index === 0 ? options.port : undefined) ?? this.#ports[node] ?? 0;
      const { server, port } = await listenHttps(certificate, wanted, {
        handler: (request) => this.#serve({ ...request, node }),
        openConsole: ({ console: opened }, socket) => {
          if (opened !== undefined) serveConsole(this.world, opened, socket);
        },
      });
      this.#servers.push(server);
      this.#ports[node] = port;
      nodeUrls[node] = `https://127.0.0.1:${port}`;
    }
    for (const node of this.world.nodes.values()) node.fingerprint = certificate.fingerprint;
    this.world.certificatePem = certificate.certPem;
    const { caPem, fingerprint } = certificate;
    return { url: nodeUrls[names[0] ?? ''] ?? '', caPem, fingerprint, nodeUrls };
  }

  /** Stops listening, drops open connections and ends background work. */
  async close(): Promise<void> {
    this.world.view.stop();
    for (const stop of this.#stopDaemons) stop();
    await Promise.all(
      this.#servers.splice(0).map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  /** The whole state, to go on from later. Workers that run now will have died by then, as in a power failure. */
  save(): SavedState {
    return structuredClone({
      format: 1,
      at: this.clock.now(),
      topology: this.world.topology,
      world: saveWorld(this.world),
      certificate: this.#certificate,
      ports: this.#ports,
    });
  }

  leaks(): LeakReport {
    return findLeaks(this.world);
  }

  /** Calls back after every request; the answer ends that. */
  onRequest(listener: (record: RequestRecord) => void): () => void {
    return this.log.onRecord(listener);
  }

  #firstNode(): string {
    return this.world.nodes.keys().next().value ?? '';
  }

  async #serve(request: ApiRequest): Promise<HttpAnswer> {
    const at = this.clock.now();
    const fault = this.faults.take(request.method, request.path);
    const answer = await this.#withFault(request, fault);
    this.#record(request, at, answer);
    return answer;
  }

  async #withFault(request: ApiRequest, fault: Fault | undefined): Promise<HttpAnswer> {
    if (this.world.nodes.get(request.node)?.state === 'down')
      return { status: 0, reason: '', body: '', headers: {}, connection: 'reset' };
    await this.world.whenAwake(request.node);
    if (fault === undefined) return this.#dispatcher.answer(request);
    if (isBreaking(fault.effect)) {
      const real = fault.when === 'after' ? await this.#dispatcher.answer(request) : undefined;
      return brokenAnswer(fault.effect, real);
    }
    if (fault.when === 'before') await this.#hold(request, fault.effect);
    const answer = await this.#dispatcher.answer(request);
    if (fault.when === 'after') await this.#hold(request, fault.effect);
    return 'dripMs' in fault.effect ? { ...answer, dripMs: fault.effect.dripMs } : answer;
  }

  async #hold(request: ApiRequest, effect: HoldingEffect): Promise<void> {
    if ('delayMs' in effect) await this.clock.sleep(effect.delayMs);
    if ('meanwhile' in effect) await effect.meanwhile(request);
  }

  #record(request: ApiRequest, at: number, answer: HttpAnswer): void {
    const { node, method, path, params } = request;
    const broken = answer.connection !== undefined;
    const { endpoint, vmid } = this.#dispatcher.subjectOf(request);
    this.log.add({
      at,
      node,
      method,
      path,
      endpoint,
      vmid,
      params,
      caller: this.#dispatcher.callerOf(request),
      status: broken ? 0 : answer.status,
      reason: broken ? `connection broken (${answer.connection})` : answer.reason,
      durationMs: this.clock.now() - at,
    });
  }
}

function speedOf({ speed = 1 }: SimulatorOptions): number {
  return speed === 'instant' ? Infinity : speed;
}

/** A fresh world of the topology, or the one that was saved. */
function begin(options: SimulatorOptions): { world: World; seed: number } {
  const { state, seed = 1 } = options;
  const clock = options.clock ?? new RealClock(speedOf(options), state?.at);
  const world = buildWorld(state?.topology ?? options.topology, clock, seed);
  if (state !== undefined) restoreWorld(world, state.world);
  return { world, seed };
}

/** The request is carried out and answered as it is, only not at once. */
type HoldingEffect = { delayMs: number } | { dripMs: number } | FaultPause;
type BreakingEffect = Exclude<Fault['effect'], HoldingEffect>;

function isBreaking(effect: Fault['effect']): effect is BreakingEffect {
  return typeof effect === 'string' || 'status' in effect || 'kill' in effect;
}

function brokenAnswer(effect: BreakingEffect, real: ApiResponse | undefined): HttpAnswer {
  const empty: ApiResponse = { status: 0, reason: '', body: '', headers: {} };
  if (effect === 'reset') return { ...empty, connection: 'reset' };
  if (effect === 'timeout') return { ...empty, connection: 'hang' };
  if (effect === 'truncate')
    return { ...(real ?? { ...empty, status: 200, reason: 'OK', body: '{"data":' }), connection: 'truncate' };
  if ('kill' in effect) {
    endProcess(effect);
    return { ...empty, connection: 'reset' };
  }
  return { status: effect.status, reason: effect.reason, body: effect.body ?? '', headers: {} };
}

/** A process that is gone already needs no signal. */
function endProcess({ kill, signal = 'SIGKILL' }: FaultKill): void {
  try {
    process.kill(kill, signal);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error;
  }
}
