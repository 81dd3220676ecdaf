// Answers for identity: the stamp in a VM's description that says whose it is. A VMID alone proves nothing, it is reused.
import type { ConfigValues } from './drive.ts';

export interface VmIdentity {
  /** The owner's UID: unique for all time, unlike its name. */
  readonly uid: string;
  /** The id that the VM was made for: a restore to another id copies the description. */
  readonly vmid: number;
}

/** ours: the stamp is this one. cloning: Proxmox has not written the stamp yet. foreign: somebody else's. */
export type Identity = 'ours' | 'cloning' | 'foreign' | 'unstamped';

/** What Proxmox shows as description while it clones (with the lock `clone`). */
export const CLONE_PLACEHOLDER = ' qmclone temporary file';

const STAMP = /^\s*pve-operator\.io\/owner uid=(?<uid>[A-Za-z0-9-]{1,64}) vmid=(?<vmid>\d{1,9})\s*$/gm;

/** One line, to be put anywhere into the description on a line of its own. */
export function printStamp(identity: VmIdentity): string {
  const stamp = `pve-operator.io/owner uid=${identity.uid} vmid=${identity.vmid}`;
  if (readStamp(stamp) === undefined) throw new TypeError(`${JSON.stringify(identity)} is no identity.`);
  return stamp;
}

/** The description's stamp; undefined without one, and with several that differ: those prove nothing. */
export function readStamp(description: string | undefined): VmIdentity | undefined {
  const stamps = [...(description ?? '').matchAll(STAMP)].map((match): VmIdentity => {
    const { uid = '', vmid = '' } = match.groups ?? {};
    return { uid, vmid: Number(vmid) };
  });
  const [first] = stamps;
  if (first === undefined || stamps.some((other) => !sameIdentity(first, other))) return undefined;
  return first;
}

/**
 * Whether the VM behind a config is the one that we mean. Only `ours` may be changed or destroyed; `cloning` on an
 * id that we reserved means wait.
 */
export function judgeIdentity(config: ConfigValues, wanted: VmIdentity): Identity {
  const description = config.values.get('description');
  const stamp = readStamp(description);
  if (stamp !== undefined) return sameIdentity(stamp, wanted) ? 'ours' : 'foreign';
  const placeholder = description?.trim() === CLONE_PLACEHOLDER.trim();
  return placeholder && config.values.get('lock') === 'clone' ? 'cloning' : 'unstamped';
}

function sameIdentity(left: VmIdentity, right: VmIdentity): boolean {
  return left.uid === right.uid && left.vmid === right.vmid;
}
