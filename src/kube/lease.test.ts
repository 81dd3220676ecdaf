// Tests that one candidate acts at a time, whatever is lost, late or frozen.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFakeKube, type FakeKube, refusal } from '../../test/kube/fake-kube.ts';
import { createVirtualClock, settle, type VirtualClock } from '../../test/kube/virtual-clock.ts';
import type { KubeClient } from './client.ts';
import { networkError } from './errors.ts';
import { type Lease, type LeaseEnd, leaseType, type Leadership, microTime, runWithLease } from './lease.ts';

interface Candidate {
  abort: AbortController;
  ended: Promise<LeaseEnd>;
  events: string[];
  leadership(): Leadership | undefined;
  /** Between the start of the work and the abort of its signal. */
  isActing(): boolean;
}

/** A candidate whose work takes `drainMs` to end after its signal aborted. */
function aCandidate(kube: FakeKube, clock: VirtualClock, identity: string, drainMs = 0): Candidate {
  const abort = new AbortController();
  const events: string[] = [];
  let leadership: Leadership | undefined;
  let acting = false;
  const ended = runWithLease({
    client: kube.client,
    namespace: 'n',
    name: 'operator',
    identity,
    clock,
    random: () => 0,
    signal: abort.signal,
    onLost: () => events.push('lost'),
    onError: () => events.push('error'),
    onStarted(signal, given) {
      leadership = given;
      acting = true;
      events.push('started');
      return new Promise((resolve) => {
        const stop = (): void => {
          acting = false;
          events.push('stopping');
          clock.schedule(drainMs, () => resolve());
        };
        if (signal.aborted) stop();
        signal.addEventListener('abort', stop, { once: true });
      });
    },
  });
  return { abort, ended, events, leadership: () => leadership, isActing: () => acting };
}

function aContest() {
  const kube = createFakeKube();
  const clock = createVirtualClock();
  const holder = async (): Promise<string | undefined> =>
    (await kube.client.get<Lease>(leaseType, 'operator', 'n')).spec?.holderIdentity;
  return { kube, clock, holder };
}

test('the first candidate creates the lease and keeps renewing it', async () => {
  const { kube, clock } = aContest();
  const a = aCandidate(kube, clock, 'a');
  await clock.advance(60_000);
  const lease = await kube.client.get<Lease>(leaseType, 'operator', 'n');
  expect(lease.spec).toEqual({
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    acquireTime: '2026-01-01T00:00:00.000000Z',
    renewTime: '2026-01-01T00:01:00.000000Z',
    leaseTransitions: 0,
  });
  expect(a.events).toEqual(['started']);
  expect(a.leadership()?.holds()).toBe(true);
  a.abort.abort();
  await clock.advance(0);
  expect(await a.ended).toBe('stopped');
});

test('two candidates at the same moment: exactly one starts', async () => {
  const { kube, clock } = aContest();
  const a = aCandidate(kube, clock, 'a');
  const b = aCandidate(kube, clock, 'b');
  await clock.advance(120_000);
  expect([a.isActing(), b.isActing()].filter(Boolean)).toHaveLength(1);
});

test('a stop gives the lease up after the work has ended, and the next one starts within two looks', async () => {
  const { kube, clock, holder } = aContest();
  const a = aCandidate(kube, clock, 'a', 20_000);
  await clock.advance(1_000);
  const b = aCandidate(kube, clock, 'b');
  await clock.advance(1_000);
  a.abort.abort();
  await clock.advance(19_000);
  expect(await holder()).toBe('a');
  expect(b.events).toEqual([]);
  await clock.advance(1_000);
  expect(await a.ended).toBe('stopped');
  await clock.advance(2_500);
  expect(await holder()).toBe('b');
  expect(b.isActing()).toBe(true);
  expect((await kube.client.get<Lease>(leaseType, 'operator', 'n')).spec?.leaseTransitions).toBe(1);
});

