// Judges one request: asks every rule of its kind, and the API server's authorizer where a right would let it pass.
import type { KubeObject } from '../kube/types.ts';
import type { AccessControl, AdmissionFacts } from './facts.ts';
import type { Access, Reason, Review, Rule } from './rule.ts';

export interface Judgement {
  readonly allowed: boolean;
  /** All that speaks against the request, in the order of the table; empty when it is allowed. */
  readonly reasons: readonly Reason[];
  /** For the person behind an allowed request; a refused one has reasons instead. */
  readonly warnings: readonly string[];
}

/** Pure but for asking `may()`, which happens only for a request that would be refused otherwise. */
export async function judge<T extends KubeObject>(
  review: Review<T>,
  rules: readonly Rule[],
  facts: AdmissionFacts & AccessControl,
): Promise<Judgement> {
  const asked = rules.filter(({ kind, verbs }) => kind === review.object.kind && verbs.includes(review.verb));
  const reasons = await withoutPermitted(
    asked.flatMap((rule) => rule.check?.(review, facts) ?? []),
    review,
    facts,
  );
  if (reasons.length > 0) return { allowed: false, reasons, warnings: [] };
  return { allowed: true, reasons: [], warnings: asked.flatMap((rule) => rule.warn?.(review, facts) ?? []) };
}

async function withoutPermitted(
  reasons: readonly Reason[],
  { user }: Review,
  facts: AdmissionFacts & AccessControl,
): Promise<readonly Reason[]> {
  const questions = new Map<string, Access>();
  for (const { unless } of reasons) if (unless !== undefined) questions.set(keyOf(unless), unless);
  if (questions.size === 0) return reasons;
  if (user.name === facts.operatorUser) return reasons.filter(({ unless }) => unless === undefined);
  const answers = await Promise.all(
    [...questions].map(async ([key, access]) => [key, await facts.may(access, user)] as const),
  );
  const permitted = new Map(answers);
  return reasons.filter(({ unless }) => unless === undefined || permitted.get(keyOf(unless)) !== true);
}

// None of the parts can hold a slash.
function keyOf({ verb, resource, namespace = '', name }: Access): string {
  return [verb, resource, namespace, name].join('/');
}
