// The HTTPS side: one port per node, requests read as Proxmox's server reads them.
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiResponse } from './dispatcher.ts';
import { errorResponse } from './dispatcher.ts';
import type { ServerCertificate } from './certificate.ts';
import { parseBody, parseForm, requireBodyAllowed, largestBody } from './parameters.ts';
import { acceptUpgrades } from './upgrade.ts';
import type { ConsoleHandler } from './upgrade.ts';
import type { RawParameters } from '../schema/verify.ts';
import { ApiError } from '../errors.ts';

/** A request as it leaves the reader. */
export interface HttpRequest {
  method: string;
  path: string;
  params: RawParameters;
  authorization: string | undefined;
  /** It asks to become a websocket. */
  websocket: boolean;
}

/** How an answer goes out; `connection` breaks it on purpose, `dripMs` is how long its body takes. */
export interface HttpAnswer extends ApiResponse {
  connection?: 'reset' | 'truncate' | 'hang';
  dripMs?: number;
}

export type Handler = (request: HttpRequest) => Promise<HttpAnswer>;

/** Requests a connection serves before the server closes it. */
const requestsPerConnection = 1000;
const prefix = '/api2/json';

/** Listens on 127.0.0.1; the answer is the server and its port. */
export async function listenHttps(
  certificate: ServerCertificate,
  port: number,
  { handler, openConsole }: { handler: Handler; openConsole: ConsoleHandler },
): Promise<{ server: Server; port: number }> {
  const server = createServer(
    { key: certificate.keyPem, cert: certificate.certPem, ca: certificate.caPem },
    (request, response) => {
      void answerOf(request, handler).then((answer) => send(response, answer));
    },
  );
  acceptUpgrades(server, (request) => answerOf(request, handler), openConsole);
  server.maxRequestsPerSocket = requestsPerConnection;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function answerOf(request: IncomingMessage, handler: Handler): Promise<HttpAnswer> {
  try {
    return await handler(await read(request));
  } catch (error) {
    return errorResponse(error);
  }
}

async function read(request: IncomingMessage): Promise<HttpRequest> {
  const { method = 'GET', headers } = request;
  const [rawPath = '', query = ''] = splitOnce(request.url ?? '/', '?');
  requireJson(rawPath);
  requireBodyAllowed({
    method,
    contentType: headers['content-type'],
    contentLength: headers['content-length'],
    transferEncoding: headers['transfer-encoding'],
  });
  const text = method === 'GET' || method === 'DELETE' ? '' : await readAll(request);
  const body = parseBody(text, headers['content-type']);
  return {
    method,
    path: rawPath.slice(prefix.length) || '/',
    params: { ...body, ...parseForm(query) },
    authorization: headers.authorization,
    websocket: headers.upgrade?.toLowerCase() === 'websocket',
  };
}

/** Only the JSON form of the API is served. */
function requireJson(path: string): void {
  if (path === prefix || path.startsWith(`${prefix}/`)) return;
  const [, format, uri] = /^\/api2\/(\w+)(\/.*)?$/.exec(path) ?? [];
  throw new ApiError(501, format === undefined ? 'no such uri' : `no formatter for uri ${uri ?? '/'}, ${format}`);
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) throw new ApiError(501, 'for data too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, answer: HttpAnswer): void {
  if (answer.connection === 'hang') return;
  if (answer.connection === 'reset') {
    response.socket?.destroy();
    return;
  }
  const body = answer.bytes ?? Buffer.from(answer.body);
  // The reason phrase must be Latin-1 on one line; anything else would break the response's head.
  const reason = answer.reason.replace(/[^\x20-\x7e\xa0-\xff]/g, '?');
  const headers: Record<string, string> = {
    ...answer.headers,
    server: 'pve-api-daemon/3.0',
    'content-length': String(body.length),
  };
  if (answer.status >= 400) headers['connection'] = 'close';
  response.writeHead(answer.status, reason, headers);
  if (answer.connection === 'truncate') {
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.socket?.destroy());
    return;
  }
  if (answer.dripMs === undefined) response.end(body);
  else drip(response, body, answer.dripMs);
}

const drops = 10;

function drip(response: ServerResponse, body: Buffer, forMs: number): void {
  let sent = 0;
  const timer = setInterval(() => {
    const next = Math.min(body.length, sent + Math.ceil(body.length / drops));
    response.write(body.subarray(sent, next));
    sent = next;
    if (sent === body.length) response.end();
    if (sent === body.length || response.destroyed) clearInterval(timer);
  }, forMs / drops);
}
