// The shape in which a declared object is told what is wrong with it.

/** One thing that is wrong with a declared object, found without asking any server. */
export interface Problem {
  /** The field as a person writes it, for example `spec.options.cpuCores`. */
  readonly path: string;
  /** A whole sentence that names the value, the bound and what to do. The same problem gives the same text. */
  readonly message: string;
  /** What kind of mistake it is, for clients that do not read sentences; absent where there is only one kind. */
  readonly code?: ProblemCode;
}

export type ProblemCode = 'OptionUnknown' | 'OptionInvalid' | 'OptionDuplicate' | 'TemplateNotAllowed';

const LONGEST_QUOTE = 60;

/** A value from outside as it may stand in a message: quoted, without control characters, cut when long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE - 3)}...` : text);
}
