// Answers for an API server that misbehaves in HTTP: refusals before it, and errors inside its watches.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from '../../src/kube/clock.ts';
import { createTransport, type TransportRequest } from '../../src/kube/transport.ts';

/** An answer given instead of the API server's. */
interface InjectedAnswer {
  /** Which requests: a part of '<METHOD> <path with query>'. */
  matches: string;
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

export interface FaultProxy extends AsyncDisposable {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  /** '<METHOD> <path with query>' of every request. */
  readonly requests: string[];
  /** Answers the next matching requests this way, one each. */
  inject(...answers: InjectedAnswer[]): void;
  /** Puts a line into every open watch and ends it. */
  endWatchesWith(line: string): void;
}

/** Forwards to the kubeconfig's API server with its credentials. */
export async function startFaultProxy(kubeConfig: KubeConfig): Promise<FaultProxy> {
  const upstream = createTransport({ kubeConfig, userAgent: 'fault-proxy', clock: systemClock });
  const requests: string[] = [];
  const faults: InjectedAnswer[] = [];
  const watches = new Set<ServerResponse>();

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    requests.push(`${request.method} ${path}`);
    const index = faults.findIndex((fault) => `${request.method} ${path}`.includes(fault.matches));
    const [fault] = index < 0 ? [] : faults.splice(index, 1);
    if (fault !== undefined) {
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const gone = new AbortController();
    response.on('close', () => gone.abort(new Error('The client went away')));
    const call: TransportRequest = {
      method: request.method as TransportRequest['method'],
      path,
      headers: request.headers['content-type'] ? { 'content-type': request.headers['content-type'] } : {},
      body: chunks.length === 0 ? undefined : Buffer.concat(chunks).toString(),
      signal: gone.signal,
      timeoutMs: 30_000,
    };
    if (!path.includes('watch=true')) {
      const answer = await upstream.request(call);
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text);
      return;
    }
    const stream = await upstream.stream(call);
    response.writeHead(stream.status, { 'content-type': 'application/json' }).flushHeaders();
    watches.add(response);
    try {
      for await (const chunk of stream.body) response.write(chunk);
    } finally {
      watches.delete(response);
      stream.close();
      response.end();
    }
  }

  const server = createServer((request, response) => {
    forward(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    inject: (...answers) => void faults.push(...answers),
    endWatchesWith(line) {
      for (const watch of watches) watch.end(`${line}\n`);
    },
    async [Symbol.asyncDispose]() {
      await upstream.close(0);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
