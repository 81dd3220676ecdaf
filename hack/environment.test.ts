// Tests of what the development tools read from the environment.
import { expect, test } from 'vitest';
import { readEnvironment } from './environment.ts';

test.each([
  ['nothing is set', {}, { cache: '/home/a/.cache/pve-operator', kubebuilderAssets: undefined, path: [], ci: false }],
  [
    'everything is set',
    { PVE_OPERATOR_CACHE: '/c', KUBEBUILDER_ASSETS: '/k', PATH: '/bin::/usr/bin', CI: 'true' },
    { cache: '/c', kubebuilderAssets: '/k', path: ['/bin', '/usr/bin'], ci: true },
  ],
  [
    'empty is unset',
    { KUBEBUILDER_ASSETS: '', CI: '' },
    { cache: '/home/a/.cache/pve-operator', kubebuilderAssets: undefined, path: [], ci: false },
  ],
  [
    'CI=false',
    { CI: 'false', PVE_OPERATOR_CACHE: '/c' },
    { cache: '/c', kubebuilderAssets: undefined, path: [], ci: false },
  ],
])('%s', (_name, env, want) => {
  expect(readEnvironment(env, '/home/a')).toEqual(want);
});
