// Reads docs/access.md: who may do what, as the tables of that page promise it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './harness.ts';

export const ROLES = ['tenant-view', 'tenant-edit', 'billing', 'platform-admin'] as const;
export type RoleName = (typeof ROLES)[number];

/** Verbs by role and plural. */
export type Promises = Readonly<Record<RoleName, ReadonlyMap<string, ReadonlySet<string>>>>;

const WORDS: Readonly<Record<string, readonly string[]>> = {
  read: ['get', 'list', 'watch'],
  write: ['create', 'update', 'patch', 'delete'],
  nothing: [],
};

/** What the page promises, verbs of Kubernetes and our own together. */
export function promisedRights(page = readFileSync(join(ROOT, 'docs/access.md'), 'utf8')): Promises {
  const promises = Object.fromEntries(ROLES.map((role) => [role, new Map<string, Set<string>>()])) as Record<
    RoleName,
    Map<string, Set<string>>
  >;
  for (const row of tableRows(page, '| Resource ')) {
    for (const role of ROLES) promises[role].set(plain(row['Resource']), new Set(verbsOf(row[role])));
  }
  for (const row of tableRows(page, '| Verb ')) {
    for (const role of ROLES) {
      if (row[role] === 'yes') promises[role].get(plain(row['On']))?.add(plain(row['Verb']));
    }
  }
  return promises;
}

/** The verbs of our own that the page explains. */
export function explainedRights(page = readFileSync(join(ROOT, 'docs/access.md'), 'utf8')): string[] {
  return tableRows(page, '| Verb ').map((row) => plain(row['Verb']));
}

function verbsOf(cell = ''): string[] {
  return cell.split(', ').flatMap((word) => WORDS[word] ?? [word]);
}

function plain(cell = ''): string {
  return cell.replaceAll('`', '');
}

/** The rows of the table whose head begins so, each by the titles of its columns. */
function tableRows(page: string, head: string): Record<string, string>[] {
  const lines = page.slice(page.indexOf(`\n${head}`) + 1).split('\n');
  const table = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|')),
  );
  const [titles = [], , ...rows] = table.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return rows.map((cells) => Object.fromEntries(titles.map((title, index) => [title, cells[index] ?? ''])));
}
