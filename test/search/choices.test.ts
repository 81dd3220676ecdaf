import { array, assert, asyncProperty, integer } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Choices, everyRun } from './choices.ts';

async function allRuns(run: (choices: Choices) => string): Promise<string[]> {
  const seen: string[] = [];
  await everyRun(async (choices) => void seen.push(run(choices)));
  return seen;
}

describe('every run', () => {
  test.each([
    { name: 'one, without a choice', run: () => 'done', want: ['done'] },
    { name: 'one for each option', run: (of: Choices) => of.of(['a', 'b', 'c']), want: ['a', 'b', 'c'] },
    {
      name: 'one for each pair of independent choices',
      run: (of: Choices) => of.of(['a', 'b']) + of.of(['x', 'y']),
      want: ['ax', 'ay', 'bx', 'by'],
    },
    {
      name: 'choices that only come up after another',
      run: (of: Choices) => (of.of(['stay', 'go']) === 'go' ? `go ${of.of(['left', 'right'])}` : 'stay'),
      want: ['stay', 'go left', 'go right'],
    },
    {
      name: 'an option that is undefined',
      run: (of: Choices) => String(of.of([undefined, 'something'])),
      want: ['undefined', 'something'],
    },
  ])('$name', async ({ run, want }) => {
    expect(await allRuns(run)).toEqual(want);
  });

  test('is made once, however many choices there are', async () => {
    await assert(
      asyncProperty(array(integer({ min: 1, max: 4 }), { maxLength: 5 }), async (sizes) => {
        const seen = await allRuns((choices) => sizes.map((size) => choices.of(optionsUpTo(size))).join());
        expect(seen).toHaveLength(sizes.reduce((product, size) => product * size, 1));
        expect(new Set(seen).size).toBe(seen.length);
      }),
      { numRuns: 50 },
    );
  });
});

test('a run that chooses otherwise with the same answers is told', () => {
  const choices = new Choices([2]);
  expect(() => choices.of(['only', 'two'])).toThrow(TypeError);
});

function optionsUpTo(size: number): [number, ...number[]] {
  return [0, ...Array.from({ length: size - 1 }, (_none, index) => index + 1)];
}
