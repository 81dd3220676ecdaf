// Tests of the choice of versions.
import { describe, expect, test } from 'vitest';
import { isUsable, mayServe, versionIn } from './versions.ts';

describe('versionIn', () => {
  const table = [
    { name: 'kube-apiserver', text: 'Kubernetes v1.35.4\n', want: '1.35.4' },
    { name: 'etcd', text: 'etcd Version: 3.6.6\nGit SHA: Not provided\nGo Version: go1.26.8\n', want: '3.6.6' },
    { name: 'kubectl', text: 'Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0\n', want: '1.32.4' },
    { name: 'helm', text: 'v3.19.2+g8766e71\n', want: '3.19.2' },
    { name: 'something else', text: 'command not found', want: undefined },
    { name: 'two numbers are no version', text: 'v1.35', want: undefined },
  ];
  test.each(table)('$name', ({ text, want }) => {
    expect(versionIn(text)).toBe(want);
  });
});

test.each([
  ['kubernetes', '1.30.0', true],
  ['kubernetes', '1.35.4', true],
  ['kubernetes', '1.29.9', false],
  ['kubernetes', '2.0.0', false],
  ['etcd', '3.5.0', true],
  ['etcd', '3.4.30', false],
  ['etcd', '4.0.0', true],
  ['helm', '4.1.4', true],
  ['helm', '3.11.3', false],
  ['helm', '2.17.0', false],
] as const)('isUsable(%s, %s) is %s', (product, version, want) => {
  expect(isUsable(product, version)).toBe(want);
});

test.each([
  ['1.35.4', '1.35.0', true],
  ['1.35.0', '1.35.4', true],
  ['1.35.4', '1.34.1', true],
  ['1.35.4', '1.33.1', false],
  ['1.34.0', '1.35.0', false],
])('an API server %s beside a controller manager %s: %s', (apiServer, controllerManager, want) => {
  expect(mayServe(apiServer, controllerManager)).toBe(want);
});
