// Answers for bytes to and from one API server: pooled connections for requests, one connection of its own for every stream.
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';
import type { Clock } from './clock.ts';
import { type Credentials, createCredentialSource } from './credentials.ts';

/** One HTTP request; `path` carries the query and starts below the server's base path. */
export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
  /** Bounds the whole exchange, or for a stream the time until the headers are there. */
  timeoutMs: number;
}

/** A complete answer. */
export interface TransportAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

/** An answer whose body is still coming. `close` must be called whatever happens. */
interface TransportStream {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: AsyncIterable<Uint8Array>;
  close(): void;
}

/** The wire. Both calls reject when there is no answer; an aborted signal rejects with the signal's reason. */
export interface Transport {
  request(request: TransportRequest): Promise<TransportAnswer>;
  stream(request: TransportRequest): Promise<TransportStream>;
  /** Reads tokens and certificates anew before the next request. */
  refreshCredentials(): void;
  /** Lets running requests finish for the grace period, then cuts every connection. */
  close(graceMs: number): Promise<void>;
}

/** Thrown when an exchange took longer than its `timeoutMs`. */
export class TransportTimeoutError extends Error {
  override readonly name = 'TransportTimeoutError';
}

interface TransportOptions {
  kubeConfig: KubeConfig;
  userAgent: string;
  clock: Clock;
}

interface Target {
  origin: string;
  basePath: string;
  proxyUrl: string | undefined;
}

const connectTimeoutMs = 10_000;
/** With Node's ten probes, one second apart, a peer that vanished from the network is found 40 s after the last byte. */
const tcpKeepAliveDelayMs = 30_000;
/** Enough for a few hundred small requests a second; more would only queue inside the API server. */
const pooledConnections = 32;
/** Well below the minutes after which load balancers forget a connection without telling. */
const idleConnectionMs = 15_000;

/** Opens no connection until the first request. */
export function createTransport(options: TransportOptions): Transport {
  const { clock } = options;
  const target = targetOf(options.kubeConfig);
  const source = createCredentialSource(options.kubeConfig, clock);
  const streams = new Set<() => void>();
  let pool: { dispatcher: Dispatcher; fingerprint: string } | undefined;
  let closed = false;
  let running = 0;
  let onIdle = (): void => undefined;

  function pooled(credentials: Credentials): Dispatcher {
    if (pool?.fingerprint === credentials.tlsFingerprint) return pool.dispatcher;
    pool?.dispatcher.close().catch(() => undefined);
    pool = {
      dispatcher: createDispatcher(target, credentials, pooledConnections),
      fingerprint: credentials.tlsFingerprint,
    };
    return pool.dispatcher;
  }

  async function credentialsFor(request: TransportRequest): Promise<Credentials> {
    request.signal?.throwIfAborted();
    const credentials = closed ? undefined : await source.current();
    if (credentials === undefined || closed) throw new Error('The client is closed');
    return credentials;
  }

  function dispatch(
    dispatcher: Dispatcher,
    request: TransportRequest,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    return dispatcher.request({
      origin: target.origin,
      path: target.basePath + request.path,
      method: request.method,
      headers: {
        'user-agent': options.userAgent,
        accept: 'application/json',
        ...credentials.headers,
        ...request.headers,
      },
      body: request.body,
      signal,
      // Our own timer bounds requests as a whole and streams by silence; undici's would cut a quiet watch after 300 s.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  return {
    async request(request) {
      const limit = limitedSignal(clock, request);
      running += 1;
      try {
        const credentials = await limit.race(credentialsFor(request));
        const answer = await limit.race(dispatch(pooled(credentials), request, credentials, limit.signal));
        return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
      } catch (error) {
        throw limit.causeOf(error);
      } finally {
        limit.release();
        running -= 1;
        if (running === 0) onIdle();
      }
    },
    async stream(request) {
      const limit = limitedSignal(clock, request);
      let dispatcher: Dispatcher | undefined;
      const close = (): void => {
        streams.delete(close);
        limit.release();
        dispatcher?.destroy().catch(() => undefined);
      };
      try {
        const credentials = await limit.race(credentialsFor(request));
        // A connection per stream: aborting one on a shared pool leaves an idle connection (https://github.com/nodejs/undici/issues/5845).
        dispatcher = createDispatcher(target, credentials, 1);
        streams.add(close);
        const answer = await limit.race(dispatch(dispatcher, request, credentials, limit.signal));
        limit.stopTimer();
        return { status: answer.statusCode, headers: answer.headers, body: answer.body, close };
      } catch (error) {
        const cause = limit.causeOf(error);
        close();
        throw cause;
      }
    },
    refreshCredentials: () => source.invalidate(),
    async close(graceMs) {
      closed = true;
      for (const closeStream of streams) closeStream();
      // Agent.close() followed by destroy() would leave running requests alone for ever: close() lets go of their pools.
      await new Promise<void>((resolve) => {
        const cancel = clock.schedule(graceMs, resolve);
        onIdle = () => {
          cancel();
          resolve();
        };
        if (running === 0) onIdle();
      });
      await pool?.dispatcher.destroy().catch(() => undefined);
    },
  };
}

function targetOf(kubeConfig: KubeConfig): Target {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw new Error('The kubeconfig has no current cluster');
  const url = new URL(cluster.server);
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, ''), proxyUrl: cluster.proxyUrl };
}

/** allowH2 stays off: on a shared HTTP/2 session a PATCH hangs while a watch is open (https://github.com/nodejs/undici/issues/5524). */
function createDispatcher(target: Target, credentials: Credentials, connections: number): Dispatcher {
  const tls = credentials.tls;
  const shared = {
    allowH2: false,
    connections,
    keepAliveTimeout: idleConnectionMs,
    keepAliveMaxTimeout: idleConnectionMs,
  };
  const connect = { timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveDelayMs };
  if (target.proxyUrl === undefined || target.proxyUrl === '') {
    return new Agent({ ...shared, connect: { ...tls, ...connect } });
  }
  if (target.proxyUrl.startsWith('socks')) {
    return new Socks5ProxyAgent(target.proxyUrl, { ...shared, requestTls: tls });
  }
  return new ProxyAgent({ ...shared, uri: target.proxyUrl, requestTls: tls, connect });
}

/**
 * Joins the caller's signal with the time limit. Listeners are removed by hand: signals that live as long as the
 * process would otherwise collect one dependent signal per request.
 */
function limitedSignal(clock: Clock, request: TransportRequest) {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(request.signal?.reason);
  const stopTimer = clock.schedule(request.timeoutMs, () =>
    controller.abort(new TransportTimeoutError(`No answer within ${request.timeoutMs} ms`)),
  );
  if (request.signal?.aborted) onAbort();
  request.signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    stopTimer,
    /** The abort's own reason rather than what undici made of it. */
    causeOf: (error: unknown): unknown => (controller.signal.aborted ? controller.signal.reason : error),
    /** A plugin for credentials may hang, and undici notices an abort only once it is connected. */
    race<T>(work: Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const abort = (): void => reject(controller.signal.reason as Error);
        if (controller.signal.aborted) abort();
        controller.signal.addEventListener('abort', abort, { once: true });
        work.then(resolve, reject).finally(() => controller.signal.removeEventListener('abort', abort));
      });
    },
    release(): void {
      stopTimer();
      request.signal?.removeEventListener('abort', onAbort);
    },
  };
}
