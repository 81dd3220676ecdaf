// Answers for identity: the stamp in a VM's description that says whose it is. A VMID alone proves nothing, it is reused.
import type { ConfigValues } from './drive.ts';
import { countCharacters, MAX_DESCRIPTION, PveParameterError } from './parameters.ts';

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

const STAMP = /^\s*pve-operator\.io\/owner uid=(?<uid>[A-Za-z0-9-]{1,64}) vmid=(?<vmid>\d{1,9})\s*$/;

/** Everything that a person's editor may have put between two lines. */
const LINE_END = /(\r\n|[\n\r\u2028\u2029])/;

/** One line, to be put anywhere into the description on a line of its own. */
export function printStamp(identity: VmIdentity): string {
  const stamp = `pve-operator.io/owner uid=${identity.uid} vmid=${identity.vmid}`;
  if (readStamp(stamp) === undefined) throw new TypeError(`${JSON.stringify(identity)} is no identity.`);
  return stamp;
}

/** The description's stamp; undefined without one, and with several that differ: those prove nothing. */
export function readStamp(description: string | undefined): VmIdentity | undefined {
  const stamps = linesOf(description ?? '').flatMap(({ text }) => stampIn(text) ?? []);
  const [first] = stamps;
  if (first === undefined || stamps.some((other) => !sameIdentity(first, other))) return undefined;
  return first;
}

/**
 * The description with this stamp as its only one: in the place of the first that it had, else on a line of its own at
 * the end. Every other line stays as it is, byte for byte.
 *
 * Throws PveParameterError when there is no room for the stamp: shortening the text is up to whoever wrote it.
 */
export function restamp(description: string | undefined, identity: VmIdentity): string {
  const stamp = printStamp(identity);
  const lines = linesOf(description ?? '');
  const first = lines.findIndex(({ text }) => stampIn(text) !== undefined);
  const stamped = first === -1 ? appended(lines, stamp) : replaced(lines, first, stamp);
  const text = stamped.map((line) => line.before + line.text).join('');
  if (countCharacters(text) > MAX_DESCRIPTION) {
    const problem = `has more than ${MAX_DESCRIPTION} characters with the owner's stamp`;
    throw new PveParameterError('POST /nodes/{node}/qemu/{vmid}/config', 'description', problem);
  }
  return text;
}

interface Line {
  /** What ends the line before it. */
  readonly before: string;
  readonly text: string;
}

function linesOf(description: string): Line[] {
  const parts = description.split(LINE_END);
  return parts.flatMap((text, index) => (index % 2 === 0 ? [{ before: parts[index - 1] ?? '', text }] : []));
}

function appended(lines: readonly Line[], stamp: string): Line[] {
  const last = lines.at(-1);
  // The line behind the last line's end is empty and has room.
  if (last?.text === '') return [...lines.slice(0, -1), { ...last, text: stamp }];
  return [...lines, { before: '\n', text: stamp }];
}

function replaced(lines: readonly Line[], first: number, stamp: string): Line[] {
  return lines.flatMap((line, index) => {
    if (index === first) return [{ ...line, text: stamp }];
    return stampIn(line.text) === undefined ? [line] : [];
  });
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

function stampIn(line: string): VmIdentity | undefined {
  const { uid, vmid } = STAMP.exec(line)?.groups ?? {};
  return uid === undefined ? undefined : { uid, vmid: Number(vmid) };
}

function sameIdentity(left: VmIdentity, right: VmIdentity): boolean {
  return left.uid === right.uid && left.vmid === right.vmid;
}
