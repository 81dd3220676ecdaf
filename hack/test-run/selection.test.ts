// Tests of the command line of `npm test`.
import { describe, expect, test } from 'vitest';
import { parseSelection, projects, UsageError } from './selection.ts';

describe('parseSelection', () => {
  const all = { help: false, gates: true, projects, filters: [] };
  const table = [
    { args: [], want: all },
    { args: ['--help'], want: { ...all, help: true } },
    { args: ['--project', 'unit'], want: { ...all, gates: false, projects: ['unit'] } },
    {
      args: ['--project', 'integration', '--project=unit'],
      want: { ...all, gates: false, projects: ['unit', 'integration'] },
    },
    { args: ['src/dns'], want: { ...all, gates: false, filters: ['src/dns'] } },
    { args: ['-t', 'pools', 'a', 'b'], want: { ...all, gates: false, filters: ['a', 'b', '-t', 'pools'] } },
    { args: ['--project', 'sim', '--gates'], want: { ...all, projects: ['sim'] } },
  ];
  test.each(table)('$args', ({ args, want }) => {
    expect(parseSelection(args)).toEqual(want);
  });

  test.each([
    [['--project', 'e2e'], 'There is no project e2e: use unit, reconcile, crash, sim, contract, integration.'],
    [['--project'], "Option '--project <value>' argument missing"],
    [['--watch'], "Unknown option '--watch'"],
  ])('%j is refused', (args, want) => {
    expect(() => parseSelection(args)).toThrow(UsageError);
    expect(() => parseSelection(args)).toThrow(want);
  });
});
