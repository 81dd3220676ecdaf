// Verifies raw parameters against a table and reports in Proxmox's words; also reads and prints property strings.
import { failure, parameterError } from '../errors.ts';
import { complaintAbout } from './formats.ts';
import { lookUp } from './parameter.ts';
import type { Parameter, ParameterTable, ParameterValue, Parameters, PropertyFormat } from './parameter.ts';

/** A parameter as it arrived: form values are strings, JSON values may be anything. */
export type RawParameters = Record<string, unknown>;

const notInSchema = 'property is not defined in schema and the schema does not allow additional properties';

/** The verified parameters; throws the 400 with one text per wrong parameter. */
export function verify(table: ParameterTable, raw: RawParameters): Parameters {
  const errors: Record<string, string> = {};
  const values: Parameters = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value === null) throw failure(`unable to parse value of '${name}' - got undefined value`);
    const parameter = lookUp(table, name);
    if (parameter === undefined) {
      errors[name] = notInSchema;
      continue;
    }
    const result = check(parameter, value, name);
    if ('complaint' in result) errors[name] = result.complaint;
    else values[name] = result.value;
    const { requires } = parameter;
    if (requires !== undefined && raw[requires] === undefined)
      errors[requires] = `missing property required by '${name}'`;
  }
  noteMissing(table, raw, errors);
  if (Object.keys(errors).length > 0) throw parameterError(errors);
  return values;
}

function noteMissing(table: ParameterTable, raw: RawParameters, errors: Record<string, string>): void {
  for (const [name, parameter] of Object.entries(table)) {
    if (parameter.required === true && raw[name] === undefined)
      errors[name] ??= 'property is missing and it is not optional';
  }
}

type Checked = { value: ParameterValue } | { complaint: string };

function check(parameter: Parameter, raw: unknown, name: string): Checked {
  if (parameter.type === 'array') return checkArray(raw);
  const isList = typeof parameter.format === 'string' && /-a?list$/.test(parameter.format);
  const foreign = Array.isArray(raw) && isList ? undefined : foreignType(parameter, raw);
  if (foreign !== undefined) return { complaint: `type check ('${parameter.type}') failed - got ${foreign}` };
  const value = plainText(raw);
  const complaint =
    typeComplaint(parameter, value) ?? formatComplaint(parameter, value, name) ?? facetComplaint(parameter, value);
  return complaint === undefined ? { value: typed(parameter, value) } : { complaint };
}

function plainText(raw: unknown): string {
  if (Array.isArray(raw)) return raw.map(String).join(',');
  if (typeof raw === 'boolean') return raw ? '1' : '0';
  return String(raw);
}

/** What Perl calls a JSON value that is no plain text or number. */
function foreignType(parameter: Parameter, raw: unknown): string | undefined {
  if (Array.isArray(raw)) return 'ARRAY';
  if (typeof raw === 'boolean') return parameter.type === 'boolean' ? undefined : 'JSON::PP::Boolean';
  return typeof raw === 'object' ? 'HASH' : undefined;
}

function checkArray(raw: unknown): Checked {
  if (Array.isArray(raw)) return { value: raw.map(String) };
  return { value: [String(raw)] };
}

const typePatterns = {
  integer: /^[+-]?\d+$/,
  number: /^(?:[+-]?)(?=\d|\.\d)\d*(?:\.\d*)?(?:[Ee][+-]?\d+)?$/,
  boolean: /^[01]$/,
} as const;

function typeComplaint(parameter: Parameter, value: string): string | undefined {
  const pattern = typePatterns[parameter.type as keyof typeof typePatterns];
  if (pattern === undefined || pattern.test(value)) return undefined;
  return `type check ('${parameter.type}') failed - got '${value}'`;
}

function facetComplaint(parameter: Parameter, value: string): string | undefined {
  return textComplaint(parameter, value) ?? rangeComplaint(parameter, value) ?? enumComplaint(parameter, value);
}

function rangeComplaint({ min, max }: Parameter, text: string): string | undefined {
  const value = Number(text);
  if (max !== undefined && value > max) return `value must have a maximum value of ${max}`;
  return min !== undefined && value < min ? `value must have a minimum value of ${min}` : undefined;
}

function textComplaint(parameter: Parameter, value: string): string | undefined {
  const { pattern, minLength = 0, maxLength = Infinity } = parameter;
  if (pattern !== undefined && !anchored(pattern).test(value)) return 'value does not match the regex pattern';
  if (value.length > maxLength) return `value may only be ${maxLength} characters long`;
  return value.length < minLength ? `value must be at least ${minLength} characters long` : undefined;
}

