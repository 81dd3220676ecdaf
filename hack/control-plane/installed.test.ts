// Tests of the judgement on programs that are already on the machine.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeFolders, type Machine, thisMachine } from './installed.ts';

/** A machine with these programs, by path, and what they report; null for one that does not run. */
function fakeMachine(programs: Record<string, string | null>): Machine {
  return {
    locate: (name, folders) => folders.map((folder) => `${folder}/${name}`).find((path) => path in programs),
    versionOf: (_name, path) => Promise.resolve(programs[path] ?? undefined),
  };
}

const complete = {
  '/a/etcd': '3.6.6',
  '/a/kube-apiserver': '1.35.0',
  '/a/kube-controller-manager': '1.35.0',
  '/a/kubectl': '1.34.1',
};

describe('judgeFolders', () => {
  const { '/a/kube-controller-manager': _manager, ...withoutManager } = complete;
  const table: { name: string; programs: Record<string, string | null>; folders?: string[]; want: string }[] = [
    { name: 'a complete folder', programs: complete, want: 'ok' },
    { name: 'nothing at all', programs: {}, want: 'no etcd, kube-apiserver, kube-controller-manager, kubectl' },
    { name: 'one program missing', programs: withoutManager, want: 'no kube-controller-manager' },
    {
      name: 'an API server without the needed validation',
      programs: { ...complete, '/a/kube-apiserver': '1.29.4' },
      want: 'kube-apiserver 1.29.4 is too old',
    },
    { name: 'an old etcd', programs: { ...complete, '/a/etcd': '3.4.0' }, want: 'etcd 3.4.0 is too old' },
    { name: 'a broken program', programs: { ...complete, '/a/kubectl': null }, want: 'kubectl does not run' },
    {
      name: 'a controller manager newer than the API server',
      programs: { ...complete, '/a/kube-controller-manager': '1.36.0' },
      want: 'kube-controller-manager 1.36.0 does not fit kube-apiserver 1.35.0',
    },
    {
      name: 'programs spread over folders',
      programs: { ...withoutManager, '/b/kube-controller-manager': '1.34.2' },
      folders: ['/a', '/b'],
      want: 'ok',
    },
  ];
  test.each(table)('$name', async ({ programs, folders, want }) => {
    const offer = await judgeFolders(folders ?? ['/a'], fakeMachine(programs));
    expect('reason' in offer ? offer.reason : 'ok').toBe(want);
  });

  test('no program is started when one is missing for good', async () => {
    const { '/a/etcd': _etcd, ...withoutEtcd } = complete;
    const machine: Machine = {
      ...fakeMachine(withoutEtcd),
      versionOf: () => Promise.reject(new Error('must not be asked')),
    };
    expect(await judgeFolders(['/a'], machine)).toEqual({ reason: 'no etcd' });
  });

  test('the first folder wins', async () => {
    const offer = await judgeFolders(['/b', '/a'], fakeMachine({ ...complete, '/b/etcd': '3.6.0' }));
    expect(offer).toMatchObject({ binaries: { etcd: '/b/etcd', kubectl: '/a/kubectl' } });
  });

  test('a missing controller manager is asked for in the version of the API server', async () => {
    const asked: string[] = [];
    const offer = await judgeFolders(['/a'], fakeMachine(withoutManager), (version) => {
      asked.push(version);
      return Promise.resolve('/fetched/kube-controller-manager');
    });
    expect(asked).toEqual(['1.35.0']);
    expect(offer).toMatchObject({ binaries: { 'kube-controller-manager': '/fetched/kube-controller-manager' } });
  });

  test('it stays missing when it cannot be had', async () => {
    const offer = await judgeFolders(['/a'], fakeMachine(withoutManager), () => Promise.resolve(undefined));
    expect(offer).toEqual({ reason: 'no kube-controller-manager' });
  });
});

describe('thisMachine', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'installed-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function program(name: string, body: string, mode = 0o755): string {
    const path = join(folder, name);
    writeFileSync(path, body);
    chmodSync(path, mode);
    return path;
  }

  test('finds executable files only', () => {
    program('plain', '', 0o644);
    mkdirSync(join(folder, 'directory'));
    const path = program('executable', '#!/bin/sh\n');
    expect(thisMachine.locate('plain', [folder])).toBeUndefined();
    expect(thisMachine.locate('directory', [folder])).toBeUndefined();
    expect(thisMachine.locate('executable', ['/no/such/folder', folder])).toBe(path);
  });

  test.each([
    ['etcd', '[ "$*" = --version ] && echo etcd Version: 3.6.6', '3.6.6'],
    ['kubectl', '[ "$*" = "version --client" ] && echo Client Version: v1.35.4', '1.35.4'],
    ['helm', '[ "$*" = "version --short" ] && echo v3.19.2', '3.19.2'],
    ['etcd', 'exit 1', undefined],
    ['etcd', 'echo hello', undefined],
  ])('asks %s: %s', async (name, body, want) => {
    expect(await thisMachine.versionOf(name, program(name, `#!/bin/sh\n${body}\n`))).toBe(want);
  });
});
