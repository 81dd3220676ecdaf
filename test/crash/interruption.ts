// Counts the effects of the operator on the world and disturbs one of them, in one of seven ways.

/**
 * How one effect is disturbed.
 *
 * - `not-sent`: the process dies before the call leaves it.
 * - `answer-lost`: the call is carried out, the process lives and gets no answer.
 * - `not-recorded`: the call is carried out and answered, and the process dies before it remembers it.
 * - `late`: the process dies with the call on its way, and the call is carried out when the next life has begun.
 * - `stale-watch`: from the call on, the process sees the VirtualMachine as it was one write before, for a while.
 * - `deleted`: once the call is carried out, somebody deletes the VirtualMachine.
 * - `stolen`: right before the call somebody else's VM is made under the VMID, which is free at that moment.
 */
export const CRASH_KINDS = [
  'not-sent',
  'answer-lost',
  'not-recorded',
  'late',
  'stale-watch',
  'deleted',
  'stolen',
] as const;
/** The three ways to die around a call. */
export const DEATHS: readonly CrashKind[] = ['not-sent', 'answer-lost', 'not-recorded'];
export type CrashKind = (typeof CRASH_KINDS)[number];

/** How long a late call is on its way. */
const LATE_MS = 20_000;

export interface Point {
  /** Number of the effect, from 1. */
  effect: number;
  kind: CrashKind;
}

/** One effect as it was when it began. */
export interface Effect {
  text: string;
  /** Whether nobody has the VMID. */
  vmidFree: boolean;
  /** Whether the VirtualMachine was written before, so that there is an older one to be seen. */
  vmWritten: boolean;
}

/** What a disturbance does to the world around the process. */
export interface Forces {
  after(ms: number, callback: () => void): void;
  vmidFree(): boolean;
  vmWritten(): boolean;
  stealVmid(): void;
  deleteVm(): Promise<void>;
  holdWatch(): void;
}

/** One process, from its start to its death. */
export class Life {
  readonly death: Promise<void>;
  #dead = false;
  #die: () => void = () => undefined;

  constructor() {
    this.death = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Nothing that it still waits for comes, nothing that it still wants to send is sent. */
  end(): void {
    this.#dead = true;
    this.#die();
  }
}

/** A call of a process that is to be counted. */
export interface CountedCall<T> {
  text: string;
  send(): Promise<T>;
  /** The error of a caller whose call got no answer. */
  lost(): Error;
}

/** A call that never comes back: what a process that died was waiting for. */
const NEVER = new Promise<never>(() => undefined);

export class Interruption {
  /** Every effect so far. */
  readonly effects: Effect[] = [];
  readonly #forces: Forces;
  readonly #point: Point | undefined;

  constructor(forces: Forces, point?: Point) {
    this.#forces = forces;
    this.#point = point;
  }

  /** A call that changes nothing: it passes, but not for the dead. */
  async read<T>(life: Life, send: () => Promise<T>): Promise<T> {
    return life.dead ? NEVER : answerTo(life, send());
  }

  /** A call that changes the world. */
  async effect<T>(life: Life, { text, send, lost }: CountedCall<T>): Promise<T> {
    if (life.dead) return NEVER;
    const { vmidFree, vmWritten } = this.#forces;
    this.effects.push({ text, vmidFree: vmidFree(), vmWritten: vmWritten() });
    const kind = this.#point?.effect === this.effects.length ? this.#point.kind : undefined;
    switch (kind) {
      case 'not-sent':
        return endOf(life);
      case 'late':
        this.#forces.after(LATE_MS, () => void send().catch(() => undefined));
        return endOf(life);
      case 'stolen':
        this.#forces.stealVmid();
        return answerTo(life, send());
      default:
        return this.#afterwards(life, kind, { answer: await answerTo(life, send()), lost });
    }
  }

  async #afterwards<T>(
    life: Life,
    kind: CrashKind | undefined,
    { answer, lost }: { answer: T; lost(): Error },
  ): Promise<T> {
    if (kind === 'answer-lost') throw lost();
    if (kind === 'not-recorded') return endOf(life);
    if (kind === 'stale-watch') this.#forces.holdWatch();
    if (kind === 'deleted') await this.#forces.deleteVm();
    return answer;
  }
}

function endOf(life: Life): Promise<never> {
  life.end();
  return NEVER;
}

// Also a refusal does not reach the dead: what they would do about it is not done.
async function answerTo<T>(life: Life, answer: Promise<T>): Promise<T> {
  try {
    const value = await answer;
    return life.dead ? NEVER : value;
  } catch (error) {
    if (life.dead) return NEVER;
    throw error;
  }
}
