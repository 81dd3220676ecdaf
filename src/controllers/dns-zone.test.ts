// What a DNSZone says of its provider, and when it is tried again.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeContext, type FakeContext, OPERATOR_NAMESPACE } from '../../test/fakes/context.ts';
import type { DNSZone } from '../api/dns-zone.ts';
import { resources } from '../api/resources.ts';
import { DnsError, type DnsErrorKind } from '../dns/provider.ts';
import { findCondition } from '../kube/conditions.ts';
import { dnsTrouble, dnsZoneStatus, reconcileDnsZone } from './dns-zone.ts';
import type { Readiness } from './readiness.ts';

const { signal } = new AbortController();
const powerDNS = { url: 'http://192.0.2.53:8081', apiKeySecretRef: { name: 'pdns' } };
const FIVE_MINUTES = { kind: 'after', ms: 300_000 };

describe('what an error of the provider means', () => {
  const rows: { kind: DnsErrorKind; state: Readiness['state']; reason: Readiness['reason'] }[] = [
    { kind: 'unreachable', state: 'waiting', reason: 'ProviderUnreachable' },
    { kind: 'timeout', state: 'waiting', reason: 'ProviderUnreachable' },
    { kind: 'unreadable', state: 'waiting', reason: 'ProviderUnreachable' },
    { kind: 'unauthorized', state: 'stalled', reason: 'ProviderRefused' },
    { kind: 'zone-missing', state: 'stalled', reason: 'ProviderRefused' },
    { kind: 'refused', state: 'stalled', reason: 'ProviderRefused' },
  ];

  test.each(rows)('$kind', ({ kind, state, reason }) => {
    expect(dnsTrouble(new DnsError(kind, 'It is so.'))).toEqual({ state, reason, message: 'It is so.' });
  });

  test('an error of another kind is ours and goes on', () => {
    expect(() => dnsTrouble(new TypeError('oops'))).toThrow(TypeError);
  });
});

describe('the status of a zone', () => {
  const zone: DNSZone = {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'DNSZone',
    metadata: { name: 'z', generation: 4 },
    spec: { zone: 'example.com', powerDNS },
  };
  const rows: { name: string; readiness: Readiness; want: string[] }[] = [
    { name: 'ready', readiness: { state: 'ready', reason: 'Ready', message: 'Fine.' }, want: ['Ready=True'] },
    {
      name: 'not reachable: passes by itself',
      readiness: { state: 'waiting', reason: 'ProviderUnreachable', message: 'No.' },
      want: ['Ready=False'],
    },
    {
      name: 'refused: a person has to act',
      readiness: { state: 'stalled', reason: 'ProviderRefused', message: 'No.' },
      want: ['Ready=False', 'Stalled=True'],
    },
  ];

  test.each(rows)('$name', ({ readiness, want }) => {
    const { observedGeneration, conditions = [] } = dnsZoneStatus(zone, readiness, 0);
    expect(observedGeneration).toBe(4);
    expect(conditions.map(({ type, status }) => `${type}=${status}`)).toEqual(want);
    for (const { reason, message } of conditions)
      expect({ reason, message }).toEqual({ ...readiness, state: undefined });
  });
});

