// Counts the clones that run at once on a storage and on a node: a storage lock waits ten seconds, so too many at once fail.

export interface CloneLimits {
  perStorage: number;
  perNode: number;
}

interface Holder {
  node: string;
  storage: string;
}

export type SlotAnswer = { free: true } | { free: false; running: number; limit: number; where: string };

export class CloneSlots {
  #limits: CloneLimits = { perStorage: 1, perNode: 1 };
  readonly #holders = new Map<string, Holder>();
  /** Keys that were turned away, in the order of their first request. */
  readonly #waiting = new Map<string, { place: Holder; wake: () => void }>();

  setLimits(limits: CloneLimits): void {
    this.#limits = limits;
  }

  /** Takes a slot for a VM, or tells which limit is in the way; `wake` is called when one may have become free. */
  take(uid: string, place: Holder, wake: () => void): SlotAnswer {
    if (this.#holders.has(uid)) return { free: true };
    const refusal = this.#refusal(place);
    if (refusal !== undefined) {
      this.#waiting.set(uid, { place, wake });
      return refusal;
    }
    this.#waiting.delete(uid);
    this.#holders.set(uid, place);
    return { free: true };
  }

  /** Puts a clone on the books that was begun before a restart. */
  restore(uid: string, place: Holder): void {
    this.#holders.set(uid, place);
  }

  /** Gives a slot back; harmless when none is held. */
  release(uid: string): void {
    this.#waiting.delete(uid);
    if (!this.#holders.delete(uid)) return;
    // The first one that this slot is of use to: one that waits for another storage or node would let it go to waste.
    const next = [...this.#waiting].find(([, { place }]) => this.#refusal(place) === undefined);
    if (next === undefined) return;
    const [key, { wake }] = next;
    this.#waiting.delete(key);
    wake();
  }

  #refusal(place: Holder): Extract<SlotAnswer, { free: false }> | undefined {
    const holders = [...this.#holders.values()];
    const onStorage = holders.filter((holder) => holder.storage === place.storage).length;
    if (onStorage >= this.#limits.perStorage) {
      return { free: false, running: onStorage, limit: this.#limits.perStorage, where: `storage ${place.storage}` };
    }
    const onNode = holders.filter((holder) => holder.node === place.node).length;
    if (onNode >= this.#limits.perNode)
      return { free: false, running: onNode, limit: this.#limits.perNode, where: `node ${place.node}` };
    return undefined;
  }
}
