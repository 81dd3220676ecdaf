// Answers for one HTTPS request to a cluster: which endpoint, which connection, how long, and what its failure means.
import { Agent, request as httpRequest } from 'undici';
import { isWrite, PveError, type PveAnswer } from './errors.ts';
import type { PveLog } from './log.ts';
import { ConnectError, trustingConnector, type TlsTrust } from './tls.ts';

export interface PveRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api2/json`, percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  /** Until the whole answer has been read. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** The call's template, for error messages. */
  readonly call?: string;
}

/** Sends one request; throws PveError when there is no answer, and the signal's reason when it is aborted. */
export type PveTransport = (request: PveRequest) => Promise<PveAnswer>;

export interface HttpsTransport extends PveTransport, AsyncDisposable {
  /** Closes the connections; calls that still run are cut. */
  close(): Promise<void>;
}

export interface HttpsTransportOptions {
  /** `https://pve1.example.com:8006`; a bare host means HTTPS on port 8006. */
  readonly endpoints: readonly string[];
  readonly tls: TlsTrust;
  /** `user@realm!name` and its secret. */
  readonly token: { readonly id: string; readonly secret: string };
  /** To one endpoint at a time, for reads and for writes each. */
  readonly maxConnections?: number;
  readonly log?: PveLog;
}

const CONNECT_TIMEOUT_MS = 5_000;

// Proxmox closes an idle connection after 5 s and any after 1,000 requests; being first avoids sending into a
// connection that is being closed, which for a write would mean to look up whether it happened.
const IDLE_TIMEOUT_MS = 4_000;
const REQUESTS_PER_CONNECTION = 900;

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export function httpsTransport(options: HttpsTransportOptions): HttpsTransport {
  const endpoints = options.endpoints.map(baseUrl);
  if (endpoints.length === 0) throw new TypeError('A cluster needs at least one endpoint.');
  const { token, log } = options;
  checkToken(token);
  // Apart, so that polls do not queue behind config calls, which may take ten seconds each.
  const agents = { read: agentFor(options), write: agentFor(options) };
  let current = 0;

  const sendTo = async (endpoint: URL, request: PveRequest): Promise<PveAnswer> => {
    const timeout = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
    try {
      const response = await httpRequest(requestUrl(endpoint, request), {
        method: request.method,
        dispatcher: request.method === 'GET' ? agents.read : agents.write,
        signal,
        headers: requestHeaders(token, request),
        // A string, not a stream: Proxmox answers chunked bodies with 501.
        ...(hasBody(request) ? { body: new URLSearchParams(request.form).toString() } : {}),
      });
      const body = await response.body.text();
      return checkedAnswer(request, { status: response.statusCode, reason: response.statusText, body });
    } catch (cause) {
      request.signal?.throwIfAborted();
      throw transportError(request, cause, { timedOut: timeout.aborted, secret: token.secret });
    }
  };

  /** The error decides whether the next call, and a read at once, goes to another endpoint. */
  const moveOn = (from: number, error: PveError): void => {
    if (endpoints.length === 1 || current !== from) return;
    current = (from + 1) % endpoints.length;
    const [left, chosen] = [endpoints[from]?.host, endpoints[current]?.host];
    log?.warn({ endpoint: left, next: chosen, kind: error.kind }, 'Switching to another endpoint');
  };

  const send = async (request: PveRequest): Promise<PveAnswer> => {
    const attempts = request.method === 'GET' ? endpoints.length : 1;
    let reused = request.method === 'GET';
    for (let attempt = 1; ;) {
      const chosen = current;
      try {
        return await sendTo(endpoints[chosen] as URL, request);
      } catch (error) {
        if (!(error instanceof PveError) || !isTransportFailure(error)) throw error;
        if (reused && isResetConnection(error)) {
          // The server closed a connection that was kept open: a read may go again on a fresh one, once.
          reused = false;
          continue;
        }
        moveOn(chosen, error);
        if (attempt >= attempts || error.kind === 'timeout') throw error;
        attempt += 1;
      }
    }
  };

  const close = async (): Promise<void> => {
    await Promise.all([agents.read.destroy(), agents.write.destroy()]);
  };
  return Object.assign(send, { close, [Symbol.asyncDispose]: close });
}

