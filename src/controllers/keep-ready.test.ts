// When a VM that is ready is looked at again by itself.
import { describe, expect, test } from 'vitest';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { FIRST_SIGHT_MS, nextLook } from './keep-ready.ts';

const READY_AT = Date.parse('2026-03-01T10:00:00Z');

function aStatus(settled: boolean, dnsOk?: boolean): VirtualMachineStatus {
  const count = { ok: 0, failed: 0 };
  const zones = [{ zone: 'example.com', provider: 'PowerDNS', ok: dnsOk === true }];
  return {
    ...(settled ? { settledAt: '2026-03-01T10:00:00Z' } : {}),
    ...(dnsOk === undefined ? {} : { dns: { forward: count, reverse: count, zones } }),
  };
}

describe('the next look at a VM that is ready', () => {
  const rows: { name: string; status: VirtualMachineStatus; ageMs: number; want: object }[] = [
    {
      name: 'comes when the list shows for certain that it is there',
      status: aStatus(true),
      ageMs: 0,
      want: { kind: 'after', ms: FIRST_SIGHT_MS },
    },
    {
      name: 'is not put off by another one before',
      status: aStatus(true),
      ageMs: FIRST_SIGHT_MS - 1000,
      want: { kind: 'after', ms: 1000 },
    },
    {
      name: 'has no time of its own later',
      status: aStatus(true, true),
      ageMs: FIRST_SIGHT_MS,
      want: { kind: 'done' },
    },
    {
      name: 'comes for records that are missing',
      status: aStatus(true, false),
      ageMs: FIRST_SIGHT_MS,
      want: { kind: 'after', ms: 600_000 },
    },
    {
      name: 'has no time of its own for one of which it is not known when it became so',
      status: aStatus(false),
      ageMs: 0,
      want: { kind: 'done' },
    },
  ];

  test.each(rows)('$name', ({ status, ageMs, want }) => {
    expect(nextLook(status, READY_AT + ageMs)).toEqual(want);
  });
});
