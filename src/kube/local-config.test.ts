// Tests which connection settings are taken, and that unusable ones are refused with the cure.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadKubeConfig, LocalConfigError } from './local-config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const file = `
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "https://192.0.2.1:6443" } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: CURRENT
`;

test('a kubeconfig file wins, one without a usable context is refused', () => {
  const kubeconfigPath = join(folder, 'config');
  writeFileSync(kubeconfigPath, file.replace('CURRENT', 'x'));
  const config = loadKubeConfig({ kubeconfigPath, inCluster: true });
  expect(config.getCurrentCluster()?.server).toBe('https://192.0.2.1:6443');
  writeFileSync(kubeconfigPath, file.replace('CURRENT', 'absent'));
  expect(() => loadKubeConfig({ kubeconfigPath, inCluster: false })).toThrow('no current context');
});

test.each([
  { name: 'is not there', path: '/nonexistent/kubeconfig' },
  { name: 'is no kubeconfig', path: import.meta.filename },
])('a file that $name is named in the message', ({ path }) => {
  expect(() => loadKubeConfig({ kubeconfigPath: path, inCluster: false })).toThrow(path);
  expect(() => loadKubeConfig({ kubeconfigPath: path, inCluster: false })).toThrow(LocalConfigError);
});

test('the service account of a pod', () => {
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '192.0.2.1');
  vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
  expect(loadKubeConfig({ inCluster: true }).getCurrentCluster()?.server).toBe('https://192.0.2.1:443');
});

test.each([
  { name: 'outside a pod', options: { inCluster: true }, text: 'KUBERNETES_SERVICE_HOST' },
  { name: 'nothing given', options: { inCluster: false }, text: 'name a kubeconfig file' },
  { name: 'an empty path', options: { inCluster: false, kubeconfigPath: '' }, text: 'name a kubeconfig file' },
  { name: 'a missing file', options: { inCluster: false, kubeconfigPath: '/nonexistent/config' }, text: 'ENOENT' },
])('$name is refused with the cure', ({ options, text }) => {
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
  vi.stubEnv('KUBERNETES_SERVICE_PORT', undefined);
  expect(() => loadKubeConfig(options)).toThrow(text);
});
