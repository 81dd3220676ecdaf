import { describe, expect, test } from 'vitest';
import { parseOptions, UsageError } from './options.ts';

const defaults = { vms: [1, 100], repeat: 20, restSeconds: 60 };

describe('parseOptions', () => {
  test.each<{ name: string; args: string[]; want: unknown }>([
    { name: 'nothing said', args: [], want: defaults },
    { name: 'one number of machines', args: ['--vms', '5'], want: { ...defaults, vms: [5] } },
    { name: 'several', args: ['--vms=1, 10,100'], want: { ...defaults, vms: [1, 10, 100] } },
    { name: 'a file', args: ['--json', 'out.json'], want: { ...defaults, json: 'out.json' } },
    {
      name: 'a short run',
      args: ['--repeat', '3', '--rest-seconds', '5'],
      want: { ...defaults, repeat: 3, restSeconds: 5 },
    },
    { name: 'help wins', args: ['--help', '--vms', '1'], want: 'help' },
  ])('$name', ({ args, want }) => {
    expect(parseOptions(args)).toEqual(want);
  });

  test.each([
    { name: 'no number', args: ['--vms', 'many'], want: '--vms' },
    { name: 'none at all', args: ['--vms', ''], want: '--vms' },
    { name: 'zero', args: ['--repeat', '0'], want: '--repeat' },
    { name: 'a fraction', args: ['--rest-seconds', '1.5'], want: '--rest-seconds' },
    { name: 'too many', args: ['--vms', '1,1001'], want: '1000' },
    { name: 'an unknown option', args: ['--fast'], want: '--fast' },
    { name: 'a stray word', args: ['100'], want: '100' },
  ])('$name is refused and named', ({ args, want }) => {
    const parse = (): unknown => parseOptions(args);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(want);
  });
});
