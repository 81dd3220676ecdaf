// Reads Markdown pages for the checks of the documentation: links, anchors, code blocks and commands.
import { posix } from 'node:path';
import type { SourceFile } from './source.ts';

export interface Link {
  /** Path relative to the repository. */
  path: string;
  /** Heading within the page, as GitHub makes it; absent for the page itself. */
  anchor?: string;
}

/** Links to files of the repository, without those to other servers. */
export function localLinks({ path, text }: SourceFile): Link[] {
  return [...withoutCode(text).matchAll(/\]\((?<target>[^)\s]+)\)/g)]
    .map(({ groups }) => groups?.['target'] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#');
      const resolved = file === '' ? path : posix.normalize(posix.join(posix.dirname(path), file));
      return { path: resolved.replace(/\/$/, ''), ...(anchor === undefined ? {} : { anchor }) };
    });
}

/** The anchors of a page's headings (https://docs.github.com/en/get-started/writing-on-github: section links). */
export function anchorsOf(text: string): string[] {
  return [...withoutCode(text, '').matchAll(/^#{1,6}\s+(?<title>.+)$/gm)].map(({ groups }) =>
    (groups?.['title'] ?? '')
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Contents of the fenced blocks of one language. */
export function codeBlocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(?<language>\w*)\n(?<code>[\s\S]*?)^```$/gm)]
    .filter(({ groups }) => groups?.['language'] === language)
    .map(({ groups }) => groups?.['code'] ?? '');
}

/** Names of npm scripts that a page tells to run. */
export function scriptsNamedIn(text: string): string[] {
  const named = [...text.matchAll(/\bnpm run (?<name>[a-z][a-z:-]*)/g)].map(({ groups }) => groups?.['name'] ?? '');
  return [...new Set(named)];
}

/** Without fenced blocks; what stands between single backticks goes too, except in headings, whose anchors have it. */
function withoutCode(text: string, inline = '`'): string {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  return inline === '' ? prose : prose.replaceAll(/`[^`\n]*`(?!\])/g, '');
}
