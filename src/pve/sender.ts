// Answers for sending one call to a cluster and reading its answer: reads repeated, writes never.
import type { z } from 'zod';
import type { Clock } from '../clock.ts';
import { readAnswer } from './answers.ts';
import { answerError, isWrite, PveError, type PveAnswer } from './errors.ts';
import { PveParameterError, type Call } from './parameters.ts';
import type { PveTransport } from './transport.ts';

export interface PveApiOptions {
  readonly transport: PveTransport;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  readonly readTimeoutMs?: number;
  readonly writeTimeoutMs?: number;
}

const READ_RETRIES = 2;
const RETRY_BASE_MS = 200;

interface CallInput {
  /** Values for the template's `{…}`. */
  readonly path?: Readonly<Record<string, string | number>>;
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface Sender {
  /** Sends one call and reads the answer's data. */
  <T>(call: Call, parser: z.ZodType<T>, input?: CallInput): Promise<T>;
  readonly raw: (call: Call, input?: CallInput) => Promise<PveAnswer>;
}

export function createSender(options: PveApiOptions): Sender {
  const { transport, clock, random, readTimeoutMs = 10_000, writeTimeoutMs = 60_000 } = options;

  const once = async (call: Call, input: CallInput): Promise<PveAnswer> => {
    const [method, template] = call.split(' ', 2) as ['GET' | 'POST' | 'PUT' | 'DELETE', string];
    // GET and DELETE take parameters in the query only: a body there is answered with 501.
    const inQuery = method === 'GET' || method === 'DELETE';
    const parameters = input.parameters ?? {};
    const answer = await transport({
      method,
      path: fillPath(template, input.path ?? {}),
      call,
      timeoutMs: isWrite(call) ? writeTimeoutMs : readTimeoutMs,
      ...(inQuery ? { query: parameters } : { form: parameters }),
    }).catch((cause: unknown) => {
      throw asPveError(call, cause);
    });
    if (answer.status < 200 || answer.status > 299) throw answerError(call, answer);
    return answer;
  };

  const raw = async (call: Call, input: CallInput = {}): Promise<PveAnswer> => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await once(call, input);
      } catch (error) {
        if (!isRepeatable(call) || attempt >= READ_RETRIES || !isWorthRepeating(error)) throw error;
      }
      await clock.sleep(RETRY_BASE_MS * 2 ** attempt * (0.5 + random()));
    }
  };

  const send = async <T>(call: Call, parser: z.ZodType<T>, input?: CallInput): Promise<T> =>
    readAnswer(parser, call, (await raw(call, input)).body);
  return Object.assign(send, { raw });
}

// Not the agent's ping: each costs the caller seconds while the agent is away.
function isRepeatable(call: Call): boolean {
  return call.startsWith('GET ');
}

function isWorthRepeating(error: unknown): boolean {
  return error instanceof PveError && (error.kind === 'unreachable' || error.kind === 'timeout');
}

// A transport that breaks in a way of its own may have sent the request before.
function asPveError(call: string, cause: unknown): PveError {
  if (cause instanceof PveError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new PveError({ kind: 'unreachable', call, detail, maybeApplied: isWrite(call), cause });
}

// Colons and at signs are allowed in a path and make the server's log readable; a CIDR's slash is not.
function fillPath(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(values[name] ?? '');
    if (value === '' || /^\.+$/.test(value)) throw new PveParameterError(template, name, 'must not be empty');
    return encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%40', '@');
  });
}
