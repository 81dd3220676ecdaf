// Plays machines whose steps and world exist only in a test, so that the engine can be looked at alone.
import type { VirtualMachineStatus } from '../../src/api/virtual-machine-status.ts';
import { type ActionResult, type Advance, advance, type TaskView } from '../../src/machine/advance.ts';
import type { Facts, Need } from '../../src/machine/facts.ts';
import type { Action, Machine, Note, Step, Verdict } from '../../src/machine/vocabulary.ts';
import { aFacts, anOwnVm, at, NOW } from './facts.ts';

/** The world that the steps see and change. One is made for every test. */
export class PlayedWorld {
  /** The VM's configuration. */
  lines: Record<string, string> = {};
  /** Whether a configuration call with these keys is refused. */
  refused: (keys: string[]) => boolean = () => false;
  /** What every other action answers; an Error is thrown. */
  act: (action: Action, facts: Facts) => ActionResult | Error = () => ({ kind: 'done' });
  taskView: TaskView = { kind: 'ended' };
  /** What went through the visit, in order. */
  log: string[] = [];
  readonly saved: VirtualMachineStatus[] = [];
  /** Milliseconds since the epoch. */
  now = NOW;

  async play(machine: Machine, status = started()): Promise<Advance> {
    return advance(machine, status, {
      facts: async (current, needs: readonly Need[]) => {
        if (needs.length > 0) this.log.push(`look ${needs.join('+')}`);
        return aFacts({ now: this.now, status: current, observed: anOwnVm(this.lines) });
      },
      perform: (action, facts) => this.perform(action, facts),
      task: async () => this.taskView,
      save: async (current) => {
        this.log.push('save');
        this.saved.push(current);
      },
      now: () => this.now,
      onStep: ({ entry, trouble }) => this.log.push(`${entry.step.id}: ${trouble?.reason ?? 'recorded'}`),
    });
  }

  async perform(action: Action, facts: Facts): Promise<ActionResult> {
    this.log.push(print(action));
    if (action.kind === 'configure') {
      if (this.refused(Object.keys(action.set)))
        return { kind: 'refused', explanation: { reason: 'Refused', message: 'No such key.' } };
      for (const [key, value] of Object.entries(action.set)) this.lines[key] = String(value);
    }
    const result = this.act(action, facts);
    if (result instanceof Error) throw result;
    return result;
  }

  /** What was written, to Kubernetes or to Proxmox VE. */
  effects(): string[] {
    return this.log.filter((line) => !line.startsWith('look') && !line.includes(':'));
  }
}

function print(action: Action): string {
  if (action.kind === 'configure')
    return `configure ${[...Object.keys(action.set), ...(action.remove ?? [])].join('+')}`;
  if (action.kind === 'revertPending') return `revert ${action.keys.join('+')}`;
  return action.kind;
}

/** A deploy that has just begun. */
export function started(change: Partial<VirtualMachineStatus> = {}, operation: object = {}): VirtualMachineStatus {
  return { state: 'creation', ...change, operation: { machine: 'deploy', startedAt: at(-60), ...operation } };
}

export function aStep(id: string, plan: (facts: Facts) => Verdict, change: Partial<Step> = {}): Step {
  return { id, title: `Do ${id}`, condition: 'Cloned', needs: () => [], plan, ...change };
}

/** A step that has nothing to do. */
export function done(id: string, note?: Note): Step {
  return aStep(id, () => ({ kind: 'done', note }));
}

/** A step that wants configuration lines to be so, and may join a batch. */
export function wanting(id: string, wanted: Record<string, string>, change: Partial<Step> = {}): Step {
  const plan = ({ observed }: Facts): Verdict => {
    const config = observed?.kind === 'ours' ? observed.config : new Map<string, string>();
    const set = Object.fromEntries(Object.entries(wanted).filter(([key, value]) => config.get(key) !== value));
    if (Object.keys(set).length === 0) return { kind: 'done' };
    return { kind: 'act', action: { kind: 'configure', set }, why: 'differs' };
  };
  return aStep(id, plan, { batchable: true, needs: () => ['observed'], ...change });
}

/** A step that asks for one action until the line of its id is `done`. */
export function doing(id: string, action: Action, note?: Note): Step {
  return aStep(id, ({ observed }) =>
    observed?.kind === 'ours' && observed.config.get(id) === 'done'
      ? { kind: 'done', note }
      : { kind: 'act', action, why: 'not done' },
  );
}
