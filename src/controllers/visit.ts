// One reconcile's hands and eyes on one VM: facts, actions, tasks, and the status that is made durable.
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type Explanation, WaitingError } from '../errors.ts';
import { timestamp } from '../kube/conditions.ts';
import { isConflict } from '../kube/errors.ts';
import { isEqualJson } from '../kube/status.ts';
import type { ActionResult, TaskView, Visit } from '../machine/advance.ts';
import { mirrorConditions } from '../machine/conditions.ts';
import type { Facts, Need } from '../machine/facts.ts';
import type { Trouble } from '../machine/outcome.ts';
import { nextEntry, stepsDone } from '../machine/progress.ts';
import type { Action, ActionKind, ConditionNote, Machine, MachineEntry } from '../machine/vocabulary.ts';
import { isSnapshotRefusal, taskFailure } from '../pve/errors.ts';
import { parseUpid, type Upid } from '../pve/upid.ts';
import type { Allocations } from './allocations.ts';
import { tellRaised } from './condition-events.ts';
import type { Context } from './context.ts';
import type { CredentialSource } from './credentials.ts';
import { firewallAfter } from './firewall-after.ts';
import { Gatherer } from './gather.ts';
import type { FailedTask } from './inherited-task.ts';
import { kubeTrouble } from './kube-trouble.ts';
import { perform } from './perform.ts';
import { pveTrouble, taskTrouble } from './pve-trouble.ts';
import { openRun } from './runs.ts';
import { writeStatus } from './vm-status.ts';

export interface VisitInput {
  context: Context;
  allocations: Allocations;
  credentials: CredentialSource;
  machine: Machine;
  vm: VirtualMachine;
  signal: AbortSignal;
  /** Makes the VM due again, from a callback of a task or a clone slot. */
  wake(): void;
}

/** What an action may have changed; everything else that was gathered still holds. */
const STALE_AFTER: { readonly [K in ActionKind]: readonly Need[] } = {
  reserveAddresses: ['addresses'],
  releaseAddresses: ['addresses'],
  reserveVmid: ['observed'],
  restoreVmid: ['observed'],
  releaseVmid: ['observed', 'addresses'],
  createCredentials: ['credentials'],
  renewPassword: [],
  setGuestPassword: [],
  clone: ['observed'],
  migrate: ['observed'],
  configure: ['observed', 'pending'],
  revertPending: ['observed', 'pending'],
  resizeDisk: ['observed'],
  setFirewallOptions: ['firewall'],
  createIpset: ['firewall'],
  deleteIpset: ['firewall'],
  addToIpset: ['firewall'],
  removeFromIpset: ['firewall'],
  destroyDisk: ['observed', 'pending'],
  deleteSnapshot: ['observed', 'snapshots'],
  start: ['power', 'pending'],
  shutdown: ['power', 'pending'],
  stop: ['power', 'pending'],
  reboot: ['power', 'pending'],
  reset: ['power'],
  // They may take minutes, in which somebody else may be given the VMID; what is destroyed next is looked at again.
  removeBackups: ['observed'],
  withdrawDns: ['observed'],
  destroy: ['observed', 'power'],
  publishDns: [],
  releaseReservations: [],
};

const STOPPING_MS = 1_000;

export class VirtualMachineVisit implements Visit {
  readonly #input: VisitInput;
  readonly #gatherer: Gatherer;
  /** The object as last written or read; writes are conditional on it. */
  #object: VirtualMachine;
  #failedTask: FailedTask | undefined;

  constructor(input: VisitInput) {
    this.#input = input;
    this.#object = input.vm;
    const { context, allocations, vm, wake } = input;
    const deleting = vm.metadata.deletionTimestamp !== undefined;
    this.#gatherer = new Gatherer({ context, allocations, vm, deleting, wake });
  }

  get object(): VirtualMachine {
    return this.#object;
  }

  /** The task that was found to have failed in this pass. */
  get failedTask(): FailedTask | undefined {
    return this.#failedTask;
  }

  now(): number {
    return this.#input.context.now();
  }

  async facts(status: VirtualMachineStatus, needs: readonly Need[]): Promise<Facts> {
    try {
      return await this.#gatherer.facts(status, needs);
    } catch (error) {
      throw pveTrouble(error, status.clusterName ?? 'of the plan');
    }
  }

  async perform(action: Action, facts: Facts): Promise<ActionResult> {
    this.#demandRunning();
    const { context, allocations, credentials, vm } = this.#input;
    const hands = { context, allocations, credentials, vm, connection: () => this.#gatherer.connection(facts.status) };
    try {
      const result = await perform(hands, action, facts);
      if (result.kind === 'task') this.#watch(result.upid, facts.status);
      this.#settle(action, facts);
      return result;
    } catch (error) {
      // An unanswered call may have changed something as well.
      this.#gatherer.forget(...STALE_AFTER[action.kind]);
      throw kubeTrouble(error);
    }
  }

  /** Forgets what an action has changed, unless its outcome is known without another look. */
  #settle(action: Action, { firewall }: Facts): void {
    const known = firewall === undefined ? undefined : firewallAfter(firewall, action);
    if (known === undefined) this.#gatherer.forget(...STALE_AFTER[action.kind]);
    else this.#gatherer.learn({ firewall: known });
  }

