// One pass of the operator over the object of the search: the real engine and steps, every effect open to disturbance.
import { kubeTrouble } from '../../src/controllers/kube-trouble.ts';
import { observeVm } from '../../src/controllers/observe.ts';
import type { ClusterConnection } from '../../src/controllers/clusters.ts';
import { taskTrouble } from '../../src/controllers/pve-trouble.ts';
import { KubeError, networkError } from '../../src/kube/errors.ts';
import type { ActionResult, TaskView, Visit } from '../../src/machine/advance.ts';
import type { Facts, Need } from '../../src/machine/facts.ts';
import type { Action } from '../../src/machine/vocabulary.ts';
import { PveError, taskFailure } from '../../src/pve/errors.ts';
import { aDesign, aFacts, anOwner, aTemplateSeen, NOW, UID } from '../builders/facts.ts';
import type { Choices } from './choices.ts';
import { judge } from './invariants.ts';
import { takeIn, WANTED_CORES } from './model-calls.ts';
import { connectionTo } from './model-cluster.ts';
import { clusterEvents, deletionRequest, type WorldEvent } from './model-events.ts';
import { type ModelHands, performModel, release } from './model-perform.ts';
import { canonicalStatus } from './model-status.ts';
import {
  type Call,
  existing,
  newestView,
  note,
  type View,
  withView,
  type VmStatus,
  type World,
} from './model-world.ts';

/** What protects the operator, and what is assumed of Proxmox VE; the tests take one away to see that the search can tell. */
export interface Safeguards {
  /** The status with the intent is written before a call that must not be repeated blindly. */
  durableIntents: boolean;
  /** A write that was computed from an old version is refused. */
  conditionalWrites: boolean;
  /** A VM is known by its stamp, not by its VMID. */
  stamps: boolean;
  /** Calls to a VM that is there are carried out in the order they were sent in: one without an answer before a later one, or never. */
  order: boolean;
  /** Nobody else takes an id that a call without an answer is still on its way to. */
  quietIds: boolean;
}

class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

/** What becomes of a call. */
interface Fate {
  label: string;
  done: boolean;
  answered?: boolean;
  late?: boolean;
  dies?: boolean;
}

const ANSWERED: Fate = { label: '', done: true, answered: true };
// To die before a call is to die after the one before it, and to die after the last write of a pass changes nothing.
const FATES: readonly Fate[] = [
  { label: 'carried out, the process dies', done: true, dies: true },
  { label: 'carried out, no answer', done: true },
  { label: 'not carried out, no answer', done: false },
];
const LATE_FATES: readonly Fate[] = [
  { label: 'to be carried out later, no answer', done: false, late: true },
  { label: 'to be carried out later, the process dies', done: false, late: true, dies: true },
];

const BASE = aFacts({
  vm: anOwner(),
  cluster: { times: { writeSeconds: 60, shutdownSeconds: 30, forceStopSeconds: 30, startSeconds: 30 } },
  design: aDesign({ package: { cpuCores: WANTED_CORES } }),
  template: aTemplateSeen(),
  credentials: { kind: 'present', user: 'debian', secretName: 'web-1-credentials' },
});

/** What an action may have changed, as in the controller's own visit. */
const STALE_AFTER: Partial<Record<Action['kind'], readonly Need[]>> = {
  start: ['power'],
  shutdown: ['power'],
  stop: ['power'],
  destroy: ['observed', 'power'],
};
const STALE_OTHERWISE: readonly Need[] = ['observed'];

export class ModelVisit implements Visit {
  /** What happened, for the trace. */
  readonly log: string[] = [];
  readonly #world: World;
  readonly #choices: Choices;
  readonly #safeguards: Safeguards;
  readonly #hands: ModelHands;
  readonly #connection: ClusterConnection;
  /** Writes are conditional on it; undefined for a version that is not the newest. */
  #version: number | undefined;
  /** VMs that had lost their stamp when the pass began. */
  readonly #unstamped: readonly number[];
  #gathered: Partial<Facts> = {};
  #died = false;
  #disturbed = false;

