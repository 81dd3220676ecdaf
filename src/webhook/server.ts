// The HTTPS server that the API server asks before it stores an object: what comes in is bounded in size and time.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Log } from '../kube/log.ts';
import { type AdmissionRequest, answerOf, type Failure, failureOf, readAdmissionReview } from './admission-review.ts';
import type { KeyPair } from './certificates.ts';
import type { Judgement } from './review.ts';

/** What became of one question. `unreadable`: it was none. `failed`: it could not be judged, and was refused. */
type Verdict = 'allowed' | 'refused' | 'failed' | 'unreadable';

/** One answered question, for the metrics; a question that was none has no kind and no verb. */
export interface AdmissionSample {
  kind: string;
  verb: string;
  verdict: Verdict;
  durationMs: number;
}

interface AdmissionLimits {
  /** An object of Kubernetes has at most 1.5 MiB in etcd; a review holds two of them. */
  bodyBytes: number;
  /** Bodies that are held at the same time, in all. */
  bufferedBytes: number;
  /** A question must have come in by then. */
  receiveMs: number;
  /** A question is answered by then; less than `timeoutSeconds` of the webhook configuration. */
  judgeMs: number;
  connections: number;
}

const LIMITS: AdmissionLimits = {
  bodyBytes: 3 * 2 ** 20,
  bufferedBytes: 48 * 2 ** 20,
  receiveMs: 5000,
  judgeMs: 4000,
  connections: 512,
};

export interface AdmissionServerOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** What it starts with. */
  pair: KeyPair;
  /** What it does not know it throws: the request is then refused, and can be repeated. */
  judge(request: AdmissionRequest, signal: AbortSignal): Promise<Judgement>;
  log: Log;
  monotonic(): number;
  onAnswer?(sample: AdmissionSample): void;
  limits?: Partial<AdmissionLimits>;
}

export interface AdmissionServer {
  readonly port: number;
  /** New connections get this certificate; those that are open go on with theirs. */
  use(pair: KeyPair): void;
  /** Answers what comes for another while, so that nobody is sent here any more, and then no more. */
  close(drainMs: number): Promise<void>;
}

/** The only path that is answered. */
const PATH = '/validate';
// Longer than the 90 s after which Go closes an idle connection: whoever closes first must not be the one that is written to.
const KEEP_ALIVE_MS = 120_000;
const HANDSHAKE_MS = 5000;
const SWEEP_MS = 1000;

/** Starts to listen; rejects when the port is taken. */
export async function serveAdmission(options: AdmissionServerOptions): Promise<AdmissionServer> {
  const limits = { ...LIMITS, ...options.limits };
  const state = { buffered: 0, draining: false };
  const server = createServer(
    {
      ...tlsOf(options.pair),
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_MS,
      requestTimeout: limits.receiveMs,
      headersTimeout: limits.receiveMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: SWEEP_MS,
    },
    (request, response) => {
      if (state.draining) response.setHeader('connection', 'close');
      void answer({ options, limits, state }, request, response).catch((error: unknown) => {
        options.log.debug({ err: error }, 'Answering an admission request failed');
        response.destroy();
      });
    },
  );
  server.maxConnections = limits.connections;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    use: (pair) => server.setSecureContext(tlsOf(pair)),
    async close(drainMs) {
      state.draining = true;
      if (drainMs > 0) await new Promise((resolve) => setTimeout(resolve, drainMs));
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        // What is being judged gets its answer; a connection that says nothing holds nobody up.
        const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), limits.judgeMs);
        server.once('close', () => clearTimeout(cut));
      });
    },
  };
}

function tlsOf({ certificate, key }: KeyPair): { cert: string; key: string } {
  return { cert: certificate, key };
}

interface Parts {
  options: AdmissionServerOptions;
  limits: AdmissionLimits;
  state: { buffered: number };
}

async function answer(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal = refusalOf(request, parts);
  if (refusal !== undefined) return turnAway(parts, response, refusal);
  const body = await bodyOf(parts, request);
  if (typeof body !== 'string') return turnAway(parts, response, body);
  const startedAt = parts.options.monotonic();
  const read = readAdmissionReview(body);
  if (!read.ok) return turnAway(parts, response, { status: 400, text: read.problem });
  const { verdict, content } = await judged(parts, read.request);
  send(response, 200, JSON.stringify(content), 'application/json');
  const { kind, review } = read.request;
  const durationMs = parts.options.monotonic() - startedAt;
  parts.options.onAnswer?.({ kind: kind.kind, verb: review.verb, verdict, durationMs });
}

interface Refusal {
  status: number;
  text: string;
}

/** What speaks against reading the body at all. */
function refusalOf({ method, url = '', headers }: IncomingMessage, { limits }: Parts): Refusal | undefined {
  if (url.split('?', 1)[0] !== PATH) return { status: 404, text: `Only ${PATH} is answered.` };
  if (method !== 'POST') return { status: 405, text: 'Only POST is answered.' };
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) {
    return { status: 415, text: 'The body must be application/json.' };
  }
  return Number(headers['content-length'] ?? 0) > limits.bodyBytes ? tooLarge(limits) : undefined;
}

function tooLarge({ bodyBytes }: AdmissionLimits): Refusal {
  return { status: 413, text: `The body has more than ${bodyBytes} bytes.` };
}

async function bodyOf({ limits, state }: Parts, request: IncomingMessage): Promise<string | Refusal> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      state.buffered += chunk.length;
      if (bytes > limits.bodyBytes) return tooLarge(limits);
      if (state.buffered > limits.bufferedBytes) return { status: 503, text: 'Too much at once; try again.' };
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    state.buffered -= bytes;
  }
}

function turnAway({ options }: Parts, response: ServerResponse, { status, text }: Refusal): void {
  options.onAnswer?.({ kind: '', verb: '', verdict: 'unreadable', durationMs: 0 });
  // The rest of the body is not waited for.
  response.setHeader('connection', 'close');
  send(response, status, `${text}\n`, 'text/plain; charset=utf-8');
}

async function judged(
  { options, limits }: Parts,
  request: AdmissionRequest,
): Promise<{ verdict: Verdict; content: object }> {
  const signal = AbortSignal.timeout(limits.judgeMs);
  try {
    const judgement = await Promise.race([options.judge(request, signal), rejectionOf(signal)]);
    return { verdict: judgement.allowed ? 'allowed' : 'refused', content: answerOf(request, judgement) };
  } catch (error) {
    const { kind, review } = request;
    const fields = { err: error, kind: kind.kind, verb: review.verb };
    options.log.error(fields, 'Judging an admission request failed');
    return { verdict: 'failed', content: failureOf(request, failureFrom(signal)) };
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, fail) => {
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
  });
}

function failureFrom(signal: AbortSignal): Failure {
  if (signal.aborted) return { code: 504, message: 'The request could not be judged in time; try again.' };
  return { code: 500, message: 'The request could not be judged; try again. The log of the operator says why.' };
}

function send(response: ServerResponse, status: number, body: string, type: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}
