// Counts the effects of the operator on the world and interrupts one of them, in one of three ways.
import { networkError } from '../../src/kube/errors.ts';
import { DnsError } from '../../src/dns/provider.ts';
import { PveError } from '../../src/pve/errors.ts';
import type { KubeWrite, WriteHook } from '../fakes/kube.ts';

/**
 * `not-sent`: the process dies before the call leaves it. `answer-lost`: the call is carried out, the process lives and
 * gets no answer. `not-recorded`: the call is carried out and answered, and the process dies before it remembers it.
 */
export const INTERRUPTION_KINDS = ['not-sent', 'answer-lost', 'not-recorded'] as const;
export type InterruptionKind = (typeof INTERRUPTION_KINDS)[number];

export interface Point {
  /** Number of the effect, from 1. */
  effect: number;
  kind: InterruptionKind;
}

/** A call that never comes back: what a process that died was waiting for. */
const NEVER = new Promise<never>(() => undefined);

export class Interruption {
  /** Every effect so far, in words. */
  readonly effects: string[] = [];
  readonly #point: Point | undefined;
  #onDeath: (() => void) | undefined;
  #dead = false;

  constructor(point?: Point) {
    this.#point = point;
  }

  /** A new process begins; the callback ends it. */
  begin(onDeath: () => void): void {
    this.#dead = false;
    this.#onDeath = onDeath;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** For the API server in memory. */
  readonly kubeHook: WriteHook = async (write) => {
    // The process is gone: what it would still have sent is never sent, what it waits for never comes.
    if (this.#dead) return NEVER;
    if (isRecordOnly(write)) return;
    if (write.phase === 'before') return this.#before(`${write.verb} ${write.type} ${write.name}`);
    return this.#after(() => networkError(`${write.verb} ${write.type}`, new Error('connection reset')));
  };

  /** A call to Proxmox VE; reads pass, but not for the dead. */
  async pve<T>(call: string, isWrite: boolean, send: () => Promise<T>): Promise<T> {
    if (this.#dead) return NEVER;
    if (!isWrite) return this.#alive(await send());
    await this.#before(call);
    const answer = await send();
    await this.#after(
      () => new PveError({ kind: 'timeout', call, detail: 'no answer within 60 s', maybeApplied: true }),
    );
    return answer;
  }

  async dns(apply: () => void): Promise<void> {
    if (this.#dead) return NEVER;
    await this.#before('write DNS zone');
    apply();
    return this.#after(() => new DnsError('timeout', 'no answer'));
  }

  async #alive<T>(answer: T): Promise<T> {
    return this.#dead ? NEVER : answer;
  }

  async #before(effect: string): Promise<void> {
    this.effects.push(effect);
    if (this.#isNow('not-sent')) return this.#die();
  }

  async #after(lost: () => Error): Promise<void> {
    if (this.#isNow('answer-lost')) throw lost();
    if (this.#isNow('not-recorded')) return this.#die();
  }

  #isNow(kind: InterruptionKind): boolean {
    return this.#point?.kind === kind && this.#point.effect === this.effects.length;
  }

  #die(): Promise<never> {
    this.#dead = true;
    this.#onDeath?.();
    return NEVER;
  }
}

// The operator's records for people are written best effort; everything that decides is counted.
function isRecordOnly(write: KubeWrite): boolean {
  return write.type.startsWith('virtualmachineruns') && write.verb === 'delete';
}
