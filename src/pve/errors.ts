// Answers for what Proxmox VE's errors mean; no other file looks at the server's message texts.
import { privilegesIn, stableDetail, type MissingPrivilege } from './error-text.ts';
import { unnamedPrivileges } from './privileges.ts';

export type PveErrorKind =
  /** No answer: refused, no route, no such host, reset, or a node behind the asked one (595). */
  | 'unreachable'
  | 'timeout'
  | 'unauthorized'
  | 'forbidden'
  /** The VM, task or set does not exist where it was asked for: a moved VM looks the same on its old node. */
  | 'not-found'
  /** Somebody else works on the VM or the storage. */
  | 'locked'
  | 'exists'
  /** The state was another one than thought: the digest differs, the VM is already running. Look again. */
  | 'conflict'
  | 'schema-rejected'
  | 'task-failed'
  | 'no-space'
  | 'no-quorum'
  /** Every other 4xx and 500: Proxmox says 500 for "storage does not exist" and "key invalid". */
  | 'refused'
  /** An answer that is no answer of Proxmox VE as we know it. */
  | 'unreadable'
  | 'certificate';

/** How to go on after an error. */
export type PveErrorClass = 'transient' | 'unknown' | 'stalled' | 'waiting' | 'defect';

export interface PveErrorOptions {
  readonly kind: PveErrorKind;
  /** The call's template, for example `POST /nodes/{node}/qemu/{vmid}/clone`. */
  readonly call: string;
  /** The HTTP status, 0 without an answer and for a failed task. */
  readonly status?: number;
  readonly detail: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly privilege?: readonly MissingPrivilege[];
  readonly maybeApplied?: boolean;
  readonly cause?: unknown;
}

export class PveError extends Error {
  override readonly name = 'PveError';
  /** Stable, for example `PVE_NO_QUORUM`. */
  readonly code: string;
  readonly kind: PveErrorKind;
  readonly status: number;
  readonly call: string;
  /** The server's own words, without secrets and moving parts, at most 300 characters. */
  readonly detail: string;
  /** What Proxmox says about single parameters (400 only). */
  readonly fields?: Readonly<Record<string, string>>;
  /** The privileges of which one is missing. The path is absent when Proxmox does not tell it. */
  readonly privilege?: readonly MissingPrivilege[];
  /** True when this was a write that may have happened all the same. */
  readonly maybeApplied: boolean;

