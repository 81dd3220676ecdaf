// Reads what the API server asks (AdmissionReview, admission.k8s.io/v1) and writes what it is answered.
import { z } from 'zod';
import type { KubeObject } from '../kube/types.ts';
import { CODES } from './codes.ts';
import type { Judgement } from './review.ts';
import type { Reason, Review } from './rule.ts';

/** Who asks, as the authorizer of the API server wants to know it. */
export interface Requester {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** One question of the API server. */
export interface AdmissionRequest {
  /** The answer repeats it. */
  readonly uid: string;
  readonly kind: { readonly group: string; readonly kind: string };
  readonly review: Review & { readonly user: Requester };
}

/** A question, or in a sentence why it is none. The sentence repeats nothing of what was sent. */
export type ReadRequest = { ok: true; request: AdmissionRequest } | { ok: false; problem: string };

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  // With generateName the name comes after admission.
  metadata: z.looseObject({ name: z.string().default('') }),
});

const userSchema = z.object({
  username: z.string().default(''),
  groups: z.array(z.string()).default([]),
  uid: z.string().optional(),
  extra: z.record(z.string(), z.array(z.string())).optional(),
});

// Fields that are not read are not looked at: newer API servers may send more.
const reviewSchema = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1).max(128),
    kind: z.object({ group: z.string(), kind: z.string() }),
    operation: z.enum(['CREATE', 'UPDATE', 'DELETE']),
    namespace: z.string().default(''),
    userInfo: userSchema,
    object: objectSchema.nullish(),
    oldObject: objectSchema.nullish(),
    dryRun: z.boolean().default(false),
  }),
});

type RawRequest = z.infer<typeof reviewSchema>['request'];

/** Reads a body. */
export function readAdmissionReview(body: string): ReadRequest {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { ok: false, problem: 'The body is no JSON.' };
  }
  const parsed = reviewSchema.safeParse(value);
  if (!parsed.success) {
    const fields = parsed.error.issues.slice(0, 3).map(({ path }) => path.join('.') || 'the body');
    return { ok: false, problem: `The body is no AdmissionReview of admission.k8s.io/v1: see ${fields.join(', ')}.` };
  }
  return requestOf(parsed.data.request);
}

function requestOf(raw: RawRequest): ReadRequest {
  const { uid, kind, operation, namespace, userInfo, dryRun } = raw;
  const { object, old } = objectsOf(raw);
  if (object === undefined || (operation === 'UPDATE' && old === undefined)) {
    return { ok: false, problem: `A request to ${operation} lacks its object or oldObject.` };
  }
  if ([object, old].some((one) => one !== undefined && !isOf(one, kind))) {
    return { ok: false, problem: 'The object is of another kind than the request says.' };
  }
  const { username: name, ...others } = userInfo;
  const review = { verb: operation, object, ...(old === undefined ? {} : { old }), namespace, dryRun };
  return { ok: true, request: { uid, kind, review: { ...review, user: { name, ...others } } } };
}

/** Of a DELETE the object is the one that would go. */
function objectsOf({ operation, object, oldObject }: RawRequest): { object?: KubeObject; old?: KubeObject } {
  if (operation === 'DELETE') return { object: oldObject ?? undefined };
  return { object: object ?? undefined, ...(operation === 'UPDATE' ? { old: oldObject ?? undefined } : {}) };
}

function isOf(object: KubeObject, { group, kind }: AdmissionRequest['kind']): boolean {
  return object.kind === kind && object.apiVersion.startsWith(`${group}/`);
}

/** What cannot be judged now is refused with a status by which clients know to try again. */
export interface Failure {
  readonly code: 500 | 503 | 504;
  readonly message: string;
}

const FAILURE_REASONS = { 500: 'InternalError', 503: 'ServiceUnavailable', 504: 'Timeout' } as const;
const MOST_CAUSES = 32;
const MOST_CHARACTERS = 2048;
const MOST_WARNINGS = 8;
// The API server cuts longer ones itself (staging/src/k8s.io/apiserver/pkg/warning).
const MOST_WARNING_CHARACTERS = 256;

/** The answer to a question: an AdmissionReview as an object. */
export function answerOf({ uid, kind, review }: AdmissionRequest, judgement: Judgement): object {
  if (judgement.allowed) {
    const warnings = judgement.warnings.slice(0, MOST_WARNINGS).map((text) => cut(text, MOST_WARNING_CHARACTERS));
    return envelope({ uid, allowed: true, ...(warnings.length === 0 ? {} : { warnings }) });
  }
  const { reasons } = judgement;
  const code = statusOf(reasons);
  return envelope({
    uid,
    allowed: false,
    status: {
      status: 'Failure',
      code,
      reason: STATUS_REASONS[code],
      message: cut(reasons.map(({ message }) => message).join(' '), MOST_CHARACTERS),
      details: {
        name: review.object.metadata.name,
        group: kind.group,
        kind: kind.kind,
        causes: reasons.slice(0, MOST_CAUSES).map((reason) => ({
          reason: reason.code,
          field: reason.path,
          message: cut(reason.message, MOST_CHARACTERS),
        })),
      },
    },
  });
}

/** The answer to a question that could not be judged. */
export function failureOf({ uid }: AdmissionRequest, { code, message }: Failure): object {
  const status = { status: 'Failure', code, reason: FAILURE_REASONS[code], message };
  return envelope({ uid, allowed: false, status });
}

const STATUS_REASONS = { 403: 'Forbidden', 409: 'Conflict', 422: 'Invalid' } as const;

/** What the object itself is at fault for comes first: it stays wrong whatever else changes. */
function statusOf(reasons: readonly Reason[]): 403 | 409 | 422 {
  const codes = new Set(reasons.map(({ code }) => CODES[code].httpStatus));
  if (codes.has(422)) return 422;
  return codes.has(403) ? 403 : 409;
}

function envelope(response: object): object {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
