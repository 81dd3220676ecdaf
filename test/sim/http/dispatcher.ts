// Takes a request through the checks in Proxmox's order: login, endpoint, token, rights, node, parameters, code.
import { ConsoleClosed, ConsoleOpened } from '../api/console.ts';
import { routesIn } from '../api/release-routes.ts';
import { Answer, JsonText } from '../api/route.ts';
import type { Call, Route } from '../api/route.ts';
import { ApiError, failure, messageOf, parameterError } from '../errors.ts';
import { isBefore84, releaseOf } from '../schema/release.ts';
import { verify } from '../schema/verify.ts';
import type { RawParameters } from '../schema/verify.ts';
import { rootUser } from '../state/access.ts';
import type { Caller } from '../state/access.ts';
import { isPrivileged } from '../state/workers.ts';
import type { World } from '../state/world.ts';
import { Router } from './router.ts';

/** A request after its bytes have been read. */
export interface ApiRequest {
  /** Node whose port it came to. */
  node: string;
  method: string;
  /** Below /api2/json, without the query. */
  path: string;
  params: RawParameters;
  authorization: string | undefined;
  /** It carries the headers of a websocket handshake. */
  websocket: boolean;
}

/** An answer before it becomes bytes. */
export interface ApiResponse {
  status: number;
  reason: string;
  body: string;
  headers: Record<string, string>;
  /** The body as it goes out, where it is at hand already. */
  bytes?: Buffer;
  /** The display behind a connection that has become a websocket. */
  console?: ConsoleOpened;
}

/** Longest time a call through another daemon may take before the proxy gives up on it. */
const proxyLimitMs = 30_000;

/** After that long the host is known to be gone from the network. */
const noRouteAfterMs = 40_000;

const methods = new Set(['GET', 'POST', 'PUT', 'DELETE']);

/** The API of a cluster. */
export class Dispatcher {
  readonly #world: World;
  readonly #router: Router;
  readonly #authDelayMs: number;
  /** Whether error bodies carry the message; before 8.4 only the status line did. */
  readonly #explains: boolean;

  constructor(world: World, routes: readonly Route[], authDelayMs: number) {
    this.#world = world;
    this.#router = new Router(routesIn(releaseOf(world.topology.version.version), routes));
    this.#authDelayMs = authDelayMs;
    this.#explains = !isBefore84(world.topology.version.version);
  }

  async answer(request: ApiRequest): Promise<ApiResponse> {
    try {
      return await this.#answer(request);
    } catch (error) {
      return errorResponse(error, this.#explains);
    }
  }

  /** Who calls, for the request log. */
  callerOf(request: ApiRequest): string | undefined {
    const caller = this.#world.access.authenticate(request.authorization);
    return 'refused' in caller ? undefined : caller.id;
  }

  /** The endpoint and the VM a request is about, for the request log. */
  subjectOf({ method, path, params }: ApiRequest): { endpoint: string; vmid: number | undefined } {
    const match = this.#router.find(method, path);
    const id = Number(params['newid'] ?? match?.pathParams['vmid'] ?? params['vmid']);
    return {
      endpoint: match === undefined ? 'unknown' : `${method} ${match.route.path}`,
      vmid: Number.isInteger(id) ? id : undefined,
    };
  }

  async #answer(request: ApiRequest): Promise<ApiResponse> {
    const { method, path } = request;
    if (!methods.has(method)) throw new ApiError(501, `method '${method}' not available`);
    const match = this.#router.find(method, path);
    const caller = this.#caller(request, match?.route);
    if ('refused' in caller) return this.#refused(caller.refused);
    if (match === undefined) throw new ApiError(501, `Method '${method} ${path}' not implemented`);
    const raw = merge(request.params, match.pathParams);
    if (match.route.noToken === true && caller.tokenName !== undefined)
      throw new ApiError(
        403,
        `Permission check failed (URI '${path}' not available with API token, need proper ticket.`,
      );
    const call = {
      world: this.#world,
      caller,
      params: raw as Call['params'],
      node: request.node,
      websocket: request.websocket,
    };
    if (typeof match.route.permission === 'function') match.route.permission(call);
    const elsewhere = await this.#proxy(match.route, raw, request.node);
    if (elsewhere !== undefined) return elsewhere;
    const node = match.route.proxied === true ? String(raw['node']) : request.node;
    return this.#run(match.route, { ...call, node, params: verify(match.route.parameters, raw) });
  }

