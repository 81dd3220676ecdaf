import { describe, expect, test } from 'vitest';
import { CONSTRUCTED_IN, isIn, layerOf, MAY_IMPORT, PACKAGES, TYPES_ONLY } from './layers.ts';
import { filesBelow, type Import, importsOf, targetOf, withoutComments } from './source.ts';

interface Use extends Import {
  /** The importing file, below src. */
  from: string;
  /** The imported file below src; undefined for a package. */
  to: string | undefined;
}

const isProduct = (path: string): boolean => !path.endsWith('.test.ts') && !path.startsWith('src/pve/testing/');
const sources = filesBelow('src', ['.ts']).filter(({ path }) => isProduct(path));
const uses = sources.flatMap(({ path, text }): Use[] =>
  importsOf(text).map((one) => ({
    ...one,
    from: path.slice(4),
    to: targetOf(path, one.specifier)?.replace(/^src\//, ''),
  })),
);

/** Uses that break the import rules, one line each. */
function forbiddenUses(all: readonly Use[]): string[] {
  return all.flatMap(({ from, to }) => {
    if (to === undefined || layerOf(from) === layerOf(to)) return [];
    const allowed = MAY_IMPORT[layerOf(from)] ?? [];
    return allowed.some((place) => isIn(to, place)) ? [] : [`${from} must not import ${to}`];
  });
}

function forbiddenValues(all: readonly Use[]): string[] {
  return all.flatMap(({ from, to, values }) => {
    const bound = TYPES_ONLY.some((rule) => to !== undefined && isIn(from, rule.from) && isIn(to, rule.to));
    return bound && values.length > 0 ? [`${from} may import only types of ${to}, not ${values.join(', ')}`] : [];
  });
}

function forbiddenPackages(all: readonly Use[]): string[] {
  return all.flatMap(({ from, specifier }) => {
    const users = PACKAGES[specifier];
    return users === undefined || users.some((place) => isIn(from, place)) ? [] : [`${from} must not use ${specifier}`];
  });
}

function forbiddenConstructions(all: readonly Use[]): string[] {
  return all.flatMap(({ from, values }) =>
    values
      .filter((value) => value in CONSTRUCTED_IN && CONSTRUCTED_IN[value] !== from)
      .map((value) => `${from} must not use ${value}: ${CONSTRUCTED_IN[value]} does`),
  );
}

describe('imports of src', () => {
  test('are found', () => {
    expect(uses.length).toBeGreaterThan(sources.length);
  });

  test('every folder and file directly below src has its rule, and every rule its place', () => {
    expect(Object.keys(MAY_IMPORT).toSorted()).toEqual(
      [...new Set(sources.map(({ path }) => layerOf(path.slice(4))))].toSorted(),
    );
  });

  test('follow the layers', () => {
    expect(forbiddenUses(uses)).toEqual([]);
  });

  test('take only types where only types are allowed', () => {
    expect(forbiddenValues(uses)).toEqual([]);
  });

  test('use a package only in its layer', () => {
    expect(forbiddenPackages(uses)).toEqual([]);
  });

  test('construct in one place', () => {
    expect(forbiddenConstructions(uses)).toEqual([]);
    const used = new Set(uses.flatMap(({ values }) => values));
    expect(Object.keys(CONSTRUCTED_IN).filter((name) => !used.has(name))).toEqual([]);
  });

  test('have no circle between layers', () => {
    expect(circles(MAY_IMPORT)).toEqual([]);
  });
});

/** Layers from which a way leads back to themselves. Single files of another layer (codecs, types) do not count. */
function circles(rules: Readonly<Record<string, readonly string[]>>): string[] {
  const below = (place: string, seen: ReadonlySet<string>): boolean =>
    (rules[place] ?? []).some((next) => seen.has(next) || (next in rules && below(next, new Set([...seen, next]))));
  return Object.keys(rules).filter((place) => below(place, new Set([place])));
}

describe('the rules themselves', () => {
  const use = (from: string, to: string, values: readonly string[] = ['x']): Use => ({
    from,
    to,
    specifier: to,
    values,
  });

  test.each<{ name: string; from: string; to: string; ok: boolean }>([
    { name: 'within a layer', from: 'kube/client.ts', to: 'kube/types.ts', ok: true },
    { name: 'a step takes the vocabulary', from: 'steps/start-vm.ts', to: 'machine/vocabulary.ts', ok: true },
    { name: 'a step takes a codec', from: 'steps/set-network.ts', to: 'pve/nic.ts', ok: true },
    { name: 'a step does not call Proxmox VE', from: 'steps/set-network.ts', to: 'pve/client.ts', ok: false },
    { name: 'the engine knows no step', from: 'machine/advance.ts', to: 'steps/start-vm.ts', ok: false },
    { name: 'rules know no engine', from: 'domain/disks.ts', to: 'machine/facts.ts', ok: false },
    { name: 'the API knows no rules', from: 'api/plan.ts', to: 'domain/disks.ts', ok: false },
    { name: 'Kubernetes knows no Proxmox VE', from: 'kube/client.ts', to: 'pve/client.ts', ok: false },
    { name: 'Proxmox VE knows no Kubernetes', from: 'pve/client.ts', to: 'kube/client.ts', ok: false },
    { name: 'DNS knows neither', from: 'dns/publish.ts', to: 'api/dns-zone.ts', ok: false },
    { name: 'controllers do not know the app', from: 'controllers/plan.ts', to: 'app.ts', ok: false },
    { name: 'the product knows no test', from: 'controllers/plan.ts', to: 'test/fakes/kube.ts', ok: false },
  ])('$name', ({ from, to, ok }) => {
    expect(forbiddenUses([use(from, to)])).toHaveLength(ok ? 0 : 1);
  });

  test('see a value where only types are allowed, a package in the wrong layer, a second constructor', () => {
    expect(forbiddenValues([use('machine/facts.ts', 'pve/inventory.ts')])).toHaveLength(1);
    expect(forbiddenValues([use('machine/facts.ts', 'pve/inventory.ts', [])])).toHaveLength(0);
    expect(
      forbiddenPackages([{ from: 'steps/start-vm.ts', to: undefined, specifier: 'undici', values: ['request'] }]),
    ).toHaveLength(1);
    expect(forbiddenConstructions([use('controllers/plan.ts', 'kube/client.ts', ['createKubeClient'])])).toHaveLength(
      1,
    );
  });

  test('see a circle', () => {
    expect(circles({ 'a/': ['b/'], 'b/': ['c/'], 'c/': ['a/'] })).toEqual(['a/', 'b/', 'c/']);
    expect(circles({ 'a/': ['b/'], 'b/': [] })).toEqual([]);
  });
});

describe('the environment', () => {
  const readers = (pattern: RegExp): string[] =>
    sources.filter(({ text }) => pattern.test(withoutComments(text))).map(({ path }) => path);

  test('is read by the entry point only, which hands it to config.ts', () => {
    expect(readers(/\bprocess\.(env|argv)\b/)).toEqual(['src/main.ts']);
  });

  test('is never left in the middle', () => {
    expect(readers(/\bprocess\.exit\(/)).toEqual([]);
  });

  test('gives the time to the clocks only', () => {
    expect(readers(/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/)).toEqual(['src/clock.ts', 'src/kube/clock.ts']);
  });
});
