// Compares our parameter tables with the official schemas of three releases, where they are at hand.
import { describe, expect, it } from 'vitest';
import { endpointOf, routesIn } from '../api/release-routes.ts';
import { routes } from '../api/routes.ts';
import { officialSchema } from './official.ts';
import type { OfficialParameter } from './official.ts';
import type { Parameter } from './parameter.ts';
import { releases } from './release.ts';

/** Property strings the schema only names; their keys are tested by values. */
const spelledOutHere = new Set([
  'backup-fleecing',
  'backup-performance',
  'prune-backups',
  'pve-qemu-sev-fmt',
  'pve-qemu-tdx-fmt',
  'pve-qm-boot',
  'pve-qm-cicustom',
  'pve-qm-hostpci',
  'pve-qm-ide',
  'pve-qm-ipconfig',
  'pve-qm-rng',
  'pve-qm-smbios1',
  'pve-qm-watchdog',
  'pve-vm-cpu-conf',
]);

/** Patterns compare without Perl's group marks and without escapes that mean nothing. */
function plainPattern(pattern: string): string {
  return pattern
    .replaceAll('(?^', '(?')
    .replaceAll(/\{,(\d+)\}/g, '{0,$1}')
    .replaceAll(/\\([/_@+\-.])/g, '$1');
}

function numberOf(value: number | string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function theirs(parameter: OfficialParameter): unknown {
  const { type, enum: values, pattern, format, alias, keyAlias, minLength, maxLength, requires } = parameter;
  if (alias !== undefined) return { alias, keyAlias };
  return {
    type,
    required: parameter.optional !== 1,
    min: numberOf(parameter.minimum),
    max: numberOf(parameter.maximum),
    minLength,
    maxLength,
    enum: values,
    pattern: pattern === undefined ? undefined : plainPattern(pattern),
    requires,
    defaultKey: parameter.default_key === 1,
    format: typeof format === 'object' ? mapped(format, theirs) : namedFormat(format),
  };
}

function ours(parameter: Parameter): unknown {
  const { type, enum: values, pattern, format, alias, keyAlias, min, max, minLength, maxLength, requires } = parameter;
  if (alias !== undefined) return { alias, keyAlias };
  return {
    type,
    required: parameter.required === true,
    min,
    max,
    minLength,
    maxLength,
    enum: values,
    pattern: pattern === undefined ? undefined : plainPattern(pattern.source),
    requires,
    defaultKey: parameter.defaultKey === true,
    format: typeof format === 'object' ? mapped(format, ours) : format,
  };
}

function namedFormat(format: string | undefined): unknown {
  return format !== undefined && spelledOutHere.has(format) ? expect.any(Object) : format;
}

function mapped<Value>(items: Readonly<Record<string, Value>>, facts: (value: Value) => unknown): unknown {
  return Object.fromEntries(Object.entries(items).map(([name, value]) => [name, facts(value)]));
}

describe.each(releases)('parameters of the official schema of %s', (release) => {
  const schema = officialSchema(release);
  const served = new Map(routesIn(release, routes).map((route) => [endpointOf(route), route]));

  it.skipIf(schema === undefined)('serves the endpoints the operator uses', () => {
    expect(Object.keys(schema ?? {}).filter((endpoint) => !served.has(endpoint))).toEqual([]);
  });

  it.skipIf(schema === undefined)('lacks what another release brought or dropped', () => {
    const elsewhere = releases.flatMap((other) => Object.keys(officialSchema(other) ?? {}));
    expect(elsewhere.filter((endpoint) => served.has(endpoint) && schema?.[endpoint] === undefined)).toEqual([]);
  });

  it.each(Object.keys(schema ?? {}))('%s', (endpoint) => {
    const official = schema?.[endpoint];
    const route = served.get(endpoint);
    expect(mapped(route?.parameters ?? {}, ours)).toEqual(mapped(official?.parameters.properties ?? {}, theirs));
    expect(route?.noToken === true).toBe(official?.allowtoken === 0);
  });
});
