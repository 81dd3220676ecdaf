// Tests of the command line of `npm run control-plane`.
import { describe, expect, test } from 'vitest';
import { parseCommandLine } from './main.ts';

describe('parseCommandLine', () => {
  const defaults = { crds: true, 'controller-manager': true, help: false };
  test.each([
    [[], defaults],
    [['--help'], { ...defaults, help: true }],
    [['--no-crds', '--no-controller-manager'], { ...defaults, crds: false, 'controller-manager': false }],
    [['--dir', '/d', '--audit-log=/a'], { ...defaults, dir: '/d', 'audit-log': '/a' }],
  ])('%j', (args, want) => {
    expect({ ...parseCommandLine(args) }).toEqual(want);
  });
  test.each([[['--port', '1']], [['file']], [['--dir']]])('%j is refused', (args) => {
    expect(() => parseCommandLine(args)).toThrow(TypeError);
  });
});
