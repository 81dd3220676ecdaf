import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { REASONS } from '../../src/api/conditions.ts';
import { KINDS } from '../../src/api/kinds.ts';
import { API_VERSION } from '../../src/api/object.ts';
import { parseSpec } from '../../src/api/parse.ts';
import { neededPrivileges } from '../../src/pve/privileges.ts';
import { anchorsOf, codeBlocks, localLinks, scriptsNamedIn } from './documents.ts';
import { filesBelow, ROOT, type SourceFile } from './source.ts';

const readme: SourceFile = { path: 'README.md', text: readFileSync(join(ROOT, 'README.md'), 'utf8') };
const docs = filesBelow('docs', ['.md']);
const pages = [readme, ...docs, ...filesBelow('config', ['.md']), ...filesBelow('charts', ['.md'])];
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

function page(path: string): SourceFile {
  return pages.find((one) => one.path === path) ?? { path, text: '' };
}

describe('the documentation', () => {
  test.each(pages)('$path: every link leads to something', (one) => {
    const broken = localLinks(one).filter(({ path, anchor }) => {
      if (!existsSync(join(ROOT, path))) return true;
      return anchor !== undefined && !anchorsOf(page(path).text).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test.each(pages)('$path: every npm script exists', ({ text }) => {
    expect(scriptsNamedIn(text).filter((name) => !(name in scripts))).toEqual([]);
  });

  test.each(pages.filter(({ text }) => codeBlocks(text, 'yaml').length > 0))(
    '$path: every manifest is accepted as it stands',
    ({ text }) => {
      const objects = codeBlocks(text, 'yaml')
        .flatMap((block) => parseAllDocuments(block, { version: '1.1' }))
        .map((document) => document.toJS() as { apiVersion?: string; kind?: string; spec?: unknown })
        .filter(({ apiVersion }) => apiVersion === API_VERSION);
      for (const { kind, spec } of objects) {
        const declared = KINDS.find((candidate) => candidate.kind === kind);
        expect(declared && parseSpec(declared, spec)).toEqual({ ok: true, value: spec });
      }
    },
  );

  test('every page of docs can be reached from the README', () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const link of localLinks(page(path))) visit(link.path);
    };
    visit('README.md');
    expect(docs.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });

  test('troubleshooting has a section for every reason that is raised and that a person has to cure', () => {
    const headings = anchorsOf(page('docs/troubleshooting.md').text);
    const sources = filesBelow('src', ['.ts']).filter(({ path }) => path !== 'src/api/conditions.ts');
    const isRaised = (name: string): boolean => sources.some(({ text }) => text.includes(`'${name}'`));
    const curable = Object.entries(REASONS).flatMap(([name, reason]) => ('cure' in reason ? [name] : []));
    const silent = curable.filter((name) => isRaised(name) && !headings.includes(name.toLowerCase()));
    expect(silent).toEqual([]);
  });

  test('troubleshooting has no section for a reason that does not exist', () => {
    const { text } = page('docs/troubleshooting.md');
    const named = [...text.matchAll(/^### (?<name>[A-Z][a-z]+[A-Z]\w*)$/gm)].map(
      ({ groups }) => groups?.['name'] ?? '',
    );
    expect(named.filter((name) => !(name in REASONS))).toEqual([]);
  });

  test('privileges are told one by one, and granted by the command', () => {
    const { text } = page('docs/privileges.md');
    expect(neededPrivileges.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
    const [command = ''] = codeBlocks(text, 'sh').filter((block) => block.includes('pveum role add'));
    const [, list = ''] = /-privs "([^"]*)"/.exec(command) ?? [];
    expect(list.split(/[\s,]+/).toSorted()).toEqual([...neededPrivileges].toSorted());
  });

  test('decisions are numbered without a gap and have their four parts', () => {
    const records = docs.filter(({ path }) => /^docs\/adr\/\d{4}-/.test(path));
    expect(records.map(({ path }) => Number(path.slice(9, 13)))).toEqual(records.map((_, index) => index + 1));
    for (const { path, text } of records) {
      const parts = anchorsOf(text).filter((anchor) => ['context', 'decision', 'consequences'].includes(anchor));
      expect({ path, parts }).toEqual({ path, parts: ['context', 'decision', 'consequences'] });
      expect(text).toMatch(/^Status: (accepted|superseded by)/m);
    }
  });
});

describe('reading pages', () => {
  test.each<{ name: string; text: string; want: ReturnType<typeof localLinks> }>([
    { name: 'a page beside', text: '[a](b.md)', want: [{ path: 'docs/b.md' }] },
    {
      name: 'a page above, with a heading',
      text: '[a](../README.md#b-c)',
      want: [{ path: 'README.md', anchor: 'b-c' }],
    },
    { name: 'a heading of the same page', text: '[a](#b)', want: [{ path: 'docs/x.md', anchor: 'b' }] },
    { name: 'a folder', text: '[a](adr/)', want: [{ path: 'docs/adr' }] },
    { name: 'a file named in code', text: '[`a.ts`](../src/a.ts)', want: [{ path: 'src/a.ts' }] },
    { name: 'another server', text: '[a](https://example.com)', want: [] },
    { name: 'in a block of code', text: '```md\n[a](b.md)\n```', want: [] },
  ])('link: $name', ({ text, want }) => {
    expect(localLinks({ path: 'docs/x.md', text })).toEqual(want);
  });

  test('anchors of headings', () => {
    expect(anchorsOf('# A title\n\n## `Code` and more: a, b\n\ntext # no\n')).toEqual(['a-title', 'code-and-more-a-b']);
  });

  test('scripts', () => {
    expect(scriptsNamedIn('`npm run demo -- --keep`, npm run test:unit; npm test')).toEqual(['demo', 'test:unit']);
  });
});
