// The files and tests of this project as the mutation sees them.
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { subjectsIn } from './subjects.ts';

const subjects = subjectsIn(resolve(import.meta.dirname, '../..'));
const testsOf = (file: string) => subjects.find((one) => one.file === file)?.tests;

describe('subjectsIn', () => {
  test.each([
    {
      name: 'a rule with the test beside it',
      file: 'src/webhook/rules/pools.ts',
      want: ['src/webhook/rules/pools.test.ts'],
    },
    {
      name: 'what a rule imports, with every test of it',
      file: 'src/domain/pools.ts',
      want: [
        'src/domain/legacy-addresses-properties.test.ts',
        'src/domain/legacy-addresses.test.ts',
        'src/domain/pools-matching.test.ts',
        'src/domain/pools.test.ts',
      ],
    },
    { name: 'what judges', file: 'src/webhook/review.ts', want: ['src/webhook/review.test.ts'] },
  ])('has $name', ({ file, want }) => {
    expect(testsOf(file)).toEqual(want);
  });

  test('has what rules share, which no test imports, with the tests of all rules', () => {
    const tests = testsOf('src/webhook/rules/change.ts') ?? [];
    expect(tests).toContain('src/webhook/rules/pools.test.ts');
    expect(tests).toContain('src/webhook/rules/vm-options.test.ts');
  });

  test('has no test, no type and nothing twice', () => {
    const files = subjects.map(({ file }) => file);
    expect(files.filter((file) => file.endsWith('.test.ts') || file.startsWith('src/api/'))).toEqual([]);
    expect(new Set(files).size).toBe(files.length);
  });
});