  constructor(world: World, choices: Choices, safeguards: Safeguards) {
    this.#world = world;
    this.#choices = choices;
    this.#safeguards = safeguards;
    this.#unstamped = existing(world).filter((vmid) => world.vms[vmid]?.stamp === 'removed');
    this.#connection = connectionTo({ world, readsStamps: safeguards.stamps, lags: () => choices.of([false, true]) });
    this.#hands = {
      world,
      send: (call) => this.#send(call),
      write: (label, change) => this.#writeOnce(label, change),
    };
  }

  get died(): boolean {
    return this.#died;
  }

  /** The version of the object that the pass begins with: the newest, or an older one that the informer still shows. */
  read(): View {
    const { views, interruptionsLeft } = this.#world;
    const seen =
      interruptionsLeft === 0 ? 0 : this.#choices.of([0, ...views.slice(1).map((_view, index) => index + 1)]);
    if (seen === 0) this.#version = this.#world.version;
    else {
      this.#world.interruptionsLeft -= 1;
      this.log.push(`the object is seen as it was ${seen} writes ago`);
    }
    return views[seen] ?? newestView(this.#world);
  }

  now(): number {
    return NOW;
  }

  async facts(status: VmStatus, needs: readonly Need[]): Promise<Facts> {
    if (this.log.length > 0) this.#suddenly(clusterEvents(this.#world, this.#safeguards.quietIds));
    const { reserved } = this.#world;
    const vmid = status.vmid ?? reserved[0];
    const held = { addresses: [], vmid, vmidReserved: vmid !== undefined && reserved.includes(vmid) };
    const base: Facts = { ...BASE, status, held };
    for (const need of ['observed', 'power'] as const) {
      if (!needs.includes(need) || need in this.#gathered) continue;
      Object.assign(this.#gathered, await this.#look(need, { ...base, ...this.#gathered }));
    }
    return { ...base, ...this.#gathered };
  }

  async #look(need: 'observed' | 'power', facts: Facts): Promise<Partial<Facts>> {
    if (need === 'power') return { power: powerOf(this.#world, facts) };
    const observed = await this.#observed(facts);
    return { observed, cloneTask: observed.kind === 'cloning' ? await this.#cloneTask(facts) : undefined };
  }

  async #cloneTask(facts: Facts): Promise<NonNullable<Facts['cloneTask']>> {
    const running = this.#world.tasks.some(({ call, end }) => call.kind === 'clone' && end === undefined);
    return { running: running || (await this.#observed(facts)).kind !== 'cloning' };
  }

  async #observed({ held: { vmid }, status }: Facts): Promise<NonNullable<Facts['observed']>> {
    if (vmid === undefined) return { kind: 'absent' };
    const attempted = status.vmid === vmid || status.operation?.intent?.action === 'clone';
    const isListed = this.#world.listed.includes(vmid);
    if (!attempted && !isListed) return { kind: 'absent' };
    const nodeHints = status.node === undefined && !isListed ? [] : ['pve1'];
    return observeVm(this.#connection, { uid: UID, vmid, nodeHints });
  }

  async perform(action: Action, facts: Facts): Promise<ActionResult> {
    try {
      return await performModel(this.#hands, action, facts);
    } catch (error) {
      throw kubeTrouble(error);
    } finally {
      for (const need of STALE_AFTER[action.kind] ?? STALE_OTHERWISE) delete this.#gathered[need as keyof Facts];
    }
  }

  async task(id: string): Promise<TaskView> {
    const task = this.#world.tasks.find((known) => known.id === id);
    if (task === undefined || task.end === 'ok') return { kind: 'ended' };
    if (task.end === undefined) return { kind: 'running' };
    return { kind: 'failed', failure: taskTrouble(taskFailure('it failed', []), 'lab') };
  }

  async save(status: VmStatus): Promise<void> {
    if (!this.#safeguards.durableIntents) return;
    try {
      await this.#writeStatus({ ...newestView(this.#world), status: canonicalStatus(status) }, FATES);
    } catch (error) {
      throw kubeTrouble(error);
    }
  }

  /** The last write of a pass: the status, and the reason when only a person can help. */
  async report(status: VmStatus, stalled?: string): Promise<void> {
    await this.#writeStatus({ deleting: false, status: canonicalStatus(status), stalled }, []);
  }

  // Onto the version that the pass began with or wrote last, unless nothing differs.
  async #writeStatus(view: View, fates: readonly Fate[]): Promise<void> {
    const before = newestView(this.#world);
    const isCurrent = this.#version === this.#world.version;
    if (isCurrent && before.status === view.status && before.stalled === view.stalled) return;
    this.#suddenly(deletionRequest(this.#world));
    await this.#writeOnce(
      'write the status',
      (world) => {
        this.#demandVersion();
        withView(world, { ...view, deleting: newestView(world).deleting });
      },
      fates,
    );
    this.#version = this.#world.version;
  }

  /** The object goes, as far as we are concerned. */
  async letGo(): Promise<void> {
    await release(this.#hands, this.#world.reserved);
    await this.#writeOnce(
      'remove the finalizer',
      (world) => {
        this.#demandVersion();
        world.gone = true;
      },
      [],
    );
  }

  #demandVersion(): void {
    if (this.#version === this.#world.version || !this.#safeguards.conditionalWrites) return;
    throw new KubeError({ status: 409, reason: 'Conflict', message: 'The object has been modified.' });
  }

  async #writeOnce(label: string, change: (world: World) => void, fates = FATES): Promise<void> {
    const fate = this.#fate(label, fates);
    if (fate.done) this.#carriedOut(fate, () => change(this.#world));
    this.#returns(fate, () => networkError(label, new Error('connection reset')));
  }

  async #send(call: Call): Promise<string | null> {
    const label = `${call.kind} VM ${call.vmid}`;
    this.#suddenly(clusterEvents(this.#world, this.#safeguards.quietIds));
    const fate = this.#fate(label, [...FATES, ...LATE_FATES]);
    if (this.#safeguards.order)
      this.#world.late = this.#world.late.filter(({ kind, vmid }) => kind === 'clone' || vmid !== call.vmid);
    // One that loses its stamp between the look and the call cannot be spared.
    if (fate.done && this.#unstamped.includes(call.vmid))
      note(this.#world, `${call.kind} is sent to VM ${call.vmid}, which has lost its stamp`);
    const answer = fate.done ? this.#carriedOut(fate, () => takeIn(this.#world, call)) : undefined;
    if (fate.late === true) this.#world.late = [...this.#world.late, { ...call, age: 0 }];
    judge(this.#world);
    this.#returns(fate, () => new PveError({ kind: 'timeout', call: label, detail: 'no answer', maybeApplied: true }));
    return answer ?? null;
  }

  #fate(label: string, disturbed: readonly Fate[]): Fate {
    if (this.#died) throw new ProcessDied(label);
    const fate = this.#world.interruptionsLeft === 0 ? ANSWERED : this.#choices.of([ANSWERED, ...disturbed]);
    if (fate !== ANSWERED) this.#world.interruptionsLeft -= 1;
    this.log.push(fate === ANSWERED ? label : `${label} (${fate.label})`);
    return fate;
  }

  // A refusal is an answer too, and may get lost like any other.
  #carriedOut<T>({ answered }: Fate, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.log.push(`refused: ${error instanceof Error ? error.message : String(error)}`);
      if (answered === true) throw error;
      return undefined;
    } finally {
      judge(this.#world);
    }
  }

  #returns({ answered, dies }: Fate, lost: () => Error): void {
    if (dies === true) this.#died = true;
    if (dies === true) throw new ProcessDied('The process died.');
    if (answered !== true) throw lost();
  }

  // In the middle of a pass. Only what makes a difference to what comes next: a change of the cluster to a look or a call,
  // a new version of the object to a conditional write. Once a pass is enough, the rest happens between passes.
  #suddenly(possible: readonly WorldEvent[]): void {
    if (this.#disturbed) return;
    const event = this.#choices.of([undefined, ...possible]);
    if (event === undefined) return;
    this.#disturbed = true;
    this.log.push(`meanwhile ${event.label}`);
    event.happen(this.#world);
    judge(this.#world);
  }
}

function powerOf({ vms }: World, { observed, held: { vmid } }: Facts): Facts['power'] {
  if (observed?.kind !== 'ours' || vmid === undefined) return undefined;
  return vms[vmid]?.running === true ? 'running' : 'stopped';
}
