// Sorts the simulator's request log by endpoint: calls for a virtual machine, and those that all of a cluster share.
import { TEMPLATE_VMID } from './manifests.ts';

/** What is needed of a request to count it. */
export interface PveRequest {
  method: string;
  path: string;
}

/** Calls that are made per cluster or per template, whatever the number of virtual machines. */
const SHARED: ReadonlySet<string> = new Set([
  'GET /cluster/resources',
  'GET /cluster/tasks',
  'GET /cluster/status',
  'GET /version',
  'GET /access/permissions',
  'GET /nodes/{node}/qemu/{template}/config',
]);

export interface CallCounts {
  /** By endpoint, most frequent first. */
  forVms: Record<string, number>;
  shared: Record<string, number>;
}

/** The endpoint of a call, with placeholders for what differs from one virtual machine to the next. */
export function endpointOf({ method, path }: PveRequest): string {
  const pattern = path
    .replace(/^\/nodes\/[^/]+/, '/nodes/{node}')
    .replace(`/qemu/${TEMPLATE_VMID}/config`, '/qemu/{template}/config')
    .replace(/\/qemu\/\d+/, '/qemu/{vmid}')
    .replace(/\/UPID:[^/]+/, '/{upid}')
    .replace(/(\/ipset\/[^/]+)\/.+$/, '$1/{cidr}');
  return `${method} ${pattern}`;
}

export function countCalls(requests: readonly PveRequest[]): CallCounts {
  const counts = Object.groupBy(requests.map(endpointOf), (endpoint) => (SHARED.has(endpoint) ? 'shared' : 'forVms'));
  return { forVms: tally(counts.forVms ?? []), shared: tally(counts.shared ?? []) };
}

/** How often each word occurs, most frequent first. */
export function tally(words: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1)));
}

export function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