test('a leader that died is followed after the duration', async () => {
  const { kube, clock } = aContest();
  kube.put<Lease>(leaseType, {
    metadata: { name: 'operator', namespace: 'n' },
    spec: { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '2020-01-01T00:00:00.000000Z' },
  });
  const b = aCandidate(kube, clock, 'b');
  // The old time stamp proves nothing: the other machine's clock may be wrong.
  await clock.advance(14_000);
  expect(b.events).toEqual([]);
  await clock.advance(4_000);
  expect(b.events).toEqual(['started']);
});

describe('a leader cut off from the API server', () => {
  test.each([
    {
      name: 'refused connections',
      fault: { kind: 'refuse' as const, error: networkError('x', new Error('ECONNREFUSED')) },
    },
    { name: 'requests that hang', fault: { kind: 'hang' as const } },
    { name: 'server errors', fault: { kind: 'refuse' as const, error: refusal(500, 'InternalError') } },
  ])('$name: stops acting before another one starts', async ({ fault }) => {
    const { kube, clock } = aContest();
    const a = aCandidate(kube, clock, 'a');
    await clock.advance(10_000);
    for (let count = 0; count < 20; count += 1) kube.failNext('replace', fault);
    let stoppedAt: number | undefined;
    for (let step = 0; step < 100 && stoppedAt === undefined; step += 1) {
      await clock.advance(100);
      if (!a.isActing()) stoppedAt = clock.monotonic();
    }
    // Last renewed at 9 s: must stop by 19 s, others may start from 24 s.
    expect(stoppedAt).toBe(19_000);
    expect(a.leadership()?.holds()).toBe(false);
    await clock.advance(0);
    expect(await a.ended).toBe('lost');
    expect(a.events.filter((event) => event !== 'error')).toEqual(['started', 'stopping', 'lost']);
  });
});

test('a short outage is bridged', async () => {
  const { kube, clock } = aContest();
  const a = aCandidate(kube, clock, 'a');
  await clock.advance(4_000);
  kube.failNext('replace', { kind: 'hang' });
  kube.failNext('replace', { kind: 'refuse', error: refusal(500, 'InternalError') });
  await clock.advance(60_000);
  expect(a.isActing()).toBe(true);
});

test('a renewal that arrived although its answer was lost is recognised as our own', async () => {
  const { kube, clock } = aContest();
  const a = aCandidate(kube, clock, 'a');
  await clock.advance(4_000);
  kube.failNext('replace', { kind: 'lose-answer', error: networkError('replace', new Error('ECONNRESET')) });
  await clock.advance(60_000);
  expect(a.isActing()).toBe(true);
  expect(a.events).toEqual(['started', 'error']);
});

test('a taken lease ends the work at once', async () => {
  const { kube, clock } = aContest();
  const a = aCandidate(kube, clock, 'a');
  await clock.advance(1_000);
  const lease = await kube.client.get<Lease>(leaseType, 'operator', 'n');
  kube.put<Lease>(leaseType, { ...lease, spec: { ...lease.spec, holderIdentity: 'thief' } });
  await clock.advance(5_000);
  expect(a.events).toEqual(['started', 'stopping', 'lost']);
  expect(await a.ended).toBe('lost');
});

test('a frozen process knows that it does not hold the lease any more before its timers fire', async () => {
  const { kube, clock } = aContest();
  const a = aCandidate(kube, clock, 'a');
  await clock.advance(1_000);
  expect(a.leadership()?.holds()).toBe(true);
  clock.jumpWall(12_000);
  expect(a.leadership()?.holds()).toBe(false);
});

test('the answer of the first write is lost: the lease is ours all the same', async () => {
  const { kube, clock } = aContest();
  kube.failNext('create', { kind: 'lose-answer', error: networkError('create', new Error('ECONNRESET')) });
  const a = aCandidate(kube, clock, 'a');
  await clock.advance(3_000);
  expect(a.isActing()).toBe(true);
});

test('stopping while waiting ends at once and leaves the lease alone', async () => {
  const { kube, clock, holder } = aContest();
  const a = aCandidate(kube, clock, 'a');
  await clock.advance(1_000);
  const b = aCandidate(kube, clock, 'b');
  await clock.advance(5_000);
  b.abort.abort();
  expect(await b.ended).toBe('stopped');
  expect(await holder()).toBe('a');
  expect(a.isActing()).toBe(true);
});

