// Tests of the simulator's command line.
import { describe, expect, it } from 'vitest';
import { readCommandLine } from './command-line.ts';
import type { CommandLine } from './command-line.ts';

describe('readCommandLine', () => {
  const rows: { name: string; args: string[]; want: Partial<CommandLine> }[] = [
    { name: 'nothing', args: [], want: { port: undefined, topologies: [], pve: undefined, speed: 1, seed: 1 } },
    { name: 'the older release', args: ['--pve', '8'], want: { pve: 8 } },
    { name: 'the newer release', args: ['--pve=9'], want: { pve: 9 } },
    { name: 'a speed', args: ['--speed', '10'], want: { speed: 10 } },
    { name: 'no time at all', args: ['--speed', 'instant'], want: { speed: 'instant' } },
    { name: 'several clusters', args: ['--topology', 'a', '--topology', 'b'], want: { topologies: ['a', 'b'] } },
    { name: 'any port', args: ['--port', '0'], want: { port: 0 } },
  ];
  it.each(rows)('$name', ({ args, want }) => {
    expect(readCommandLine(args)).toMatchObject(want);
  });

  const refused = [
    { args: ['--pve', '7'], text: '--pve must be 8 or 9, got 7' },
    { args: ['--port', '70000'], text: '--port must be a port, got 70000' },
    { args: ['--speed', 'fast'], text: '--speed must be a positive number, got fast' },
  ];
  it.each(refused)('refuses $args', ({ args, text }) => {
    expect(() => readCommandLine(args)).toThrow(text);
  });
});
