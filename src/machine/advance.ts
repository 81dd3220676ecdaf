// The engine: walks a machine from where the status stands until something has to be waited for, or until it is complete.
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type Explanation, StalledError, TransientError, WaitingError } from '../errors.ts';
import { batchNeeds, type Configure, joinedChange, keysOf } from './batch.ts';
import type { Facts, Need } from './facts.ts';
import { type Requeue, type Trouble, troubleOf } from './outcome.ts';
import {
  beginStep,
  completeStep,
  nextEntry,
  operationOf,
  type Intent,
  type Position,
  type StepEnd,
  stepsDone,
  withChanged,
  withFailedTask,
  withIntent,
  withIntentBefore,
  withIntentOf,
  withObstacle,
  withoutIntent,
  withoutTask,
  withRevert,
  withSeparateChanges,
  withTask,
  withWhy,
  withTried,
} from './progress.ts';
import type { Action, ActionKind, ConditionNote, Machine, MachineEntry, Note, Verdict } from './vocabulary.ts';

export type ActionResult =
  | { kind: 'done'; status?: Partial<VirtualMachineStatus> }
  | { kind: 'task'; upid: string; status?: Partial<VirtualMachineStatus> }
  /** A configuration call was refused; it may have left a part of itself behind as pending. */
  | { kind: 'refused'; explanation: Explanation };

/**
 * How a task stands. `failure` carries its last lines, classified; `learned` is what the step has to know of it to go
 * about it in another way.
 */
export type TaskView =
  | { kind: 'running'; explanation?: Explanation }
  | { kind: 'ended' }
  | { kind: 'failed'; failure: Error; learned?: Partial<OperationStatus> };

/** One reconcile's hands and eyes. Everything that reads or changes the world goes through here. */
export interface Visit {
  facts(status: VirtualMachineStatus, needs: readonly Need[]): Promise<Facts>;
  perform(action: Action, facts: Facts): Promise<ActionResult>;
  task(upid: string, status: VirtualMachineStatus): Promise<TaskView>;
  /** Makes the status durable. */
  save(status: VirtualMachineStatus): Promise<void>;
  now(): number;
  onStep?(event: { entry: MachineEntry; status: VirtualMachineStatus; trouble?: Trouble }): void;
}

export interface Advance {
  status: VirtualMachineStatus;
  complete: boolean;
  current?: MachineEntry;
  trouble?: Trouble;
  /** The error behind the trouble, for the log. */
  cause?: unknown;
  notes: readonly ConditionNote[];
  requeue: Requeue;
}

/** Calls that must not be made without a durable record that they are about to be made. */
const DURABLE_INTENT: ReadonlySet<ActionKind> = new Set([
  'clone',
  'createCredentials',
  // What cannot be undone is only done by who knows the newest status: the write of a stale one is refused.
  'destroy',
  'destroyDisk',
  'deleteSnapshot',
  'releaseReservations',
  'releaseVmid',
  // How the VM was before must outlive the stop, or it is left stopped.
  'shutdown',
  'stop',
  // Done once per request, also by the process that comes after this one.
  'reboot',
  'reset',
]);
/** Calls that leave their name in the status, so that the next pass knows that they were made. */
const INTENT: ReadonlySet<ActionKind> = new Set<ActionKind>([...DURABLE_INTENT, 'migrate', 'start']);
/** Calls whose task may fail without harm: their step looks at what became of the VM. */
const TOLERATED: ReadonlySet<ActionKind> = new Set(['shutdown', 'stop']);
/** Calls whose task is the only one that tells of them: a failed one was not carried out, and leaves no trace. */
const FORGOTTEN: ReadonlySet<ActionKind> = new Set(['clone', 'createCredentials']);
/** Effects that are had once a run and not looked at again. */
const TRIED: ReadonlySet<ActionKind> = new Set(['removeBackups', 'renewPassword']);
/** A step that is still not satisfied after this many actions in one pass is not going to be. */
const MAX_ACTIONS_PER_STEP = 12;
const TASK_RECHECK_MS = 5_000;

export async function advance(machine: Machine, status: VirtualMachineStatus, visit: Visit): Promise<Advance> {
  const pass = new Pass(machine, status, visit);
  try {
    await pass.run();
    return { status: pass.status, complete: true, notes: pass.notes, requeue: { kind: 'done' } };
  } catch (error) {
    const trouble = withGrowingPause(troubleOf(error), pass.status.operation?.failedTasks);
    const current = pass.current;
    if (current !== undefined) visit.onStep?.({ entry: current, status: pass.status, trouble });
    return {
      status: pass.status,
      complete: false,
      current,
      trouble,
      cause: error,
      notes: pass.notes,
      requeue: trouble.requeue,
    };
  }
}

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

