// Tests leader election among candidates on a real API server, one of them cut off from it.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { KubeClient } from '../../src/kube/client.ts';
import { type LeaseEnd, leaseType, runWithLease } from '../../src/kube/lease.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** Who acted when; overlapping spans are what must never be. */
interface Span {
  identity: string;
  from: number;
  to: number;
}

interface Candidate {
  isActing(): boolean;
  stop(): Promise<LeaseEnd>;
  ended: Promise<LeaseEnd>;
}

/** Works in small pieces while it holds the lease, as workers do. */
function aCandidate(client: KubeClient, namespace: string, identity: string, spans: Span[]): Candidate {
  const abort = new AbortController();
  let acting = false;
  const ended = runWithLease({
    client,
    namespace,
    name: 'operator',
    identity,
    leaseDurationMs: 2_000,
    renewDeadlineMs: 1_200,
    renewMs: 300,
    retryMs: 150,
    signal: abort.signal,
    async onStarted(signal, leadership) {
      const span = { identity, from: performance.now(), to: performance.now() };
      spans.push(span);
      acting = true;
      while (!signal.aborted && leadership.holds()) {
        span.to = performance.now();
        await pause(10);
      }
      acting = false;
    },
  });
  const stop = (): Promise<LeaseEnd> => {
    abort.abort();
    return ended;
  };
  onTestFinished(async () => void (await stop()));
  return { isActing: () => acting, stop, ended };
}

function overlaps(spans: readonly Span[]): string[] {
  const byStart = [...spans].sort((a, b) => a.from - b.from);
  return byStart.flatMap((span, index) =>
    byStart
      .slice(index + 1)
      .filter((later) => later.from <= span.to)
      .map((later) => `${span.identity} and ${later.identity}`),
  );
}

test('of five candidates one acts, and a stop hands over at once', async () => {
  const namespace = await cluster.newNamespace('election');
  const spans: Span[] = [];
  const candidates = ['a', 'b', 'c', 'd', 'e'].map((identity) =>
    aCandidate(cluster.newClient(), namespace, identity, spans),
  );
  const leader = (): Candidate | undefined => candidates.find((candidate) => candidate.isActing());
  for (let handover = 0; handover < 4; handover += 1) {
    const current = await until('one leads', leader);
    expect(candidates.filter((candidate) => candidate.isActing())).toHaveLength(1);
    const stoppedAt = performance.now();
    expect(await current.stop()).toBe('stopped');
    await until('the next leads', leader);
    // Well below the duration of two seconds: the lease was given up, not run out.
    expect(performance.now() - stoppedAt).toBeLessThan(1_500);
  }
  expect(new Set(spans.map((span) => span.identity)).size).toBe(5);
  expect(overlaps(spans)).toEqual([]);
});

test('a leader that is cut off stops before another one starts', async () => {
  const namespace = await cluster.newNamespace('partition');
  const { hostname: host, port } = new URL(cluster.plane.url);
  const proxy = await startTcpProxy({ host, port: Number(port) });
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const spans: Span[] = [];
  const first = aCandidate(cluster.newClient(`https://127.0.0.1:${proxy.port}`), namespace, 'cut-off', spans);
  await until('it leads', () => first.isActing());
  const second = aCandidate(cluster.client, namespace, 'healthy', spans);
  proxy.blackholeNew(true);
  proxy.blackholeOpen();
  expect(await first.ended).toBe('lost');
  await until('the other one leads', () => second.isActing());
  expect(spans.map((span) => span.identity)).toEqual(['cut-off', 'healthy']);
  expect(overlaps(spans)).toEqual([]);
  const lease = await cluster.client.get(leaseType, 'operator', namespace);
  expect(lease.spec).toMatchObject({ holderIdentity: 'healthy', leaseTransitions: 1 });
});

test('a restart of the API server within the deadline is bridged', async () => {
  const namespace = await cluster.newNamespace('restart');
  const abort = new AbortController();
  const errors: unknown[] = [];
  let isLeading = false;
  const ended = runWithLease({
    client: cluster.client,
    namespace,
    name: 'operator',
    identity: 'a',
    leaseDurationMs: 60_000,
    renewMs: 200,
    retryMs: 100,
    signal: abort.signal,
    onError: (error) => errors.push(error),
    onStarted(signal) {
      isLeading = true;
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  });
  await until('it leads', () => isLeading);
  await cluster.plane.restartApiServer();
  const failed = errors.length;
  const before = await cluster.client.get(leaseType, 'operator', namespace);
  await until('it renews again', async () => {
    const lease = await cluster.client.get(leaseType, 'operator', namespace);
    return lease.spec?.renewTime !== before.spec?.renewTime;
  });
  expect(failed).toBeGreaterThan(0);
  abort.abort();
  expect(await ended).toBe('stopped');
  expect((await cluster.client.get(leaseType, 'operator', namespace)).spec?.holderIdentity).toBe('');
});
