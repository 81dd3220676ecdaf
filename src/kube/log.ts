// Answers for what the runtime asks of a logger; pino's satisfies it.

type LogMethod = (fields: object, message: string) => void;

/** A structured logger: fields first, then a short message. */
export interface Log {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}
