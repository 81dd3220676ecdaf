// Reads source files for the rules in this folder: which files there are, what each imports, and its code without comments.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, resolve, sep } from 'node:path';

/** The folder of the repository. */
export const ROOT = resolve(import.meta.dirname, '../..');

export interface Import {
  /** As written, for example `../kube/client.ts` or `node:fs`. */
  specifier: string;
  /** Names that are imported as values; `*` for everything and for a dynamic import. */
  values: readonly string[];
}

export interface SourceFile {
  /** Relative to the repository, with slashes. */
  path: string;
  text: string;
}

/** All files below a folder with one of the endings, sorted by path. Installed packages are left out. */
export function filesBelow(folder: string, endings: readonly string[]): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes(`${sep}node_modules${sep}`))
    .map((path) => ({ path: relative(ROOT, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Every import and re-export of a file; the formatter guarantees that each statement begins a line. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const statements = [...code.matchAll(/^(?:import|export)\s+(?<clause>[^'";]*?)\s*from\s*'(?<specifier>[^']+)'/gm)];
  const bare = [...code.matchAll(/^import\s*'(?<specifier>[^']+)'/gm)];
  const dynamic = [...code.matchAll(/\bimport\(\s*'(?<specifier>[^']+)'\s*\)/g)];
  return [
    ...statements.map(({ groups }) => ({
      specifier: groups?.['specifier'] ?? '',
      values: valuesOf(groups?.['clause'] ?? ''),
    })),
    ...bare.map(({ groups }) => ({ specifier: groups?.['specifier'] ?? '', values: ['*'] })),
    ...dynamic.map(({ groups }) => ({ specifier: groups?.['specifier'] ?? '', values: ['*'] })),
  ];
}

function valuesOf(clause: string): string[] {
  if (/^type\s/.test(clause)) return [];
  const named = /\{(?<names>[^}]*)\}/.exec(clause)?.groups?.['names'] ?? '';
  const names = named
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.split(/\s+as\s+/)[0] ?? name);
  const outside = clause
    .replace(/\{[^}]*\}/, '')
    .replaceAll(',', ' ')
    .trim();
  return outside === '' ? names : [...names, '*'];
}

/** The path, relative to the repository, that an import of a file leads to; undefined for a package. */
export function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), specifier)) : undefined;
}

/** The text with comments blanked out, line for line. Strings and templates stay. */
export function withoutComments(text: string): string {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)/g;
  return text.replaceAll(token, (part, ...rest) => {
    const { comment } = rest.at(-1) as { comment?: string };
    return comment === undefined ? part : comment.replaceAll(/[^\n]/g, ' ');
  });
}
