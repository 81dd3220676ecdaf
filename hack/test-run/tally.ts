// Counts what passed, failed and was skipped, over gates and test projects.

/** Numbers of tests. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** What one test file left. */
export interface FileReport {
  name: string;
  /** False as well when the file could not be loaded or a hook failed. */
  ok: boolean;
  /** `state` is vitest's word; `note` is the reason that a skipped test gives. */
  tests: readonly { name: string; state: string; note?: string | undefined }[];
}

/** What one run of vitest left. */
export interface RunReport {
  files: readonly FileReport[];
  /** Number of errors outside of any test. */
  errors: number;
}

/** The tally of nothing. */
export const nothing: Tally = { passed: 0, failed: 0, skipped: 0 };

export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    nothing,
  );
}

/**
 * The tally of one vitest run from its report (undefined when it wrote none) and exit code. A file that could not be
 * loaded counts as one failure, and so does a run that fails for a reason that is no test's.
 */
export function tallyOf(report: RunReport | undefined, exitCode: number): Tally {
  const tally = sum((report?.files ?? []).map(fileTally));
  return exitCode !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

function fileTally({ ok, tests }: FileReport): Tally {
  const count = (state: string): number => tests.filter((test) => test.state === state).length;
  const [passed, failed] = [count('passed'), count('failed')];
  return { passed, failed: !ok && failed === 0 ? 1 : failed, skipped: tests.length - passed - failed };
}

/** The names of the tests that failed, and of files that failed outside of any test. */
export function failuresIn(report: RunReport | undefined): string[] {
  return (report?.files ?? []).flatMap(({ name, ok, tests }) => {
    const failed = tests.filter(({ state }) => state === 'failed');
    if (failed.length === 0) return ok ? [] : [name];
    return failed.map((test) => `${name}: ${test.name}`);
  });
}

/** The reasons that skipped tests give, each once. */
export function skipReasonsIn(report: RunReport | undefined): string[] {
  const notes = (report?.files ?? []).flatMap(({ tests }) => tests.map(({ note }) => note));
  return [...new Set(notes.filter((note) => note !== undefined))];
}

/** The last line of a test run. */
export function summary({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A run is good when something ran and nothing failed. */
export function isGood({ passed, failed }: Tally): boolean {
  return passed > 0 && failed === 0;
}
