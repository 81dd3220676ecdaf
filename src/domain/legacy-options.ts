// Reads the options of a billing panel, the only place that knows their names: 'CPU Cores', 'CPU|vCPU', '4|4 Cores'.
import { type OptionName, type Options, optionSchemas } from '../api/options.ts';
import { type Problem, type ProblemCode, quoted } from './problems.ts';

/** Today's names. The order is the one in which a panel lists them. */
const PLAIN_NAMES = {
  'CPU Cores': 'cpuCores',
  RAM: 'memoryGiB',
  Backups: 'backups',
  Snapshots: 'snapshots',
  'System Disk': 'systemDiskGiB',
  'Additional Disk': 'additionalDiskGiB',
  'System Disk Read Bandwidth': 'systemDiskReadMBps',
  'System Disk Write Bandwidth': 'systemDiskWriteMBps',
  'System Disk Read IOPS': 'systemDiskReadIOPS',
  'System Disk Write IOPS': 'systemDiskWriteIOPS',
  'Additional Disk Read Bandwidth': 'additionalDiskReadMBps',
  'Additional Disk Write Bandwidth': 'additionalDiskWriteMBps',
  'Additional Disk Read IOPS': 'additionalDiskReadIOPS',
  'Additional Disk Write IOPS': 'additionalDiskWriteIOPS',
  'Network Bandwidth': 'networkMBps',
  'IPv4 Addresses': 'ipv4Addresses',
  'IPv6 Addresses': 'ipv6Addresses',
  'Operating System': 'operatingSystem',
} as const satisfies Record<string, OptionName>;

/** Names of old panels. RAM is one of them too, with the meaning it still has. */
const PREFIXES = {
  B: 'backups',
  S: 'snapshots',
  CPU: 'cpuCores',
  ipv4: 'ipv4Addresses',
  ipv6: 'ipv6Addresses',
  OS: 'operatingSystem',
} as const satisfies Record<string, OptionName>;

const NAMES: ReadonlyMap<string, OptionName> = new Map<string, OptionName>([
  ...Object.entries(PLAIN_NAMES),
  ...Object.entries(PREFIXES),
]);

const FURTHEST_TYPO = 2;

export interface LegacyOptions {
  readonly options: Options;
  /** The key of the map that said the option, for messages about it. */
  readonly keys: ReadonlyMap<OptionName, string>;
  readonly problems: readonly Problem[];
}

/** The field path of one entry of the map. */
export function configurableOptionPath(key: string): string {
  return `spec.configurableOptions[${JSON.stringify(key)}]`;
}

/** Reads the map of a billing panel. An entry with a problem is left out of the options. */
export function parseConfigurableOptions(map: Readonly<Record<string, string>>): LegacyOptions {
  const options: Options = {};
  const keys = new Map<OptionName, string>();
  const problems: Problem[] = [];
  // Sorted, so that the same map gives the same texts whatever order it was written in.
  for (const key of Object.keys(map).sort()) {
    const entry = parseEntry(key, map[key] ?? '', keys);
    if (entry.message !== undefined) {
      problems.push({ path: configurableOptionPath(key), message: entry.message, code: entry.code });
      continue;
    }
    options[entry.option] = entry.value;
    keys.set(entry.option, key);
  }
  return { options, keys, problems };
}

type Entry =
  | { readonly message: string; readonly code: ProblemCode }
  | { readonly message?: undefined; option: OptionName; value: number };

function parseEntry(key: string, text: string, keys: ReadonlyMap<OptionName, string>): Entry {
  const name = beforeBar(key);
  const option = NAMES.get(name);
  if (option === undefined) return { message: unknownName(name), code: 'OptionUnknown' };
  const other = keys.get(option);
  if (other !== undefined) {
    const message = `The options ${quoted(other)} and ${quoted(key)} mean the same; remove one of them.`;
    return { message, code: 'OptionDuplicate' };
  }
  return parseValue(key, option, text);
}

function parseValue(key: string, option: OptionName, text: string): Entry {
  const digits = beforeBar(text);
  const { minValue, maxValue } = optionSchemas[option];
  const bound = `a whole number from ${minValue} to ${maxValue}`;
  const message = `The option ${quoted(key)} is ${quoted(digits)}; it must be ${bound}.`;
  const wrong = { message, code: 'OptionInvalid' } as const;
  if (!/^-?\d+$/.test(digits)) return wrong;
  const value = Number(digits);
  if (value < (minValue ?? 0) || value > (maxValue ?? Number.MAX_SAFE_INTEGER)) return wrong;
  // -0 passes the bounds and would print as a different package than 0.
  return { option, value: value + 0 };
}

// What follows the bar is for the person who orders; a panel may leave it out.
function beforeBar(text: string): string {
  return (text.split('|', 1)[0] ?? '').trim();
}

function unknownName(name: string): string {
  const meant = closestName(name);
  if (meant === undefined) {
    return `There is no option ${quoted(name)}; remove it or use one of the 18 names, for example "CPU Cores" or "RAM".`;
  }
  return `There is no option ${quoted(name)}; did you mean ${quoted(meant)}? Names are case-sensitive.`;
}

function closestName(name: string): string | undefined {
  const bare = bareName(name);
  for (const known of NAMES.keys()) {
    if (bareName(known) === bare) return known;
  }
  // Short names are within two typos of nearly everything.
  const candidates = Object.keys(PLAIN_NAMES)
    .map((known) => ({ known, distance: editDistance(bareName(known), bare) }))
    .filter(({ known, distance }) => distance <= FURTHEST_TYPO && known.length > 2 * FURTHEST_TYPO);
  return candidates.sort((left, right) => left.distance - right.distance)[0]?.known;
}

function bareName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Levenshtein's distance: how many letters have to be added, removed or replaced. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [line, letter] of from.split('').entries()) {
    const next = [line + 1];
    for (const [column, other] of to.split('').entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
