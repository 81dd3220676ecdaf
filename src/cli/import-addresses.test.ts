import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { describe, expect, test } from 'vitest';
import { ipPool } from '../api/ip-pool.ts';
import { parseSpec } from '../api/parse.ts';
import { DEFAULT_PREFIX, importAddresses } from './import-addresses.ts';

const LIST = `# rack 1
vmbr0|0|192.0.2.10|24|192.0.2.1|192.0.2.2,192.0.2.3
vmbr0|0|192.0.2.11|24|192.0.2.1|192.0.2.2,192.0.2.3

vmbr0|7|198.51.100.10|25|198.51.100.1|
`;

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command where `list.txt` and standard input have a content and every other file is absent. */
async function run(args: readonly string[], content = LIST): Promise<Result & { read: string[] }> {
  const result = { code: 0, stdout: '', stderr: '', read: [] as string[] };
  const streams = {
    read: async (file: string): Promise<string> => {
      result.read.push(file);
      if (file !== 'list.txt' && file !== '-') throw new Error('ENOENT: no such file or directory');
      return content;
    },
    stdout: (text: string) => {
      result.stdout += text;
    },
    stderr: (text: string) => {
      result.stderr += text;
    },
  };
  result.code = await importAddresses(streams, args);
  return result;
}

function documentsOf(yaml: string): { metadata: { name: string }; spec: Record<string, unknown> }[] {
  return parseAllDocuments(yaml, { version: '1.1' }).map((document) => document.toJS());
}

describe('a list without mistakes', () => {
  test.each(['list.txt', '-'])('from %s becomes pools', async (file) => {
    const { code, stdout, stderr, read } = await run(['--cluster', 'lab', file]);
    expect({ code, stderr, read }).toEqual({ code: 0, stderr: '', read: [file] });
    const pools = documentsOf(stdout);
    expect(pools.map(({ metadata }) => metadata.name)).toEqual([
      `${DEFAULT_PREFIX}-vmbr0-0-192-0-2-10`,
      `${DEFAULT_PREFIX}-vmbr0-7-198-51-100-10`,
    ]);
    for (const { spec } of pools) expect(parseSpec(ipPool, spec)).toEqual({ ok: true, value: spec });
  });

  test('is printed as it may be kept in a repository', async () => {
    const { stdout } = await run(['--cluster=lab', '--prefix', 'old', 'list.txt'], LIST.split('\n\n')[0]);
    expect(stdout).toBe(`apiVersion: pve-operator.io/v1alpha1
kind: IPPool
metadata:
  name: old-vmbr0-0-192-0-2-10
spec:
  clusterRef:
    name: lab
  family: IPv4
  bridge: vmbr0
  vlan: 0
  first: 192.0.2.10
  last: 192.0.2.11
  prefixLength: 24
  gateway: 192.0.2.1
  nameservers:
    - 192.0.2.2
    - 192.0.2.3
`);
  });

  test.each(['no', 'on', 'y', 'null', '1e3', '017'])('the cluster %s stays a text in YAML 1.1', async (name) => {
    const { stdout } = await run(['--cluster', name, '-']);
    expect(documentsOf(stdout)[0]?.spec['clusterRef']).toEqual({ name });
  });

  test.each(['no', 'ON', 'Y', 'null'])('the bridge %s stays a text in YAML 1.1', async (bridge) => {
    const { stdout } = await run(['--cluster', 'lab', '-'], LIST.replaceAll('vmbr0', bridge));
    expect(documentsOf(stdout).map(({ spec }) => spec['bridge'])).toEqual([bridge, bridge]);
  });
});

