// What every DNS provider must do, as one suite that each provider's test runs against a real server.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { desiredRecords } from '../../src/dns/changes.ts';
import { DnsError, type DnsProvider, type DnsRecord, type DnsRecordKey } from '../../src/dns/provider.ts';
import { publishDns } from '../../src/dns/publish.ts';
import { reverseName } from '../../src/dns/reverse-names.ts';

/** The zones that a harness must hold, empty and writable. */
export const CONTRACT_ZONES = ['contract.example', '2.0.192.in-addr.arpa', '8.b.d.0.1.0.0.2.ip6.arpa'] as const;

/** How a provider is opened: as it should be, or wrong in one way. */
export type ProviderVariant = 'good' | 'wrong-credentials' | 'server-down' | 'server-hanging';

/** A real server with CONTRACT_ZONES, and a way to ask it as the world does. */
export interface DnsHarness {
  /** Opens a zone; the harness closes it at the end. Variants other than good need no more than 500 ms. */
  open(zone: string, variant?: ProviderVariant): DnsProvider;
  /** The values that a DNS query gets; none when the name or the type does not exist. PTR: host names. */
  resolve(key: DnsRecordKey): Promise<string[]>;
  stop(): Promise<void>;
}

/** Registers the suite. With `unavailable` every test is skipped under a title that says why. */
export function describeDnsProvider(name: string, start: () => Promise<DnsHarness>, unavailable?: string): void {
  describe.skipIf(unavailable !== undefined)(
    unavailable === undefined ? name : `${name} — skipped: ${unavailable}`,
    () => {
      let harness: DnsHarness;
      let counter = 0;
      let fqdn = '';
      beforeAll(async () => {
        harness = await start();
      });
      afterAll(async () => {
        await harness?.stop();
      });
      beforeEach(() => {
        counter += 1;
        fqdn = `vm-${counter}.contract.example`;
      });

      const signal = (): AbortSignal => new AbortController().signal;
      const forward = (): DnsProvider => harness.open('contract.example');
      const a = (...values: string[]): DnsRecord => ({ name: fqdn, type: 'A', ttlSeconds: 120, values });
      const aaaa = (...values: string[]): DnsRecord => ({ name: fqdn, type: 'AAAA', ttlSeconds: 120, values });

      describe('record sets', () => {
        it('reads nothing where nothing is', async () => {
          expect(await forward().read([a(), aaaa()], signal())).toEqual([]);
        });

        it('sets several sets at once, reads them back and serves them', async () => {
          const dns = forward();
          await dns.apply(
            [
              { kind: 'set', record: a('192.0.2.7', '192.0.2.8') },
              { kind: 'set', record: aaaa('2001:db8::7') },
            ],
            signal(),
          );
          const found = await dns.read([a(), aaaa()], signal());
          expect(sorted(found)).toEqual(sorted([a('192.0.2.7', '192.0.2.8'), aaaa('2001:db8::7')]));
          expect(await harness.resolve(a())).toEqual(['192.0.2.7', '192.0.2.8']);
          expect(await harness.resolve(aaaa())).toEqual(['2001:db8::7']);
        });

        it('reads only the types that were asked for', async () => {
          const dns = forward();
          await dns.apply(
            [
              { kind: 'set', record: a('192.0.2.7') },
              { kind: 'set', record: aaaa('2001:db8::7') },
            ],
            signal(),
          );
          expect((await dns.read([aaaa()], signal())).map((record) => record.type)).toEqual(['AAAA']);
        });

        it('replaces a set as a whole, time to live included, and can repeat that', async () => {
          const dns = forward();
          await dns.apply([{ kind: 'set', record: a('192.0.2.7', '192.0.2.8') }], signal());
          const next = { ...a('192.0.2.9'), ttlSeconds: 600 };
          await dns.apply([{ kind: 'set', record: next }], signal());
          await dns.apply([{ kind: 'set', record: next }], signal());
          expect(await dns.read([a()], signal())).toEqual([next]);
          expect(await harness.resolve(a())).toEqual(['192.0.2.9']);
        });

        it('holds PTR sets of both families', async () => {
          for (const [zone, address] of [
            ['2.0.192.in-addr.arpa', '192.0.2.200'],
            ['8.b.d.0.1.0.0.2.ip6.arpa', '2001:db8::200'],
          ] as const) {
            const record: DnsRecord = { name: reverseName(address), type: 'PTR', ttlSeconds: 120, values: [fqdn] };
            const dns = harness.open(zone);
            await dns.apply([{ kind: 'set', record }], signal());
            expect(await dns.read([record], signal())).toEqual([record]);
            expect(await harness.resolve(record)).toEqual([fqdn]);
          }
        });

        it('keeps all changes that are made at the same time', async () => {
          const dns = forward();
          const records = Array.from({ length: 8 }, (_, index) => ({ ...a('192.0.2.7'), name: `n${index}.${fqdn}` }));
          await Promise.all(records.map((record) => dns.apply([{ kind: 'set', record }], signal())));
          expect(await dns.read(records, signal())).toHaveLength(records.length);
        });

        it('changes nothing for no changes', async () => {
          await expect(forward().apply([], signal())).resolves.toBeUndefined();
        });
      });

      describe('deleting', () => {
        it('removes a set, leaves the other type, and can repeat that', async () => {
          const dns = forward();
          await dns.apply(
            [
              { kind: 'set', record: a('192.0.2.7') },
              { kind: 'set', record: aaaa('2001:db8::7') },
            ],
            signal(),
          );
          await dns.apply([{ kind: 'delete', name: fqdn, type: 'A' }], signal());
          await dns.apply([{ kind: 'delete', name: fqdn, type: 'A' }], signal());
          expect(await harness.resolve(a())).toEqual([]);
          expect(await harness.resolve(aaaa())).toEqual(['2001:db8::7']);
        });

        it.each([
          { name: 'all values are ours', ours: ['192.0.2.7', '192.0.2.8', '192.0.2.9'], left: [] },
          { name: 'one value is not', ours: ['192.0.2.7'], left: ['192.0.2.7', '192.0.2.8'] },
        ])('with a guard: $name', async ({ ours, left }) => {
          const dns = forward();
          await dns.apply([{ kind: 'set', record: a('192.0.2.7', '192.0.2.8') }], signal());
          await dns.apply([{ kind: 'delete', name: fqdn, type: 'A', onlyIfValues: ours }], signal());
          expect(await harness.resolve(a())).toEqual(left);
        });
      });

      describe('failures', () => {
        it('accepts a good connection', async () => {
          await expect(forward().test(signal())).resolves.toBeUndefined();
        });

        it.each([
          { variant: 'wrong-credentials', kind: 'unauthorized' },
          { variant: 'server-down', kind: 'unreachable' },
          { variant: 'server-hanging', kind: 'timeout' },
        ] as const)('$variant is $kind, for every call', async ({ variant, kind }) => {
          const dns = harness.open('contract.example', variant);
          const change = { kind: 'set' as const, record: a('192.0.2.7') };
          for (const call of [
            () => dns.test(signal()),
            () => dns.read([a()], signal()),
            () => dns.apply([change], signal()),
          ]) {
            expect((await failureOf(call())).kind).toBe(kind);
          }
        });

        it('zone-missing when the server does not hold the zone', async () => {
          const dns = harness.open('elsewhere.example');
          expect((await failureOf(dns.test(signal()))).kind).toBe('zone-missing');
          expect((await failureOf(dns.read([{ name: 'vm.elsewhere.example', type: 'A' }], signal()))).kind).toBe(
            'zone-missing',
          );
        });

        it('refused when the record does not belong to the zone, and nothing of that request is kept', async () => {
          const dns = forward();
          const outside = { ...a('192.0.2.7'), name: 'vm.elsewhere.example' };
          const call = dns.apply(
            [
              { kind: 'set', record: a('192.0.2.7') },
              { kind: 'set', record: outside },
            ],
            signal(),
          );
          expect((await failureOf(call)).kind).toBe('refused');
          expect(await harness.resolve(a())).toEqual([]);
        });

        it('ends with its signal', async () => {
          const call = harness.open('contract.example', 'server-hanging').test(AbortSignal.timeout(20));
          expect((await failureOf(call)).kind).toBe('timeout');
        });
      });

      describe('publishing a VM', () => {
        it('publishes, repeats without a change, moves to other addresses and removes everything', async () => {
          const zones = CONTRACT_ZONES.map((zone) => ({
            ref: { name: zone, provider: name },
            provider: harness.open(zone),
          }));
          const host = { fqdn, ttlSeconds: 120 };
          const before = desiredRecords({
            ...host,
            addresses: [{ address: '192.0.2.31' }, { address: '2001:db8::31' }],
          });
          const after = desiredRecords({
            ...host,
            addresses: [{ address: '192.0.2.32', reverseHostname: 'mail.contract.example' }],
          });

          const run = (desired: readonly DnsRecord[], remove: readonly DnsRecord[]) =>
            publishDns({ zones, desired, remove, timeoutMs: 10_000, signal: signal() });

          for (let pass = 0; pass < 2; pass++) {
            expect(await run(before, [])).toMatchObject({
              zones: [{ ok: true }, { ok: true }, { ok: true }],
              forward: { ok: 2, failed: 0 },
              reverse: { ok: 2, failed: 0 },
              unmatched: [],
            });
          }
          expect(await served(before)).toEqual(before.map((record) => record.values));

          expect(await run(after, before)).toMatchObject({ forward: { failed: 0 }, reverse: { failed: 0 } });
          expect(await served(after)).toEqual([['192.0.2.32'], ['mail.contract.example']]);
          expect(await served(before)).toEqual([['192.0.2.32'], [], [], []]);

          expect(await run([], after)).toMatchObject({ forward: { failed: 0 }, reverse: { failed: 0 } });
          expect(await served(after)).toEqual([[], []]);
        });

        const served = (records: readonly DnsRecord[]): Promise<string[][]> =>
          Promise.all(records.map((record) => harness.resolve(record)));
      });
    },
  );
}

function sorted(records: readonly DnsRecord[]): DnsRecord[] {
  return records
    .map((record) => ({ ...record, values: [...record.values].sort() }))
    .sort((one, other) => one.type.localeCompare(other.type));
}

async function failureOf(promise: Promise<unknown>): Promise<DnsError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DnsError)) throw new Error(`Expected a DnsError, got ${String(error)}.`);
  return error;
}
