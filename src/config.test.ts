// Settings: what wins over what, and what a bad value is told.
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { type Config, HELP, parseConfig } from './config.ts';

function config(argv: string[] = [], env: Record<string, string | undefined> = {}): Config {
  const parsed = parseConfig(argv, env);
  if (parsed.kind !== 'config') throw new Error(parsed.kind);
  return parsed.config;
}

describe('settings', () => {
  test('nothing said', () => {
    expect(config()).toEqual({
      kubeconfig: undefined,
      namespace: 'pve-operator-system',
      leaderElection: true,
      identity: `${hostname()}-${process.pid}`,
      healthPort: 8080,
      healthHost: '127.0.0.1',
      logFormat: 'text',
      logLevel: 'info',
      workers: 32,
      dnsTimeoutMs: 5_000,
    });
  });

  test.each<{ name: string; argv?: string[]; env?: Record<string, string>; want: Partial<Config> }>([
    { name: 'lines for machines', argv: ['--log-format', 'json'], want: { logFormat: 'json' } },
    {
      name: 'the environment',
      env: { KUBECONFIG: '/k', POD_NAMESPACE: 'ops', POD_NAME: 'pod-1' },
      want: { kubeconfig: '/k', namespace: 'ops', identity: 'pod-1' },
    },
    {
      name: 'the command line before the environment',
      argv: ['--kubeconfig', '/mine', '--namespace=mine', '--identity', 'me'],
      env: { KUBECONFIG: '/k', POD_NAMESPACE: 'ops', POD_NAME: 'p' },
      want: { kubeconfig: '/mine', namespace: 'mine', identity: 'me' },
    },
    {
      name: 'an empty variable says nothing',
      env: { KUBECONFIG: '', POD_NAMESPACE: '' },
      want: { kubeconfig: undefined, namespace: 'pve-operator-system' },
    },
    { name: 'no election', argv: ['--no-leader-election'], want: { leaderElection: false } },
    { name: 'any free port', argv: ['--health-port', '0'], want: { healthPort: 0 } },
    { name: 'an address to listen on', argv: ['--health-host', '0.0.0.0'], want: { healthHost: '0.0.0.0' } },
    {
      name: 'figures',
      argv: ['--workers', '1024', '--dns-timeout-ms', '100'],
      want: { workers: 1024, dnsTimeoutMs: 100 },
    },
    { name: 'a level', argv: ['--log-level', 'debug'], want: { logLevel: 'debug' } },
  ])('$name', ({ argv, env, want }) => expect(config(argv, env)).toMatchObject(want));
});

describe('bad values', () => {
  test.each([
    { argv: ['--health-port', '65536'], want: '--health-port must be a whole number from 0 to 65535, not "65536".' },
    { argv: ['--health-port', ''], want: '--health-port must be a whole number from 0 to 65535, not "".' },
    { argv: ['--workers', '0'], want: '--workers must be a whole number from 1 to 1024, not "0".' },
    { argv: ['--workers', '1e2'], want: '--workers must be a whole number from 1 to 1024, not "1e2".' },
    { argv: ['--workers=-1'], want: '--workers must be a whole number from 1 to 1024, not "-1".' },
    {
      argv: ['--dns-timeout-ms', '1.5'],
      want: '--dns-timeout-ms must be a whole number from 100 to 60000, not "1.5".',
    },
    { argv: ['--log-format', 'xml'], want: '--log-format must be text, json, not "xml".' },
    { argv: ['--log-level', 'INFO'], want: '--log-level must be debug, info, warn, error, not "INFO".' },
  ])('$argv', ({ argv, want }) => expect(parseConfig(argv, {})).toEqual({ kind: 'error', text: want }));

  test.each([[['--unknown']], [['stray']], [['--workers']]])('%j is no setting', (argv) => {
    expect(parseConfig(argv, {})).toMatchObject({ kind: 'error', text: expect.stringContaining(argv[0]!) });
  });
});

test.each([['--help'], ['-h']])('%s shows every setting', (flag) => {
  expect(parseConfig([flag, '--workers', 'x'], {})).toEqual({ kind: 'help', text: HELP });
  const named = [
    'kubeconfig',
    'namespace',
    'no-leader-election',
    'identity',
    'health-port',
    'health-host',
    'log-format',
    'log-level',
    'workers',
    'dns-timeout-ms',
    'help',
  ];
  for (const name of named) expect(HELP).toContain(`--${name}`);
});