  #caller(request: ApiRequest, route: Route | undefined): Caller | { refused: string } {
    if (route?.permission === 'world' && request.authorization === undefined)
      return { id: rootUser, user: 'nobody', tokenName: undefined };
    return this.#world.access.authenticate(request.authorization);
  }

  async #refused(reason: string): Promise<ApiResponse> {
    if (this.#authDelayMs > 0) await this.#world.clock.sleep(this.#authDelayMs);
    return { status: 401, reason, body: '', headers: {} };
  }

  /** What happens when the node of the path is unknown or cannot be reached; undefined when the call may go on. */
  async #proxy(route: Route, raw: RawParameters, here: string): Promise<ApiResponse | undefined> {
    if (route.proxied !== true) return undefined;
    const name = String(raw['node']);
    if (name === 'localhost') raw['node'] = here;
    if (name === here || name === 'localhost') return undefined;
    const node = this.#world.nodes.get(name);
    if (node === undefined) {
      throw failure(
        `hostname lookup '${name}' failed - failed to get address info for: ${name}: Name or service not known`,
      );
    }
    if (node.state === 'paused' && !(await this.#awakeInTime(name)))
      return { status: 596, reason: 'Connection timed out', body: '', headers: {} };
    if (node.state !== 'down') return undefined;
    return this.#unreachable(node.changedAt);
  }

  /** Whether a paused node goes on before the proxy gives up on it. */
  #awakeInTime(name: string): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#world.clock.after(proxyLimitMs, () => resolve(false));
      void this.#world.whenAwake(name).then(() => {
        cancel();
        resolve(true);
      });
    });
  }

  /** The first call after a loss dies on the open connection, later ones wait for the network. */
  async #unreachable(changedAt: number): Promise<ApiResponse> {
    const sinceMs = this.#world.clock.now() - changedAt;
    if (sinceMs < 3000) {
      await this.#world.clock.sleep(2500);
      return { status: 596, reason: 'Connection reset by peer', body: '', headers: {} };
    }
    if (sinceMs > noRouteAfterMs) {
      await this.#world.clock.sleep(13_300);
      return { status: 595, reason: 'No route to host', body: '', headers: {} };
    }
    await this.#world.clock.sleep(proxyLimitMs);
    return { status: 595, reason: 'Connection timed out', body: '', headers: {} };
  }

  async #run(route: Route, call: Call): Promise<ApiResponse> {
    const result = isPrivileged(route) ? this.#world.workers.run(call.node, () => route.run(call)) : route.run(call);
    const data = result instanceof Promise ? await this.#limited(result) : result;
    if (data === timedOut) return { status: 596, reason: 'Connection timed out', body: '', headers: {} };
    if (data instanceof ConsoleOpened)
      return { status: 101, reason: 'Switching Protocols', body: '', headers: {}, console: data };
    if (data instanceof ConsoleClosed) return { status: 0, reason: '', body: '', headers: {} };
    const headers = { 'content-type': 'application/json;charset=UTF-8' };
    if (data instanceof JsonText) return { status: 200, reason: 'OK', body: data.body, bytes: data.bytes, headers };
    return { status: 200, reason: 'OK', body: bodyOf(data), headers };
  }

  /** The work goes on when the proxy has stopped waiting. */
  #limited(work: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancel = this.#world.clock.after(proxyLimitMs, () => resolve(timedOut));
      work.then(
        (data) => {
          cancel();
          resolve(data);
        },
        (error: unknown) => {
          cancel();
          reject(error instanceof Error ? error : failure(messageOf(error)));
        },
      );
    });
  }
}

const timedOut = Symbol('timed out');

function bodyOf(data: unknown): string {
  return JSON.stringify(data instanceof Answer ? { data: data.data, ...data.beside } : { data: data ?? null });
}

/** Path parameters win; the same name with another value is refused. */
function merge(params: RawParameters, pathParams: Record<string, string>): RawParameters {
  const merged: RawParameters = { ...params };
  for (const [name, value] of Object.entries(pathParams)) {
    const given = params[name];
    if (given !== undefined && given !== value && given !== Number(value)) {
      throw parameterError({ [name]: 'duplicate parameter (already defined in URI) with conflicting values!' });
    }
    merged[name] = value;
  }
  return merged;
}

/** Errors of the server in front of the API have bodies of their own. */
const bodies: readonly [shape: RegExp, body: (message: string) => string][] = [
  [/^method '\w+' not available$/, () => ''],
  [/^no (?:such uri|formatter for uri)/, (message) => message],
];

/** The answer an error becomes: its text is the reason phrase and, if `explains`, the body's message. */
export function errorResponse(error: unknown, explains = true): ApiResponse {
  const { status, message, errors } = error instanceof ApiError ? error : new ApiError(500, messageOf(error));
  // The first line only, as the status line has no room for more.
  const reason = (message.split('\n')[0] ?? '').trimEnd();
  const plain = status === 596 ? '' : bodies.find(([shape]) => shape.test(message))?.[1](message);
  if (plain !== undefined) return { status, reason, body: plain, headers: {} };
  const body = { data: null, message: explains ? bodyMessage(status, message) : undefined, errors };
  return { status, reason, body: JSON.stringify(body), headers: { 'content-type': 'application/json;charset=UTF-8' } };
}

function bodyMessage(status: number, message: string): string {
  return status === 501 && message.startsWith('Method ') ? message : `${message}\n`;
}
