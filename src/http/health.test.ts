// Three pages that a cluster asks for all the time: alive, ready, and the figures.
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMetrics, type Metrics } from '../metrics.ts';
import { type HealthOptions, type HealthServer, serveHealth } from './health.ts';

const state = { synced: true, stale: false, lastContactAt: 0, restarts: 0 };
let metrics: Metrics;
let server: HealthServer;
let informers: { kind: string; informer: { health: typeof state } }[];
let warned: string[];

async function serve(port = 0): Promise<HealthServer> {
  const silent = () => undefined;
  const log: HealthOptions['log'] = {
    debug: silent,
    info: silent,
    warn: (_fields, text) => void warned.push(text),
    error: silent,
  };
  return serveHealth({ host: '127.0.0.1', port, metrics, informers, log });
}

beforeEach(async () => {
  warned = [];
  metrics = createMetrics();
  informers = [
    { kind: 'plans', informer: { health: { ...state } } },
    { kind: 'pools', informer: { health: { ...state } } },
  ];
  server = await serve();
});
afterEach(() => server.close());

const get = async (path: string) => {
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
};

describe('pages', () => {
  test('alive', async () => expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' }));
  test('ready, with or without a query', async () =>
    expect(await get('/readyz?verbose')).toMatchObject({ status: 200, text: 'ok\n' }));
  test('nothing else', async () => expect(await get('/')).toMatchObject({ status: 404, text: 'not found\n' }));

  test('not ready until every store has what the API server has', async () => {
    informers[1]!.informer.health.synced = false;
    expect(await get('/readyz')).toMatchObject({ status: 503, text: 'waiting for pools\n' });
    expect(await get('/healthz')).toMatchObject({ status: 200 });
  });

  test('figures, with how fresh each store is at this moment', async () => {
    informers[1]!.informer.health.stale = true;
    metrics.reconciles.inc({ controller: 'plans', outcome: 'done' });
    const { type, text } = await get('/metrics');
    expect(type).toContain('text/plain');
    expect(text).toContain('pve_operator_informer_stale{kind="plans"} 0');
    expect(text).toContain('pve_operator_informer_stale{kind="pools"} 1');
    expect(text).toContain('pve_operator_reconciles_total{controller="plans",outcome="done"} 1');
  });
});

describe('trouble', () => {
  test('a page that cannot be made breaks that answer only', async () => {
    metrics.registry.metrics = () => Promise.reject(new Error('broken'));
    await expect(get('/metrics')).rejects.toThrow();
    expect(warned).toEqual(['Answering a health request failed']);
    expect(await get('/healthz')).toMatchObject({ status: 200 });
  });

  test('a port that is in use is said at once', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(serve(port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await new Promise((resolve) => other.close(resolve));
  });
});
