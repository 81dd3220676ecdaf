// The operator's log: lines for people, or JSON for machines. Secrets are cut out by name wherever they turn up.
import pino, { type Logger } from 'pino';
import type { Log } from './kube/log.ts';

const SECRET_KEYS = ['password', 'cipassword', 'secret', 'token', 'apiKey', 'authorization'];
const REDACTED = [...SECRET_KEYS, ...SECRET_KEYS.map((key) => `*.${key}`), ...SECRET_KEYS.map((key) => `*.*.${key}`)];

export interface LogOptions {
  format: 'text' | 'json';
  level: 'debug' | 'info' | 'warn' | 'error';
  write(line: string): void;
}

export function createLog({ format, level, write }: LogOptions): Log {
  const destination = { write: (line: string) => write(format === 'json' ? line : textLine(line)) };
  const logger: Logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: REDACTED,
      serializers: { err: errorFields },
    },
    destination,
  );
  return logger;
}

// The stack is worth its lines for our own bugs only; a cause tells where an error comes from.
function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const cause = error.cause instanceof Error ? { cause: error.cause.message } : {};
  return { name: error.name, message: error.message, stack: error.stack, ...cause };
}

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR' };

/** One entry as a person reads it: `2026-03-01 12:00:01.250 info  Clone template  VirtualMachine=customer-1/web result=Succeeded`. */
export function textLine(line: string): string {
  const { level, time, message, err, ...fields } = JSON.parse(line) as Record<string, unknown> & {
    err?: { message: string; stack?: string };
  };
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  const pairs = shown.map(
    ([key, value]) => `${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`,
  );
  const head = `${String(time).slice(0, 23).replace('T', ' ')} ${(LEVELS[Number(level)] ?? '').padEnd(5)} ${String(message)}`;
  const stack = err === undefined ? [] : [`\n    ${err.stack ?? err.message}`];
  return `${[head, ...pairs].join('  ')}${stack.join('')}\n`;
}

function quoted(text: string): string {
  return /[\s"]/.test(text) ? JSON.stringify(text) : text;
}
