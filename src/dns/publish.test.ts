// Publication: what is counted, that zones and records do not take each other down, and that it always ends in time.
import { describe, expect, it } from 'vitest';
import { desiredRecords } from './changes.ts';
import { DnsError, type DnsChange, type DnsProvider, type DnsRecord } from './provider.ts';
import { publishDns, type DnsOutcome, type PublishedZone, type PublishRequest } from './publish.ts';

const TTL_SECONDS = 300;
const records = desiredRecords({
  fqdn: 'vm.example.com',
  addresses: [{ address: '192.0.2.7' }, { address: '192.0.2.8' }, { address: '2001:db8::7' }],
  ttlSeconds: TTL_SECONDS,
});
const [setA, ptr7, ptr8, setAaaa] = records as [DnsRecord, DnsRecord, DnsRecord, DnsRecord, DnsRecord];

/** A provider that keeps records in memory and logs its calls; `refuses` names sets that it rejects. */
class MemoryDns implements DnsProvider {
  records: DnsRecord[];
  readonly calls: string[] = [];
  readonly #refuses: readonly string[];

  constructor(existing: readonly DnsRecord[] = [], refuses: readonly string[] = []) {
    this.records = [...existing];
    this.#refuses = refuses;
  }

  async read(): Promise<DnsRecord[]> {
    this.calls.push('read');
    return this.records;
  }

