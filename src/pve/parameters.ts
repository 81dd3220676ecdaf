// Answers for what may be sent to Proxmox VE: which parameters each call that we use has, and within which bounds.

type Spec =
  | { readonly kind: 'integer'; readonly min?: number; readonly max?: number; readonly required?: true }
  | { readonly kind: 'number'; readonly min?: number; readonly max?: number; readonly required?: true }
  | { readonly kind: 'flag'; readonly required?: true }
  | {
      readonly kind: 'text';
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly pattern?: RegExp;
      /** Line breaks and tabs are allowed. */
      readonly multiline?: true;
      readonly required?: true;
    }
  | { readonly kind: 'choice'; readonly values: readonly string[]; readonly required?: true };

type Specs = Readonly<Record<string, Spec>>;

const flag = { kind: 'flag' } as const;
const text = { kind: 'text' } as const;
const digest = { kind: 'text', maxLength: 40 } as const;
const vmid = { kind: 'integer', min: 100, max: 999_999_999 } as const;
const policy = { kind: 'choice', values: ['ACCEPT', 'REJECT', 'DROP'] } as const;
const logLevel = {
  kind: 'choice',
  values: ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug', 'nolog'],
} as const;
const setName = {
  kind: 'text',
  minLength: 2,
  maxLength: 64,
  pattern: /^[A-Za-z][A-Za-z0-9_-]+$/,
  required: true,
} as const;

/** What Proxmox takes as a VM's description, in characters. */
export const MAX_DESCRIPTION = 8192;

/** The options of a VM's config that we write and that have no number in their name. */
const CONFIG = {
  agent: text,
  balloon: { kind: 'integer', min: 0 },
  bios: { kind: 'choice', values: ['seabios', 'ovmf'] },
  boot: text,
  bootdisk: text,
  cicustom: text,
  cipassword: text,
  citype: { kind: 'choice', values: ['configdrive2', 'nocloud', 'opennebula'] },
  ciupgrade: flag,
  ciuser: text,
  cores: { kind: 'integer', min: 1 },
  cpu: text,
  cpulimit: { kind: 'number', min: 0, max: 128 },
  cpuunits: { kind: 'integer', min: 1, max: 262_144 },
  description: { kind: 'text', maxLength: MAX_DESCRIPTION, multiline: true },
  hotplug: text,
  // A number of MiB for us; to Proxmox a property string since 8.1.
  memory: { kind: 'integer', min: 16 },
  name: text,
  nameserver: text,
  numa: flag,
  onboot: flag,
  ostype: text,
  protection: flag,
  scsihw: text,
  searchdomain: text,
  sockets: { kind: 'integer', min: 1 },
  sshkeys: text,
  startup: text,
  tags: text,
  vcpus: { kind: 'integer', min: 1 },
  vga: text,
} as const satisfies Specs;

/** The options with a number in their name, and how many of each there can be. */
export const INDEXED_OPTIONS = {
  ide: 4,
  ipconfig: 32,
  net: 32,
  sata: 6,
  scsi: 31,
  serial: 4,
  unused: 256,
  virtio: 16,
} as const;

type IndexedKey = `${keyof typeof INDEXED_OPTIONS}${number}`;

/** The name of an option that we write into a VM's config. */
export type ConfigKey = keyof typeof CONFIG | IndexedKey;

/** Options to set. Drives, cards and address lines are written by their codecs. */
export type ConfigSet = { readonly [Key in ConfigKey]?: string | number | boolean };

