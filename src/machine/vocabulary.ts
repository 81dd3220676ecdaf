// The words of the engine: what a step can say, what it can ask for, and how steps become a machine.
import type { ConditionType, Reason, StepCondition } from '../api/conditions.ts';
import type { State } from '../api/states.ts';
import type { AddressStatus, OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { Facts, Need } from './facts.ts';

/** Stands for the password in a planned change: the plan never sees it, only the call does. */
export const PASSWORD_FROM_SECRET = '<password of the credentials secret>';

/** An address to be reserved, with everything the reservation will say. */
export interface AddressChoice {
  poolName: string;
  bridge: string;
  vlan: number;
  address: string;
  family: 'IPv4' | 'IPv6';
  prefixLength: number;
  gateway?: string;
  nameservers?: readonly string[];
  order: number;
}

/** One effect on the world outside. Steps only describe it; `Visit.perform` carries it out. */
export type Action =
  | { kind: 'reserveAddresses'; choices: readonly AddressChoice[] }
  /** Their records go first, then their reservations. */
  | { kind: 'releaseAddresses'; addresses: readonly string[] }
  | { kind: 'reserveVmid'; first: number }
  | { kind: 'restoreVmid'; vmid: number }
  | { kind: 'releaseVmid'; vmid: number; because: string }
  | { kind: 'createCredentials'; /** Absent: a random one. */ user?: string }
  /** A new password: the Secret gets it first, so that whoever is told it can read it. */
  | { kind: 'renewPassword'; generation: number }
  /** In the guest, through its agent. */
  | { kind: 'setGuestPassword'; user: string }
  | {
      kind: 'clone';
      template: { node: string; vmid: number };
      vmid: number;
      name: string;
      full: boolean;
      storage?: string;
    }
  | { kind: 'migrate'; target: string; targetStorage?: string }
  | { kind: 'configure'; set: Readonly<Record<string, string | number>>; remove?: readonly string[] }
  | { kind: 'revertPending'; keys: readonly string[] }
  | { kind: 'resizeDisk'; disk: string; sizeGiB: number }
  | { kind: 'setFirewallOptions'; set: Readonly<Record<string, string | number>> }
  | { kind: 'createIpset'; name: string }
  | { kind: 'deleteIpset'; name: string }
  | { kind: 'addToIpset'; name: string; cidr: string }
  | { kind: 'removeFromIpset'; name: string; cidr: string }
  /** Destroys the volumes with it. */
  | { kind: 'destroyDisk'; disk: string; volume: string }
  | { kind: 'deleteSnapshot'; name: string }
  | { kind: 'start' }
  /** Asks the guest; the task ends when it has stopped, or fails after the time that it was given. */
  | { kind: 'shutdown'; graceSeconds: number }
  | { kind: 'stop' }
  | { kind: 'reboot'; graceSeconds: number }
  | { kind: 'reset' }
  | { kind: 'removeBackups' }
  | { kind: 'destroy' }
  /** With `addresses` the status gets to know these together with their records, not before. */
  | { kind: 'publishDns'; addresses?: readonly AddressStatus[] }
  | { kind: 'withdrawDns' }
  | { kind: 'releaseReservations' };

export type ActionKind = Action['kind'];

/** What a step says about the facts. It decides nothing else, reads nothing else and changes nothing. */
export type Verdict =
  | { kind: 'done'; note?: Note }
  | { kind: 'skip'; why: string; note?: Note }
  | { kind: 'wait'; reason: Reason; message: string; afterMs: number }
  | { kind: 'stall'; reason: Reason; message: string }
  | { kind: 'act'; action: Action; why: string; note?: Note };

/** What a step learned that the status keeps, and abnormal conditions that it raises or clears. */
export interface Note {
  status?: Partial<VirtualMachineStatus>;
  /** What the running pipeline remembers. */
  operation?: Partial<OperationStatus>;
  conditions?: readonly ConditionNote[];
}

/** An abnormal condition to show (`reason` given) or to take away. */
export interface ConditionNote {
  type: ConditionType;
  reason?: Reason;
  message?: string;
}

export interface Step {
  /** Imperative phrase in kebab-case, the file's name. */
  readonly id: string;
  /** The phrase a person reads in the deploy log. */
  readonly title: string;
  readonly condition: StepCondition;
  /** The facts that the plan looks at; everything else may be missing from `Facts`. */
  needs(status: VirtualMachineStatus): readonly Need[];
  /** Compares what is desired with what is observed. Pure. */
  plan(facts: Facts): Verdict;
  /**
   * Whether its configuration changes may be sent together with those of other steps, ahead of its turn. The state
   * is still recorded in turn, after the change was observed.
   */
  readonly batchable?: boolean;
  /** Whether it takes away what another step makes, so that being done is no success of its condition. */
  readonly undoes?: boolean;
  /** What the condition shows instead of success, for outcomes that do not hold the pipeline up. */
  shortfall?(status: VirtualMachineStatus): { reason: Reason; message: string } | undefined;
}

export interface MachineEntry {
  readonly state: State;
  readonly step: Step;
}

export interface Machine {
  readonly name: string;
  /** State before the first step. */
  readonly initial: State;
  /**
   * Progress is read off `status.state`. Steps at the beginning that share the initial word are all looked at in every
   * pass, and find their work done.
   */
  readonly entries: readonly MachineEntry[];
  /** Whether it takes away what the other machines make. */
  readonly removes?: boolean;
  /** Whether a step that finds its work done has nothing to tell: it is recorded as skipped. */
  readonly compares?: boolean;
  /** Whether it may be given up between any two steps: nothing would stay half made. */
  readonly abandonable?: boolean;
  /** State that a step's failure leaves behind, where it is not simply the last completed one. */
  readonly failedState?: State;
}

/** Builds a machine from its list: the key is the state after the step, the order is the order of work. */
export function defineMachine(
  name: string,
  initial: State,
  steps: Readonly<Partial<Record<State, Step>>>,
  options: Pick<Machine, 'compares'> = {},
): Machine {
  const entries = Object.entries(steps).map(([state, step]) => ({ state: state as State, step }));
  return { name, initial, entries, ...options };
}

/** A machine whose steps share one state word; each pass begins at the first step. */
export function defineStatelessMachine(
  name: string,
  state: State,
  steps: readonly Step[],
  options: Pick<Machine, 'failedState' | 'removes' | 'compares' | 'abandonable'> = {},
): Machine {
  return { name, initial: state, entries: entriesOf(state, steps), ...options };
}

/** Steps that share one word, followed by another machine: what a reinstallation is made of. */
export function definePrefixedMachine(name: string, state: State, steps: readonly Step[], then: Machine): Machine {
  return { name, initial: state, entries: [...entriesOf(state, steps), ...then.entries] };
}

function entriesOf(state: State, steps: readonly Step[]): MachineEntry[] {
  return steps.map((step) => ({ state, step }));
}