function agentFor(options: HttpsTransportOptions): Agent {
  return new Agent({
    allowH2: false,
    connections: options.maxConnections ?? 8,
    pipelining: 1,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    keepAliveMaxTimeout: IDLE_TIMEOUT_MS,
    maxRequestsPerClient: REQUESTS_PER_CONNECTION,
    maxResponseSize: MAX_ANSWER_BYTES,
    // One time-out for the whole exchange, below.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: trustingConnector(options.tls, CONNECT_TIMEOUT_MS),
  });
}

function baseUrl(endpoint: string): URL {
  const text = endpoint.includes('://')
    ? endpoint
    : `https://${/:\d+$/.test(endpoint) ? endpoint : `${endpoint}:8006`}`;
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:')
    throw new TypeError(`The endpoint ${JSON.stringify(endpoint)} is no HTTPS address.`);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError('An endpoint is an address without user, query and fragment.');
  }
  return url;
}

// A line break in a Secret's value would end the header; undici's own refusal would quote the secret's place only.
function checkToken(token: { readonly id: string; readonly secret: string }): void {
  if (!/^[^\s!=:]+@[^\s!=:]+![A-Za-z][\w.-]*$/.test(token.id)) {
    throw new TypeError('The token id must look like user@realm!name.');
  }
  if (!/^[\x21-\x7e]+$/.test(token.secret)) throw new TypeError('The token secret has blanks or control characters.');
}

function requestUrl(endpoint: URL, request: PveRequest): URL {
  const query = new URLSearchParams(request.query).toString().replaceAll('+', '%20');
  const url = new URL(endpoint);
  url.pathname = `${endpoint.pathname.replace(/\/+$/, '')}/api2/json${request.path}`;
  url.search = query;
  return url;
}

function requestHeaders(
  token: { readonly id: string; readonly secret: string },
  request: PveRequest,
): Record<string, string> {
  return {
    authorization: `PVEAPIToken=${token.id}=${token.secret}`,
    accept: 'application/json',
    ...(hasBody(request) ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
  };
}

function hasBody(request: PveRequest): boolean {
  return request.method === 'POST' || request.method === 'PUT';
}

function callOf(request: PveRequest): string {
  return request.call ?? `${request.method} ${request.path}`;
}

// The token must not follow a redirect to who knows where, and Proxmox's API never sends one.
function checkedAnswer(request: PveRequest, answer: PveAnswer): PveAnswer {
  if (answer.status < 300 || answer.status > 399) return answer;
  throw new PveError({
    kind: 'refused',
    call: callOf(request),
    status: answer.status,
    detail: `The endpoint answers with a redirect (${answer.status}), which Proxmox VE never does`,
  });
}

interface FailureContext {
  readonly timedOut: boolean;
  readonly secret: string;
}

function transportError(request: PveRequest, cause: unknown, context: FailureContext): PveError {
  if (cause instanceof PveError) return cause;
  const call = callOf(request);
  const hidden = (text: string): string => text.replaceAll(context.secret, '<hidden>');
  if (cause instanceof ConnectError) {
    return new PveError({ kind: cause.reason, call, detail: hidden(cause.message), cause });
  }
  const maybeApplied = isWrite(call);
  if (context.timedOut) {
    return new PveError({
      kind: 'timeout',
      call,
      detail: `No answer within ${request.timeoutMs / 1000} s`,
      maybeApplied,
    });
  }
  const { code, message } = cause as { code?: string; message?: string };
  const detail = hidden(`The connection broke: ${code ?? message ?? 'unknown reason'}`);
  return new PveError({ kind: 'unreachable', call, detail, maybeApplied, cause: new BrokenConnection(detail) });
}

/** Marks an error of a connection that had been made. */
class BrokenConnection extends Error {
  override readonly name = 'BrokenConnection';
}

function isResetConnection(error: PveError): boolean {
  return error.cause instanceof BrokenConnection;
}

function isTransportFailure(error: PveError): boolean {
  return error.status === 0;
}
