// What the demo prints at its end: the deploy log, the machine, where everything listens, or why it failed.
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { AddressStatus } from '../../src/api/virtual-machine-status.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import { durationText } from './progress.ts';

/** Lines of a table whose columns are as wide as their widest cell. */
export function columns(table: readonly (readonly string[])[]): string[] {
  const widths = (table[0] ?? []).map((_cell, index) => Math.max(...table.map((row) => (row[index] ?? '').length)));
  return table.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** The log of one run: of a deploy, or of what was done with the machine afterwards. */
export function deployLog(run: VirtualMachineRun): string[] {
  const startedAt = Date.parse(run.status?.startedAt ?? '');
  const steps = (run.status?.steps ?? []).map((step) => [
    String(step.number).padStart(2),
    `+${durationText(Math.max(0, Date.parse(step.startedAt) - startedAt))}`,
    step.to,
    step.result === 'Succeeded' ? durationText(step.durationMs) : step.result.toLowerCase(),
    step.message === undefined ? step.name : `${step.name}: ${step.message}`,
  ]);
  const total = run.status?.durationMs === undefined ? '' : ` in ${durationText(run.status.durationMs)}`;
  const { machine, virtualMachineName } = run.spec;
  const log = machine === 'deploy' ? 'Deploy log' : `Log of the pipeline ${machine}`;
  const title = `${log} of ${virtualMachineName} (${run.status?.result ?? 'no result'}${total}):`;
  return [title, ...columns([[' #', 'at', 'state', 'took', 'step'], ...steps])];
}

/** What a person wants to know of a machine that is ready. */
export function machineSummary({ metadata, status = {} }: VirtualMachine): string[] {
  const rows: [string, string | undefined][] = [
    ['VMID', status.vmid === undefined ? undefined : `${status.vmid} on node ${status.node}`],
    ['name', status.fqdn],
    ...(status.addresses ?? []).map(addressRow),
    ['password', status.credentialsSecret && `in Secret ${status.credentialsSecret}`],
    ['DNS', status.dns && dnsText(status.dns)],
  ];
  const known = rows.filter((row): row is [string, string] => row[1] !== undefined);
  return [`${metadata.namespace}/${metadata.name}:`, ...columns(known).map((line) => `  ${line}`)];
}

function addressRow({ address, prefixLength, gateway, primary }: AddressStatus): [string, string] {
  const route = gateway === undefined ? '' : ` via ${gateway}`;
  return [primary ? 'address' : 'further address', `${address}/${prefixLength}${route}`];
}

type DnsStatus = NonNullable<NonNullable<VirtualMachine['status']>['dns']>;

function dnsText({ forward, reverse }: DnsStatus): string {
  const failed = forward.failed + reverse.failed;
  const written = `${forward.ok} forward and ${reverse.ok} reverse records written`;
  return failed === 0 ? written : `${written}, ${failed} failed`;
}

/** The conditions that say why a machine or a cluster is not ready. */
export function conditionLines(object: {
  kind?: string;
  metadata: { name?: string };
  status?: { conditions?: readonly { type: string; status: string; reason: string; message?: string }[] };
}): string[] {
  const conditions = object.status?.conditions ?? [];
  const rows = conditions.map(({ type, status, reason, message }) => [`  ${type}`, status, reason, message ?? '']);
  return [
    `Conditions of ${object.kind ?? ''} ${object.metadata.name ?? ''}:`,
    ...(rows.length > 0 ? columns(rows) : ['  none']),
  ];
}

/** One line of the operator's JSON log for people; other text as it is. */
export function logLine(line: string): string {
  const entry = parsed(line);
  if (entry === undefined) return line;
  const { message, level, time: _time, pid: _pid, hostname: _hostname, reconcileId: _reconcileId, ...others } = entry;
  const details = Object.entries(others).map(([key, value]) => `${key}=${textOf(value)}`);
  return [levelText(level), textOf(message ?? ''), ...details].join(' ').slice(0, 400);
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

// pino's numbers.
const levels = new Map<unknown, string>([
  [20, 'debug'],
  [30, 'info'],
  [40, 'warn'],
  [50, 'error'],
  [60, 'fatal'],
]);

function levelText(level: unknown): string {
  return (levels.get(level) ?? textOf(level ?? '')).padEnd(5);
}

/** What the demo runs, for `listening`. */
export interface Listeners {
  plane: { url: string };
  simulator: { announcement: { nodeUrls: readonly string[] | Record<string, string>; controlUrl: string } };
  powerDns: { apiUrl: string; dnsPort: number } | { unavailable: string };
}

/** Where everything listens. */
export function listening({ plane, simulator, powerDns }: Listeners): string[] {
  const { nodeUrls, controlUrl } = simulator.announcement;
  const rows = [
    ['Kubernetes API', plane.url],
    ['Proxmox VE (simulated)', Object.values(nodeUrls).join(' ')],
    ['Simulator control', controlUrl],
    ...('apiUrl' in powerDns
      ? [
          ['PowerDNS API', powerDns.apiUrl],
          ['DNS', `127.0.0.1:${powerDns.dnsPort} (dig @127.0.0.1 -p ${powerDns.dnsPort} NAME)`],
        ]
      : []),
  ];
  return ['Listening:', ...columns(rows).map((line) => `  ${line}`)];
}
