// The rows of the tables of admission: a write that a rule refuses beside one that it lets in, or one that it warns of.
import { expect } from 'vitest';
import type { KubeObject } from '../../../src/kube/types.ts';
import { type Code, CODES } from '../../../src/webhook/codes.ts';
import type { Right } from '../../../src/webhook/rule.ts';
import type { HttpAnswer } from '../account.ts';
import type { Write } from './write.ts';

/** What a client reads in a refusal. */
export interface WantedRefusal {
  readonly code: Code;
  /** As `field` of the cause names it. */
  readonly field: string;
  /** Parts of the message: the value, the bound, what to do instead. */
  readonly says: readonly string[];
}

export interface RefusalRow extends WantedRefusal {
  /** Id of the rule. */
  readonly rule: string;
  readonly name: string;
  readonly refused: Write;
  /** A write next to it that passes. */
  readonly accepted: Write;
  /** A verb with which the refused write passes. The row is then asked by somebody who has every verb but those. */
  readonly right?: Right;
}

export interface WarningRow {
  readonly rule: string;
  readonly name: string;
  readonly write: Write;
  readonly warns: readonly string[];
  /** A write next to it that is not warned of by this rule. */
  readonly quiet: Write;
}

const REASONS = { 403: 'Forbidden', 409: 'Conflict', 422: 'Invalid' } as const;
const LONGEST_MESSAGE = 300;

/** Holds an answer to the refusal, and to no other reason beside it. */
export function expectRefusal({ status, body }: HttpAnswer, { code, field, says }: WantedRefusal): void {
  const { httpStatus } = CODES[code];
  const said = (body.details?.causes ?? []).map((cause) => `${cause.reason} ${cause.field}`);
  expect({ status, code: body.code, reason: body.reason, said }, body.message).toEqual({
    status: httpStatus,
    code: httpStatus,
    reason: REASONS[httpStatus],
    said: [`${code} ${field}`],
  });
  const message = body.details?.causes?.[0]?.message ?? '';
  for (const part of says) expect(message).toContain(part);
  expect(message).toMatch(/^[^\n\r]+\.$/);
  expect(message.length).toBeLessThanOrEqual(LONGEST_MESSAGE);
  expect(body.message).toBe(`admission webhook "validate.pve-operator.io" denied the request: ${message}`);
}

/** Holds an answer to being let in. */
export function expectAccepted({ status, body }: HttpAnswer): void {
  expect(status, JSON.stringify(body)).toBeLessThan(300);
}

/** The texts of the warnings of an answer (RFC 9110: 299 - "text"). */
export function warningsOf({ warnings }: Pick<HttpAnswer, 'warnings'>): string[] {
  return warnings.flatMap((header) =>
    [...header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replaceAll(/\\(.)/g, '$1')),
  );
}

/** An object with a part of its spec changed. */
export function withSpec<T extends KubeObject & { spec: object }>(object: T, spec: object, name?: string): T {
  const metadata = name === undefined ? object.metadata : { ...object.metadata, name };
  return { ...object, metadata, spec: { ...object.spec, ...spec } };
}

/** Rows for a rule that is asked of new objects and of edits alike. */
export function onWrites<T extends KubeObject & { spec: object }>(
  { rule, code, field, says }: Pick<RefusalRow, 'rule' | 'code' | 'field' | 'says'>,
  { name, of, wrong, right }: { name: string; of: { made: T; anew: T }; wrong: object; right: object },
): RefusalRow[] {
  const want = { rule, code, field, says };
  return [
    {
      ...want,
      name: `${name}, made so`,
      refused: { create: withSpec(of.anew, wrong) },
      accepted: { create: withSpec(of.anew, right) },
    },
    {
      ...want,
      name: `${name}, edited so`,
      refused: { merge: { spec: wrong }, of: of.made },
      accepted: { merge: { spec: right }, of: of.made },
    },
  ];
}
