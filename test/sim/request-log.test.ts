// Tests of the request log: what is kept, what is counted, and what a filter lets through.
import { array, assert as holds, boolean, constantFrom, nat, option, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestLog } from './request-log.ts';
import type { RecordFilter, RequestRecord, Summary } from './request-log.ts';

type Served = Omit<RequestRecord, 'id'>;

function served(partly: Partial<Served> = {}): Served {
  return {
    at: 0,
    node: 'pve1',
    method: 'GET',
    path: '/version',
    endpoint: 'GET /version',
    vmid: undefined,
    params: {},
    caller: 'a@pve!b',
    status: 200,
    reason: 'OK',
    durationMs: 0,
    ...partly,
  };
}

/** A log with these requests. */
function logOf(...all: Partial<Served>[]): RequestLog {
  const log = new RequestLog(1000);
  for (const partly of all) log.add(served(partly));
  return log;
}

const sample = [
  { path: '/version' },
  { method: 'POST', path: '/nodes/pve1/qemu/9000/clone', endpoint: 'clone', vmid: 100, durationMs: 5 },
  { path: '/nodes/pve1/qemu/100/config', endpoint: 'config', vmid: 100, durationMs: 2 },
  { path: '/nodes/pve1/qemu/101/config', endpoint: 'config', vmid: 101, status: 500, durationMs: 4 },
  { method: 'PUT', path: '/nodes/pve1/qemu/100/config', endpoint: 'put', vmid: 100, status: 0 },
  { method: 'DELETE', path: '/nodes/pve2/qemu/101', endpoint: 'delete', vmid: 101, status: 399 },
];

describe('a filter', () => {
  const rows: { name: string; filter: RecordFilter; want: number[] }[] = [
    { name: 'of nothing', filter: {}, want: [1, 2, 3, 4, 5, 6] },
    { name: 'by id', filter: { since: 4 }, want: [5, 6] },
    { name: 'by an id to come', filter: { since: 6 }, want: [] },
    { name: 'by a part of the path', filter: { path: '/config' }, want: [3, 4, 5] },
    { name: 'by a path in full', filter: { path: '/version' }, want: [1] },
    { name: 'by method', filter: { method: 'PUT' }, want: [5] },
    { name: 'by a method in small letters', filter: { method: 'put' }, want: [] },
    { name: 'by VM', filter: { vmid: 101 }, want: [4, 6] },
    { name: 'by a VM nobody asked for', filter: { vmid: 1 }, want: [] },
    { name: 'by failure, broken connections included', filter: { failed: true }, want: [4, 5] },
    { name: 'that does not ask for failures', filter: { failed: false }, want: [1, 2, 3, 4, 5, 6] },
    {
      name: 'by everything at once',
      filter: { since: 2, path: 'qemu', method: 'GET', vmid: 101, failed: true },
      want: [4],
    },
  ];
  it.each(rows)('$name', ({ filter, want }) => {
    expect(
      logOf(...sample)
        .find(filter)
        .map(({ id }) => id),
    ).toEqual(want);
  });
});

describe('counts', () => {
  it('are by endpoint and by VM', () => {
    const log = logOf(...sample);
    expect(log.summary('endpoint')).toEqual({
      'GET /version': { calls: 1, failed: 0, broken: 0, totalMs: 0 },
      clone: { calls: 1, failed: 0, broken: 0, totalMs: 5 },
      config: { calls: 2, failed: 1, broken: 0, totalMs: 6 },
      put: { calls: 1, failed: 0, broken: 1, totalMs: 0 },
      delete: { calls: 1, failed: 0, broken: 0, totalMs: 0 },
    });
    expect(log.summary('vm')).toEqual({
      100: { calls: 3, failed: 0, broken: 1, totalMs: 7 },
      101: { calls: 2, failed: 1, broken: 0, totalMs: 4 },
    });
  });

  const parts: { name: string; by: 'endpoint' | 'vm'; filter: RecordFilter; want: Record<string, number> }[] = [
    { name: 'of one VM by endpoint', by: 'endpoint', filter: { vmid: 101 }, want: { config: 1, delete: 1 } },
    { name: 'of failures by VM', by: 'vm', filter: { failed: true }, want: { 100: 1, 101: 1 } },
    { name: 'of what comes later', by: 'vm', filter: { since: 4 }, want: { 100: 1, 101: 1 } },
    { name: 'of nothing', by: 'endpoint', filter: { vmid: 1 }, want: {} },
  ];
  it.each(parts)('are of a part: $name', ({ by, filter, want }) => {
    const calls = Object.entries(logOf(...sample).summary(by, filter)).map(([key, value]) => [key, value.calls]);
    expect(Object.fromEntries(calls)).toEqual(want);
  });

  it('of an empty filter are those of everything that is kept', () => {
    const log = logOf(...sample);
    expect(log.summary('endpoint', {})).toEqual(log.summary('endpoint'));
    expect(log.summary('vm', {})).toEqual(log.summary('vm'));
  });
});

