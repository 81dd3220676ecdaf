// A virtual machine as its configuration file and its process describe it.
import { createHash } from 'node:crypto';

/** Option values as they stand in the file: always text. */
export type Options = Record<string, string>;

/** A snapshot's section of the configuration file. */
export interface SnapshotSection {
  options: Options;
  snaptime: number;
  description: string;
  parent: string | undefined;
  /** The volume with the memory, when it was saved. */
  vmstate: string | undefined;
}

/** What a running QEMU process knows. */
export interface RunningState {
  /** Simulated milliseconds since the epoch. */
  startedAt: number;
  pid: number;
  qmpStatus: 'running' | 'paused' | 'prelaunch';
  /** When the guest's operating system and its agent answer; undefined when never. */
  agentReadyAt: number | undefined;
  /** Options the process was started with; a change of them needs a restart. */
  options: Options;
}

/** One VM. `touch` must follow every change of the configuration. */
export class Vm {
  readonly vmid: number;
  node: string;
  options: Options;
  pending: Options = {};
  /** Options to be deleted when pending changes are applied; true when their volume goes too. */
  pendingDelete = new Map<string, boolean>();
  snapshots = new Map<string, SnapshotSection>();
  /** Cloud-init options of the drive as last generated; undefined when never. */
  cloudInit: Options | undefined;
  running: RunningState | undefined;
  /** Grows with every change of the configuration. */
  revision = 0;
  #digest: string | undefined;

  constructor(vmid: number, node: string, options: Options) {
    this.vmid = vmid;
    this.node = node;
    this.options = options;
  }

  /** Forgets what was derived from the configuration. */
  touch(): void {
    this.#digest = undefined;
    this.revision += 1;
  }

  get lock(): string | undefined {
    return this.options['lock'];
  }

  get isTemplate(): boolean {
    return this.options['template'] === '1';
  }

  get name(): string {
    return this.options['name'] ?? `VM ${this.vmid}`;
  }

  /** SHA-1 over the configuration file, as GET config shows it and `digest` must match it. */
  get digest(): string {
    this.#digest ??= createHash('sha1').update(this.#file()).digest('hex');
    return this.#digest;
  }

  get hasPending(): boolean {
    return this.pendingDelete.size > 0 || Object.keys(this.pending).length > 0;
  }

  #file(): string {
    const lines = render(this.options);
    if (this.hasPending) {
      lines.push(
        '[PENDING]',
        ...[...this.pendingDelete].map(([key, force]) => `delete: ${force ? '!' : ''}${key}`),
        ...render(this.pending),
      );
    }
    for (const [name, section] of this.snapshots) {
      lines.push(
        `[${name}]`,
        `${section.snaptime} ${section.description} ${section.parent}`,
        ...render(section.options),
      );
    }
    return `${lines.join('\n')}\n`;
  }
}

function render(options: Options): string[] {
  return Object.keys(options)
    .sort()
    .map((key) => `${key}: ${options[key]}`);
}
