// Tests of the simulator's command line: what each option becomes, and what is refused with which text.
import { assert as holds, constantFrom, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { help, readCommandLine } from './command-line.ts';
import type { CommandLine } from './command-line.ts';

const usual: CommandLine = {
  port: undefined,
  controlPort: 0,
  topologies: [],
  pve: undefined,
  speed: 1,
  seed: 1,
  state: undefined,
  record: undefined,
  keptRecords: 100_000,
  announce: undefined,
};

describe('an option', () => {
  const rows: { name: string; args: string[]; want: Partial<CommandLine> }[] = [
    { name: 'none', args: [], want: {} },
    { name: 'a port', args: ['--port', '8443'], want: { port: 8443 } },
    { name: 'any port', args: ['--port', '0'], want: { port: 0 } },
    { name: 'the last port', args: ['--port=65535'], want: { port: 65_535 } },
    { name: 'a control port', args: ['--control-port', '9000'], want: { controlPort: 9000 } },
    { name: 'a topology', args: ['--topology', 'a.json'], want: { topologies: ['a.json'] } },
    { name: 'several, in order', args: ['--topology=b', '--topology', 'a'], want: { topologies: ['b', 'a'] } },
    { name: 'the older release', args: ['--pve', '8'], want: { pve: 8 } },
    { name: 'the newer release', args: ['--pve=9'], want: { pve: 9 } },
    { name: 'a speed', args: ['--speed', '10'], want: { speed: 10 } },
    { name: 'slower than real', args: ['--speed', '0.5'], want: { speed: 0.5 } },
    { name: 'no time at all', args: ['--speed', 'instant'], want: { speed: 'instant' } },
    { name: 'time that stands still', args: ['--speed=virtual'], want: { speed: 'virtual' } },
    { name: 'a seed', args: ['--seed', '7'], want: { seed: 7 } },
    { name: 'a state file', args: ['--state', '/tmp/s'], want: { state: '/tmp/s' } },
    { name: 'a record', args: ['--record', 'r.jsonl'], want: { record: 'r.jsonl' } },
    { name: 'a short log', args: ['--keep', '10'], want: { keptRecords: 10 } },
    { name: 'an announcement', args: ['--announce', 'a'], want: { announce: 'a' } },
    {
      name: 'all together',
      args: ['--seed=2', '--port=1', '--speed=instant', '--pve=8', '--state=s'],
      want: { seed: 2, port: 1, speed: 'instant', pve: 8, state: 's' },
    },
    { name: 'the last of two', args: ['--seed', '1', '--seed', '2'], want: { seed: 2 } },
  ];
  it.each(rows)('$name', ({ args, want }) => {
    expect(readCommandLine(args)).toEqual({ ...usual, ...want });
  });

  const instead: { args: string[]; want: string }[] = [
    { args: ['--help'], want: 'help' },
    { args: ['--help', '--port', 'nonsense'], want: 'help' },
    { args: ['--topology-schema'], want: 'schema' },
    { args: ['--topology-schema', '--help'], want: 'help' },
  ];
  it.each(instead)('$args prints something instead', ({ args, want }) => {
    expect(readCommandLine(args)).toBe(want);
  });
});

describe('what is refused', () => {
  const rows: { args: string[]; text: string }[] = [
    { args: ['--pve', '7'], text: '--pve must be 8 or 9, got 7' },
    { args: ['--pve', '9.2'], text: '--pve must be 8 or 9, got 9.2' },
    { args: ['--pve', ''], text: '--pve must be 8 or 9, got ' },
    { args: ['--port', '70000'], text: '--port must be a port, got 70000' },
    { args: ['--port', '-1'], text: '--port' },
    { args: ['--port=-1'], text: '--port must be a port, got -1' },
    { args: ['--port', '80.5'], text: '--port must be a port, got 80.5' },
    { args: ['--port', 'http'], text: '--port must be a port, got http' },
    { args: ['--control-port', '65536'], text: '--control-port must be a port, got 65536' },
    { args: ['--speed', 'fast'], text: '--speed must be a positive number, got fast' },
    { args: ['--speed', '0'], text: '--speed must be a positive number, got 0' },
    { args: ['--speed=-1'], text: '--speed must be a positive number, got -1' },
    { args: ['--speed', 'NaN'], text: '--speed must be a positive number, got NaN' },
    { args: ['--seed', 'x'], text: '--seed must be a positive number, got x' },
    { args: ['--seed', '0'], text: '--seed must be a positive number, got 0' },
    { args: ['--keep', '0'], text: '--keep must be a positive number, got 0' },
    { args: ['--nope'], text: "Unknown option '--nope'" },
    { args: ['--state'], text: "Option '--state <value>' argument missing" },
    { args: ['topology.json'], text: "Unexpected argument 'topology.json'" },
    { args: ['-p', '1'], text: "Unknown option '-p'" },
  ];
  it.each(rows)('$args', ({ args, text }) => {
    expect(() => readCommandLine(args)).toThrow(text);
  });
});

describe('any number', () => {
  it('that is a port is one', () => {
    holds(
      property(integer({ min: -10, max: 70_000 }), constantFrom('port', 'control-port'), (port, option) => {
        const read = (): unknown => readCommandLine([`--${option}=${port}`]);
        if (port < 0 || port > 65_535) expect(read).toThrow(`--${option} must be a port`);
        else expect(read()).toMatchObject(option === 'port' ? { port } : { controlPort: port });
      }),
    );
  });
});

describe('the help', () => {
  it('tells every option there is, and no other', () => {
    const told = [...help.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name);
    expect(told).toEqual([
      'port',
      'control-port',
      'topology',
      'pve',
      'speed',
      'seed',
      'state',
      'record',
      'keep',
      'announce',
      'topology-schema',
      'help',
    ]);
    for (const name of told) {
      const value = { speed: '2', pve: '9', help: undefined, 'topology-schema': undefined }[name ?? ''] ?? '1';
      const isFlag = name === 'help' || name === 'topology-schema';
      expect(() => readCommandLine([isFlag ? `--${name}` : `--${name}=${value}`])).not.toThrow();
    }
  });

  it('fits a terminal', () => {
    for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  });
});
