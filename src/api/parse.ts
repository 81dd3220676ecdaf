// Reads a spec of unknown origin by its kind's schema and says in plain words what is wrong with it.
import type { z } from 'zod';
import type { Kind } from './object.ts';

/** One thing that is wrong. */
export interface Problem {
  /** Field as a person writes it: `spec.options.cpuCores`, `spec.endpoints[0]`, `spec.configurableOptions["CPU Cores"]`. */
  readonly path: string;
  /** A whole sentence that begins with the path. It never repeats the value, which may be a secret. */
  readonly message: string;
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; problems: readonly [Problem, ...Problem[]] };

type Issue = z.core.$ZodIssue;

/**
 * Checks types, bounds, patterns and enums. Rules between fields and between the old and the new object are the API
 * server's (CEL); unknown fields are dropped, as the API server does.
 */
export function parseSpec<Spec extends z.ZodType>(
  kind: Pick<Kind<Spec>, 'spec'>,
  value: unknown,
): Parsed<z.infer<Spec>> {
  const result = kind.spec.safeParse(value, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  const [first, ...others] = result.error.issues.flatMap((issue) => problemsOf(issue, ['spec']));
  // zod never fails without an issue.
  return { ok: false, problems: [first ?? problem(['spec'], 'is not valid'), ...others] };
}

function problemsOf(issue: Issue, parent: readonly PropertyKey[]): Problem[] {
  const path = [...parent, ...issue.path];
  // A bad key of a map holds the key's own issues, which say more.
  if (issue.code === 'invalid_key') {
    return issue.issues.map((inner) => problem(path, `as a name ${messageOf(inner)}`));
  }
  return [problem(path, messageOf(issue))];
}

function problem(path: readonly PropertyKey[], text: string): Problem {
  const field = pathText(path);
  return { path: field, message: `${field} ${text}.` };
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, place) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = String(part);
      if (!/^[A-Za-z_]\w*$/.test(name)) return `[${JSON.stringify(name)}]`;
      return place === 0 ? name : `.${name}`;
    })
    .join('');
}

function messageOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return `must ${sizeWord(issue.origin, 'at least', Number(issue.minimum))}`;
    case 'too_big':
      return `must ${sizeWord(issue.origin, 'at most', Number(issue.maximum))}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    default:
      return issue.message;
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  record: 'a map',
};

const UNITS: Readonly<Record<string, string>> = { string: 'characters', array: 'entries' };

function sizeWord(origin: string, limit: string, bound: number): string {
  const unit = UNITS[origin];
  return unit === undefined ? `be ${limit} ${bound}` : `have ${limit} ${bound} ${unit}`;
}
