import { describe, expect, test } from 'vitest';
import { filesBelow, importsOf, targetOf, withoutComments } from './source.ts';

describe('importsOf', () => {
  test.each<{ name: string; text: string; want: { specifier: string; values: readonly string[] }[] }>([
    { name: 'nothing', text: 'const a = 1;', want: [] },
    {
      name: 'values',
      text: "import { a, b as c } from './x.ts';",
      want: [{ specifier: './x.ts', values: ['a', 'b'] }],
    },
    { name: 'a type', text: "import type { A } from './x.ts';", want: [{ specifier: './x.ts', values: [] }] },
    {
      name: 'a type among values',
      text: "import { a, type B } from './x.ts';",
      want: [{ specifier: './x.ts', values: ['a'] }],
    },
    {
      name: 'over several lines',
      text: "import {\n  type A,\n  b,\n} from '../x/y.ts';",
      want: [{ specifier: '../x/y.ts', values: ['b'] }],
    },
    { name: 'all of it', text: "import * as x from './x.ts';", want: [{ specifier: './x.ts', values: ['*'] }] },
    {
      name: 'default and named',
      text: "import x, { y } from 'pack';",
      want: [{ specifier: 'pack', values: ['y', '*'] }],
    },
    { name: 'for its effect', text: "import './x.ts';", want: [{ specifier: './x.ts', values: ['*'] }] },
    { name: 're-exported', text: "export { a } from './x.ts';", want: [{ specifier: './x.ts', values: ['a'] }] },
    { name: 'everything re-exported', text: "export * from './x.ts';", want: [{ specifier: './x.ts', values: ['*'] }] },
    {
      name: 'at run time',
      text: "const x = await import('./x.ts');",
      want: [{ specifier: './x.ts', values: ['*'] }],
    },
    { name: 'in a comment', text: "// import { a } from './x.ts';\n/* import './y.ts' */", want: [] },
    {
      name: 'an export before an import',
      text: "export const a = 1;\nimport { b } from './b.ts';",
      want: [{ specifier: './b.ts', values: ['b'] }],
    },
  ])('$name', ({ text, want }) => {
    expect(importsOf(text)).toEqual(want);
  });
});

describe('targetOf', () => {
  test.each([
    { path: 'src/kube/client.ts', specifier: './types.ts', want: 'src/kube/types.ts' },
    { path: 'src/kube/client.ts', specifier: '../api/plan.ts', want: 'src/api/plan.ts' },
    { path: 'src/app.ts', specifier: '../test/x.ts', want: 'test/x.ts' },
    { path: 'src/app.ts', specifier: 'zod', want: undefined },
    { path: 'src/app.ts', specifier: 'node:fs', want: undefined },
  ])('$specifier in $path', ({ path, specifier, want }) => {
    expect(targetOf(path, specifier)).toBe(want);
  });
});

describe('withoutComments', () => {
  test.each([
    { name: 'to the end of the line', text: 'a; // b\nc', want: 'a;     \nc' },
    { name: 'over lines', text: 'a /* b\nc */ d', want: 'a     \n     d' },
    { name: 'a URL in a string', text: "'https://x' // y", want: "'https://x'     " },
    { name: 'a quote in a string', text: "'it\\'s // no' + 1", want: "'it\\'s // no' + 1" },
    { name: 'slashes in a template', text: '`//${a}` // b', want: '`//${a}`     ' },
  ])('$name', ({ text, want }) => {
    expect(withoutComments(text)).toBe(want);
  });
});

describe('filesBelow', () => {
  test('finds this file, by its path in the repository', () => {
    expect(filesBelow('test', ['.test.ts']).map(({ path }) => path)).toContain('test/arch/source.test.ts');
  });
});
