// Answers for one HTTPS request to a cluster.
export interface PveRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api2/json`, percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  /** Until the whole answer has been read. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** The call's template, for error messages. */
  readonly call?: string;
}

export type { PveAnswer } from './errors.ts';
import type { PveAnswer } from './errors.ts';

/** Sends one request; throws PveError when there is no answer. */
export type PveTransport = (request: PveRequest) => Promise<PveAnswer>;
