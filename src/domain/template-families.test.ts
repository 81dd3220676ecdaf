import { describe, expect, test } from 'vitest';
import { aPlan } from '../../test/builders/objects.ts';
import type { PlanSpec } from '../api/plan.ts';
import { familyOf, familyRefusal } from './template-families.ts';

const LINUX = 9000;
const OTHER_LINUX = 9001;
const WINDOWS = 9100;

function offering(familyChange?: PlanSpec['familyChange']): PlanSpec {
  const allowedTemplates = [
    { vmid: OTHER_LINUX, family: 'Linux' as const },
    { vmid: WINDOWS, family: 'Windows' as const },
  ];
  return aPlan({ template: { vmid: LINUX }, allowedTemplates, familyChange }).spec;
}

describe('familyOf', () => {
  test.each([
    { vmid: LINUX, want: 'Linux' },
    { vmid: OTHER_LINUX, want: 'Linux' },
    { vmid: WINDOWS, want: 'Windows' },
    { vmid: 666, want: undefined },
  ])('$vmid: $want', ({ vmid, want }) => {
    expect(familyOf(offering(), vmid)).toBe(want);
  });

  test("of the plan's own template, with no others", () => {
    expect(familyOf(aPlan({ template: { vmid: 9100, family: 'Windows' } }).spec, 9100)).toBe('Windows');
  });
});

describe('familyRefusal', () => {
  test.each([
    { from: LINUX, to: LINUX, refused: false },
    { from: LINUX, to: OTHER_LINUX, refused: false },
    { from: LINUX, to: WINDOWS, refused: true },
    { from: WINDOWS, to: LINUX, refused: true },
    { from: WINDOWS, to: WINDOWS, refused: false },
    { from: 666, to: WINDOWS, refused: false },
    { from: LINUX, to: 666, refused: false },
    { from: undefined, to: WINDOWS, refused: false },
    { from: LINUX, to: undefined, refused: false },
  ])('$from to $to where mixing is forbidden: $refused', ({ from, to, refused }) => {
    expect(familyRefusal(offering('Forbidden'), from, to) !== undefined).toBe(refused);
  });

  test.each(['Allowed', undefined] as const)('nothing where it is %s', (familyChange) => {
    expect(familyRefusal(offering(familyChange), LINUX, WINDOWS)).toBeUndefined();
  });

  test('says what the VM has and what to choose', () => {
    expect(familyRefusal(offering('Forbidden'), WINDOWS, LINUX)).toMatch(
      /^The template 9000 is a Linux one, the VM has Windows,.*choose a Windows template\.$/,
    );
  });
});
