// Counts the operator's writes in the API server's audit log.
import { tally } from './pve-calls.ts';

/** One finished write. */
export interface KubeWrite {
  /** Milliseconds since the epoch when the API server got the request. */
  atMs: number;
  /** Such as `patch virtualmachines/status`. */
  what: string;
  status: number;
}

export interface WriteCounts {
  /** Objects of one virtual machine: by verb and resource, most frequent first. */
  own: Record<string, number>;
  /** Objects that several share, such as the pool that shows how full it is. */
  shared: Record<string, number>;
  /** Writes that were refused, which are counted above as well. */
  refused: Record<string, number>;
}

const WRITE_VERBS: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
const SHARED_RESOURCES = /^(proxmoxclusters|ippools|dnszones|plans|planrevisions)(\/|$)/;

interface AuditEvent {
  verb: string;
  user: { username: string };
  objectRef?: { resource?: string; subresource?: string };
  responseStatus?: { code?: number };
  requestReceivedTimestamp: string;
}

/** A user's writes in the text of an audit log, without the lease that is renewed by the clock. */
export function writesOf(log: string, username: string): KubeWrite[] {
  return log.split('\n').flatMap((line) => {
    const event = readEvent(line);
    if (event?.user.username !== username || !WRITE_VERBS.has(event.verb)) return [];
    const { resource = '', subresource } = event.objectRef ?? {};
    if (resource === 'leases') return [];
    const name = subresource === undefined ? resource : `${resource}/${subresource}`;
    return [
      {
        atMs: Date.parse(event.requestReceivedTimestamp),
        what: `${event.verb} ${name}`,
        status: event.responseStatus?.code ?? 0,
      },
    ];
  });
}

// The last line may still be being written.
function readEvent(line: string): AuditEvent | undefined {
  try {
    return JSON.parse(line) as AuditEvent;
  } catch {
    return undefined;
  }
}

export function countWrites(writes: readonly KubeWrite[]): WriteCounts {
  const isShared = ({ what }: KubeWrite): boolean => SHARED_RESOURCES.test(what.split(' ')[1] ?? '');
  const named = (some: readonly KubeWrite[]): Record<string, number> => tally(some.map(({ what }) => what));
  return {
    own: named(writes.filter((write) => !isShared(write))),
    shared: named(writes.filter(isShared)),
    refused: tally(writes.filter(({ status }) => status >= 400).map(({ what, status }) => `${what} (${status})`)),
  };
}
