// Answers for Proxmox's property strings ('a,b=c'): one codec under drives, network cards and cloud-init addresses.

/** A value that cannot be written into, or read from, one of Proxmox's string formats. */
export class PropertyStringError extends Error {
  override readonly name = 'PropertyStringError';
  readonly code = 'PVE_PROPERTY_STRING';
}

export interface PropertyStringFormat {
  /** The key whose value may stand without `key=`. */
  readonly defaultKey?: string;
  /** Other spellings of a key, as Proxmox knows them: `{ volume: 'file' }`. */
  readonly aliases?: Readonly<Record<string, string>>;
}

const KEY = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

// A comma would start another property and a newline another line of the VM's config file: a value
// with one of them is never escaped (there is no escape), it is refused.
const FORBIDDEN_IN_VALUE = /[,\p{Cc}]/u;

/** Reads a property string, keeping the order and every key, known or not. */
export function parsePropertyString(text: string, format: PropertyStringFormat = {}): Map<string, string> {
  const properties = new Map<string, string>();
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const [key, value] = parsePart(part.trim(), format);
    if (properties.has(key)) throw new PropertyStringError(`The property ${quoted(key)} is given twice.`);
    properties.set(key, value);
  }
  return properties;
}

function parsePart(part: string, format: PropertyStringFormat): [string, string] {
  const equals = part.indexOf('=');
  if (equals === -1) {
    if (format.defaultKey === undefined) throw new PropertyStringError(`The property ${quoted(part)} has no value.`);
    return [format.defaultKey, checkedValue(format.defaultKey, part)];
  }
  const key = checkedKey(part.slice(0, equals));
  return [format.aliases?.[key] ?? key, checkedValue(key, part.slice(equals + 1))];
}

/** Writes a property string; the default key's value comes first and bare, as Proxmox itself writes it. */
export function printPropertyString(
  properties: Iterable<readonly [string, string]>,
  format: PropertyStringFormat = {},
): string {
  const bare: string[] = [];
  const named: string[] = [];
  const seen = new Set<string>();
  for (const [key, value] of properties) {
    if (seen.has(key)) throw new PropertyStringError(`The property ${quoted(key)} is given twice.`);
    seen.add(key);
    const checked = checkedValue(checkedKey(key), value);
    if (key === format.defaultKey && !checked.includes('=')) bare.push(checked);
    else named.push(`${key}=${checked}`);
  }
  return [...bare, ...named].join(',');
}

/** The boolean spellings that Proxmox takes inside a property string (more than at the top level). */
export function parsePropertyBoolean(value: string): boolean {
  if (/^(1|on|yes|true)$/i.test(value)) return true;
  if (/^(0|off|no|false)$/i.test(value)) return false;
  throw new PropertyStringError(`The value ${quoted(value)} is no boolean.`);
}

export function parsePropertyNumber(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) {
    throw new PropertyStringError(`The value ${quoted(value)} is no number.`);
  }
  return number;
}

function checkedKey(key: string): string {
  if (!KEY.test(key)) throw new PropertyStringError(`The property name ${quoted(key)} is not allowed.`);
  return key;
}

function checkedValue(key: string, value: string): string {
  if (value === '') throw new PropertyStringError(`The property ${quoted(key)} has no value.`);
  if (FORBIDDEN_IN_VALUE.test(value) || value !== value.trim()) {
    throw new PropertyStringError(
      `The value of the property ${quoted(key)} has a comma, a control character or outer blanks.`,
    );
  }
  return value;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
