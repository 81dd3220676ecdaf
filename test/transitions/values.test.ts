// Tests of the values that options are tried with: enough of them, allowed by the schema, and alike in both forms.
import { describe, expect, test } from 'vitest';
import { optionSchemas } from '../../src/api/options.ts';
import { resolvePackage } from '../../src/domain/package.ts';
import { aPlan } from '../builders/objects.ts';
import { Random } from '../sim/random.ts';
import { journeyOf, pathOf } from './orders.ts';
import { choicesOf, transitionRows } from './pairs.ts';
import { declarationOf, OPTION_NAMES, packageOf, PLAN_VALUES, planOf, valuesOf } from './values.ts';

const plan = aPlan(planOf(PLAN_VALUES)).spec;
const ROWS = transitionRows();

test('there are 18 options', () => {
  expect(OPTION_NAMES).toHaveLength(18);
});

describe.each(OPTION_NAMES)('%s', (option) => {
  const values = valuesOf(option);

  test('is tried with absence and at least two values that the schema takes, and with 0 where that means something', () => {
    const said = values.filter((value) => value !== undefined);
    expect(values).toContain(undefined);
    expect(new Set(values).size).toBe(values.length);
    expect(values.length).toBeGreaterThanOrEqual(3);
    expect(said.filter((value) => !optionSchemas[option].safeParse(value).success)).toEqual([]);
    expect(values.includes(0)).toBe(optionSchemas[option].safeParse(0).success);
  });

  test('means the same in every form', () => {
    for (const value of values) {
      const choice = { ...packageOf(NOTHING), [option]: value };
      const wanted = packageOf(choice);
      for (const form of ['typed', 'billing'] as const) {
        const spec = declarationOf(choice, () => form);
        expect(resolvePackage({ plan, spec })).toEqual({ package: wanted, problems: [] });
      }
    }
  });

  test('makes every transition between absence, the least value and more', () => {
    const random = new Random(1);
    const seen = ROWS.map((row) => {
      const { before, after } = choicesOf(row, random);
      return `${kindOf(before[option], values)} → ${kindOf(after[option], values)}`;
    });
    expect(new Set(seen).size).toBe(9);
  });
});

const NOTHING = Object.fromEntries(OPTION_NAMES.map((option) => [option, undefined])) as Record<
  (typeof OPTION_NAMES)[number],
  undefined
>;

function kindOf(value: number | undefined, values: readonly (number | undefined)[]): string {
  const index = values.indexOf(value);
  return ['absent', 'least'][index] ?? 'more';
}

describe('journeys', () => {
  test.each([1, 2, 3, 4])('path %i ends where it should, and changes a few options at a time', (seed) => {
    const random = new Random(seed);
    const journey = journeyOf(random);
    const path = pathOf(journey, random);
    expect(path.at(-1)).toEqual(journey.to);
    expect(path.length).toBeGreaterThan(4);
    let before = journey.from;
    for (const choice of path) {
      const changed = OPTION_NAMES.filter((option) => choice[option] !== before[option]);
      expect(changed.length).toBeLessThanOrEqual(4);
      before = choice;
    }
  });

  test('disks and numbers of addresses only go up', () => {
    const random = new Random(9);
    for (let count = 0; count < 20; count += 1) {
      const { from, to } = journeyOf(random);
      const [before, after] = [packageOf(from), packageOf(to)];
      for (const option of ['systemDiskGiB', 'additionalDiskGiB', 'ipv4Addresses', 'ipv6Addresses'] as const)
        expect(after[option]).toBeGreaterThanOrEqual(before[option]);
    }
  });
});