  constructor(options: PveErrorOptions) {
    const detail = stableDetail(options.detail);
    const fields = Object.entries(options.fields ?? {}).map((field) => field.join(': '));
    super(
      stableDetail([`${options.call}: ${detail}`, ...fields].join('; ')),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = `PVE_${options.kind.toUpperCase().replaceAll('-', '_')}`;
    this.kind = options.kind;
    this.status = options.status ?? 0;
    this.call = options.call;
    this.detail = detail;
    if (options.fields !== undefined) this.fields = options.fields;
    if (options.privilege !== undefined) this.privilege = options.privilege;
    this.maybeApplied = options.maybeApplied ?? false;
  }
}

const CLASS_OF: Readonly<Record<PveErrorKind, PveErrorClass>> = {
  unreachable: 'transient',
  timeout: 'transient',
  'not-found': 'transient',
  exists: 'transient',
  conflict: 'transient',
  locked: 'waiting',
  'no-quorum': 'waiting',
  unauthorized: 'stalled',
  forbidden: 'stalled',
  'schema-rejected': 'stalled',
  'task-failed': 'stalled',
  'no-space': 'stalled',
  refused: 'stalled',
  certificate: 'stalled',
  unreadable: 'defect',
};

/** The one decision on how to go on. A write that may have happened is looked up, whatever the error was. */
export function classifyPveError(error: PveError): PveErrorClass {
  return error.maybeApplied ? 'unknown' : CLASS_OF[error.kind];
}

/** What the texts of Proxmox's 400s, 500s and task ends mean, first match first. */
const TEXTS: readonly (readonly [RegExp, PveErrorKind])[] = [
  [/no quorum/i, 'no-quorum'],
  // pmxcfs without quorum is read-only, and Proxmox reports what the file system says.
  [/unable to open file '\/etc\/pve\/.*Permission denied/, 'no-quorum'],
  [/Permission check failed/, 'forbidden'],
  // A full storage can show first as the end of the lock that the command held.
  [/No space left on device|out of space|not enough (free )?space|insufficient free (space|extents)/i, 'no-space'],
  [/disk quota exceeded/i, 'no-space'],
  [/free space in thin pool .* reached threshold/, 'no-space'],
  [/VM is locked \(/, 'locked'],
  [/can't lock file .* got timeout/, 'locked'],
  [/got lock (request )?timeout|unable to acquire lock|can't acquire lock/, 'locked'],
  [/Configuration file '.*' does not exist/, 'not-found'],
  [/unable to find configuration file for VM \d+/, 'not-found'],
  [/^no such (task|IPSet)\b/, 'not-found'],
  [/^snapshot '.*' does not exist/, 'not-found'],
  [/config file already exists|VM \d+ already exists|failed: File exists/, 'exists'],
  [/^(IPSet|address) '.*' already exists/, 'exists'],
  [/^disk image '.*' already exists/, 'exists'],
  [/checksum mismatch|detected modified configuration/, 'conflict'],
  [/VM \d+ already running|VM \d+ is running|VM \d+ (is )?not running|migrate running VM without/, 'conflict'],
  [/^(No QEMU guest agent configured|QEMU guest agent is not running)/, 'conflict'],
  [/^VM \d+ q(mp|ga) command 'guest-[a-z-]+' failed/, 'timeout'],
  [/got timeout$|Connection timed out/, 'timeout'],
  [/^hostname lookup '.*' failed/, 'unreachable'],
];

function kindOfText(text: string): PveErrorKind | undefined {
  // 'failed to update VM 401: …' is how a config call with background_delay wraps the worker's error.
  const plain = text.trim().replace(/^failed to update VM \d+: /, '');
  return TEXTS.find(([pattern]) => pattern.test(plain))?.[1];
}

export interface PveAnswer {
  readonly status: number;
  /** The status line's text; the only place of the message in some 8.x versions. */
  readonly reason: string;
  readonly body: string;
}

/** The error behind an answer whose status is not 2xx. */
export function answerError(call: string, answer: PveAnswer): PveError {
  const { message, fields } = readErrorBody(answer.body);
  const text = (message ?? answer.reason).trim();
  const kind = kindOfAnswer(answer.status, text, fields);
  const privilege = kind === 'forbidden' ? missingPrivilege(call, text) : undefined;
  return new PveError({
    kind,
    call,
    status: answer.status,
    detail: text === '' ? `Proxmox VE answered ${answer.status}` : text,
    ...(fields === undefined ? {} : { fields }),
    ...(privilege === undefined ? {} : { privilege }),
    maybeApplied: isWrite(call) && mayHaveReachedTheNode(answer.status, call),
  });
}

function missingPrivilege(call: string, text: string): readonly MissingPrivilege[] | undefined {
  const unnamed = unnamedPrivileges[call];
  return privilegesIn(text) ?? (unnamed === undefined ? undefined : [{ privilege: unnamed }]);
}

/** The agent's ping is a POST, but changes nothing. */
const PING = 'POST /nodes/{node}/qemu/{vmid}/agent/ping';

/** Whether a call changes something, so that nobody knows what is true when its answer is lost. */
export function isWrite(call: string): boolean {
  return !call.startsWith('GET ') && call !== PING;
}

/**
 * True for the refusal of an agent call because no agent answers: none is configured, the VM does not run, the agent
 * did not answer Proxmox's own ping within 3 s, or not the command itself. Read in PVE::QemuServer::Agent and recorded.
 */
export function isAgentSilence(error: PveError): boolean {
  return error.status === 500 && AGENT_SILENCE.test(error.detail);
}

const AGENT_SILENCE =
  /^(No QEMU guest agent configured|VM \d+ is not running|QEMU guest agent is not running|VM \d+ q(mp|ga) command 'guest-)/;

// 596 and 599 end calls that the server cut while they went on; 595 comes from the hop to another node; 502 to 504
// come from a reverse proxy in front of Proxmox.
function mayHaveReachedTheNode(status: number, call: string): boolean {
  if (status === 595) return call.includes('/nodes/');
  return [596, 599, 502, 504].includes(status);
}

function kindOfAnswer(
  status: number,
  text: string,
  fields: Readonly<Record<string, string>> | undefined,
): PveErrorKind {
  const fixed = FIXED_STATUS.get(status);
  if (fixed !== undefined) return fixed;
  if (status === 400 && fields !== undefined) return kindOfFields(fields);
  return kindOfText(text) ?? (status === 400 ? 'schema-rejected' : 'refused');
}

const FIXED_STATUS: ReadonlyMap<number, PveErrorKind> = new Map([
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [408, 'timeout'],
  [429, 'timeout'],
  [501, 'schema-rejected'],
  [502, 'unreachable'],
  [503, 'unreachable'],
  [504, 'timeout'],
  [595, 'unreachable'],
  [596, 'timeout'],
  [599, 'timeout'],
]);

// Proxmox puts refusals of single values into the same shape as unknown parameters; they differ only in the text.
function kindOfFields(fields: Readonly<Record<string, string>>): PveErrorKind {
  for (const text of Object.values(fields)) {
    const kind = kindOfText(text);
    if (kind !== undefined) return kind;
    if (/^(hotplug problem|unable to apply pending change) - /.test(text)) return 'refused';
  }
  return 'schema-rejected';
}

function readErrorBody(body: string): { message?: string; fields?: Readonly<Record<string, string>> } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return {};
  }
  if (typeof parsed !== 'object' || parsed === null) return {};
  const { message, errors } = parsed as { message?: unknown; errors?: unknown };
  const fields: Record<string, string> = {};
  if (typeof errors === 'object' && errors !== null) {
    for (const [name, text] of Object.entries(errors)) fields[name] = stableDetail(String(text));
  }
  return {
    ...(typeof message === 'string' && message.trim() !== '' ? { message } : {}),
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
  };
}

// Ends that say only that the task did not run through: what it did until then has to be looked at.
const INTERRUPTED = /^(unexpected status|received interrupt|interrupted by signal|unable to read tail.*)$/;

// Ends that say nothing; the reason stands in the log.
const MEANINGLESS =
  /^(migration aborted|job errors|start failed: QEMU exited with code \d+|command '.*' failed: exit code \d+)$/;

/**
 * The error behind a task that did not end well. The log's tail supplies the reason where the exit status only says
 * that something went wrong (`migration aborted`).
 */
export function taskFailure(exitstatus: string, logTail: readonly string[], call = 'Task'): PveError {
  const ending = exitstatus.trim();
  const reason = MEANINGLESS.test(ending) ? reasonInLog(logTail) : undefined;
  const detail = reason === undefined ? ending : `${ending}: ${reason}`;
  const privilege = privilegesIn(ending);
  return new PveError({
    kind: kindOfText(ending) ?? (reason === undefined ? undefined : kindOfText(reason)) ?? 'task-failed',
    call,
    detail,
    ...(privilege === undefined ? {} : { privilege }),
    maybeApplied: INTERRUPTED.test(ending),
  });
}

// From QEMU's block/qcow2.c (images of version 2, which has no size per snapshot), and from qemu-server before 8.0.2.
const SNAPSHOTS_IN_THE_WAY =
  /Can't resize an? (v2 )?image which has snapshots|^can't resize volume: \S+ if snapshot exists$/;

/**
 * Whether a task refused to resize a disk because of its snapshots, by the detail of its error (see taskFailure). Only
 * texts that are known count: snapshots are deleted on this answer, and a path in some other text may say "snapshot" too.
 */
export function isSnapshotRefusal(detail: string): boolean {
  return SNAPSHOTS_IN_THE_WAY.test(detail.trim());
}

// Lines that only announce that another line has the reason.
const ANNOUNCEMENT = /^TASK (ERROR|OK)|migration aborted|- check log$|^aborting phase|Backup job finished with errors/;

const TELLING = /^ERROR: |^can't |^kvm: |does not exist|failed/;

// The first telling line is the cause, what follows it are consequences.
function reasonInLog(logTail: readonly string[]): string | undefined {
  const lines = logTail
    .map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /, '').trim())
    .filter((line) => line !== '' && !ANNOUNCEMENT.test(line));
  return (lines.find((line) => TELLING.test(line)) ?? lines.at(-1))?.replace(/^ERROR: /, '');
}
