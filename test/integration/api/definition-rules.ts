// The rules in the generated definitions: which there are, on what place of which kind, and how to break one on a text.
import type { KubeObject } from '../../../src/kube/types.ts';
import { manifestsIn } from '../harness.ts';

export interface DefinitionRule {
  readonly kind: string;
  /** Field as an answer names it, with `[]` for any place in a list; metadata.name for a rule on the whole object. */
  readonly place: string;
  readonly message: string;
  /** For a rule on a text by itself: a text that no such rule takes. */
  readonly wrongText?: string;
}

interface Schema {
  type?: string;
  minLength?: number;
  properties?: Readonly<Record<string, Schema>>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  'x-kubernetes-validations'?: readonly { rule: string; message: string; fieldPath?: string }[];
}

interface Definition extends KubeObject {
  spec: { names: { kind: string }; versions: readonly { schema: { openAPIV3Schema: Schema } }[] };
}

// No name, address, URL or certificate has any of these.
const WRONG = '! ,=\n';

/** Every rule of every kind and version. */
export async function definitionRules(): Promise<DefinitionRule[]> {
  const definitions = (await manifestsIn('crds')) as Definition[];
  return definitions.flatMap(({ spec: { names, versions } }) =>
    versions.flatMap(({ schema }) =>
      rulesBelow(schema.openAPIV3Schema, '').map((rule) => ({ kind: names.kind, ...rule })),
    ),
  );
}

type Placed = Omit<DefinitionRule, 'kind'>;

function rulesBelow(schema: Schema, path: string): Placed[] {
  const { properties = {}, items, additionalProperties: values } = schema;
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ message, fieldPath = '' }): Placed => {
    const place = `${path}${fieldPath}`.replace(/^\./, '');
    const isOfText = schema.type === 'string';
    return {
      place: place === '' ? 'metadata.name' : place,
      message,
      ...(isOfText ? { wrongText: WRONG.padEnd(schema.minLength ?? 0, '!') } : {}),
    };
  });
  return [
    ...own,
    ...Object.entries(properties).flatMap(([name, below]) => rulesBelow(below, `${path}.${name}`)),
    ...(items === undefined ? [] : rulesBelow(items, `${path}[]`)),
    ...(typeof values === 'object' ? rulesBelow(values, `${path}{}`) : []),
  ];
}

/** A field of an answer with its places in lists left out, as `place` has it. */
export function placeOf(field: string): string {
  return field.replaceAll(/\[\d+\]/g, '[]');
}
