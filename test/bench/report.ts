// Shows what was measured, with what was wanted beside it.
import type { RunResult } from './measure.ts';
import { total } from './pve-calls.ts';

/** Most that is wanted. One machine at a time: median and worst case; many at once: worst case only. */
const WANTED = { p50Ms: 500, p99Ms: 1000, atOnceP99Ms: 2000, pveCalls: 14, kubeWrites: 16 };
const MIB = 2 ** 20;

interface Line {
  what: string;
  wanted: string;
  measured: string;
  verdict: '' | 'ok' | 'missed';
}

/** One run as lines of text. */
export function reportLines(result: RunResult): string[] {
  return [
    titleOf(result),
    '',
    ...table(lines(result)),
    '',
    ...perVm('Proxmox VE calls per machine', result.pveCalls.forVms, result.vms),
    ...perVm('Kubernetes writes per machine', { ...result.kubeWrites.own, ...result.kubeWrites.shared }, result.vms),
    ...refusals(result),
    ...section(
      'Median step, Proxmox VE tasks included',
      Object.entries(result.stepMs).map(([step, ms]) => [step, `${Math.round(ms)} ms`]),
    ),
  ];
}

function titleOf({ plan, vms }: RunResult): string {
  const speed = plan.speed === 'instant' ? 'tasks that take no time' : 'tasks as long as on a real cluster';
  return plan.atOnce > 1 ? `${vms} machines at once, ${speed}` : `${vms} machines one after the other, ${speed}`;
}

function lines(result: RunResult): Line[] {
  const { overheadMs, pveCalls, kubeWrites, memory, rest, vms } = result;
  const isMany = result.plan.atOnce > 1;
  const perMinute = (total(rest.pveCalls.forVms) + total(rest.pveCalls.shared)) * (60 / rest.seconds);
  return [
    judged('Overhead P50', overheadMs.p50, isMany ? undefined : WANTED.p50Ms, milliseconds),
    judged('Overhead P99', overheadMs.p99, isMany ? WANTED.atOnceP99Ms : WANTED.p99Ms, milliseconds),
    judged('Proxmox VE calls per machine', total(pveCalls.forVms) / vms, WANTED.pveCalls, oneDigit),
    judged('  shared ones meanwhile, in all', total(pveCalls.shared), undefined, String),
    judged('Kubernetes writes per machine', total(kubeWrites.own) / vms, WANTED.kubeWrites, oneDigit),
    judged('  to shared objects, per machine', total(kubeWrites.shared) / vms, undefined, oneDigit),
    judged('Processor time per machine, operator', result.cpuMsPerVm.operator, undefined, milliseconds),
    judged('  API server', result.cpuMsPerVm.apiServer, undefined, milliseconds),
    judged('  simulator', result.cpuMsPerVm.simulator, undefined, milliseconds),
    judged('Resident memory without machines', memory.before.rssBytes, undefined, mebibytes),
    judged(`Resident memory with ${rest.vms}`, memory.atRest.rssBytes, undefined, mebibytes),
    judged(`Calls at rest per minute with ${rest.vms}`, perMinute, undefined, oneDigit),
    judged(`  of them for a machine`, total(rest.pveCalls.forVms), 0, String),
  ];
}

function judged(what: string, value: number, wanted: number | undefined, text: (value: number) => string): Line {
  if (wanted === undefined) return { what, wanted: '', measured: text(value), verdict: '' };
  const limit = wanted === 0 ? '0' : `≤ ${text(wanted)}`;
  return { what, wanted: limit, measured: text(value), verdict: value <= wanted ? 'ok' : 'missed' };
}

function table(rows: readonly Line[]): string[] {
  const header = { what: '', wanted: 'wanted', measured: 'measured', verdict: '' };
  return [header, ...rows].map(({ what, wanted, measured, verdict }) =>
    `${what.padEnd(36)} ${wanted.padStart(12)} ${measured.padStart(12)}   ${verdict}`.trimEnd(),
  );
}

function perVm(title: string, counts: Record<string, number>, vms: number): string[] {
  return section(
    title,
    Object.entries(counts).map(([what, count]) => [what, (count / vms).toFixed(2)]),
  );
}

function refusals({ kubeWrites: { refused } }: RunResult): string[] {
  if (total(refused) === 0) return [];
  return section(
    'Refused writes, in all',
    Object.entries(refused).map(([what, count]) => [what, String(count)]),
  );
}

function section(title: string, rows: readonly (readonly [string, string])[]): string[] {
  return [title, ...rows.map(([what, value]) => `  ${what.padEnd(60)} ${value.padStart(10)}`), ''];
}

function milliseconds(value: number): string {
  return `${Math.round(value)} ms`;
}

function mebibytes(value: number): string {
  return `${Math.round(value / MIB)} MiB`;
}

function oneDigit(value: number): string {
  return value.toFixed(1);
}
