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

describe('the webhook', () => {
  const base = {
    host: '127.0.0.1',
    port: 9443,
    names: ['pve-operator-webhook.pve-operator-system.svc'],
    secret: 'pve-operator-webhook',
    issuer: 'own',
    configuration: 'pve-operator',
    drainMs: 0,
    allowLocalTargets: false,
  };

  test('is not served unless asked for, whatever else is said about it', () => {
    expect(config()).not.toHaveProperty('webhook');
    expect(config(['--webhook-port', '9444'])).not.toHaveProperty('webhook');
  });

  test.each<{ name: string; argv: string[]; want: object }>([
    { name: 'as it is', argv: [], want: base },
    { name: 'in another namespace', argv: ['--namespace=ops'], want: { names: ['pve-operator-webhook.ops.svc'] } },
    {
      name: 'called by other names',
      argv: ['--webhook-names', 'a.svc, 127.0.0.1,::1'],
      want: { names: ['a.svc', '127.0.0.1', '::1'] },
    },
    {
      name: 'with cert-manager',
      argv: ['--webhook-issuer=external', '--webhook-secret=s'],
      want: { issuer: 'external', secret: 's' },
    },
    {
      name: 'elsewhere',
      argv: ['--webhook-host=0.0.0.0', '--webhook-port=0', '--webhook-configuration=mine', '--webhook-drain-ms=60000'],
      want: { host: '0.0.0.0', port: 0, configuration: 'mine', drainMs: 60_000 },
    },
    { name: 'in a test', argv: ['--allow-local-targets'], want: { allowLocalTargets: true } },
  ])('$name', ({ argv, want }) => expect(config(['--webhook', ...argv]).webhook).toEqual({ ...base, ...want }));
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
    {
      argv: ['--webhook', '--webhook-port', '65536'],
      want: '--webhook-port must be a whole number from 0 to 65535, not "65536".',
    },
    {
      argv: ['--webhook', '--webhook-names', 'a,,b'],
      want: '--webhook-names must be host names or addresses, separated by commas, not "a,,b".',
    },
    { argv: ['--webhook', '--webhook-issuer', 'me'], want: '--webhook-issuer must be own, external, not "me".' },
    {
      argv: ['--webhook', '--webhook-drain-ms', '60001'],
      want: '--webhook-drain-ms must be a whole number from 0 to 60000, not "60001".',
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
    'webhook',
    'webhook-host',
    'webhook-port',
    'webhook-names',
    'webhook-secret',
    'webhook-issuer',
    'webhook-configuration',
    'webhook-drain-ms',
    'allow-local-targets',
    'help',
  ];
  for (const name of named) expect(HELP).toContain(`--${name}`);
});
