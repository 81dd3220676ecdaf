// The shapes every object of the API shares: metadata, conditions, and how a kind is declared.
import { z } from 'zod';
import type { ObjectMeta } from '../kube/types.ts';

export const GROUP = 'pve-operator.io';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** An object of our API group: metadata plus what its kind's schemas say. */
export interface ApiObject<Spec, Status = undefined> {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: Spec;
  status?: Status;
}

export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'boolean' | 'date';
  jsonPath: string;
  description: string;
  /** 0 (default) is always shown, 1 only with `-o wide`. */
  priority?: 0 | 1;
}

/** A rule in the Common Expression Language that the API server checks itself, also with every webhook down. */
export interface CelRule {
  rule: string;
  message: string;
  /** Relative to the schema node that carries the rule, for example `.systemDiskGiB`. */
  fieldPath?: string;
}

/** Everything that crds/, the reference page and the parsers need to know of a kind. */
export interface Kind<
  Spec extends z.ZodType = z.ZodType,
  Status extends z.ZodType | undefined = z.ZodType | undefined,
> {
  kind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  /** Groups of kinds that `kubectl get <category>` lists together, beside the one every kind is in. */
  categories?: readonly string[];
  scope: 'Namespaced' | 'Cluster';
  description: string;
  /** Rules on the whole object; of metadata they see name and generateName only. */
  rules?: readonly CelRule[];
  spec: Spec;
  status?: Status;
  printerColumns: readonly PrinterColumn[];
  /** JSON paths usable in field selectors. */
  selectableFields?: readonly string[];
}

export function defineKind<Spec extends z.ZodType, Status extends z.ZodType | undefined>(kind: Kind<Spec, Status>) {
  return kind;
}

const conditionSchema = z.object({
  type: z.string().max(316).describe('Kind of condition in PascalCase, for example Ready.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  reason: z.string().min(1).max(1024).describe('One word from the closed list in docs/conditions.md.'),
  message: z.string().max(32768).describe('A whole sentence for a person: what is the case and what to do about it.'),
  lastTransitionTime: z
    .string()
    .meta({ format: 'date-time' })
    .describe('When the status last changed from one value to another.'),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe('The generation of the object that this condition was computed from.'),
});

export type Condition = z.infer<typeof conditionSchema>;

export const conditionsSchema = z
  .array(conditionSchema)
  .max(64)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
  .describe('What is the case at the moment, one entry a kind of condition.');

export const observedGenerationSchema = z
  .int()
  .min(0)
  .describe('The generation of the spec that the status was computed from.');

/** Attaches rules of the Common Expression Language to a schema node, after those it has. */
export function withRules<T extends z.ZodType>(schema: T, rules: readonly CelRule[]): T {
  return schema.meta({ 'x-kubernetes-validations': [...rulesOf(schema), ...rules] });
}

function rulesOf(schema: z.ZodType): readonly CelRule[] {
  const rules = schema.meta()?.['x-kubernetes-validations'];
  return Array.isArray(rules) ? (rules as CelRule[]) : [];
}

/** Marks, on a schema node with a pattern, the sentence that a person reads in place of the regular expression. */
export const PATTERN_MESSAGE = 'x-pattern-message';

/** A text with a pattern; the message completes "<field>: …" for whoever wrote something else. */
export function matching(pattern: RegExp, message: string, length: { min?: number; max: number }): z.ZodString {
  return z
    .string()
    .min(length.min ?? 1)
    .max(length.max)
    .regex(pattern, message)
    .meta({ [PATTERN_MESSAGE]: message });
}

/** Keeps an object's name short enough for what is made of it. */
export function nameAtMost(length: number, because: string): CelRule {
  return {
    rule: `self.metadata.name.size() <= ${length}`,
    message: `metadata.name must have at most ${length} characters: ${because}`,
  };
}