// The pass that sends a task ends well, so the queue knows nothing of the tasks that failed before: one that fails again
// and again would be sent every few seconds.
function withGrowingPause(trouble: Trouble, failedTasks = 0): Trouble {
  if (failedTasks === 0 || trouble.requeue.kind !== 'retry') return trouble;
  const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failedTasks - 1));
  return { ...trouble, requeue: { kind: 'after', ms } };
}

class Pass {
  readonly notes: ConditionNote[] = [];
  readonly #machine: Machine;
  readonly #visit: Visit;
  #position: Position;
  #actions = 0;

  constructor(machine: Machine, status: VirtualMachineStatus, visit: Visit) {
    this.#machine = machine;
    this.#visit = visit;
    this.#position = { status, done: stepsDone(machine, status) };
  }

  get status(): VirtualMachineStatus {
    return this.#position.status;
  }

  get current(): MachineEntry | undefined {
    return nextEntry(this.#machine, this.#position);
  }

  async run(): Promise<void> {
    this.#begin();
    await this.#settleTask();
    if (this.status.operation?.revert !== undefined)
      await this.#revert(await this.#visit.facts(this.status, ['observed']));
    for (let entry = this.current; entry !== undefined; entry = this.current) {
      const facts = await this.#visit.facts(this.status, this.#needs(entry));
      await this.#react(entry, entry.step.plan(facts), facts);
    }
  }

  #needs(entry: MachineEntry): readonly Need[] {
    const own = entry.step.needs(this.status);
    if (entry.step.batchable !== true || this.#separately) return own;
    return [...new Set([...own, ...batchNeeds(this.#machine, this.#position.done, this.status)])];
  }

  get #separately(): boolean {
    return this.status.operation?.separately === true;
  }

  #begin(): void {
    const entry = this.current;
    if (entry !== undefined) this.#set(beginStep(this.status, entry, this.#visit.now()));
  }

  #set(status: VirtualMachineStatus): void {
    this.#position = { ...this.#position, status };
  }

  #note(note: Note | undefined): void {
    if (note?.status !== undefined) this.#set({ ...this.status, ...note.status });
    if (note?.operation !== undefined)
      this.#set({ ...this.status, operation: { ...operationOf(this.status), ...note.operation } });
    this.notes.push(...(note?.conditions ?? []));
  }

  // A task of an earlier pass comes first: while it runs nothing else is sent, and its failure belongs to the step that waits for it.
  async #settleTask(): Promise<void> {
    const upid = this.status.operation?.taskID;
    if (upid === undefined) return;
    const view = await this.#visit.task(upid, this.status);
    if (view.kind === 'running') throw this.#waitingForTask(view.explanation);
    if (view.kind !== 'failed') return this.#set(withRevert(withoutTask(this.status), undefined));
    this.#failTask(view);
  }

  #failTask({ failure, learned }: Extract<TaskView, { kind: 'failed' }>): void {
    const { intent } = operationOf(this.status);
    const action = intent?.action as ActionKind | undefined;
    if (action !== undefined && TOLERATED.has(action)) return this.#set(withoutTask(this.status));
    // The step goes on with what it has learned; a failure that teaches nothing new is one.
    if (learned !== undefined && this.#isNews(learned))
      return this.#set(withObstacle(this.status, this.current?.step.id ?? '', learned));
    this.#set(withFailedTask(this.status));
    if (action !== undefined && FORGOTTEN.has(action)) this.#set(withoutIntent(this.status));
    throw failure;
  }

