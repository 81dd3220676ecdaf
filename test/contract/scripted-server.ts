// An HTTP server on loopback that answers from a script and remembers what it was asked.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the server saw it; `body` is parsed JSON. */
export interface Seen {
  method: string;
  url: string;
  apiKey: string | undefined;
  body: unknown;
}

/** An answer: 200 when no status is given, a text as it is, anything else as JSON. */
export interface Reply {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Answers a request, or undefined to let it hang. */
export type Script = (seen: Seen) => Reply | undefined;

/** A server that listens; `host` is address and port. */
export interface LoopbackServer {
  host: string;
  stop: () => Promise<void>;
}

/** Starts a server that answers from a script. */
export async function startScripted(script: Script): Promise<LoopbackServer & { seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = await startLoopback((request, response) => {
    void answer(request, response, (call) => {
      seen.push(call);
      return script(call);
    });
  });
  return { ...server, seen };
}

/** Starts a server with a listener of its own. `stop` cuts what is still open. */
export async function startLoopback(listener: RequestListener): Promise<LoopbackServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, script: Script): Promise<void> {
  const text = (await request.toArray()).join('');
  const reply = script({
    method: request.method ?? '',
    url: request.url ?? '',
    apiKey: request.headers['x-api-key']?.toString(),
    body: text === '' ? undefined : JSON.parse(text),
  });
  if (reply === undefined) return;
  response.writeHead(reply.status ?? 200, reply.headers);
  response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
}
