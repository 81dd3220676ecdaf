// Tests of the standard sources: their order and the cache.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Offer, programNames } from './binaries.ts';
import type { Machine } from './installed.ts';
import { cacheFolders, standardSources } from './sources.ts';
import { envtestVersion } from './versions.ts';

const nothing: Machine = { locate: () => undefined, versionOf: () => Promise.resolve(undefined) };
let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'sources-test-'));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

function sources(machine: Machine = nothing, kubebuilderAssets?: string) {
  return standardSources({ cache, kubebuilderAssets, path: ['/bin'], ci: true }, () => {}, machine);
}

function offerOf(name: string, list = sources()): Promise<Offer> | undefined {
  return list.find((source) => source.name === name)?.offer();
}

function touch(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
}

test('what the user names comes first, what costs minutes last', () => {
  expect(sources().map((source) => source.name)).toEqual([
    'KUBEBUILDER_ASSETS',
    'PATH',
    'the cache',
    'envtest',
    'the Go build',
  ]);
});

test('KUBEBUILDER_ASSETS says how to use it when it is not set', async () => {
  expect(await offerOf('KUBEBUILDER_ASSETS')).toMatchObject({ reason: 'not set', cure: expect.any(String) as string });
});

test('KUBEBUILDER_ASSETS is told of when it is set and cannot be used', async () => {
  const lines: string[] = [];
  const environment = { cache, kubebuilderAssets: '/assets', path: [], ci: true };
  const [assets] = standardSources(environment, (line) => lines.push(line), nothing);
  expect(await assets?.offer()).toMatchObject({ reason: expect.stringContaining('no etcd') as string });
  expect(lines).toEqual([expect.stringContaining('KUBEBUILDER_ASSETS (/assets) cannot be used: no etcd')]);
});

test('KUBEBUILDER_ASSETS is looked through alone', async () => {
  const looked: string[] = [];
  const machine: Machine = {
    ...nothing,
    locate: (_name, folders) => {
      looked.push(...folders);
      return undefined;
    },
  };
  await offerOf('KUBEBUILDER_ASSETS', sources(machine, '/assets'));
  expect(new Set(looked)).toEqual(new Set(['/assets']));
});

describe('the cache', () => {
  test('empty', async () => {
    expect(await offerOf('the cache')).toEqual({ reason: 'nothing yet' });
  });

  test('a built set', async () => {
    const { built } = cacheFolders(cache);
    for (const name of programNames) touch(join(built, name));
    expect(await offerOf('the cache')).toMatchObject({ binaries: { kubectl: join(built, 'kubectl') } });
  });

  test('an incomplete set is not offered', async () => {
    const { built } = cacheFolders(cache);
    for (const name of programNames.slice(1)) touch(join(built, name));
    expect(await offerOf('the cache')).toEqual({ reason: 'nothing yet' });
  });

  test('envtest with the controller manager that it lacks', async () => {
    const folders = cacheFolders(cache);
    for (const name of ['etcd', 'kube-apiserver', 'kubectl']) touch(join(folders.envtest, name));
    const manager = join(folders.controllerManager(envtestVersion), 'kube-controller-manager');
    expect(await offerOf('the cache')).toEqual({ reason: 'nothing yet' });
    touch(manager);
    expect(await offerOf('the cache')).toMatchObject({ binaries: { 'kube-controller-manager': manager } });
  });
});
