import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { CATEGORY, customResourceDefinition, rootSchema, type SchemaNode, structuralSchema } from './crd.ts';
import { KINDS } from './kinds.ts';
import { type Kind, matching, withRules } from './object.ts';

const text = z.string().max(10);

describe('structuralSchema', () => {
  const cases: { name: string; schema: z.ZodType; want: SchemaNode }[] = [
    { name: 'text', schema: z.string().min(1).max(10), want: { type: 'string', minLength: 1, maxLength: 10 } },
    {
      name: 'pattern without a message, slashes plain',
      schema: text.regex(/^a\/b$/),
      want: { type: 'string', maxLength: 10, pattern: '^a/b$' },
    },
    {
      name: 'pattern with a message becomes a rule',
      schema: matching(/^[a-z]+\/$/, 'must be letters and a slash', { max: 5 }),
      want: {
        type: 'string',
        minLength: 1,
        maxLength: 5,
        'x-kubernetes-validations': [{ rule: "self.matches(r'^[a-z]+/$')", message: 'must be letters and a slash' }],
      },
    },
    { name: 'enum', schema: z.enum(['A', 'B']), want: { type: 'string', enum: ['A', 'B'] } },
    { name: 'boolean', schema: z.boolean(), want: { type: 'boolean' } },
    {
      name: 'small integer',
      schema: z.int().min(0).max(4094),
      want: { type: 'integer', format: 'int32', minimum: 0, maximum: 4094 },
    },
    { name: 'integer without an end', schema: z.int().min(0), want: { type: 'integer', format: 'int64', minimum: 0 } },
    { name: 'integer without bounds', schema: z.int(), want: { type: 'integer', format: 'int64' } },
    {
      name: 'integer just above 32 bits',
      schema: z.int().max(2 ** 31),
      want: { type: 'integer', format: 'int64', maximum: 2 ** 31 },
    },
    { name: 'time', schema: z.string().meta({ format: 'date-time' }), want: { type: 'string', format: 'date-time' } },
    {
      name: 'set of texts',
      schema: z.array(text).min(1).max(3).meta({ 'x-kubernetes-list-type': 'set' }),
      want: {
        type: 'array',
        minItems: 1,
        maxItems: 3,
        'x-kubernetes-list-type': 'set',
        items: { type: 'string', maxLength: 10 },
      },
    },
    {
      name: 'map of texts',
      schema: z.record(text, text).meta({ maxProperties: 4 }),
      want: { type: 'object', maxProperties: 4, additionalProperties: { type: 'string', maxLength: 10 } },
    },
    {
      name: 'object with optional and described fields',
      schema: z.object({ a: text.describe('An a.'), b: text.optional().describe('Perhaps a b.') }),
      want: {
        type: 'object',
        required: ['a'],
        properties: {
          a: { description: 'An a.', type: 'string', maxLength: 10 },
          b: { description: 'Perhaps a b.', type: 'string', maxLength: 10 },
        },
      },
    },
    {
      name: 'rules in the order in which they were given',
      schema: withRules(withRules(z.object({ a: text }), [{ rule: 'one', message: '1' }]), [
        { rule: 'two', message: '2', fieldPath: '.a' },
      ]),
      want: {
        type: 'object',
        required: ['a'],
        'x-kubernetes-validations': [
          { rule: 'one', message: '1' },
          { rule: 'two', message: '2', fieldPath: '.a' },
        ],
        properties: { a: { type: 'string', maxLength: 10 } },
      },
    },
    {
      name: 'the same schema twice is written twice',
      schema: z.object({ a: text, b: text }),
      want: {
        type: 'object',
        required: ['a', 'b'],
        properties: { a: { type: 'string', maxLength: 10 }, b: { type: 'string', maxLength: 10 } },
      },
    },
  ];

  test.each(cases)('$name', ({ schema, want }) => {
    expect(structuralSchema(schema, 'spec')).toEqual(want);
  });

  test.each<{ name: string; schema: z.ZodType; at: string }>([
    { name: 'union', schema: z.object({ a: z.union([text, z.int()]) }), at: 'spec.a' },
    { name: 'unknown value', schema: z.object({ a: z.object({ b: z.unknown() }) }), at: 'spec.a.b' },
    { name: 'strict object', schema: z.object({ a: z.strictObject({}) }), at: 'spec.a' },
    { name: 'loose object', schema: z.looseObject({}), at: 'spec{}' },
    { name: 'tuple', schema: z.object({ a: z.tuple([text, text]) }), at: 'spec.a[]' },
    { name: 'floating-point number', schema: z.object({ a: z.number() }), at: 'spec.a' },
    { name: 'default', schema: z.object({ a: text.default('x') }), at: 'spec.a' },
    { name: 'format of zod', schema: z.array(z.uuid()), at: 'spec[]' },
    { name: 'null', schema: z.record(text, text.nullable()), at: 'spec{}' },
    { name: 'reference', schema: z.object({ a: text.meta({ id: 'shared' }), b: text }), at: 'spec' },
    { name: 'date', schema: z.object({ a: z.date() }), at: 'spec.a' },
  ])('refuses $name, naming where', ({ schema, at }) => {
    expect(() => structuralSchema(schema, 'spec')).toThrow(
      expect.objectContaining({ name: 'UnsupportedSchemaError', path: at }),
    );
  });
});

