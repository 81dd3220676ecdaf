// Lets callers do something one at a time, in the order in which they asked.

/** A queue of tasks of which only one runs. Share one among all zones of a server that takes one write at a time. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the task when all earlier ones have settled; its failure concerns only its own caller. */
  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    const mine = this.#last.then(task);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