function enumComplaint(parameter: Parameter, value: string): string | undefined {
  if (parameter.enum === undefined || parameter.enum.includes(value)) return undefined;
  return `value '${value}' does not have a value in the enumeration '${parameter.enum.join(', ')}'`;
}

const anchoredPatterns = new WeakMap<RegExp, RegExp>();

/** Anchors are put around the pattern as it stands, so of bare alternatives each has only one. */
function anchored(pattern: RegExp): RegExp {
  let whole = anchoredPatterns.get(pattern);
  if (whole === undefined) {
    whole = new RegExp(`^${pattern.source}$`, pattern.flags);
    anchoredPatterns.set(pattern, whole);
  }
  return whole;
}

function formatComplaint(parameter: Parameter, value: string, name: string): string | undefined {
  if (parameter.format === undefined) return undefined;
  if (typeof parameter.format === 'string') {
    const complaint = complaintAbout(parameter.format, value);
    return complaint === undefined ? undefined : `invalid format - ${complaint}\n`;
  }
  const result = readPropertyString(parameter.format, value, name);
  if ('syntax' in result) return `invalid format - ${result.syntax}\n`;
  const lines = Object.entries(result.errors).map(([key, text]) => `${name}.${key}: ${text}\n`);
  if (lines.length > 0) return `invalid format - format error\n${lines.join('')}`;
  const complaint = parameter.check?.(value);
  return complaint === undefined ? undefined : `invalid format - ${complaint}\n`;
}

function typed(parameter: Parameter, value: string): ParameterValue {
  return parameter.type === 'string' ? value : Number(value);
}

/** A property string read by its format: values by key, complaints by key, or why it cannot be read at all. */
export type ReadProperties = { values: Record<string, string>; errors: Record<string, string> } | { syntax: string };

const booleanWords = new Map([
  ['1', '1'],
  ['on', '1'],
  ['yes', '1'],
  ['true', '1'],
  ['0', '0'],
  ['off', '0'],
  ['no', '0'],
  ['false', '0'],
]);

/** Reads `a,b=c,d=e` by the keys of the format, as Proxmox's parser does. */
export function readPropertyString(format: PropertyFormat, text: string, name = ''): ReadProperties {
  const defaultKey = Object.keys(format).find((key) => format[key]?.defaultKey === true);
  const values: Record<string, string> = {};
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const complaint = takePart(format, part, defaultKey, values);
    if (complaint !== undefined) return { syntax: complaint };
  }
  return { values, errors: propertyErrors(format, values, name) };
}

function takePart(
  format: PropertyFormat,
  part: string,
  defaultKey: string | undefined,
  values: Record<string, string>,
): string | undefined {
  const match = /^([^=]+)=(.+)$/s.exec(part);
  if (match === null) {
    if (part.includes('=')) return 'missing key in comma-separated list property';
    if (defaultKey === undefined) return 'value without key, but schema does not define a default key';
    if (values[defaultKey] !== undefined) return `duplicate key in comma-separated list property: ${defaultKey}`;
    values[defaultKey] = part;
    return undefined;
  }
  return takeKey(format, match[1] ?? '', match[2] ?? '', values);
}

function takeKey(
  format: PropertyFormat,
  givenKey: string,
  given: string,
  values: Record<string, string>,
): string | undefined {
  if (values[givenKey] !== undefined) return `duplicate key in comma-separated list property: ${givenKey}`;
  const { alias, keyAlias } = format[givenKey] ?? {};
  if (alias !== undefined && keyAlias !== undefined) {
    if (values[keyAlias] !== undefined) return `key alias '${keyAlias}' is already defined`;
    values[keyAlias] = givenKey;
  }
  const key = alias ?? givenKey;
  const isBoolean = format[key]?.type === 'boolean';
  values[key] = isBoolean ? (booleanWords.get(given.toLowerCase()) ?? given) : given;
  return undefined;
}

function propertyErrors(format: PropertyFormat, values: Record<string, string>, name: string): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) {
    const definition = format[key];
    if (definition === undefined) errors[key] = notInSchema;
    else {
      const result = check(definition, value, key);
      if ('complaint' in result) errors[key] = result.complaint;
      if (definition.requires !== undefined && values[definition.requires] === undefined) {
        errors[definition.requires] = `missing property required by '${name}.${key}'`;
      }
    }
  }
  for (const [key, definition] of Object.entries(format)) {
    if (definition.required === true && values[key] === undefined)
      errors[key] = 'property is missing and it is not optional';
  }
  return errors;
}
