// DNS is published once and never holds a deploy up; what could not be written is said.
import { describe, expect, test } from 'vitest';
import { aFacts, aStatus } from '../../test/builders/facts.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { publishDns } from './publish-dns.ts';

type Zones = NonNullable<VirtualMachineStatus['dns']>['zones'];

const dns = (zones: Zones = []) => ({ forward: { ok: 1, failed: 0 }, reverse: { ok: 0, failed: 0 }, zones });
const failed = (zone: string, message?: string) => ({ zone, provider: 'PowerDNS', ok: false, message });

describe('publishing', () => {
  test.each([
    { name: 'no zone matches', dnsZones: 0, status: aStatus(), want: { kind: 'skip' } },
    {
      name: 'not yet published',
      dnsZones: 2,
      status: aStatus(),
      want: { kind: 'act', action: { kind: 'publishDns' } },
    },
    { name: 'published', dnsZones: 2, status: aStatus({ dns: dns() }), want: { kind: 'done' } },
    {
      name: 'published with failures: the deploy goes on',
      dnsZones: 1,
      status: aStatus({ dns: dns([failed('a.example', 'no answer')]) }),
      want: { kind: 'done' },
    },
  ])('$name', ({ dnsZones, status, want }) => {
    expect(publishDns.plan(aFacts({ dnsZones, status }))).toMatchObject(want);
  });

  test('looks at nothing in Proxmox VE', () => expect(publishDns.needs({})).toEqual([]));
});

describe('the shortfall', () => {
  test.each([
    { name: 'nothing published', status: {}, want: undefined },
    { name: 'all written', status: { dns: dns([{ ...failed('a.example'), ok: true }]) }, want: undefined },
    {
      name: 'two zones, one without a word',
      status: { dns: dns([failed('a.example', 'The server is down.'), failed('b.example')]) },
      want: {
        reason: 'PartlyFailed',
        message: 'Not written: a.example (PowerDNS): The server is down.; b.example (PowerDNS): failed',
      },
    },
  ])('$name', ({ status, want }) => expect(publishDns.shortfall?.(status)).toEqual(want));

  test('has the length of a condition at most', () => {
    const zones = Array.from({ length: 20 }, (_, index) => failed(`zone-${index}.example`, 'x'.repeat(40)));
    expect(publishDns.shortfall?.({ dns: dns(zones) })?.message).toHaveLength(300);
  });
});
