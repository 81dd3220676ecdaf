// Counts the clones that run at once on a storage and on a node: a storage lock waits ten seconds, so too many at once fail.

export interface CloneLimits {
  perStorage: number;
  perNode: number;
}

interface Place {
  node: string;
  storage: string;
}

interface Waiter {
  place: Place;
  askedAt: number;
  wake(): void;
}

export type SlotAnswer = { free: true } | { free: false; running: number; limit: number; where: string };

/** Whoever waits asks every few seconds; one that has not asked for this long keeps its place, but nobody waits for it. */
const PATIENCE_MS = 30_000;

export class CloneSlots {
  readonly #now: () => number;
  #limits: CloneLimits = { perStorage: 1, perNode: 1 };
  readonly #holders = new Map<string, Place>();
  /** Keys that were turned away, in the order of their first request. */
  readonly #waiting = new Map<string, Waiter>();

  /** `now` is in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  setLimits(limits: CloneLimits): void {
    this.#limits = limits;
  }

  /**
   * Takes a slot for a VM, or tells which limit is in the way; `wake` is called when one may have become free. First
   * come, first served: what is free is kept for those who asked before.
   */
  take(uid: string, place: Place, wake: () => void): SlotAnswer {
    if (this.#holders.has(uid)) return { free: true };
    const refusal = this.#refusal(place, this.#placesBefore(uid));
    if (refusal !== undefined) {
      this.#waiting.set(uid, { place, wake, askedAt: this.#now() });
      return refusal;
    }
    this.#waiting.delete(uid);
    this.#holders.set(uid, place);
    return { free: true };
  }

  /** Gives a slot, or a place among those who wait, back; harmless when there is none. */
  release(uid: string): void {
    const waited = this.#waiting.delete(uid);
    if (!this.#holders.delete(uid) && !waited) return;
    const taken = [...this.#holders.values()];
    for (const { place, wake } of this.#waiting.values()) {
      if (this.#refusal(place, taken) === undefined) wake();
      taken.push(place);
    }
  }

  /** What is in use, or kept for somebody who asked before. */
  #placesBefore(uid: string): Place[] {
    const places = [...this.#holders.values()];
    for (const [key, { place, askedAt }] of this.#waiting) {
      if (key === uid) break;
      if (this.#now() - askedAt < PATIENCE_MS) places.push(place);
    }
    return places;
  }

  #refusal({ node, storage }: Place, taken: readonly Place[]): Extract<SlotAnswer, { free: false }> | undefined {
    const { perStorage, perNode } = this.#limits;
    const onStorage = taken.filter((other) => other.storage === storage).length;
    if (onStorage >= perStorage)
      return { free: false, running: perStorage, limit: perStorage, where: `storage ${storage}` };
    const onNode = taken.filter((other) => other.node === node).length;
    if (onNode >= perNode) return { free: false, running: perNode, limit: perNode, where: `node ${node}` };
    return undefined;
  }
}
