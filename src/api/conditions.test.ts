import { describe, expect, test } from 'vitest';
import {
  ABNORMAL_CONDITIONS,
  OPERATION_CONDITIONS,
  REASONS,
  STEP_CONDITIONS,
  SUMMARY_CONDITIONS,
} from './conditions.ts';
import { conditionsPage } from './conditions-page.ts';

const types: [string, string][] = [
  STEP_CONDITIONS,
  SUMMARY_CONDITIONS,
  ABNORMAL_CONDITIONS,
  OPERATION_CONDITIONS,
].flatMap((list) => Object.entries(list));
const reasons: [string, { meaning: string; cure?: string }][] = Object.entries(REASONS);
const page = conditionsPage();

describe('condition types', () => {
  test.each(types)('%s is PascalCase, explained in a sentence and on the page', (type, meaning) => {
    expect(type).toMatch(/^[A-Z][A-Za-z]+$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
    expect(page).toContain(`\`${type}\``);
  });

  test('none is listed twice', () => {
    expect(new Set(types.map(([type]) => type)).size).toBe(types.length);
  });
});

describe('reasons', () => {
  test.each(reasons)('%s fits the API conventions, is explained and on the page', (reason, { meaning, cure }) => {
    // The pattern and length of metav1.Condition.reason, without its rarer characters.
    expect(reason).toMatch(/^[A-Z][A-Za-z]{1,127}$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
    expect(cure ?? 'None.').toMatch(/^[A-Z].*\.$/);
    expect(page).toContain(`\`${reason}\``);
  });
});