/** Every call of the client with its parameters, those in the path apart. */
export const PARAMETERS = {
  'GET /version': {},
  'GET /access/permissions': {},
  'GET /cluster/resources': { type: { kind: 'choice', values: ['vm', 'storage', 'node', 'sdn'] } },
  'GET /cluster/status': {},
  'GET /cluster/tasks': {},
  'GET /nodes/{node}/tasks': { vmid, typefilter: text, source: text, limit: { kind: 'integer', min: 0 } },
  'GET /nodes/{node}/tasks/{upid}/status': {},
  'GET /nodes/{node}/tasks/{upid}/log': { start: { kind: 'integer', min: 0 }, limit: { kind: 'integer', min: 0 } },
  'GET /nodes/{node}/qemu/{vmid}/config': { current: flag },
  'GET /nodes/{node}/qemu/{vmid}/pending': {},
  'GET /nodes/{node}/qemu/{vmid}/status/current': {},
  'POST /nodes/{node}/qemu/{vmid}/config': {
    ...CONFIG,
    background_delay: { kind: 'integer', min: 1, max: 30 },
    delete: text,
    digest,
    force: flag,
    revert: text,
  },
  'POST /nodes/{node}/qemu/{vmid}/clone': {
    newid: { ...vmid, required: true },
    name: text,
    description: { kind: 'text', multiline: true },
    full: flag,
    storage: text,
    format: { kind: 'choice', values: ['raw', 'qcow2', 'vmdk'] },
    target: text,
    pool: text,
    bwlimit: { kind: 'integer', min: 0 },
  },
  'PUT /nodes/{node}/qemu/{vmid}/resize': {
    disk: { kind: 'text', required: true },
    size: { kind: 'text', pattern: /^\+?\d+(\.\d+)?[KMGT]?$/, required: true },
    digest,
  },
  'PUT /nodes/{node}/qemu/{vmid}/unlink': { idlist: { kind: 'text', required: true }, force: flag },
  'GET /nodes/{node}/qemu/{vmid}/snapshot': {},
  'DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}': {},
  'POST /nodes/{node}/qemu/{vmid}/migrate': {
    target: { kind: 'text', required: true },
    targetstorage: text,
    online: flag,
    'with-local-disks': flag,
    bwlimit: { kind: 'integer', min: 0 },
  },
  'POST /nodes/{node}/qemu/{vmid}/status/start': { timeout: { kind: 'integer', min: 0 } },
  'POST /nodes/{node}/qemu/{vmid}/status/stop': { timeout: { kind: 'integer', min: 0 }, 'overrule-shutdown': flag },
  'POST /nodes/{node}/qemu/{vmid}/status/shutdown': { timeout: { kind: 'integer', min: 0 }, forceStop: flag },
  'POST /nodes/{node}/qemu/{vmid}/status/reboot': { timeout: { kind: 'integer', min: 0 } },
  'POST /nodes/{node}/qemu/{vmid}/status/reset': {},
  'POST /nodes/{node}/qemu/{vmid}/agent/ping': {},
  'POST /nodes/{node}/qemu/{vmid}/agent/set-user-password': {
    // The agent on Linux writes `name:password` to chpasswd: behind a colon everything would be password.
    username: { kind: 'text', pattern: /^[^:]+$/, required: true },
    password: { kind: 'text', minLength: 5, maxLength: 1024, required: true },
  },
  'DELETE /nodes/{node}/qemu/{vmid}': { purge: flag, 'destroy-unreferenced-disks': flag },
  'GET /nodes/{node}/qemu/{vmid}/firewall/options': {},
  'PUT /nodes/{node}/qemu/{vmid}/firewall/options': {
    enable: flag,
    dhcp: flag,
    ipfilter: flag,
    macfilter: flag,
    ndp: flag,
    radv: flag,
    policy_in: policy,
    policy_out: policy,
    log_level_in: logLevel,
    log_level_out: logLevel,
    delete: text,
    digest: { kind: 'text', maxLength: 64 },
  },
  'GET /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}': {},
  'POST /nodes/{node}/qemu/{vmid}/firewall/ipset': { name: setName, comment: text },
  'POST /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}': {
    cidr: { kind: 'text', required: true },
    nomatch: flag,
    comment: text,
  },
  'DELETE /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}': { force: flag },
  'DELETE /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}': { digest: { kind: 'text', maxLength: 64 } },
  'GET /nodes/{node}/storage/{storage}/content': { content: text, vmid },
  'DELETE /nodes/{node}/storage/{storage}/content/{volume}': { delay: { kind: 'integer', min: 1, max: 30 } },
} as const satisfies Readonly<Record<string, Specs>>;

/** A call's template, for example `POST /nodes/{node}/qemu/{vmid}/clone`. */
export type Call = keyof typeof PARAMETERS;

type ParameterValue<S> = S extends { kind: 'integer' | 'number' }
  ? number
  : S extends { kind: 'flag' }
    ? boolean
    : S extends { kind: 'choice'; values: readonly (infer Choice)[] }
      ? Choice
      : string;

type RequiredKeys<S> = { [Key in keyof S]: S[Key] extends { required: true } ? Key : never }[keyof S];

/** The parameters of one call: a name that the call does not have is a compile error. */
export type ParametersOf<C extends Call> = {
  readonly [Key in RequiredKeys<(typeof PARAMETERS)[C]>]: ParameterValue<(typeof PARAMETERS)[C][Key]>;
} & {
  readonly [Key in Exclude<keyof (typeof PARAMETERS)[C], RequiredKeys<(typeof PARAMETERS)[C]>>]?:
    ParameterValue<(typeof PARAMETERS)[C][Key]> | undefined;
};

/** A parameter that the call does not have, or a value outside its bounds. Thrown before anything is sent. */
export class PveParameterError extends Error {
  override readonly name = 'PveParameterError';
  readonly code = 'PVE_PARAMETER';
  readonly parameter: string;

