// Answers for failures of the Kubernetes API: one error class carrying the server's own status and reason.

/** `details` of the API server's Status object. */
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  retryAfterSeconds?: number;
  causes?: { reason?: string; message?: string; field?: string }[];
}

/** The API server's Status object, as far as it is read. */
export interface StatusBody {
  kind: 'Status';
  code?: number;
  reason?: string;
  message?: string;
  details?: StatusDetails;
}

interface KubeErrorFields {
  status: number;
  reason: string;
  message: string;
  details?: StatusDetails;
  retryAfterMs?: number;
  cause?: unknown;
}

/**
 * A request that the API server refused, or that never got an answer.
 *
 * `status` is the HTTP status, or 0 with reason 'Network' when there was no complete answer: a write may then have happened.
 * `reason` is the server's (NotFound, AlreadyExists, Conflict, Invalid, Forbidden, Expired, …).
 */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly status: number;
  readonly reason: string;
  readonly details?: StatusDetails;
  /** How long the server asked to stay away. */
  readonly retryAfterMs?: number;

  constructor(fields: KubeErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.status = fields.status;
    this.reason = fields.reason;
    this.details = fields.details;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

/** Reasons for answers that carry no Status object, for example from a proxy in front of the API server. */
const reasonByStatus: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** What an answer that is no success means. `what` says which request it was: 'GET configmaps/settings'. */
export function errorFromAnswer(what: string, status: number, text: string, retryAfter?: string): KubeError {
  const body = statusBody(text);
  return new KubeError({
    status,
    reason: body?.reason || (reasonByStatus[status] ?? 'Unknown'),
    message: `${what}: ${body?.message || `HTTP ${status} ${text.slice(0, 120)}`.trim()}`,
    details: body?.details,
    retryAfterMs: retryAfterMs(retryAfter) ?? secondsToMs(body?.details?.retryAfterSeconds),
  });
}

/** What an ERROR event inside a watch means. */
export function errorFromStatus(what: string, body: Partial<StatusBody>): KubeError {
  const status = body.code ?? 500;
  return new KubeError({
    status,
    reason: body.reason || (reasonByStatus[status] ?? 'Unknown'),
    message: `${what}: ${body.message ?? `status ${status}`}`,
    details: body.details,
    retryAfterMs: secondsToMs(body.details?.retryAfterSeconds),
  });
}

/** A request without a complete answer. */
export function networkError(what: string, cause: unknown): KubeError {
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new KubeError({ status: 0, reason: 'Network', message: `${what}: ${text}`, cause });
}

/** The server refuses what the object would become, or a JSON patch whose test does not hold. */
export function isInvalid(error: unknown): error is KubeError {
  return error instanceof KubeError && error.status === 422;
}

export function isNotFound(error: unknown): error is KubeError {
  return error instanceof KubeError && error.status === 404;
}

/** The object changed since it was read. AlreadyExists has the same HTTP status and is not meant. */
export function isConflict(error: unknown): error is KubeError {
  return error instanceof KubeError && error.status === 409 && error.reason !== 'AlreadyExists';
}

export function isAlreadyExists(error: unknown): error is KubeError {
  return error instanceof KubeError && error.reason === 'AlreadyExists';
}

/** The resourceVersion or continue token is older than what the server remembers. */
export function isGone(error: unknown): error is KubeError {
  return error instanceof KubeError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}

/** The namespace is being deleted, and takes nothing new. */
export function isNamespaceTerminating(error: unknown): error is KubeError {
  return (
    error instanceof KubeError &&
    error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true
  );
}

export function isTooManyRequests(error: unknown): error is KubeError {
  return error instanceof KubeError && error.status === 429;
}

/** No complete answer arrived: whether a write happened is unknown. */
export function isNetworkError(error: unknown): error is KubeError {
  return error instanceof KubeError && error.reason === 'Network';
}

/** The header is either seconds or an HTTP date; a date is not worth a clock here, because the API server sends seconds. */
function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function statusBody(text: string): StatusBody | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && (parsed as StatusBody).kind === 'Status'
      ? (parsed as StatusBody)
      : undefined;
  } catch {
    return undefined;
  }
}
