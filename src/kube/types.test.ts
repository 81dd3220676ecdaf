// Tests keys and paths of objects.
import { expect, test } from 'vitest';
import { apiVersionOf, keyOf, type KubeObject, resourcePath, type ResourceType, splitKey } from './types.ts';

const core: ResourceType<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};
const grouped: ResourceType<KubeObject> = {
  group: 'example.io',
  version: 'v1alpha1',
  kind: 'Cluster',
  plural: 'clusters',
  namespaced: false,
};

test.each<{ name: string; args: Parameters<typeof resourcePath>; want: string }>([
  { name: 'core, all namespaces', args: [core], want: '/api/v1/configmaps' },
  { name: 'core, namespace', args: [core, 'a'], want: '/api/v1/namespaces/a/configmaps' },
  { name: 'core, object', args: [core, 'a', 'b'], want: '/api/v1/namespaces/a/configmaps/b' },
  { name: 'group, cluster-scoped', args: [grouped], want: '/apis/example.io/v1alpha1/clusters' },
  {
    name: 'group, object, subresource',
    args: [grouped, undefined, 'b', 'status'],
    want: '/apis/example.io/v1alpha1/clusters/b/status',
  },
  {
    name: 'a namespace is left out for cluster-scoped kinds',
    args: [grouped, 'a', 'b'],
    want: '/apis/example.io/v1alpha1/clusters/b',
  },
  {
    name: 'odd names cannot leave the path',
    args: [grouped, undefined, '../x'],
    want: '/apis/example.io/v1alpha1/clusters/..%2Fx',
  },
])('path: $name', ({ args, want }) => {
  expect(resourcePath(...args)).toBe(want);
});

test('a namespaced object is never addressed without its namespace', () => {
  expect(() => resourcePath(core, undefined, 'b')).toThrow(TypeError);
  expect(() => resourcePath(core, '', 'b')).toThrow(TypeError);
});

test.each([
  { name: 'namespaced', metadata: { name: 'b', namespace: 'a' }, key: 'a/b' },
  { name: 'cluster-scoped', metadata: { name: 'b' }, key: 'b' },
])('key: $name', ({ metadata, key }) => {
  expect(keyOf({ metadata })).toBe(key);
  expect(splitKey(key)).toEqual({ namespace: undefined, ...metadata });
});

test('apiVersion', () => {
  expect(apiVersionOf(core)).toBe('v1');
  expect(apiVersionOf(grouped)).toBe('example.io/v1alpha1');
});
