// Our notation for the parameters of an endpoint: small builders whose values the verifier and the schema test read.

/** One parameter, or one key of a property string. */
export interface Parameter {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'array';
  required?: true;
  min?: number;
  max?: number;
  minLength?: number;
  maxLength?: number;
  enum?: readonly string[];
  /** Matched against the whole value. */
  pattern?: RegExp;
  /** Name of a format in formats.ts, or the keys of a property string. */
  format?: string | PropertyFormat;
  /** A last look at the whole value; answers the complaint. */
  check?: (value: string) => string | undefined;
  /** Name of a parameter that must be given too. */
  requires?: string;
  /** Property strings only: this key may be written without its name. */
  defaultKey?: true;
  /** Property strings only: this key is another name for that one. */
  alias?: string;
  /** Property strings only: the key's own name is the value of that key (`virtio=MAC`). */
  keyAlias?: string;
}

/** The keys of a property string. */
export interface PropertyFormat {
  readonly [key: string]: Parameter;
}

/** The parameters of an endpoint by name; `net[n]` stands for a numbered family. */
export interface ParameterTable {
  readonly [name: string]: Parameter;
}

/** A value after verification: integers, numbers and booleans (0 or 1) are numbers. */
export type ParameterValue = string | number | string[];

/** Verified parameters of a call. */
export type Parameters = Record<string, ParameterValue | undefined>;

type Facets = Omit<Partial<Parameter>, 'type'>;

export function text(facets: Facets = {}): Parameter {
  return { type: 'string', ...facets };
}

export function integer(min?: number, max?: number): Parameter {
  return { type: 'integer', ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

export function decimal(min?: number, max?: number): Parameter {
  return { type: 'number', ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

export function flag(): Parameter {
  return { type: 'boolean' };
}

export function oneOf(...values: string[]): Parameter {
  return { type: 'string', enum: values };
}

export function formatted(format: string | PropertyFormat, facets: Facets = {}): Parameter {
  return { type: 'string', format, ...facets };
}

/** The same parameter, but it must be given. */
export function required(parameter: Parameter): Parameter {
  return { ...parameter, required: true };
}

export const node = required(formatted('pve-node'));
export const optionalVmid: Parameter = { type: 'integer', min: 100, max: 999999999, format: 'pve-vmid' };
export const vmid = required(optionalVmid);
export const digest = text({ maxLength: 40 });
export const fileDigest = text({ maxLength: 64 });
export const storageId = formatted('pve-storage-id');
export const snapshotName = formatted('pve-configid', { maxLength: 40 });
export const configIdList = formatted('pve-configid-list');

/** Numbered families of parameters and how many members each has (`net[n]` is net0 to net31). */
const familySizes: Readonly<Record<string, number>> = {
  'net[n]': 32,
  'scsi[n]': 31,
  'virtio[n]': 16,
  'ide[n]': 4,
  'sata[n]': 6,
  'unused[n]': 256,
  'ipconfig[n]': 32,
  'usb[n]': 14,
  'hostpci[n]': 16,
  'serial[n]': 4,
  'parallel[n]': 3,
  'numa[n]': 8,
  'virtiofs[n]': 10,
};

/** The definition of a parameter, resolving numbered families; undefined when the table does not know it. */
export function lookUp(table: ParameterTable, name: string): Parameter | undefined {
  if (Object.hasOwn(table, name)) return table[name];
  const match = /^([a-z]+)(0|[1-9]\d*)$/.exec(name);
  if (match === null) return undefined;
  const family = `${match[1]}[n]`;
  if (!Object.hasOwn(table, family)) return undefined;
  return Number(match[2]) < (familySizes[family] ?? 0) ? table[family] : undefined;
}
