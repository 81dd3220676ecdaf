// Reads the parameters of a request: query, form and JSON bodies, and what is refused of them.
import { ApiError } from '../errors.ts';
import type { RawParameters } from '../schema/verify.ts';

/** Bodies beyond this are refused. */
export const largestBody = 512 * 1024;

/** What is needed of a request's head to judge its body. */
export interface BodyHead {
  method: string;
  contentType: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
}

/** Refuses bodies the server does not take before reading them. */
export function requireBodyAllowed(head: BodyHead): void {
  if (head.transferEncoding?.includes('chunked') === true)
    throw new ApiError(501, 'chunked transfer encoding not supported');
  const length = Number(head.contentLength ?? 0);
  if (length > 0 && (head.method === 'GET' || head.method === 'DELETE'))
    throw new ApiError(501, `Unexpected content for method '${head.method}'`);
  if (length > largestBody) throw new ApiError(501, `for data too large`);
}

/** Parameters of `a=b&c=d`; a repeated key becomes a list. */
export function parseForm(text: string): RawParameters {
  const params: RawParameters = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const before = params[key];
    params[key] =
      before === undefined ? value : Array.isArray(before) ? [...(before as unknown[]), value] : [before, value];
  }
  return params;
}

/** Parameters of a body by its content type. */
export function parseBody(text: string, contentType: string | undefined): RawParameters {
  if (text === '') return {};
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return parseJson(text);
  if (type === undefined || type === 'application/x-www-form-urlencoded') return parseForm(text);
  throw new ApiError(506, `upload 'Content-Type '${contentType}' not implemented`);
}

function parseJson(text: string): RawParameters {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError(500, 'malformed JSON string');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiError(500, 'malformed JSON string');
  return value as RawParameters;
}
