// Answers for what the client asks of a logger; pino's satisfies it.

type LogMethod = (fields: object, message: string) => void;

export interface PveLog {
  readonly info: LogMethod;
  readonly warn: LogMethod;
}