describe('what is kept', () => {
  it('is never much more than was asked for, and always the latest', () => {
    const log = new RequestLog(100);
    for (let count = 1; count <= 1000; count += 1) {
      log.add(served());
      expect(log.records.length).toBeLessThanOrEqual(110);
      expect(log.records.at(-1)?.id).toBe(count);
      expect(log.records.length).toBeGreaterThanOrEqual(Math.min(count, 100));
    }
    expect(log.records.map(({ id }) => id)).toEqual(log.records.map((_, index) => 1001 - log.records.length + index));
  });

  it('does not change the counts', () => {
    const log = new RequestLog(1);
    for (let count = 0; count < 50; count += 1) log.add(served({ vmid: 100 }));
    expect(log.summary('vm')['100']?.calls).toBe(50);
    expect(log.summary('vm', {})['100']?.calls).toBe(log.records.length);
  });
});

describe('listeners', () => {
  it('hear every request until they have had enough', () => {
    const log = new RequestLog(10);
    const heard: number[] = [];
    const stop = log.onRecord(({ id }) => heard.push(id));
    log.add(served());
    log.add(served());
    stop();
    log.add(served());
    expect(heard).toEqual([1, 2]);
  });

  it('may be several', () => {
    const log = new RequestLog(10);
    let heard = 0;
    log.onRecord(() => (heard += 1));
    log.onRecord(() => (heard += 10));
    log.add(served());
    expect(heard).toBe(11);
  });
});

describe('any log', () => {
  const any = array(
    record({
      method: constantFrom('GET', 'POST'),
      endpoint: constantFrom('a', 'b', 'c'),
      vmid: option(nat({ max: 3 }), { nil: undefined }),
      status: constantFrom(0, 200, 399, 400, 500, 596),
      durationMs: nat({ max: 100 }),
    }),
    { maxLength: 40 },
  );

  it('adds up: calls by endpoint are all requests, and none is both failed and broken', () => {
    holds(
      property(any, (all) => {
        const log = logOf(...all);
        const total = (summary: Summary, what: 'calls' | 'failed' | 'broken' | 'totalMs'): number =>
          Object.values(summary).reduce((sum, count) => sum + count[what], 0);
        const byEndpoint = log.summary('endpoint');
        expect(total(byEndpoint, 'calls')).toBe(all.length);
        expect(total(byEndpoint, 'totalMs')).toBe(all.reduce((sum, { durationMs }) => sum + durationMs, 0));
        expect(total(byEndpoint, 'failed') + total(byEndpoint, 'broken')).toBe(log.find({ failed: true }).length);
        expect(total(log.summary('vm'), 'calls')).toBe(all.filter(({ vmid }) => vmid !== undefined).length);
      }),
    );
  });

  it('finds with more conditions never more than with fewer', () => {
    holds(
      property(any, nat({ max: 3 }), boolean(), (all, vmid, failed) => {
        const log = logOf(...all);
        const fewer = new Set(log.find({ vmid }).map(({ id }) => id));
        for (const { id } of log.find({ vmid, failed, method: 'GET' })) expect(fewer.has(id)).toBe(true);
      }),
    );
  });
});