test('a stop while a renewal is on its way still gives the lease up', async () => {
  const { kube, clock, holder } = aContest();
  const a = aCandidate(kube, clock, 'a');
  await clock.advance(2_999);
  const before = await kube.client.get<Lease>(leaseType, 'operator', 'n');
  // The renewal was carried out, but its answer is not known when the stop comes.
  kube.put<Lease>(leaseType, { ...before, spec: { ...before.spec, renewTime: '2026-01-01T00:00:03.000000Z' } });
  a.abort.abort();
  await clock.advance(0);
  expect(await a.ended).toBe('stopped');
  expect(await holder()).toBe('');
});

test('work that ends by itself, or throws, gives the lease up', async () => {
  const { kube, clock, holder } = aContest();
  const signal = new AbortController().signal;
  const options = { client: kube.client, namespace: 'n', name: 'operator', identity: 'a', clock, signal };
  expect(await runWithLease({ ...options, onStarted: () => Promise.resolve() })).toBe('finished');
  expect(await holder()).toBe('');
  await expect(runWithLease({ ...options, onStarted: () => Promise.reject(new Error('defect')) })).rejects.toThrow(
    'defect',
  );
  expect(await holder()).toBe('');
});

test('times that could let two act at once are refused', async () => {
  const { kube, clock } = aContest();
  const signal = new AbortController().signal;
  const options = {
    client: kube.client,
    namespace: 'n',
    name: 'o',
    identity: 'a',
    clock,
    signal,
    onStarted: () => settle(),
  };
  await expect(runWithLease({ ...options, renewDeadlineMs: 15_000 })).rejects.toThrow(RangeError);
  await expect(runWithLease({ ...options, renewMs: 10_000 })).rejects.toThrow(RangeError);
});

test('micro times have six digits', () => {
  expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02T03:04:05.006000Z');
});

/** A client whose network can be taken away: requests then hang until they are given up. */
function separable(client: KubeClient) {
  const network = { up: true };
  const hang = (signal: AbortSignal | undefined): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('given up')), { once: true });
    });
  const gated: KubeClient = {
    ...client,
    get: (type, name, namespace, options) =>
      network.up ? client.get(type, name, namespace, options) : hang(options?.signal),
    create: (type, object, options) => (network.up ? client.create(type, object, options) : hang(options?.signal)),
    replace: (type, object, options) => (network.up ? client.replace(type, object, options) : hang(options?.signal)),
  };
  return { client: gated, network };
}

const disturbance = fc.record({
  victim: fc.nat(2),
  kind: fc.constantFrom('cut', 'mend', 'stop', 'lose-answer', 'refuse'),
  afterMs: fc.nat(12_000),
});

test('whatever is cut, mended, stopped or lost, two never act at the same moment', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(disturbance, { maxLength: 12 }), async (disturbances) => {
      const { kube, clock } = aContest();
      const candidates = ['a', 'b', 'c'].map((identity) => {
        const { client, network } = separable(kube.client);
        return { network, ...aCandidate({ ...kube, client }, clock, identity) };
      });
      const check = (): void => expect(candidates.filter((one) => one.isActing()).length).toBeLessThanOrEqual(1);
      const pass = async (ms: number): Promise<void> => {
        for (let left = ms; left > 0; left -= 500) {
          await clock.advance(Math.min(left, 500));
          check();
        }
      };
      const error = networkError('replace', new Error('ECONNRESET'));
      for (const { victim, kind, afterMs } of disturbances) {
        await pass(afterMs);
        const one = candidates[victim];
        if (kind === 'cut' || kind === 'mend') Object.assign(one?.network ?? {}, { up: kind === 'mend' });
        if (kind === 'stop') one?.abort.abort();
        if (kind === 'lose-answer' || kind === 'refuse') kube.failNext('replace', { kind, error });
      }
      await pass(40_000);
    }),
    { numRuns: 25 },
  );
});