describe('customResourceDefinition', () => {
  const kind: Kind = {
    kind: 'Thing',
    plural: 'things',
    singular: 'thing',
    shortNames: ['th'],
    scope: 'Namespaced',
    description: 'A thing.',
    spec: z.object({ a: text.describe('An a.') }),
    printerColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a', description: 'The a.' }],
  };
  const [plain] = customResourceDefinition(kind).spec.versions;
  const [full] = customResourceDefinition({
    ...kind,
    status: z.object({}),
    selectableFields: ['.spec.a'],
    rules: [{ rule: 'true', message: 'never' }],
    printerColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a', description: 'The a.', priority: 1 }],
  }).spec.versions;

  test('names', () => {
    const { metadata, spec } = customResourceDefinition({ ...kind, categories: ['all'] });
    expect(metadata.name).toBe('things.pve-operator.io');
    expect(spec).toMatchObject({ group: 'pve-operator.io', scope: 'Namespaced' });
    expect(spec.names).toEqual({
      kind: 'Thing',
      listKind: 'ThingList',
      plural: 'things',
      singular: 'thing',
      shortNames: ['th'],
      categories: [CATEGORY, 'all'],
    });
  });

  test('a kind without a status has no subresource, one with a status has it', () => {
    expect(plain).not.toHaveProperty('subresources');
    expect(plain?.schema.openAPIV3Schema.properties).not.toHaveProperty('status');
    expect(full?.subresources).toEqual({ status: {} });
    expect(full?.schema.openAPIV3Schema.properties?.status).toMatchObject({ type: 'object' });
  });

  test('columns, field selectors and rules of the root', () => {
    expect(plain?.additionalPrinterColumns).toEqual([
      { name: 'A', type: 'string', description: 'The a.', jsonPath: '.spec.a' },
    ]);
    expect(full?.additionalPrinterColumns[0]?.priority).toBe(1);
    expect(plain).not.toHaveProperty('selectableFields');
    expect(full?.selectableFields).toEqual([{ jsonPath: '.spec.a' }]);
    expect(full?.schema.openAPIV3Schema['x-kubernetes-validations']).toEqual([{ rule: 'true', message: 'never' }]);
  });

  test('the root demands a spec and says nothing about metadata', () => {
    const root = rootSchema(kind);
    expect(root).toMatchObject({ description: 'A thing.', required: ['spec'] });
    expect(root.properties?.metadata).toEqual({ type: 'object' });
  });

  test("a spec's own description is kept", () => {
    const own = { ...kind, spec: z.object({}).describe('Mine.') };
    expect(rootSchema(own).properties?.spec?.description).toBe('Mine.');
    expect(rootSchema(kind).properties?.spec?.description).toBe('What is wanted of this Thing.');
  });
});

interface Field {
  path: string;
  node: SchemaNode;
}