  constructor(call: string, parameter: string, problem: string) {
    super(`${call}: the parameter ${parameter} ${problem}.`);
    this.parameter = parameter;
  }
}

type Value = string | number | boolean | undefined;

/** A call's parameters as Proxmox takes them in a form or a query: booleans are 1 and 0. */
export function printParameters<C extends Call>(call: C, values: ParametersOf<C>): Record<string, string> {
  return printValues(call, values, PARAMETERS[call]);
}

/** The options of a config call, which may have numbers in their names. */
export function printConfigSet(set: ConfigSet): Record<string, string> {
  const call = 'POST /nodes/{node}/qemu/{vmid}/config';
  return printValues(call, set, CONFIG, isIndexedOption);
}

/** True for `net0` to `net31` and the like. */
export function isIndexedOption(key: string): key is IndexedKey {
  const match = /^([a-z]+)(0|[1-9]\d*)$/.exec(key);
  const count = (INDEXED_OPTIONS as Readonly<Record<string, number>>)[match?.[1] ?? ''];
  return count !== undefined && Number(match?.[2]) < count;
}

const DRIVES: readonly string[] = ['ide', 'sata', 'scsi', 'unused', 'virtio'];

/** True for the options that hold a volume, those of detached disks included. */
export function isDrive(key: string): key is IndexedKey {
  return isIndexedOption(key) && DRIVES.includes(key.replace(/\d+$/, ''));
}

export function isConfigKey(key: string): key is ConfigKey {
  return Object.hasOwn(CONFIG, key) || isIndexedOption(key);
}

function printValues(
  call: string,
  values: Readonly<Record<string, Value>>,
  specs: Specs,
  isFreeText: (key: string) => boolean = () => false,
): Record<string, string> {
  const printed: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const spec = Object.hasOwn(specs, key) ? specs[key] : isFreeText(key) ? text : undefined;
    if (spec === undefined) throw new PveParameterError(call, key, 'does not exist');
    printed[key] = printValue(spec, value, (problem) => new PveParameterError(call, key, problem));
  }
  for (const [key, spec] of Object.entries(specs)) {
    if (spec.required && printed[key] === undefined) throw new PveParameterError(call, key, 'is missing');
  }
  return printed;
}

type Refusal = (problem: string) => PveParameterError;

function printValue(spec: Spec, value: string | number | boolean, refusal: Refusal): string {
  switch (spec.kind) {
    case 'flag':
      return printFlag(value, refusal);
    case 'integer':
    case 'number':
      return printNumber(spec, Number(value), refusal);
    case 'choice':
      if (!spec.values.includes(String(value))) throw refusal(`must be one of ${spec.values.join(', ')}`);
      return String(value);
    case 'text':
      return printText(spec, String(value), refusal);
    default:
      return spec satisfies never;
  }
}

function printFlag(value: string | number | boolean, refusal: Refusal): string {
  if (value === true || value === 1 || value === '1') return '1';
  if (value === false || value === 0 || value === '0') return '0';
  throw refusal('must be a boolean');
}

function printNumber(spec: Spec & { kind: 'integer' | 'number' }, value: number, refusal: Refusal): string {
  if (!Number.isFinite(value) || (spec.kind === 'integer' && !Number.isSafeInteger(value))) {
    throw refusal(`must be ${spec.kind === 'integer' ? 'a whole number' : 'a number'}`);
  }
  if (value < (spec.min ?? -Infinity)) throw refusal(`must be at least ${spec.min}`);
  if (value > (spec.max ?? Infinity)) throw refusal(`must be at most ${spec.max}`);
  return String(value);
}

function checkLength(spec: Spec & { kind: 'text' }, value: string, refusal: Refusal): void {
  if (value === '') throw refusal('must not be empty');
  const length = countCharacters(value);
  if (length < (spec.minLength ?? 0)) throw refusal(`must have at least ${spec.minLength} characters`);
  if (length > (spec.maxLength ?? Infinity)) throw refusal(`must have at most ${spec.maxLength} characters`);
}

/** The length of a text as Proxmox counts it: by characters, not by the halves of surrogate pairs. */
export function countCharacters(value: string): number {
  return Array.from(value).length;
}

// The config file has one option a line: a control character never belongs into a value. Only a description may
// have several lines, Proxmox writes it as comments with its control characters escaped.
function printText(spec: Spec & { kind: 'text' }, value: string, refusal: Refusal): string {
  checkLength(spec, value, refusal);
  const checked = spec.multiline ? value.replace(/[\r\n\t]/g, ' ') : value;
  if (/\p{Cc}/u.test(checked) || !value.isWellFormed()) throw refusal('must not have control characters');
  if (spec.pattern !== undefined && !spec.pattern.test(value)) throw refusal(`must match ${spec.pattern.source}`);
  return value;
}
