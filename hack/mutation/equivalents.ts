// Mutants that no test can notice, because they mean the same as what is there; each with its reason.

export interface Equivalent {
  /** From the root of the project. */
  readonly file: string;
  /** The line of the source, without the blanks at its ends. */
  readonly line: string;
  /** What stands there and what takes its place, in one line, as the script prints them. */
  readonly from: string;
  readonly to: string;
  /** How many mutants of the line that is; once unless told. */
  readonly times?: number;
  /** Why they mean the same. */
  readonly because: string;
}

const INDEXED = 'The compiler does not know that the element is always there.';

export const EQUIVALENTS: readonly Equivalent[] = [
  {
    file: 'src/domain/legacy-options.ts',
    line: 'if (value < (minValue ?? 0) || value > (maxValue ?? Number.MAX_SAFE_INTEGER)) return wrong;',
    from: '0',
    to: '1',
    because: 'Every option has its least value.',
  },
  {
    file: 'src/domain/legacy-options.ts',
    line: "return (text.split('|', 1)[0] ?? '').trim();",
    from: '1',
    to: '2',
    because: 'Only the first part is read.',
  },
  {
    file: 'src/domain/legacy-options.ts',
    line: '.filter(({ known, distance }) => distance <= FURTHEST_TYPO && known.length > 2 * FURTHEST_TYPO);',
    from: 'known.length > 2 * FURTHEST_TYPO',
    to: '(known.length) >= (2 * FURTHEST_TYPO)',
    because: 'No name has four letters.',
  },
  {
    file: 'src/domain/legacy-options.ts',
    line: '.filter(({ known, distance }) => distance <= FURTHEST_TYPO && known.length > 2 * FURTHEST_TYPO);',
    from: '2',
    to: '3',
    because: 'No name has five or six letters.',
  },
  {
    file: 'src/domain/legacy-options.ts',
    line: 'let row = Array.from({ length: to.length + 1 }, (_, index) => index);',
    from: '1',
    to: '2',
    because: 'One element more is never read.',
  },
  {
    file: 'src/domain/legacy-options.ts',
    line: 'const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);',
    from: '0',
    to: '1',
    because: INDEXED,
  },
  {
    file: 'src/domain/legacy-options.ts',
    line: 'next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));',
    from: '0',
    to: '1',
    times: 2,
    because: INDEXED,
  },
  {
    file: 'src/domain/legacy-options.ts',
    line: 'return row[to.length] ?? 0;',
    from: '0',
    to: '1',
    because: INDEXED,
  },
  {
    file: 'src/domain/names.ts',
    line: 'const count = Number(random?.[2] ?? 0);',
    from: '0',
    to: '1',
    because: 'Without a match the number is not looked at.',
  },
  {
    file: 'src/domain/names.ts',
    line: 'while (rest.length < count) {',
    from: 'rest.length < count',
    to: '(rest.length) <= (count)',
    because: 'A block is made earlier; the stream is the same.',
  },
  {
    file: 'src/domain/pools.ts',
    line: 'return a < b ? -1 : 1;',
    from: 'a < b',
    to: '(a) <= (b)',
    because: 'Equal texts are answered before.',
  },
  {
    file: 'src/domain/pools.ts',
    line: 'return a < b ? -1 : 1;',
    from: '1',
    to: '2',
    times: 2,
    because: 'Only the sign is read.',
  },
  {
    file: 'src/webhook/rules/plans.ts',
    line: 'createdAt: new Date(0),',
    from: '0',
    to: '1',
    because: 'Any time makes a name that is as good or as bad.',
  },
  {
    file: 'src/webhook/rules/vm-names.ts',
    line: 'const createdAt = new Date(creationTimestamp ?? 0);',
    from: '0',
    to: '1',
    because: 'The millisecond is in no name.',
  },
  {
    file: 'src/webhook/rules/vm-warnings.ts',
    line: 'return { cores: String(cpuCores), memory: String(memoryGiB * 1024) };',
    from: '1024',
    to: '1025',
    because: 'Both sizes that are compared are multiplied.',
  },
];

/** The equivalent mutants of some files, each to be met as many times as it is named. */
export function equivalentsOf(files: readonly string[], all: readonly Equivalent[] = EQUIVALENTS) {
  const left = all.filter(({ file }) => files.includes(file)).map((one) => ({ ...one, times: one.times ?? 1 }));
  return {
    /** Whether a survivor is one of them, and not more often than it is named. */
    takes(mutant: Omit<Equivalent, 'times' | 'because'>): boolean {
      const found = left.find((one) => one.times > 0 && PARTS.every((part) => one[part] === mutant[part]));
      if (found === undefined) return false;
      found.times -= 1;
      return true;
    },
    /** Those that were not met, in words: a test notices them after all, or their line is another by now. */
    unused: (untried: readonly string[] = []): readonly string[] =>
      left
        .filter(({ file, times }) => times > 0 && !untried.includes(file))
        .map(({ file, line, from, to }) => `${file}  ${line}  ${from}  →  ${to}`),
  };
}

const PARTS = ['file', 'line', 'from', 'to'] as const;
