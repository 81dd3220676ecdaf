import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { structuralSchema } from './crd.ts';
import { KINDS } from './kinds.ts';
import { type Kind, withRules } from './object.ts';
import { defaultOf, fieldRows, referenceFile, referenceIndex, referencePage, table } from './reference.ts';

test.each([
  { description: 'Number of cores. Default 1.', want: '1' },
  { description: 'Server id in the API. Default localhost.', want: 'localhost' },
  { description: 'Default 8: more of them fail.', want: '8' },
  { description: 'Default {client_id}-{service_id}; else a name.', want: '{client_id}-{service_id}' },
  { description: 'Bridge. Default vmbr0. The pool decides.', want: 'vmbr0' },
  { description: 'Default gateway of the network.', want: '' },
  { description: 'Linked (default) is fast.', want: '' },
  { description: '', want: '' },
])('defaultOf: "$description"', ({ description, want }) => {
  expect(defaultOf(description)).toBe(want);
});

test('table escapes what Markdown would read', () => {
  expect(
    table(
      ['A', 'B'],
      [
        ['a|b', '<name>'],
        ['`<code>`', 'two\nlines'],
      ],
    ),
  ).toBe(['| A | B |', '| --- | --- |', '| a\\|b | &lt;name> |', '| `<code>` | two lines |'].join('\n'));
});

describe('fieldRows', () => {
  const schema = z.object({
    size: z.int().min(1).max(9).optional().describe('Size. Default 3.'),
    ref: z.object({ name: z.string().min(1).max(5).describe('Name.') }).describe('Reference.'),
    items: z
      .array(z.object({ ip: z.string().max(9).describe('Address.') }))
      .max(2)
      .describe('Items.'),
    words: z
      .array(z.enum(['A', 'B']))
      .min(1)
      .max(2)
      .describe('Words.'),
    pairs: z.record(z.string(), z.string().max(4)).meta({ maxProperties: 3 }).describe('Pairs.'),
    when: z.string().meta({ format: 'date-time' }).describe('Time.'),
    count: z.int().min(0).describe('Count.'),
    code: withRules(z.string().min(2).max(2), [{ rule: 'x', message: 'must be a code' }]).describe('Code.'),
    raw: z.string().max(3).regex(/^a$/).describe('Raw.'),
  });
  const rows = fieldRows(structuralSchema(schema, 'spec'), '');

  test.each([
    { path: 'size', type: 'integer', required: false, bounds: ['1 to 9'], fallback: '3' },
    { path: 'ref', type: 'object', required: true, bounds: [], fallback: '' },
    { path: 'ref.name', type: 'string', required: true, bounds: ['1 to 5 characters'], fallback: '' },
    { path: 'items', type: 'list of objects', required: true, bounds: ['at most 2 entries'], fallback: '' },
    { path: 'items[].ip', type: 'string', required: true, bounds: ['at most 9 characters'], fallback: '' },
    {
      path: 'words',
      type: 'list of strings',
      required: true,
      bounds: ['1 to 2 entries', 'each: one of `A`, `B`'],
      fallback: '',
    },
    {
      path: 'pairs',
      type: 'map of strings',
      required: true,
      bounds: ['at most 3 entries', 'each: at most 4 characters'],
      fallback: '',
    },
    { path: 'when', type: 'time', required: true, bounds: [], fallback: '' },
    { path: 'count', type: 'integer', required: true, bounds: ['at least 0'], fallback: '' },
    { path: 'code', type: 'string', required: true, bounds: ['at most 2 characters', 'must be a code'], fallback: '' },
    { path: 'raw', type: 'string', required: true, bounds: ['at most 3 characters', 'matches `^a$`'], fallback: '' },
  ])('$path', (want) => {
    expect(rows.find(({ path }) => path === want.path)).toMatchObject(want);
  });

  test('come in the order of the schema', () => {
    expect(rows.slice(0, 5).map(({ path }) => path)).toEqual(['size', 'ref', 'ref.name', 'items', 'items[].ip']);
  });
});

describe.each(KINDS.map((kind) => ({ name: kind.kind, kind })))('$name', ({ kind }) => {
  const page = referencePage(kind);

  test('says what it is and has every field of the spec', () => {
    expect(page).toContain(`# ${kind.kind}`);
    expect(page).toContain(kind.description);
    for (const { path } of fieldRows(structuralSchema(kind.spec, 'spec'), ''))
      expect(page).toContain(`| \`${path}\` |`);
  });

  test('is listed', () => {
    expect(referenceIndex(KINDS)).toContain(`[${kind.kind}](${referenceFile(kind)})`);
  });

  test('has a status section where there is one', () => {
    expect(page.includes('## Status')).toBe(kind.status !== undefined);
  });
});

test('rules, columns and field selectors of a kind', () => {
  const kind: Kind = {
    kind: 'Thing',
    plural: 'things',
    singular: 'thing',
    shortNames: ['th'],
    scope: 'Cluster',
    description: 'A thing.',
    rules: [{ rule: 'r', message: 'name must be short' }],
    selectableFields: ['.spec.a'],
    spec: withRules(z.object({ a: z.string().max(3).describe('An a.') }), [
      { rule: 's', message: 'a must not change' },
    ]),
    printerColumns: [
      { name: 'A', type: 'string', jsonPath: '.spec.a', description: 'The a.' },
      { name: 'W', type: 'string', jsonPath: '.spec.a', description: 'The a again.', priority: 1 },
    ],
  };
  const page = referencePage(kind);
  for (const line of [
    '- name must be short.',
    '- a must not change.',
    '- Field selectors: `spec.a`',
    '| A | The a. |',
    '| W | The a again. Shown with `-o wide`. |',
  ]) {
    expect(page.split('\n')).toContain(line);
  }
});