  async apply(changes: readonly DnsChange[]): Promise<void> {
    const keys = changes.map((change) => (change.kind === 'set' ? change.record : change));
    this.calls.push(`apply ${keys.map((key) => `${key.type} ${key.name}`).join(', ')}`);
    const refused = keys.find((key) => this.#refuses.includes(key.name));
    if (refused !== undefined) throw new DnsError('refused', `Refused ${refused.name}.`);
    this.records = this.records.filter(
      (record) => !keys.some((key) => key.name === record.name && key.type === record.type),
    );
    this.records.push(...changes.flatMap((change) => (change.kind === 'set' ? [change.record] : [])));
  }

  async test(): Promise<void> {}
}

const failing = (error: unknown): DnsProvider => ({
  read: () => Promise.reject(error),
  apply: () => Promise.reject(error),
  test: () => Promise.reject(error),
});

const never = (): Promise<never> => new Promise(() => {});
const hanging: DnsProvider = { read: never, apply: never, test: never };

const zone = (name: string, provider: DnsProvider, label = 'Memory'): PublishedZone => ({
  ref: { name, provider: label },
  provider,
});

const publish = (request: Partial<PublishRequest>): Promise<DnsOutcome> =>
  publishDns({ zones: [], desired: [], timeoutMs: 5_000, signal: new AbortController().signal, ...request });

describe('publishDns', () => {
  it('publishes forward and reverse, and says which names no zone holds', async () => {
    const forward = new MemoryDns();
    const reverse = new MemoryDns();
    const outcome = await publish({
      zones: [zone('example.com', forward), zone('2.0.192.in-addr.arpa', reverse), zone('example.org', hanging)],
      desired: records,
    });
    expect(outcome).toEqual({
      forward: { ok: 2, failed: 0 },
      reverse: { ok: 2, failed: 0 },
      zones: [
        { zone: 'example.com', provider: 'Memory', ok: true },
        { zone: '2.0.192.in-addr.arpa', provider: 'Memory', ok: true },
      ],
      unmatched: [records[4]?.name],
      invalid: [],
    });
    expect(forward.records).toEqual([setA, setAaaa]);
    expect(reverse.records).toEqual([ptr7, ptr8]);
    expect(forward.calls).toEqual(['read', 'apply A vm.example.com, AAAA vm.example.com']);
  });

  it('writes nothing when everything is as it should be', async () => {
    const forward = new MemoryDns([setA, setAaaa]);
    const outcome = await publish({ zones: [zone('example.com', forward)], desired: [setA, setAaaa] });
    expect(outcome.forward).toEqual({ ok: 2, failed: 0 });
    expect(forward.calls).toEqual(['read']);
  });

  it('writes to every provider of a zone, and counts once per zone', async () => {
    const one = new MemoryDns();
    const outcome = await publish({
      zones: [zone('example.com', one), zone('example.com', failing(new DnsError('unauthorized', 'No.')), 'Other')],
      desired: [setA],
    });
    expect(one.records).toEqual([setA]);
    expect(outcome.forward).toEqual({ ok: 1, failed: 1 });
    expect(outcome.zones).toEqual([
      { zone: 'example.com', provider: 'Memory', ok: true },
      { zone: 'example.com', provider: 'Other', ok: false, message: 'No.' },
    ]);
  });

  it('goes record by record after a refusal, so that one does not take down the others', async () => {
    const reverse = new MemoryDns([], [ptr7.name]);
    const outcome = await publish({ zones: [zone('2.0.192.in-addr.arpa', reverse)], desired: [ptr7, ptr8] });
    expect(reverse.records).toEqual([ptr8]);
    expect(outcome.reverse).toEqual({ ok: 1, failed: 1 });
    expect(outcome.zones).toEqual([
      { zone: '2.0.192.in-addr.arpa', provider: 'Memory', ok: false, message: `Refused ${ptr7.name}.` },
    ]);
    expect(reverse.calls).toEqual([
      'read',
      `apply PTR ${ptr7.name}, PTR ${ptr8.name}`,
      `apply PTR ${ptr7.name}`,
      `apply PTR ${ptr8.name}`,
    ]);
  });

  it('does not repeat a single change that was refused', async () => {
    const reverse = new MemoryDns([], [ptr7.name]);
    await publish({ zones: [zone('2.0.192.in-addr.arpa', reverse)], desired: [ptr7] });
    expect(reverse.calls).toEqual(['read', `apply PTR ${ptr7.name}`]);
  });

  it('does not go record by record when the zone as a whole fails', async () => {
    let calls = 0;
    const provider: DnsProvider = {
      ...hanging,
      read: () => Promise.resolve([]),
      apply: () => {
        calls += 1;
        return Promise.reject(new DnsError('unreachable', 'Gone.'));
      },
    };
    const outcome = await publish({ zones: [zone('2.0.192.in-addr.arpa', provider)], desired: [ptr7, ptr8] });
    expect(outcome).toMatchObject({ reverse: { ok: 0, failed: 2 }, zones: [{ ok: false, message: 'Gone.' }] });
    expect(calls).toBe(1);
  });

  it('counts what cannot be published without asking anybody', async () => {
    const forward = new MemoryDns();
    const bad = desiredRecords({
      fqdn: 'my_vm.example.com',
      addresses: [{ address: '192.0.2.7' }],
      ttlSeconds: TTL_SECONDS,
    });
    const outcome = await publish({ zones: [zone('example.com', forward)], desired: bad, remove: bad });
    expect(outcome).toMatchObject({
      forward: { ok: 0, failed: 1 },
      reverse: { ok: 0, failed: 1 },
      zones: [],
      unmatched: [],
    });
    expect(outcome.invalid).toEqual([
      'The name "my_vm.example.com" has the label "my_vm", which is not made of letters, digits and inner hyphens.',
      'The host name "my_vm.example.com" has the label "my_vm", which is not made of letters, digits and inner hyphens.',
    ]);
    expect(forward.calls).toEqual([]);
  });

  it('has nothing to say about nothing', async () => {
    expect(await publish({ zones: [zone('example.com', hanging)] })).toEqual({
      forward: { ok: 0, failed: 0 },
      reverse: { ok: 0, failed: 0 },
      zones: [],
      unmatched: [],
      invalid: [],
    });
  });
});

describe('names of somebody else', () => {
  const stranger: DnsRecord = { ...setA, values: ['198.51.100.9'] };
  const LEFT =
    'Records of somebody else exist under the name vm.example.com and were left alone. Remove them, or make the virtual machine anew with another hostname.';

  it.each<{ name: string; existing: DnsRecord[] }>([
    { name: 'another address', existing: [stranger] },
    { name: 'another address beside ours', existing: [{ ...setA, values: [...setA.values, '198.51.100.9'] }] },
    { name: 'an address of the other family', existing: [{ ...setAaaa, values: ['2001:db8:9::9'] }] },
  ])('are left alone: $name', async ({ existing }) => {
    const forward = new MemoryDns(existing);
    const outcome = await publish({ zones: [zone('example.com', forward)], desired: [setA] });
    expect(forward.records).toEqual(existing);
    expect(forward.calls).toEqual(['read']);
    expect(outcome.forward).toEqual({ ok: 0, failed: 1 });
    expect(outcome.zones).toEqual([{ zone: 'example.com', provider: 'Memory', ok: false, message: LEFT }]);
  });

  it('are left alone for both families', async () => {
    const forward = new MemoryDns([stranger]);
    const outcome = await publish({ zones: [zone('example.com', forward)], desired: [setA, setAaaa] });
    expect(forward.records).toEqual([stranger]);
    expect(outcome.forward).toEqual({ ok: 0, failed: 2 });
  });

  it('do not keep other names and zones from being written', async () => {
    const forward = new MemoryDns([stranger]);
    const reverse = new MemoryDns();
    const other: DnsRecord = { ...setA, name: 'other.example.com' };
    const outcome = await publish({
      zones: [zone('example.com', forward), zone('2.0.192.in-addr.arpa', reverse)],
      desired: [setA, other, ptr7],
    });
    expect(forward.records).toEqual([stranger, other]);
    expect(outcome).toMatchObject({ forward: { ok: 1, failed: 1 }, reverse: { ok: 1, failed: 0 } });
  });

  it('are not those with fewer or former addresses of ours, or another time to live', async () => {
    const former: DnsRecord = { ...setA, values: ['192.0.2.99'] };
    for (const existing of [{ ...setA, values: ['192.0.2.7'] }, { ...setA, ttlSeconds: 1 }, former]) {
      const forward = new MemoryDns([existing]);
      const outcome = await publish({ zones: [zone('example.com', forward)], desired: [setA], remove: [former] });
      expect(forward.records).toEqual([setA]);
      expect(outcome.zones).toMatchObject([{ ok: true }]);
    }
  });

  it('are not what an address of ours was called: its PTR is replaced', async () => {
    const reverse = new MemoryDns([{ ...ptr7, values: ['old.example.org'] }]);
    await publish({ zones: [zone('2.0.192.in-addr.arpa', reverse)], desired: [ptr7] });
    expect(reverse.records).toEqual([ptr7]);
  });
});

describe('the name of the zone', () => {
  const refused = {
    zone: 'VM.example.com.',
    provider: 'Memory',
    ok: false,
    message:
      'The name vm.example.com is that of the zone, whose own records are left alone. Make the virtual machine anew with another hostname.',
  };

  it.each<{ name: string; existing: DnsRecord[] }>([
    { name: 'without a record', existing: [] },
    { name: 'with our address and another time to live', existing: [{ ...setA, ttlSeconds: 1 }] },
  ])('is never published, $name', async ({ existing }) => {
    const apex = new MemoryDns(existing);
    const outcome = await publish({ zones: [zone('VM.example.com.', apex)], desired: [setA] });
    expect(apex.records).toEqual(existing);
    expect(outcome).toMatchObject({ forward: { ok: 0, failed: 1 }, zones: [refused] });
  });

  it('is fine when somebody wrote there what we would', async () => {
    const outcome = await publish({ zones: [zone('vm.example.com', new MemoryDns([setA]))], desired: [setA] });
    expect(outcome.forward).toEqual({ ok: 1, failed: 0 });
  });

  it('is never removed', async () => {
    const apex = new MemoryDns([setA]);
    await publish({ zones: [zone('vm.example.com', apex)], remove: [setA] });
    expect(apex.records).toEqual([setA]);
  });

  it('may be that of a single address', async () => {
    const single = new MemoryDns();
    await publish({ zones: [zone(ptr7.name, single)], desired: [ptr7] });
    expect(single.records).toEqual([ptr7]);
    await publish({ zones: [zone(ptr7.name, single)], remove: [ptr7] });
    expect(single.calls.at(-1)).toBe(`apply PTR ${ptr7.name}`);
  });
});

describe('removing', () => {
  it('removes what is ours and leaves what is not', async () => {
    const byPerson: DnsRecord = { ...ptr8, values: ['shop.example.org'] };
    const reverse = new MemoryDns([ptr7, byPerson]);
    const outcome = await publish({ zones: [zone('2.0.192.in-addr.arpa', reverse)], remove: [ptr7, ptr8] });
    expect(reverse.records).toEqual([byPerson]);
    expect(outcome.reverse).toEqual({ ok: 2, failed: 0 });
  });

  it('counts records that could not be removed', async () => {
    const outcome = await publish({
      zones: [zone('example.com', failing(new DnsError('unreachable', 'Gone.')))],
      remove: [setA, setAaaa],
    });
    expect(outcome).toMatchObject({ forward: { ok: 0, failed: 2 }, zones: [{ ok: false, message: 'Gone.' }] });
  });

  it('counts a refused removal whatever the spelling of its name', async () => {
    const forward = new MemoryDns([setA], [setA.name]);
    const outcome = await publish({
      zones: [zone('example.com', forward)],
      remove: [{ ...setA, name: 'VM.example.com.' }],
    });
    expect(outcome.forward).toEqual({ ok: 0, failed: 1 });
  });

  it('does not count removals that have no zone', async () => {
    expect(await publish({ remove: [setA] })).toMatchObject({ forward: { ok: 0, failed: 0 }, unmatched: [] });
  });
});

describe('never blocking', () => {
  it('gives up on a provider that hangs and ignores its signal, and keeps what others did', async () => {
    const reverse = new MemoryDns();
    const outcome = await publish({
      zones: [zone('example.com', hanging), zone('2.0.192.in-addr.arpa', reverse)],
      desired: [setA, ptr7],
      timeoutMs: 20,
    });
    expect(outcome).toMatchObject({ forward: { ok: 0, failed: 1 }, reverse: { ok: 1, failed: 0 } });
    expect(outcome.zones[0]).toEqual({
      zone: 'example.com',
      provider: 'Memory',
      ok: false,
      message: 'The provider did not finish in the time that publication may take.',
    });
  });

  it.each([{ when: 'before' }, { when: 'during' }])('ends when it is stopped $when', async ({ when }) => {
    const stop = new AbortController();
    if (when === 'before') stop.abort();
    const outcome = publish({ zones: [zone('example.com', hanging)], desired: [setA], signal: stop.signal });
    stop.abort();
    expect((await outcome).zones[0]?.message).toBe('Publication was stopped before the provider finished.');
  });

  it('tells the provider to stop', async () => {
    let seen: AbortSignal | undefined;
    const provider: DnsProvider = {
      ...hanging,
      read: (_keys, signal) => {
        seen = signal;
        return never();
      },
    };
    await publish({ zones: [zone('example.com', provider)], desired: [setA], timeoutMs: 10 });
    expect(seen?.aborted).toBe(true);
  });

  it.each([
    { name: 'a defect', error: new TypeError('apiKey hunter2 is not a function') },
    { name: 'a text', error: 'hunter2' },
    { name: 'nothing', error: undefined },
  ])('survives $name in a provider without showing it', async ({ error }) => {
    const outcome = await publish({ zones: [zone('example.com', failing(error))], desired: [setA] });
    expect(outcome.forward).toEqual({ ok: 0, failed: 1 });
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
  });

  it('survives a provider that throws at once', async () => {
    const provider: DnsProvider = {
      ...hanging,
      read: () => {
        throw new Error('synchronously');
      },
    };
    expect((await publish({ zones: [zone('example.com', provider)], desired: [setA] })).zones[0]?.ok).toBe(false);
  });
});
