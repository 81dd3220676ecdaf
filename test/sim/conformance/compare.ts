// Compares an answer with the recorded one: volatile values by presence, patterns by shape, unordered lists by key.

/** What may differ, by JSON pointer. */
export interface Mask {
  volatile: ReadonlySet<string>;
  patterns: Readonly<Record<string, string>>;
  /** List entries from before the scenario, which are left out. */
  isHistory?: (item: unknown) => boolean;
}

const placeholder = /<(UPID [a-z]+|MAC|mac|UUID|DIGEST|TIME|DATETIME|DATE|N|DUR|PID|HASH)>/g;

const shapes: Readonly<Record<string, string>> = {
  MAC: '[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}',
  mac: '[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}',
  UUID: '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
  DIGEST: '[0-9a-f]{40,64}',
  HASH: '\\S+',
  TIME: '(?:\\d{10}|\\d{4}_\\d{2}_\\d{2}-\\d{2}_\\d{2}_\\d{2}|\\d{2}:\\d{2}:\\d{2}|\\S+)',
  DATETIME: '(?:\\d{4}-\\d{2}-\\d{2}[ T]\\d{2}:\\d{2}:\\d{2}|\\w{3} \\w{3} +\\d+ \\d{2}:\\d{2}:\\d{2} \\d{4})',
  DATE: '\\d{4}-\\d{2}-\\d{2}',
  N: '[\\d.]+(?:e[+-]?\\d+)?',
  DUR: '(?:\\d+:)?\\d+:\\d+(?:\\.\\d+)?',
  PID: '\\d+',
};

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Whether the text has the shape of the pattern. */
export function fits(pattern: string, text: string): boolean {
  let source = '';
  let end = 0;
  for (const match of pattern.matchAll(placeholder)) {
    const name = match[1] ?? '';
    const upid = /^UPID (.*)$/.exec(name)?.[1];
    source += escaped(pattern.slice(end, match.index));
    source += upid === undefined ? (shapes[name] ?? '.*') : `UPID:[^:]+:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:${upid}`;
    end = match.index + match[0].length;
  }
  return new RegExp(`^${source}${escaped(pattern.slice(end))}$`, 's').test(text);
}

const identifying = ['volid', 'key', 'id', 'vmid', 'storage', 'node', 'name', 'poolid', 'subdir', 'iface'];

function identityOf(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  const record = item as Record<string, unknown>;
  // A task is known by what it does, as its UPID moves from run to run.
  if (typeof record['upid'] === 'string')
    return [record['type'], record['id'], record['node'], record['status']].join(' ');
  const key = identifying.find((name) => record[name] !== undefined);
  if (key === undefined || record['pos'] !== undefined) return undefined;
  const { name, node } = record;
  return `${String(record[key])} ${typeof name === 'string' ? name : ''} ${typeof node === 'string' ? node : ''}`;
}

/** Pairs expected items with actual ones: by what identifies them, else by position. */
function pairs(
  expected: readonly unknown[],
  actual: readonly unknown[],
  history: ReadonlySet<unknown>,
  hasVolatileIdentity: boolean,
): [number, unknown, unknown][] {
  const wanted = [...expected.entries()].filter(([, item]) => !history.has(item));
  const keys = wanted.map(([, item]) => identityOf(item));
  const distinct = new Set(keys).size === keys.length && !keys.includes(undefined);
  if (!distinct || hasVolatileIdentity) return wanted.map(([index, item], position) => [index, item, actual[position]]);
  const byKey = new Map(actual.map((item) => [identityOf(item), item]));
  return wanted.map(([index, item], position) => [index, item, byKey.get(keys[position])]);
}

/** The first difference, as `pointer: expected …, got …`; undefined when there is none. */
export function difference(expected: unknown, actual: unknown, mask: Mask, pointer: string): string | undefined {
  const masked = maskedDifference(expected, actual, mask, pointer);
  if (masked !== undefined) return masked === 'same' ? undefined : masked;
  if (Array.isArray(expected)) return arrayDifference(expected, actual, mask, pointer);
  if (typeof expected === 'object' && expected !== null)
    return objectDifference(expected as Record<string, unknown>, actual, mask, pointer);
  return Object.is(expected, actual) ? undefined : report(pointer, mask.patterns[pointer] ?? expected, actual);
}