describe('the reconcile of a zone', () => {
  let fake: FakeContext;
  let answer: () => Promise<void>;
  let keys: string[];

  beforeEach(() => {
    keys = [];
    answer = () => Promise.resolve();
    fake = createFakeContext({
      dnsTimeoutMs: 20,
      openDnsZone: (_zone, apiKey) => {
        keys.push(apiKey);
        return {
          read: () => Promise.resolve([]),
          apply: () => Promise.resolve(),
          test: (limit) => Promise.race([answer(), timeOut(limit)]),
        };
      },
    });
    fake.kube.seed(resources.dnsZone, { metadata: { name: 'z' }, spec: { zone: 'example.com', powerDNS } });
    aSecret({ apiKey: 'geheim\n' });
  });
  afterEach(() => fake[Symbol.asyncDispose]());

  function aSecret(values: Record<string, string>): void {
    const encoded = Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
    const metadata = { name: 'pdns', namespace: OPERATOR_NAMESPACE };
    fake.kube.seed(resources.secret, { metadata, data: Object.fromEntries(encoded) as Record<string, string> });
  }

  const timeOut = (limit: AbortSignal): Promise<void> =>
    new Promise((_, reject) => {
      const end = (): void => reject(new DnsError('timeout', 'It took too long.'));
      if (limit.aborted) end();
      limit.addEventListener('abort', end, { once: true });
    });
  const reconcile = () => reconcileDnsZone('z', fake.context, signal);
  const ready = () => findCondition(fake.context.stores.zones.get('z')?.status?.conditions, 'Ready');

  test('is ready when the test succeeds, with the key of the Secret', async () => {
    expect(await reconcile()).toEqual(FIVE_MINUTES);
    expect(keys).toEqual(['geheim']);
    expect(ready()).toMatchObject({ status: 'True', reason: 'Ready' });
    await reconcile();
    expect(fake.kube.writes).toHaveLength(1);
    expect(fake.events).toMatchObject([{ type: 'Normal', reason: 'Ready', about: 'z' }]);
  });

  test('is tried with growing pauses while nobody answers, and told once', async () => {
    answer = () => Promise.reject(new DnsError('unreachable', 'Nobody answers.'));
    expect(await reconcile()).toEqual({ kind: 'retry' });
    expect(await reconcile()).toEqual({ kind: 'retry' });
    expect(ready()).toMatchObject({ status: 'False', reason: 'ProviderUnreachable', message: 'Nobody answers.' });
    answer = () => Promise.resolve();
    expect(await reconcile()).toEqual(FIVE_MINUTES);
    expect(fake.events.map(({ type }) => type)).toEqual(['Warning', 'Normal']);
    expect(fake.kube.writes).toHaveLength(2);
  });

  test('a refusal is not pressed', async () => {
    answer = () => Promise.reject(new DnsError('zone-missing', 'No such zone.'));
    expect(await reconcile()).toEqual(FIVE_MINUTES);
    expect(ready()).toMatchObject({ status: 'False', reason: 'ProviderRefused' });
  });

  test('a provider that never answers is given up after the limit', async () => {
    answer = () => new Promise(() => undefined);
    expect(await reconcile()).toEqual({ kind: 'retry' });
    expect(ready()?.reason).toBe('ProviderUnreachable');
  });

  test.each<{ name: string; values: Record<string, string> }>([
    { name: 'no key', values: { other: 'x' } },
    { name: 'an empty key', values: { apiKey: ' ' } },
  ])('a Secret with $name', async ({ values }) => {
    aSecret(values);
    expect(await reconcile()).toEqual(FIVE_MINUTES);
    expect(ready()).toMatchObject({ reason: 'SecretMissing', message: expect.stringContaining('apiKey') as string });
    expect(keys).toEqual([]);
  });

  test('a Secret that does not exist, and then does', async () => {
    await fake.kube.client.delete(resources.secret, 'pdns', OPERATOR_NAMESPACE);
    await reconcile();
    expect(ready()).toMatchObject({ status: 'False', reason: 'SecretMissing' });
    aSecret({ apiKey: 'neu' });
    await reconcile();
    expect(ready()?.status).toBe('True');
  });

  test('a zone without a provider', async () => {
    fake.kube.seed(resources.dnsZone, { metadata: { name: 'z' }, spec: { zone: 'example.com' } });
    await reconcile();
    expect(ready()).toMatchObject({ status: 'False', reason: 'ProviderRefused' });
  });

  test('a stop during the test writes nothing', async () => {
    const stop = new AbortController();
    answer = () => {
      stop.abort();
      return new Promise(() => undefined);
    };
    expect(await reconcileDnsZone('z', fake.context, stop.signal)).toEqual({ kind: 'done' });
    expect(fake.kube.writes).toEqual([]);
  });

  test('a zone that is gone or going is left alone', async () => {
    const metadata = { name: 'old', deletionTimestamp: '2026-03-01T09:00:00Z', finalizers: ['x.io/y'] };
    fake.kube.seed(resources.dnsZone, { metadata, spec: { zone: 'example.com', powerDNS } });
    expect(await reconcileDnsZone('old', fake.context, signal)).toEqual({ kind: 'done' });
    expect(await reconcileDnsZone('none', fake.context, signal)).toEqual({ kind: 'done' });
    expect(keys).toEqual([]);
  });
});
