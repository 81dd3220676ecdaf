// Answers for UPIDs, the names under which Proxmox VE runs its tasks.

declare const upidBrand: unique symbol;

/** A task's identity, for example `UPID:pve1:00007215:0009D87A:6B02853F:qmclone:9000:operator@pve!k8s:`. */
export type Upid = string & { readonly [upidBrand]: true };

export interface UpidParts {
  /** The node that runs the task; its status must be asked there. */
  readonly node: string;
  readonly pid: number;
  readonly pstart: number;
  /** Seconds since the epoch, by the node's clock. */
  readonly startTime: number;
  /** For example `qmclone`. */
  readonly type: string;
  /** What the task works on. A clone's is the SOURCE's VMID; a backup of several VMs has an empty one. */
  readonly id: string;
  readonly user: string;
  /** Set when an API token started the task. */
  readonly tokenId?: string;
}

const UPID =
  /^UPID:(?<node>[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?):(?<pid>[0-9A-Fa-f]{8}):(?<pstart>[0-9A-Fa-f]{8,9}):(?<start>[0-9A-Fa-f]{8}):(?<type>[^:\s]+):(?<id>[^:\s]*):(?<owner>[^:\s]+):$/;

export function isUpid(text: unknown): text is Upid {
  return typeof text === 'string' && UPID.test(text);
}

/** The parts of a UPID, or undefined when the text is none. */
export function parseUpid(text: string): UpidParts | undefined {
  const groups = UPID.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const group = (name: string): string => groups[name] ?? '';
  const hexadecimal = (name: string): number => Number.parseInt(group(name), 16);
  const [user = '', tokenId] = group('owner').split('!', 2);
  return {
    node: group('node'),
    pid: hexadecimal('pid'),
    pstart: hexadecimal('pstart'),
    startTime: hexadecimal('start'),
    type: group('type'),
    id: group('id'),
    user,
    ...(tokenId === undefined ? {} : { tokenId }),
  };
}

export function printUpid(parts: UpidParts): Upid {
  const owner = parts.tokenId === undefined ? parts.user : `${parts.user}!${parts.tokenId}`;
  const numbers = [parts.pid, parts.pstart, parts.startTime].map((value) =>
    value.toString(16).toUpperCase().padStart(8, '0'),
  );
  const upid = `UPID:${parts.node}:${numbers.join(':')}:${parts.type}:${parts.id}:${owner}:`;
  if (!isUpid(upid)) throw new TypeError(`The parts ${JSON.stringify(parts)} make no UPID.`);
  return upid;
}
