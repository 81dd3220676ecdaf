import { describe, expect, test } from 'vitest';
import { mutantsOf } from './mutants.ts';

describe('mutantsOf', () => {
  test.each([
    { source: 'a === b', want: ['(a) !== (b)'] },
    { source: 'a < b', want: ['(a) <= (b)'] },
    { source: 'a >= b', want: ['(a) > (b)'] },
    { source: 'a ?? b', want: ['(a) && (b)'] },
    { source: 'a && b', want: ['(a) || (b)'] },
    { source: 'a + b', want: [] },
    { source: '!a', want: ['a'] },
    { source: 'if (a) b();', want: ['if (!(a)) b();'] },
    { source: 'a ? b : c', want: ['!(a) ? b : c'] },
    { source: 'x = true', want: ['x = false'] },
    { source: 'x = 3', want: ['x = 4'] },
    { source: "x = 'text'", want: [] },
    { source: 'x = [a, b]', want: ['x = [b]', 'x = [a]'] },
    { source: 'x = []', want: [] },
    { source: 'a.some(f)', want: ['a.every(f)'] },
    { source: "a.endsWith('x')", want: ["a.startsWith('x')"] },
    { source: 'type A = [1, 2] | true;', want: [] },
    { source: 'const a = b as [1, 2];', want: [] },
    { source: 'const a = !b as true;', want: ['const a = b as true;'] },
    { source: "import { a } from 'b';", want: [] },
  ])('$source', ({ source, want }) => {
    expect(mutantsOf(source).map((mutant) => mutant.source)).toEqual(want);
  });

  test('says where, in the order of the text', () => {
    const [first, second] = mutantsOf('const a = 1;\nif (a) {\n  b();\n}\n');
    expect(first).toMatchObject({ line: 1, from: '1', to: '2' });
    expect(second).toMatchObject({ line: 2, from: 'a', to: '!(a)' });
  });
});
