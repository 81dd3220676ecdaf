// Lets a loop sleep until its time has come or until somebody wakes it, whichever is first.

/** Rejects with the reason of the signal when that is aborted. */
interface Sleeping {
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export class Waker {
  #woken = Promise.withResolvers<void>();

  /** Ends the sleep that is under way; without one the next sleep ends at once. */
  wake(): void {
    this.#woken.resolve();
  }

  /** Rejects with the reason of the signal when that is aborted. */
  async sleep(ms: number, clock: Sleeping, signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const time = clock.sleep(ms, AbortSignal.any([signal, ending.signal]));
    // The loser of the race ends too, and nobody waits for it.
    time.catch(() => undefined);
    try {
      await Promise.race([time, this.#woken.promise]);
    } finally {
      ending.abort();
      this.#woken = Promise.withResolvers<void>();
    }
    signal.throwIfAborted();
  }
}
