// Rules for which tests run where: each in one project that `npm test` runs, and the fast ones without the operator.
import { globSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { projects } from '../../hack/test-run/selection.ts';
import { testProjects } from '../../vitest.config.ts';
import { filesBelow, importsOf, ROOT, targetOf } from './source.ts';

const sources = new Map(
  ['src', 'test', 'hack'].flatMap((folder) => filesBelow(folder, ['.ts'])).map(({ path, text }) => [path, text]),
);
const testsOf = new Map(
  testProjects.map(({ test: project }) => {
    const exclude = 'exclude' in project ? project.exclude : [];
    return [project.name, globSync(project.include, { cwd: ROOT, exclude })];
  }),
);

const imported = new Map<string, string[]>();
/** Files that a file imports values of. */
function importedBy(path: string): string[] {
  const known = imported.get(path);
  if (known !== undefined) return known;
  const uses = importsOf(sources.get(path) ?? '').filter(({ values }) => values.length > 0);
  const targets = uses.flatMap(({ specifier }) => targetOf(path, specifier) ?? []);
  imported.set(path, targets);
  return targets;
}

/** The file, and all that it imports values of, directly or by another. */
function reachOf(path: string): Set<string> {
  const found = new Set([path]);
  for (const one of found) for (const target of importedBy(one)) found.add(target);
  return found;
}

describe('the projects', () => {
  test('are those that npm test runs', () => {
    expect([...testsOf.keys()]).toEqual(projects);
  });

  test('have every test once', () => {
    const all = [...sources.keys()].filter((path) => path.endsWith('.test.ts'));
    expect([...testsOf.values()].flat().toSorted()).toEqual(all.toSorted());
  });

  test('play no pipelines in the fast loop', () => {
    const needed = ['test/fakes/context.ts', 'test/sim/simulator.ts'];
    const playing = (testsOf.get('unit') ?? []).filter((path) => {
      const reach = reachOf(path);
      return needed.every((file) => reach.has(file));
    });
    expect(playing).toEqual([]);
  });
});
