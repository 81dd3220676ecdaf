// Chooses few rows in which every pair of levels of any two factors occurs: pairwise covering, greedy and from a seed.

/** A row names one level of every factor. */
export type Row = readonly number[];

interface Pair {
  left: number;
  leftLevel: number;
  right: number;
  rightLevel: number;
}

/** How many candidates are drawn for each row; more make fewer rows, and take longer. */
const CANDIDATES = 12;

/**
 * Rows in which any two levels of any two factors meet. `levels` is the number of levels of each factor, `random` gives
 * numbers from 0 to below 1.
 */
export function pairwiseRows(levels: readonly number[], random: () => number): Row[] {
  const open = new OpenPairs(levels);
  const rows: Row[] = [];
  while (open.size > 0) {
    const seed = open.any();
    const candidates = Array.from({ length: CANDIDATES }, () => candidate(levels, seed, { open, random }));
    const best = candidates.reduce((left, right) => (open.gain(right) > open.gain(left) ? right : left));
    open.cover(best);
    rows.push(best);
  }
  return rows;
}

// Starts from a pair that is still open, so that every row gains, and takes the best level for one factor after another.
function candidate(
  levels: readonly number[],
  seed: Pair,
  { open, random }: { open: OpenPairs; random: () => number },
): number[] {
  const row = levels.map(() => UNDECIDED);
  row[seed.left] = seed.leftLevel;
  row[seed.right] = seed.rightLevel;
  for (const factor of shuffled(levels.keys(), random)) {
    if (row[factor] === UNDECIDED)
      row[factor] = open.bestLevel(row, factor, shuffled(Array(levels[factor]).keys(), random));
  }
  return row;
}

const UNDECIDED = -1;

/** The numbers in an order that the seed decides. */
export function shuffled<T>(items: Iterable<T>, random: () => number): T[] {
  const rest = [...items];
  const order: T[] = [];
  while (rest.length > 0) order.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return order;
}

/** The pairs that no row has yet. */
class OpenPairs {
  readonly #starts: readonly number[];
  readonly #total: number;
  readonly #covered: Uint8Array;
  #size: number;
  #cursor = 0;

  constructor(levels: readonly number[]) {
    this.#starts = levels.map((_, factor) => levels.slice(0, factor).reduce((sum, count) => sum + count, 0));
    this.#total = levels.reduce((sum, count) => sum + count, 0);
    this.#covered = new Uint8Array(this.#total ** 2);
    const squares = levels.reduce((sum, count) => sum + count ** 2, 0);
    this.#size = (this.#total ** 2 - squares) / 2;
  }

  get size(): number {
    return this.#size;
  }

  /** The first pair that is open. */
  any(): Pair {
    for (; ; this.#cursor += 1) {
      const left = Math.floor(this.#cursor / this.#total);
      const right = this.#cursor % this.#total;
      const pair = { ...this.#split(left, 'left'), ...this.#split(right, 'right') } as Pair;
      if (pair.left < pair.right && this.#covered[this.#cursor] === 0) return pair;
    }
  }

  #split(index: number, side: 'left' | 'right'): Partial<Pair> {
    const factor = this.#starts.findLastIndex((start) => start <= index);
    const level = index - (this.#starts[factor] ?? 0);
    return side === 'left' ? { left: factor, leftLevel: level } : { right: factor, rightLevel: level };
  }

  bestLevel(row: Row, factor: number, levels: readonly number[]): number {
    const gains = levels.map((level) => ({ level, gain: this.#gainOf(row, factor, level) }));
    return gains.reduce((left, right) => (right.gain > left.gain ? right : left)).level;
  }

  #gainOf(row: Row, factor: number, level: number): number {
    return row.filter(
      (otherLevel, other) =>
        other !== factor &&
        otherLevel !== UNDECIDED &&
        this.#covered[this.#index(other, otherLevel, factor, level)] === 0,
    ).length;
  }

  gain(row: Row): number {
    return row.reduce((sum, level, factor) => sum + this.#gainOf(row, factor, level), 0) / 2;
  }

  cover(row: Row): void {
    this.#size -= this.gain(row);
    for (const [left, leftLevel] of row.entries())
      for (const [right, rightLevel] of row.entries())
        if (left !== right) this.#covered[this.#index(left, leftLevel, right, rightLevel)] = 1;
  }

  #index(left: number, leftLevel: number, right: number, rightLevel: number): number {
    const [a, b] = [(this.#starts[left] ?? 0) + leftLevel, (this.#starts[right] ?? 0) + rightLevel];
    return a < b ? a * this.#total + b : b * this.#total + a;
  }
}
