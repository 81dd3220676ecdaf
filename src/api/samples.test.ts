import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { KINDS } from './kinds.ts';
import { API_VERSION } from './object.ts';
import { parseSpec } from './parse.ts';

interface Sample {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: unknown;
  stringData?: Record<string, string>;
}

const folder = resolve(import.meta.dirname, '../../config/samples');
const samples = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8'), { version: '1.1' }))
  .map((document) => document.toJS() as Sample);
const ours = samples.filter(({ apiVersion }) => apiVersion === API_VERSION);
const names = (kind: string) => samples.filter((sample) => sample.kind === kind).map(({ metadata }) => metadata.name);

/** Every value under a key, however deep. */
function valuesOf(node: unknown, key: string): unknown[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, value]) => [...(name === key ? [value] : []), ...valuesOf(value, key)]);
}

describe('config/samples', () => {
  test.each(ours)('$kind $metadata.name says nothing that the schema drops or refuses', ({ kind, spec }) => {
    const declared = KINDS.find((candidate) => candidate.kind === kind);
    expect(declared).toBeDefined();
    if (declared !== undefined) expect(parseSpec(declared, spec)).toEqual({ ok: true, value: spec });
  });

  test('show every kind that people write', () => {
    expect(new Set(ours.map(({ kind }) => kind))).toEqual(
      new Set(['ProxmoxCluster', 'IPPool', 'DNSZone', 'Plan', 'VirtualMachine', 'VirtualMachineOperation']),
    );
  });

  test.each([
    { key: 'clusterRef', kind: 'ProxmoxCluster' },
    { key: 'planRef', kind: 'Plan' },
    { key: 'tokenSecretRef', kind: 'Secret' },
    { key: 'apiKeySecretRef', kind: 'Secret' },
  ])('$key leads to a $kind that is there', ({ key, kind }) => {
    const targets = valuesOf(ours, key).map((reference) => (reference as { name: string }).name);
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((name) => !names(kind).includes(name))).toEqual([]);
  });

  test('namespaces that are used are made', () => {
    const used = samples.flatMap(({ metadata }) => metadata.namespace ?? []);
    expect(used.filter((namespace) => !names('Namespace').includes(namespace))).toEqual([]);
  });

  test('Secrets hold the keys that the operator reads', () => {
    const keys = samples.filter(({ kind }) => kind === 'Secret').map(({ stringData }) => Object.keys(stringData ?? {}));
    expect(keys).toEqual([['tokenID', 'secret'], ['apiKey']]);
  });
});
