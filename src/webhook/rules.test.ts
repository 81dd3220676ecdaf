import { describe, expect, test } from 'vitest';
import { KINDS } from '../api/kinds.ts';
import { admissionPage } from './admission-page.ts';
import { CODES } from './codes.ts';
import { RIGHTS } from './rule.ts';
import { RULES } from './rules.ts';

describe('the table of rules', () => {
  test('names each rule once, in kebab-case', () => {
    const ids = RULES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z]+(-[a-z]+)*$/.test(id))).toEqual([]);
  });

  test('is about kinds that exist', () => {
    const kinds = new Set(KINDS.map(({ kind }) => kind));
    expect(RULES.filter(({ kind }) => !kinds.has(kind))).toEqual([]);
  });

  test.each(RULES)('$id refuses or warns, and says so', ({ check, warn, codes, title, example }) => {
    expect(check !== undefined).toBe(codes.length > 0);
    expect(check ?? warn).toBeDefined();
    expect(title).toMatch(/^[A-Z].*\.$/);
    expect(example).toMatch(/\.$/);
  });

  test('uses every code and every right', () => {
    expect([...new Set(RULES.flatMap(({ codes }) => codes))].sort()).toEqual(Object.keys(CODES).sort());
    expect([...new Set(RULES.flatMap(({ rights = [] }) => rights))].sort()).toEqual(Object.keys(RIGHTS).sort());
  });
});

describe('the page', () => {
  const page = admissionPage();

  test.each(RULES)('has $id with its codes, rights and example', ({ id, codes, rights = [], verbs }) => {
    const section = page.split(/^#+ /m).find((text) => text.startsWith(`${id}\n`)) ?? '';
    for (const word of [...codes, ...rights]) expect(section).toContain(`\`${word}\``);
    expect(section).toContain(verbs.join(', '));
    expect(section).toMatch(/^> .+$/m);
  });

  test('explains every code and every right', () => {
    for (const word of [...Object.keys(CODES), ...Object.keys(RIGHTS)]) expect(page).toContain(`| \`${word}\` |`);
  });

  test('has one section for each kind that has rules', () => {
    const sections = [...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    const kinds = [...new Set(RULES.map(({ kind }) => kind))];
    expect(sections).toEqual([...kinds, 'Codes', 'Rights']);
  });
});
