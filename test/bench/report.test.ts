import { describe, expect, test } from 'vitest';
import type { RunResult } from './measure.ts';
import { reportLines } from './report.ts';

const usage = { rssBytes: 150 * 2 ** 20, heapBytes: 0, cpuSeconds: 0 };

function result(change: Partial<RunResult> = {}): RunResult {
  return {
    plan: { atOnce: 1, thenOneByOne: 1, speed: 1, restSeconds: 30 },
    vms: 2,
    timings: [],
    overheadMs: { count: 2, p50: 400, p99: 1200, max: 1200 },
    pveCalls: { forVms: { 'GET /a': 20, 'POST /b': 2 }, shared: { 'GET /cluster/tasks': 9 } },
    kubeWrites: { own: { 'create secrets': 2 }, shared: { 'patch plans/status': 1 }, refused: {} },
    stepMs: { 'Clone template': 512.4 },
    cpuMsPerVm: { operator: 50, apiServer: 100, simulator: 20 },
    memory: { before: usage, atRest: usage },
    rest: { seconds: 30, vms: 1, pveCalls: { forVms: {}, shared: { 'GET /cluster/resources': 3 } }, kubeWrites: 0 },
    timeline: [],
    ...change,
  };
}

const line = (lines: readonly string[], start: string): string => lines.find((text) => text.startsWith(start)) ?? '';

describe('reportLines', () => {
  test('what is wanted stands beside what was measured', () => {
    const lines = reportLines(result());
    expect(line(lines, 'Overhead P50')).toMatch(/≤ 500 ms +400 ms +ok$/);
    expect(line(lines, 'Overhead P99')).toMatch(/≤ 1000 ms +1200 ms +missed$/);
    expect(line(lines, 'Proxmox VE calls')).toMatch(/≤ 14\.0 +11\.0 +ok$/);
    expect(line(lines, 'Resident memory with 1')).toMatch(/150 MiB$/);
  });

  test('many at once have a limit of their own, and only for the slowest', () => {
    const many = result({ plan: { atOnce: 100, thenOneByOne: 0, speed: 'instant', restSeconds: 30 } });
    const lines = reportLines(many);
    expect(line(lines, 'Overhead P50')).toMatch(/ {3}400 ms$/);
    expect(line(lines, 'Overhead P99')).toMatch(/≤ 2000 ms +1200 ms +ok$/);
  });

  test('calls at rest are counted per minute, and none may be for a machine', () => {
    const lines = reportLines(result());
    expect(line(lines, 'Calls at rest per minute')).toMatch(/6\.0$/);
    const noisy = { ...result().rest, pveCalls: { forVms: { 'GET /a': 1 }, shared: {} } };
    expect(line(reportLines(result({ rest: noisy })), '  of them for a machine')).toMatch(/0 +1 +missed$/);
  });

  test('every endpoint, write and step is listed per machine', () => {
    const lines = reportLines(result());
    expect(line(lines, '  GET /a')).toMatch(/10\.00$/);
    expect(line(lines, '  create secrets')).toMatch(/1\.00$/);
    expect(line(lines, '  patch plans/status')).toMatch(/0\.50$/);
    expect(line(lines, '  Clone template')).toMatch(/512 ms$/);
  });

  test('refused writes are only spoken of when there are any', () => {
    expect(line(reportLines(result()), 'Refused writes')).toBe('');
    const refused = { own: {}, shared: {}, refused: { 'patch plans/status (409)': 3 } };
    expect(line(reportLines(result({ kubeWrites: refused })), '  patch plans/status (409)')).toMatch(/3$/);
  });
});
