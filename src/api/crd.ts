// Turns a kind's zod schemas into the CustomResourceDefinition that the API server takes.
import { z } from 'zod';
import { API_VERSION, type CelRule, GROUP, type Kind, PATTERN_MESSAGE, VERSION } from './object.ts';

/** A node of a structural schema (apiextensions.k8s.io/v1 JSONSchemaProps), as far as our kinds use it. */
export interface SchemaNode {
  description?: string;
  type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  format?: 'date-time' | 'int32' | 'int64';
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  items?: SchemaNode;
  properties?: Record<string, SchemaNode>;
  additionalProperties?: SchemaNode;
  required?: string[];
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-validations'?: CelRule[];
}

/** The one version that a definition of ours has. */
interface DefinitionVersion {
  name: string;
  served: boolean;
  storage: boolean;
  schema: { openAPIV3Schema: SchemaNode };
  subresources?: { status: Record<string, never> };
  selectableFields?: { jsonPath: string }[];
  additionalPrinterColumns: { name: string; type: string; description: string; jsonPath: string; priority?: number }[];
}

/** A CustomResourceDefinition in the shape in which it is written to crds/. */
export interface CustomResourceDefinition {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: { name: string };
  spec: {
    group: string;
    names: {
      kind: string;
      listKind: string;
      plural: string;
      singular: string;
      shortNames: string[];
      categories: string[];
    };
    scope: string;
    versions: DefinitionVersion[];
  };
}

/** The category that lists every object of ours: `kubectl get pve-operator`. */
export const CATEGORY = 'pve-operator';

/** A zod schema uses something that a structural schema cannot say; names where. */
class UnsupportedSchemaError extends Error {
  override name = 'UnsupportedSchemaError';
  path: string;

  constructor(path: string, what: string) {
    super(`${path}: ${what} has no counterpart in a CustomResourceDefinition.`);
    this.path = path;
  }
}

// Written in this order, so that the generated files read well: what it is, then its bounds, then what is in it.
const KEPT_KEYS = [
  'description',
  'type',
  'format',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'required',
] as const satisfies readonly (keyof SchemaNode)[];

const HANDLED_KEYS = new Set<string>([
  ...KEPT_KEYS,
  'items',
  'properties',
  'additionalProperties',
  'x-kubernetes-validations',
  PATTERN_MESSAGE,
]);

const TYPES = new Set<unknown>(['object', 'array', 'string', 'integer', 'boolean']);

// zod has formats of its own (includes, uuid, …), which the API server takes for decoration and does not check.
const FORMATS = new Set<unknown>([undefined, 'date-time']);

const MAX_INT32 = 2 ** 31 - 1;

type RawNode = Record<string, unknown>;

/**
 * The structural schema of a zod schema.
 *
 * Anything that the API server would refuse (references, unions, recursion, unknown values) or drop silently is an
 * UnsupportedSchemaError: a rule that is lost on the way would look as if it were enforced.
 */
export function structuralSchema(schema: z.ZodType, path: string): SchemaNode {
  const raw = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' });
  return structuralNode(raw, path);
}

function structuralNode(raw: RawNode, path: string): SchemaNode {
  if (!TYPES.has(raw.type)) throw new UnsupportedSchemaError(path, `a schema without a plain type`);
  if (!FORMATS.has(raw.format)) throw new UnsupportedSchemaError(path, `the format "${String(raw.format)}"`);
  const unknown = Object.keys(raw).find((key) => !HANDLED_KEYS.has(key));
  if (unknown !== undefined) throw new UnsupportedSchemaError(path, `"${unknown}"`);

  const node = Object.fromEntries(
    KEPT_KEYS.filter((key) => raw[key] !== undefined).map((key) => [key, raw[key]]),
  ) as unknown as SchemaNode;
  if (node.type === 'integer') boundInteger(node);
  const rules = [...patternRules(node, raw), ...((raw['x-kubernetes-validations'] ?? []) as CelRule[])];
  if (rules.length > 0) node['x-kubernetes-validations'] = rules;
  addChildren(node, raw, path);
  return node;
}

// zod says "safe integer" as bounds; the API server has a word for it, and the bounds would only be noise.
function boundInteger(node: SchemaNode): void {
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  node.format = node.maximum !== undefined && node.maximum <= MAX_INT32 ? 'int32' : 'int64';
}

/**
 * A pattern with a message becomes a rule: the API server would otherwise answer with the regular expression, which
 * tells nobody what to write. The pattern goes, because rules are not looked at where the plain schema already fails.
 */
function patternRules(node: SchemaNode, raw: RawNode): CelRule[] {
  if (node.pattern === undefined) return [];
  // JavaScript prints a slash in a regular expression escaped; nothing else wants it so.
  node.pattern = node.pattern.replaceAll(String.raw`\/`, '/');
  const message = raw[PATTERN_MESSAGE];
  if (typeof message !== 'string') return [];
  const rule = `self.matches(r'${node.pattern}')`;
  delete node.pattern;
  return [{ rule, message }];
}

function addChildren(node: SchemaNode, raw: RawNode, path: string): void {
  if (raw.items !== undefined) node.items = structuralNode(raw.items as RawNode, `${path}[]`);
  if (raw.additionalProperties !== undefined) {
    if (typeof raw.additionalProperties !== 'object') throw new UnsupportedSchemaError(path, 'additionalProperties');
    node.additionalProperties = structuralNode(raw.additionalProperties as RawNode, `${path}{}`);
  }
  if (raw.properties !== undefined) {
    const children = Object.entries(raw.properties as Record<string, RawNode>);
    node.properties = Object.fromEntries(
      children.map(([name, child]) => [name, structuralNode(child, `${path}.${name}`)]),
    );
  }
}

/** The definition of one kind. */
export function customResourceDefinition(kind: Kind): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: [...kind.shortNames],
        categories: [CATEGORY, ...(kind.categories ?? [])],
      },
      scope: kind.scope,
      versions: [definitionVersion(kind)],
    },
  };
}

function definitionVersion(kind: Kind): DefinitionVersion {
  return {
    name: VERSION,
    served: true,
    storage: true,
    additionalPrinterColumns: kind.printerColumns.map(({ name, type, description, jsonPath, priority }) => ({
      name,
      type,
      description,
      jsonPath,
      ...(priority === undefined ? {} : { priority }),
    })),
    ...(kind.selectableFields === undefined
      ? {}
      : { selectableFields: kind.selectableFields.map((jsonPath) => ({ jsonPath })) }),
    ...(kind.status === undefined ? {} : { subresources: { status: {} } }),
    schema: { openAPIV3Schema: rootSchema(kind) },
  };
}

/** The schema of a whole object of a kind. */
export function rootSchema(kind: Kind): SchemaNode {
  const spec = structuralSchema(kind.spec, 'spec');
  const status = kind.status === undefined ? undefined : structuralSchema(kind.status, 'status');
  return {
    description: kind.description,
    type: 'object',
    required: ['spec'],
    ...(kind.rules === undefined ? {} : { 'x-kubernetes-validations': [...kind.rules] }),
    properties: {
      apiVersion: { description: `Version of the API: ${API_VERSION}.`, type: 'string' },
      kind: { description: `Kind of the object: ${kind.kind}.`, type: 'string' },
      // The API server brings its own description of metadata and refuses another.
      metadata: { type: 'object' },
      spec: { description: `What is wanted of this ${kind.kind}.`, ...spec },
      ...(status === undefined
        ? {}
        : { status: { description: 'What was seen; written by the operator alone.', ...status } }),
    },
  };
}
