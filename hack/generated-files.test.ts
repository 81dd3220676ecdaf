import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { customResourceDefinition } from '../src/api/crd.ts';
import { KINDS } from '../src/api/kinds.ts';
import { differences, generatedFiles } from './generated-files.ts';

const root = resolve(import.meta.dirname, '..');

describe('generatedFiles', async () => {
  const files = await generatedFiles();

  test('the tree is up to date; if not, run npm run generate', () => {
    expect(differences(files, root)).toEqual([]);
  });

  test.each(KINDS.map((kind) => ({ name: kind.kind, kind })))(
    '$name reads the same in YAML 1.1 and 1.2',
    ({ kind }) => {
      const text = files.get(`crds/pve-operator.io_${kind.plural}.yaml`) ?? '';
      const wanted = JSON.parse(JSON.stringify(customResourceDefinition(kind))) as unknown;
      expect(parse(text, { version: '1.1' })).toEqual(wanted);
      expect(parse(text, { version: '1.2' })).toEqual(wanted);
    },
  );

  test('the chart carries the same definitions', () => {
    const below = (folder: string) =>
      [...files].flatMap(([path, text]) => (path.startsWith(folder) ? [[path.slice(folder.length), text]] : []));
    expect(below('charts/pve-operator/crds/')).toEqual(below('crds/'));
    expect(below('crds/')).toHaveLength(KINDS.length);
  });

  test('every page links to pages that exist', () => {
    const index = files.get('docs/reference/README.md') ?? '';
    const links = [...index.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => `docs/reference/${target}`);
    expect(links).toHaveLength(KINDS.length);
    expect(links.filter((link) => !files.has(link))).toEqual([]);
  });
});

describe('differences', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'generated-files-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function write(path: string, content: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }

  test.each<{ name: string; tree: Record<string, string>; want: string[] }>([
    { name: 'the same', tree: { 'crds/a.yaml': 'a', 'docs/b.md': 'b' }, want: [] },
    { name: 'one differs', tree: { 'crds/a.yaml': 'A', 'docs/b.md': 'b' }, want: ['differs crds/a.yaml'] },
    { name: 'one is missing', tree: { 'crds/a.yaml': 'a' }, want: ['missing docs/b.md'] },
    {
      name: 'one is left over',
      tree: { 'crds/a.yaml': 'a', 'crds/old.yaml': 'o', 'docs/b.md': 'b' },
      want: ['left over crds/old.yaml'],
    },
    {
      name: 'one is left over in the chart',
      tree: { 'crds/a.yaml': 'a', 'charts/pve-operator/crds/old.yaml': 'o', 'docs/b.md': 'b' },
      want: ['left over charts/pve-operator/crds/old.yaml'],
    },
    {
      name: 'others beside generated pages are let be',
      tree: { 'crds/a.yaml': 'a', 'docs/b.md': 'b', 'docs/by-hand.md': 'x' },
      want: [],
    },
    { name: 'nothing there', tree: {}, want: ['missing crds/a.yaml', 'missing docs/b.md'] },
  ])('$name', ({ tree, want }) => {
    for (const [path, content] of Object.entries(tree)) write(path, content);
    const wanted = new Map([
      ['docs/b.md', 'b'],
      ['crds/a.yaml', 'a'],
    ]);
    expect(differences(wanted, folder).map(({ kind, path }) => `${kind} ${path}`)).toEqual(want);
  });
});
