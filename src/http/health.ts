// Serves /healthz, /readyz and /metrics.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InformerHealth } from '../kube/informer.ts';
import type { Log } from '../kube/log.ts';
import type { Metrics } from '../metrics.ts';

export interface HealthOptions {
  host: string;
  port: number;
  metrics: Metrics;
  informers: readonly { kind: string; informer: { readonly health: InformerHealth } }[];
  /** What else /readyz waits for, in words. */
  waitingFor?: () => readonly string[];
  log: Log;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    void answer(options, request.url ?? '/', response).catch((error: unknown) => {
      options.log.warn({ err: error }, 'Answering a health request failed');
      response.destroy();
    });
  });
  server.keepAliveTimeout = 1_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(options: HealthOptions, url: string, response: ServerResponse): Promise<void> {
  const { metrics, informers } = options;
  const path = url.split('?', 1)[0];
  if (path === '/healthz') return send(response, 200, 'ok\n');
  if (path === '/readyz') {
    const unsynced = informers.filter(({ informer }) => !informer.health.synced).map(({ kind }) => kind);
    const waiting = [...unsynced, ...(options.waitingFor?.() ?? [])];
    return waiting.length === 0
      ? send(response, 200, 'ok\n')
      : send(response, 503, `waiting for ${waiting.join(', ')}\n`);
  }
  if (path !== '/metrics') return send(response, 404, 'not found\n');
  for (const { kind, informer } of informers) metrics.informerStale.set({ kind }, informer.health.stale ? 1 : 0);
  return send(response, 200, await metrics.registry.metrics(), metrics.registry.contentType);
}

function send(response: ServerResponse, status: number, body: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType }).end(body);
}
