// Mutants that no test can notice, because they mean the same as what is there; each with its reason.

export interface Equivalent {
  /** From the root of the project. */
  readonly file: string;
  /** What stands there and what takes its place, in one line, as the script prints them. */
  readonly from: string;
  readonly to: string;
  /** Why the two mean the same. */
  readonly because: string;
}

export const EQUIVALENTS: readonly Equivalent[] = [];
