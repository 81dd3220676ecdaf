// Runs something that makes choices as often as there are ways to choose.

/** Answers one run's choices: those of its script first, the first option from then on. */
export class Choices {
  readonly #script: readonly number[];
  readonly #taken: { option: number; of: number }[] = [];

  constructor(script: readonly number[] = []) {
    this.#script = script;
  }

  /** One of the options; the first is what happens when nothing goes wrong. */
  of<T>(options: readonly [T, ...T[]]): T {
    const option = this.#script[this.#taken.length] ?? 0;
    if (option >= options.length)
      throw new TypeError('A run makes the same choices when it is given the same answers.');
    this.#taken.push({ option, of: options.length });
    return options[option] as T;
  }

  /** The script of the next run, or undefined when this was the last. */
  next(): number[] | undefined {
    const last = this.#taken.findLastIndex(({ option, of }) => option + 1 < of);
    if (last === -1) return undefined;
    return this.#taken.slice(0, last + 1).map(({ option }, index) => (index === last ? option + 1 : option));
  }
}

/** Every run, each with choices of its own. */
export async function everyRun(run: (choices: Choices) => Promise<void>): Promise<void> {
  for (let script: number[] | undefined = []; script !== undefined;) {
    const choices: Choices = new Choices(script);
    await run(choices);
    script = choices.next();
  }
}