describe('what is wrong', () => {
  test('with the list is told by line, and no pool is printed', async () => {
    const { code, stdout, stderr } = await run(['--cluster', 'lab', 'list.txt'], `${LIST}vmbr0|4095|x|24|192.0.2.1|\n`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^list\.txt:6: The VLAN "4095" /),
      expect.stringMatching(/^list\.txt:6: The address "x" /),
    ]);
  });

  test('with standard input is told by its name', async () => {
    expect((await run(['--cluster', 'lab', '-'], 'x')).stderr).toMatch(/^standard input:1: /);
  });

  test.each<{ name: string; args: string[]; content?: string; code: number; want: RegExp }>([
    { name: 'an empty list', args: ['--cluster', 'lab', '-'], content: '', code: 1, want: /no address in it/ },
    { name: 'only comments', args: ['--cluster', 'lab', '-'], content: '# x\n', code: 1, want: /no address in it/ },
    { name: 'no such file', args: ['--cluster', 'lab', 'no.txt'], code: 1, want: /^no\.txt cannot be read: ENOENT/ },
    { name: 'no cluster', args: ['list.txt'], code: 2, want: /--cluster is missing/ },
    { name: 'a cluster without a name', args: ['--cluster', '', '-'], code: 2, want: /--cluster is missing/ },
    { name: 'no name of a cluster', args: ['--cluster', 'Lab 1', '-'], code: 2, want: /"Lab 1" is no name/ },
    { name: 'a prefix with a dot', args: ['--cluster', 'lab', '--prefix', 'a.', '-'], code: 2, want: /--prefix "a\."/ },
    { name: 'no prefix', args: ['--cluster', 'lab', '--prefix', '', '-'], code: 2, want: /--prefix ""/ },
    {
      name: 'a long prefix',
      args: ['--cluster', 'lab', '--prefix', 'a'.repeat(64), '-'],
      code: 2,
      want: /at most 63/,
    },
    { name: 'no file', args: ['--cluster', 'lab'], code: 2, want: /One FILE is needed/ },
    { name: 'two files', args: ['--cluster', 'lab', 'list.txt', '-'], code: 2, want: /One FILE is needed/ },
    { name: 'an unknown option', args: ['--pool', 'x', '-'], code: 2, want: /--pool/ },
  ])('$name', async ({ args, content, code: wanted, want }) => {
    const { code, stdout, stderr } = await run(args, content);
    expect({ code, stdout }).toEqual({ code: wanted, stdout: '' });
    expect(stderr).toMatch(want);
    expect(stderr.includes('See --help.')).toBe(wanted === 2);
  });
});

test.each(['--help', '-h'])('%s shows the form of a line and every option', async (flag) => {
  const { code, stdout, stderr, read } = await run([flag]);
  expect({ code, stderr, read }).toEqual({ code: 0, stderr: '', read: [] });
  for (const part of ['<bridge>|<vlan>|<ip>|<mask>|<gw>|<dns1>,<dns2>', '--cluster', '--prefix', DEFAULT_PREFIX]) {
    expect(stdout).toContain(part);
  }
});

describe('the command', () => {
  async function start(args: readonly string[], input: string): Promise<Result> {
    const child = spawn(process.execPath, [`${import.meta.dirname}/import-addresses.ts`, ...args]);
    const ended = new Promise<number>((done) => {
      child.once('close', (code) => {
        done(code ?? -1);
      });
    });
    child.stdin.end(input);
    const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), ended]);
    return { code, stdout, stderr };
  }

  test('reads standard input and prints nothing but YAML', async () => {
    const { code, stdout, stderr } = await start(['--cluster', 'lab', '-'], LIST);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(documentsOf(stdout)).toHaveLength(2);
  });

  test('reads a file, whose mistakes end it with 1', async () => {
    const { code, stdout, stderr } = await start(['--cluster', 'lab', import.meta.filename], '');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`${import.meta.filename}:1: "import { spawn }`);
  });

  test('is an npm script', () => {
    const { scripts } = JSON.parse(readFileSync(`${import.meta.dirname}/../../package.json`, 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['import-addresses']).toBe('node hack/launch.mjs src/cli/import-addresses.ts');
  });
});
