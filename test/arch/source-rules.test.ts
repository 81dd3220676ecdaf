import { describe, expect, test } from 'vitest';
import { filesBelow } from './source.ts';

const MAX_LINES = 400;
// The brackets keep this line from finding itself.
const UNFINISHED = /\b(TO[D]O|FI[X]ME|X[X]X)\b/;
const VAGUE = /(^|\/)(utils?|helpers?|common|misc|index)\.(ts|mjs)$/;

const sources = ['src', 'test', 'hack'].flatMap((folder) => filesBelow(folder, ['.ts', '.mjs', '.mts', '.sh']));
const pages = [
  ...filesBelow('docs', ['.md']),
  ...filesBelow('charts', ['.md']),
  ...filesBelow('config', ['.md', '.yaml']),
];

describe('every source file', () => {
  test('is found', () => {
    expect(sources.length).toBeGreaterThan(100);
  });

  test(`has at most ${MAX_LINES} lines`, () => {
    const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > MAX_LINES);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test('and every page leaves nothing to be done later', () => {
    expect([...sources, ...pages].filter(({ text }) => UNFINISHED.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('says in its first line what it answers for, unless it is a test', () => {
    const silent = sources.filter(
      ({ path, text }) => !path.endsWith('.test.ts') && !path.endsWith('.d.mts') && !/^(\/\/ |#!)/.test(text),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('has a name in kebab-case that says something', () => {
    const named = sources.map(({ path }) => path);
    expect(named.filter((path) => VAGUE.test(path))).toEqual([]);
    expect(named.filter((path) => !/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(path.split('/').at(-1) ?? ''))).toEqual([]);
  });

  test('exports by name', () => {
    expect(
      sources
        .filter(({ path, text }) => path.startsWith('src/') && /^export default\b/m.test(text))
        .map(({ path }) => path),
    ).toEqual([]);
  });
});