  #isNews(learned: Partial<OperationStatus>): boolean {
    const known: Partial<OperationStatus> = operationOf(this.status);
    return Object.entries(learned).some(([key, value]) => known[key as keyof OperationStatus] !== value);
  }

  #waitingForTask(explanation?: Explanation): WaitingError {
    if (explanation !== undefined) return new WaitingError(explanation.reason, explanation.message, TASK_RECHECK_MS);
    const entry = this.current;
    const title = entry?.step.title ?? 'The pipeline';
    return new WaitingError('WaitingForTask', `${title} is under way: a task runs in Proxmox VE.`, TASK_RECHECK_MS);
  }

  async #react(entry: MachineEntry, verdict: Verdict, facts: Facts): Promise<void> {
    if ('note' in verdict) this.#note(verdict.note);
    switch (verdict.kind) {
      case 'done':
        return this.#complete(entry, this.#unchanged);
      case 'skip':
        return this.#complete(entry, verdict.why);
      case 'wait':
        throw new WaitingError(verdict.reason, verdict.message, verdict.afterMs);
      case 'stall':
        throw new StalledError(verdict.reason, verdict.message);
      case 'act':
        if (mustOutlive(verdict)) await this.#visit.save(this.status);
        // Of a change people want to read why it was made, above all why a VM was stopped for it.
        if (this.#machine.compares === true) this.#set(withWhy(this.status, verdict.why));
        return this.#act(entry, verdict.action, facts);
      default:
        return verdict satisfies never;
    }
  }

  // What is not there any more was taken away. Elsewhere, where nothing is compared, a step that is skipped says so
  // whatever it did before: the firewall that is off with DHCP.
  #hasChanged({ step }: MachineEntry): boolean {
    if (this.#machine.compares !== true && step.undoes !== true) return false;
    return this.status.operation?.changed?.includes(step.id) === true;
  }

  get #unchanged(): string | undefined {
    return this.#machine.compares === true ? 'no change' : undefined;
  }

  /** `skipped`: why there was nothing to do; it does not count for a step that has changed something before. */
  #complete(entry: MachineEntry, skipped: string | undefined): void {
    const end: StepEnd =
      skipped === undefined || this.#hasChanged(entry)
        ? { result: 'Succeeded', message: this.status.operation?.why }
        : { result: 'Skipped', message: skipped };
    this.#position = completeStep(this.#machine, this.#position, entry, { ...end, nowMs: this.#visit.now() });
    this.#actions = 0;
    this.#visit.onStep?.({ entry, status: this.status });
    this.#begin();
  }

  async #act(entry: MachineEntry, action: Action, facts: Facts): Promise<void> {
    this.#actions += 1;
    if (this.#actions > MAX_ACTIONS_PER_STEP) {
      throw new TransientError(
        `${entry.step.title} was done several times and is still not in force; somebody else may be changing the VM.`,
      );
    }
    if (action.kind === 'configure') return this.#configure(entry, action, facts);
    this.#set(withChanged(this.status, [entry.step.id]));
    const result = await this.#perform(action, facts);
    if (result.kind === 'refused') throw new StalledError(result.explanation.reason, result.explanation.message);
  }

  async #configure(entry: MachineEntry, action: Configure, facts: Facts): Promise<void> {
    const joinable =
      this.#separately || entry.step.batchable !== true ? [entry] : this.#machine.entries.slice(this.#position.done);
    const batch = joinedChange(joinable, action, facts);
    this.#set(withChanged(this.status, batch.steps));
    const result = await this.#perform(batch.action, facts);
    if (result.kind !== 'refused') return;
    // What a refused call leaves behind looks as if it were in force; it has to go before anything else is compared, also
    // when this process ends right now.
    this.#set(withRevert(this.status, keysOf(batch.action)));
    if (batch.steps.length > 1) this.#set(withSeparateChanges(this.status));
    await this.#visit.save(this.status);
    await this.#revert(facts);
    if (batch.steps.length <= 1) throw new StalledError(result.explanation.reason, result.explanation.message);
  }

  async #revert(facts: Facts): Promise<void> {
    const keys = this.status.operation?.revert ?? [];
    if (facts.observed?.kind === 'ours') await this.#perform({ kind: 'revertPending', keys }, facts);
    this.#set(withRevert(this.status, undefined));
  }

  async #perform(action: Action, facts: Facts): Promise<ActionResult> {
    const before = this.status.operation?.intent;
    if (INTENT.has(action.kind)) this.#set(withIntent(this.status, action.kind, this.#visit.now()));
    if (DURABLE_INTENT.has(action.kind)) await this.#saveIntent(before);
    const result = await this.#attempt(action, facts, before);
    if (TRIED.has(action.kind)) this.#set(withTried(this.status, action.kind));
    if (result.kind === 'refused') return result;
    if (result.status !== undefined) this.#merge(result.status);
    if (result.kind === 'task') {
      this.#set(withTask(this.status, action.kind, result.upid));
      // Whether a part of it stays behind as pending shows only when the task has ended.
      if (action.kind === 'configure') this.#set(withRevert(this.status, keysOf(action)));
      throw this.#waitingForTask();
    }
    return result;
  }

  // What could not be stored is not sent: the status that the pass ends with must not say that it was.
  async #saveIntent(before: Intent | undefined): Promise<void> {
    try {
      await this.#visit.save(this.status);
    } catch (error) {
      this.#set(withIntentBefore(this.status, before));
      throw error;
    }
  }

  // A call that was certainly not carried out leaves no intent: what shows up later was not ours. An earlier one of the
  // same kind that got no answer is still remembered: it may yet be carried out.
  async #attempt(action: Action, facts: Facts, before: Intent | undefined): Promise<ActionResult> {
    try {
      return await this.#visit.perform(action, { ...facts, status: this.status });
    } catch (error) {
      const refused =
        error instanceof StalledError ||
        error instanceof WaitingError ||
        (error instanceof TransientError && error.refused);
      if (refused && INTENT.has(action.kind)) this.#set(withIntentOf(this.status, before, action.kind));
      throw error;
    }
  }

  #merge(change: Partial<VirtualMachineStatus>): void {
    const operation =
      change.operation === undefined ? this.status.operation : { ...operationOf(this.status), ...change.operation };
    this.#set({ ...this.status, ...change, operation });
  }
}

// What is decided with a change must outlive it, or it is decided once more.
function mustOutlive({ action, note }: Extract<Verdict, { kind: 'act' }>): boolean {
  return action.kind === 'configure' && note?.status !== undefined;
}
