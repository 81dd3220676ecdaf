// Tests of command lines and files of the control plane.
import { describe, expect, test } from 'vitest';
import {
  apiServerArguments,
  apiServerUrl,
  controllerManagerArguments,
  etcdArguments,
  kubeconfig,
  type Layout,
} from './arguments.ts';

const layout: Layout = {
  folder: '/f',
  etcdPort: 1,
  etcdPeerPort: 2,
  apiServerPort: 3,
  controllerManagerPort: 4,
  auditLog: undefined,
};

const all = [...etcdArguments(layout), ...apiServerArguments(layout), ...controllerManagerArguments(layout)];

test('nothing listens beyond loopback', () => {
  const listening = all.filter((argument) => /^--(listen-|bind-address)/.test(argument));
  expect(listening).toHaveLength(4);
  for (const argument of listening) expect(argument).toContain('127.0.0.1');
});

test('every file is in the folder', () => {
  const paths = all.map((argument) => argument.split('=')[1] ?? '').filter((value) => value.startsWith('/'));
  expect(paths.length).toBeGreaterThan(8);
  for (const path of paths) expect(path).toMatch(/^\/f(\/|$)/);
});

test('no flag is given twice', () => {
  for (const list of [etcdArguments(layout), apiServerArguments(layout), controllerManagerArguments(layout)]) {
    const flags = list.map((argument) => argument.split('=')[0]);
    expect(new Set(flags).size).toBe(flags.length);
  }
});

describe('the audit log', () => {
  const auditFlags = (given: Layout): string[] =>
    apiServerArguments(given).filter((flag) => flag.startsWith('--audit'));
  test('is off unless wanted', () => {
    expect(auditFlags(layout)).toEqual([]);
  });
  test('goes where it is wanted', () => {
    expect(auditFlags({ ...layout, auditLog: '/log' })).toEqual([
      '--audit-policy-file=/f/audit-policy.json',
      '--audit-log-path=/log',
    ]);
  });
});

test('kubeconfig carries address, authority and certificate', () => {
  const config = kubeconfig(layout, { name: 'admin', certificate: 'C', key: 'K' }, 'CA');
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  expect(apiServerUrl(layout)).toBe('https://127.0.0.1:3');
  expect(config).toMatchObject({
    clusters: [{ cluster: { server: 'https://127.0.0.1:3', 'certificate-authority-data': base64('CA') } }],
    users: [{ name: 'admin', user: { 'client-certificate-data': base64('C'), 'client-key-data': base64('K') } }],
    contexts: [{ name: 'local', context: { cluster: 'local', user: 'admin' } }],
    'current-context': 'local',
  });
});
