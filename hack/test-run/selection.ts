// What `npm test` was asked to run.
import { parseArgs } from 'node:util';

/** The projects of vitest.config.ts, the quick ones first. */
export const projects = ['unit', 'reconcile', 'crash', 'sim', 'contract', 'integration'] as const;
export type Project = (typeof projects)[number];

/** What is to be run. */
export interface Selection {
  help: boolean;
  /** Whether type check, lint, format and generated files are checked too. */
  gates: boolean;
  projects: readonly Project[];
  /** Passed on to vitest: parts of file names, and `-t NAME`. */
  filters: readonly string[];
}

export const usage = `usage: npm test [-- [OPTION...] [FILE...]]

Sets up what the tests need and runs them all, after type check, lint, format check
and the check of generated files. The last line counts everything.

  --project NAME  only these tests: ${projects.join(', ')} (may be given several times)
  -t NAME         only tests whose name matches
  --gates         with a selection: also type check, lint, format and generated files
  --help          print this

FILE is a part of a file's path.`;

/** The command line was not understood; the message says why. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The selection of a command line. Throws UsageError. */
export function parseSelection(args: readonly string[]): Selection {
  const { values, positionals } = parse(args);
  const chosen = values.project ?? [];
  const unknown = chosen.find((name) => !isProject(name));
  if (unknown !== undefined) throw new UsageError(`There is no project ${unknown}: use ${projects.join(', ')}.`);
  const filters = [...positionals, ...(values.testNamePattern === undefined ? [] : ['-t', values.testNamePattern])];
  return {
    help: values.help,
    gates: values.gates || (chosen.length === 0 && filters.length === 0),
    projects: chosen.length === 0 ? projects : projects.filter((name) => chosen.includes(name)),
    filters,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        gates: { type: 'boolean', default: false },
        project: { type: 'string', multiple: true },
        testNamePattern: { type: 'string', short: 't' },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`);
  }
}

function isProject(name: string): name is Project {
  return (projects as readonly string[]).includes(name);
}