  // After a request to stop, and when another one may lead, no new effect is begun; what is under way is finished and recorded.
  #demandRunning(): void {
    if (this.#input.signal.aborted || !this.#input.context.leads())
      throw new WaitingError('InProgress', 'The operator is being restarted; it goes on in a moment.', STOPPING_MS);
  }

  async task(upid: string, status: VirtualMachineStatus): Promise<TaskView> {
    const known = parseUpid(upid);
    if (known === undefined) return { kind: 'ended' };
    const { tasks, name, migrationMs } = this.#gatherer.connection(status);
    const state = tasks.state(upid as Upid);
    if (state === undefined || state.state === 'running') {
      this.#watch(upid, status);
      // Whether it still runs cannot be told: that is worth more to a person than that it did when it was last seen.
      if (tasks.failure !== undefined) throw pveTrouble(tasks.failure, name);
      return { kind: 'running', explanation: slowMigration(status, this.now(), migrationMs) };
    }
    if (state.state === 'ok') return { kind: 'ended' };
    const error = taskFailure(state.exitstatus, state.logTail ?? []);
    const learned = isSnapshotRefusal(error.detail) ? { blockedBySnapshots: true } : undefined;
    const failure = taskTrouble(error, name);
    this.#failedTask = { upid, failure };
    return { kind: 'failed', failure, learned };
  }

  #watch(upid: string, status: VirtualMachineStatus): void {
    this.#gatherer.connection(status).tasks.watch(upid as Upid, () => this.#input.wake(), this.#input.vm.metadata.uid);
  }

  /** Makes the record of the run unless it is there: before the first effect, or when the run stands still before one. */
  async openRecord(status: VirtualMachineStatus): Promise<void> {
    const { context, vm } = this.#input;
    await openRun(context, vm, status, status.operation?.trigger ?? 'VirtualMachine created');
  }

  async save(status: VirtualMachineStatus): Promise<void> {
    const { machine, vm, allocations } = this.#input;
    // Until the store shows the placement: the next VM that looks must not count on the same memory.
    const forget = allocations.claimMemory(vm.metadata.uid ?? '', status);
    try {
      await this.openRecord(status);
      const current = nextEntry(machine, { status, done: stepsDone(machine, status) });
      await this.#write(status, { current, notes: [] });
    } catch (error) {
      throw kubeTrouble(error);
    } finally {
      forget();
    }
  }

  /**
   * Writes down how the pass ended. Unlike a save it decides nothing that the object could speak against by now: an edit
   * of the object in between must not lose what was done, as long as nobody else has written the status.
   */
  async record(status: VirtualMachineStatus, outcome: Outcome, stored = status): Promise<void> {
    try {
      await this.#write(status, outcome, stored);
    } catch (error) {
      if (!isConflict(error) || !(await this.#catchUp())) throw error;
      await this.#write(status, outcome, stored);
    }
  }

  /** Takes the object as it is stored now; false when its status is not the one that this pass last saw. */
  async #catchUp(): Promise<boolean> {
    const { name, namespace } = this.#object.metadata;
    const newest = await this.#input.context.client.get(resources.virtualMachine, name, namespace);
    if (newest.metadata.uid !== this.#object.metadata.uid || !isEqualJson(newest.status, this.#object.status))
      return false;
    this.#object = newest;
    return true;
  }

  /** Computes the conditions and writes the status when anything differs; `stored` is what is kept of it. */
  async #write(status: VirtualMachineStatus, outcome: Outcome, stored = status): Promise<void> {
    const { context, machine, vm } = this.#input;
    const conditions = mirrorConditions({
      machine,
      spec: vm.spec,
      status,
      ...outcome,
      generation: vm.metadata.generation ?? 0,
      now: timestamp(context.now()),
    });
    const next = { ...stored, conditions };
    const before = this.#object;
    const { written, object } = await writeStatus(context, before, next);
    this.#object = object;
    if (written) tellRaised(context, before, object);
  }
}

interface Outcome {
  current?: MachineEntry;
  trouble?: Trouble;
  notes: readonly ConditionNote[];
}

/** A migration that runs for longer than it should is told, and watched on: it is never given up. */
function slowMigration({ operation }: VirtualMachineStatus, now: number, migrationMs: number): Explanation | undefined {
  const intent = operation?.intent;
  if (intent?.action !== 'migrate' || now - Date.parse(intent.sentAt) <= migrationMs) return undefined;
  const message = `The migration runs for more than ${migrationMs / 1000} s. It is watched on; look at the task in Proxmox VE.`;
  return { reason: 'MigrationSlow', message };
}