/** The verdict on a value that may differ; undefined when it must be looked at closely. */
function maskedDifference(expected: unknown, actual: unknown, mask: Mask, pointer: string): string | undefined {
  const pattern = mask.patterns[pointer];
  if (pattern !== undefined) return typeof actual === 'string' && fits(pattern, actual) ? 'same' : undefined;
  // How many tasks or lines there are altogether depends on what ran before and on progress lines that were left out.
  const byPresence = mask.volatile.has(pointer) || pointer === '/response/body/total';
  if (!byPresence) return undefined;
  return sameKind(expected, actual) ? 'same' : report(pointer, expected, actual);
}

function sameKind(expected: unknown, actual: unknown): boolean {
  if (actual === undefined) return false;
  return (expected === null) === (actual === null) || typeof expected === typeof actual;
}

function sortedText(items: readonly unknown[]): string {
  return items
    .map(String)
    .sort((left, right) => left.localeCompare(right))
    .join();
}

function arrayDifference(
  expected: readonly unknown[],
  actual: unknown,
  mask: Mask,
  pointer: string,
): string | undefined {
  const history = new Set(
    expected.filter((item) => typeof item === 'object' && item !== null && mask.isHistory?.(item) === true),
  );
  if (!Array.isArray(actual) || actual.length !== expected.length - history.size)
    return report(pointer, expected, actual);
  // The nodes of a feature come in hash order.
  if (pointer.endsWith('/nodes'))
    return sortedText(expected) === sortedText(actual) ? undefined : report(pointer, expected, actual);
  const volatileIdentity = expected.some((item, index) => {
    if (typeof (item as Record<string, unknown> | null)?.['upid'] === 'string') return false;
    const key = identifying.find((name) => (item as Record<string, unknown> | null)?.[name] !== undefined);
    return key !== undefined && mask.volatile.has(`${pointer}/${index}/${key}`);
  });
  for (const [index, item, other] of pairs(expected, actual as unknown[], history, volatileIdentity)) {
    const found = difference(item, other, mask, `${pointer}/${index}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The recorded archives were made by a stand-in, so their size says nothing. */
function isArchive(item: Record<string, unknown>): boolean {
  return typeof item['path'] === 'string' && item['path'].includes('/dump/');
}

function objectDifference(
  expected: Record<string, unknown>,
  actual: unknown,
  mask: Mask,
  pointer: string,
): string | undefined {
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return report(pointer, expected, actual);
  const other = actual as Record<string, unknown>;
  for (const key of Object.keys(expected)) {
    if (key === 'size' && isArchive(expected) && typeof other[key] === 'number') continue;
    const found = difference(expected[key], other[key], mask, `${pointer}/${escapePointer(key)}`);
    if (found !== undefined) return found;
  }
  return surplus(expected, other, pointer);
}

function surplus(
  expected: Record<string, unknown>,
  actual: Record<string, unknown>,
  pointer: string,
): string | undefined {
  const extra = Object.keys(actual).find((key) => expected[key] === undefined && actual[key] !== undefined);
  return extra === undefined ? undefined : report(`${pointer}/${escapePointer(extra)}`, undefined, actual[extra]);
}

function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function report(pointer: string, expected: unknown, actual: unknown): string {
  const short = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value)).slice(0, 300);
  return `${pointer}: expected ${short(expected)}, got ${short(actual)}`;
}

const vzdumpStart = 'INFO: starting new backup job: vzdump ';

/** A job's options come in hash order, so they are put in one; waits for a lock depend on the moment. */
function steadyLines(lines: readonly string[]): string[] {
  const isBackup = lines.some((line) => line.startsWith(vzdumpStart));
  return lines
    .filter((line) => !isBackup || (line !== 'trying to acquire lock...' && line !== ' OK'))
    .map((line) => (line.startsWith(vzdumpStart) ? line.split(' --').sort().join(' --') : line));
}

/** Lines that are missing from a task's log, or too many; when some were left out of the recording, more are fine. */
export function logDifference(
  recorded: readonly string[],
  written: readonly string[],
  mask: Mask,
  leftOut: boolean,
): string | undefined {
  const patterned = recorded.map((line, index) => mask.patterns[`/task/log/${index}`] ?? line);
  const expected = steadyLines(patterned);
  const actual = steadyLines(written);
  let at = 0;
  for (const [index, line] of expected.entries()) {
    const found = actual.findIndex((text, position) => position >= at && fits(line, text));
    if (found < 0) return report(`/task/log/${index}`, line, actual.slice(at));
    if (found > at && !leftOut) return report(`/task/log/${index}`, line, actual[at]);
    at = found + 1;
  }
  return at < actual.length && !leftOut ? report(`/task/log/${expected.length}`, undefined, actual[at]) : undefined;
}