function fieldsOf(node: SchemaNode, path: string): Field[] {
  const inner = Object.entries(node.properties ?? {}).flatMap(([name, child]) => fieldsOf(child, `${path}.${name}`));
  const items = node.items === undefined ? [] : fieldsOf(node.items, `${path}[]`);
  const values = node.additionalProperties === undefined ? [] : fieldsOf(node.additionalProperties, `${path}{}`);
  return [{ path, node }, ...inner, ...items, ...values];
}

describe('the kinds', () => {
  const all = KINDS.map((kind) => {
    const { spec, status } = rootSchema(kind).properties ?? {};
    const fields = [...(spec ? fieldsOf(spec, 'spec') : []), ...(status ? fieldsOf(status, 'status') : [])];
    return { name: kind.kind, kind, fields };
  });
  const pathsWhere = (fields: readonly Field[], wrong: (node: SchemaNode) => boolean) =>
    fields.filter(({ node }) => wrong(node)).map(({ path }) => path);

  test.each(all)('$name: every field is described', ({ fields }) => {
    const named = fields.filter(({ path }) => !/[\]}]$/.test(path));
    expect(pathsWhere(named, (node) => !/^[A-Z"].*\.\)?$|^online, /s.test(node.description ?? ''))).toEqual([]);
  });

  test.each(all)('$name: every text, list and map has an upper bound', ({ fields }) => {
    const unbounded = (node: SchemaNode) =>
      (node.type === 'string' &&
        node.enum === undefined &&
        node.format === undefined &&
        node.maxLength === undefined) ||
      (node.type === 'array' && node.maxItems === undefined) ||
      (node.additionalProperties !== undefined && node.maxProperties === undefined);
    expect(pathsWhere(fields, unbounded)).toEqual([]);
  });

  test.each(all)('$name: every integer has a lower bound', ({ fields }) => {
    expect(pathsWhere(fields, (node) => node.type === 'integer' && node.minimum === undefined)).toEqual([]);
  });

  test.each(all)('$name: no word of an enum is a boolean to a reader of YAML 1.1', ({ fields }) => {
    // True and False of a condition are Kubernetes' own, and every writer quotes them.
    const ours = fields.filter(({ path }) => path !== 'status.conditions[].status');
    const words = ours.flatMap(({ node }) => node.enum ?? []);
    expect(words.filter((word) => /^(y|yes|n|no|on|off|true|false|null|~)$/i.test(word))).toEqual([]);
  });

  test.each(all)(
    '$name: rules are sentences that name a field, with patterns that can be quoted',
    ({ kind, fields }) => {
      const rules = [...(kind.rules ?? []), ...fields.flatMap(({ node }) => node['x-kubernetes-validations'] ?? [])];
      for (const { rule, message, fieldPath } of rules) {
        expect(message.length).toBeGreaterThan(10);
        expect(message).not.toMatch(/\.$|\n/);
        expect(fieldPath ?? '.x').toMatch(/^\.\w/);
        // A quote inside would end the raw string that the pattern is written in.
        expect(rule.split("r'").length - 1).toBe(rule.includes("r'") ? 1 : 0);
        // RE2 has no lookaround and no back-references.
        if (rule.includes('self.matches')) expect(rule).not.toMatch(/\(\?[=!<]|\\[1-9]/);
      }
    },
  );

  test.each(all)('$name: columns and field selectors lead to fields', ({ kind, fields }) => {
    const known = new Set(fields.map(({ path }) => `.${path}`));
    const plain = (path: string) => path.replaceAll(/\[[^\]]*\]/g, '[]');
    const paths = [...kind.printerColumns.map(({ jsonPath }) => jsonPath), ...(kind.selectableFields ?? [])];
    const own = paths.filter((path) => !path.startsWith('.metadata.'));
    expect(own.filter((path) => !known.has(plain(path)))).toEqual([]);
  });

  test('names do not collide', () => {
    const names = KINDS.flatMap(({ plural, singular, shortNames }) => [plural, singular, ...shortNames]);
    expect(new Set(names).size).toBe(names.length);
  });
});
