// Who decides about power, and what a suspension remembers.
import { describe, expect, test } from 'vitest';
import { aVirtualMachine } from '../../test/builders/objects.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { declaredPower, type Power, powerAfter, powerWish } from './power.ts';

const UNPAID = { reason: 'unpaid' } as const;
const NOW = '2026-03-01T10:00:00.000Z';

describe('declaredPower', () => {
  const rows: {
    name: string;
    spec: Pick<VirtualMachineSpec, 'runStrategy' | 'suspension'>;
    want: string | undefined;
  }[] = [
    { name: 'nothing said', spec: {}, want: undefined },
    { name: 'manual', spec: { runStrategy: 'Manual' }, want: undefined },
    { name: 'always', spec: { runStrategy: 'Always' }, want: 'Running' },
    { name: 'halted', spec: { runStrategy: 'Halted' }, want: 'Stopped Halted' },
    { name: 'suspended', spec: { suspension: UNPAID }, want: 'Stopped Suspended' },
    { name: 'suspended beats always', spec: { runStrategy: 'Always', suspension: UNPAID }, want: 'Stopped Suspended' },
    {
      name: 'suspended is told from halted',
      spec: { runStrategy: 'Halted', suspension: UNPAID },
      want: 'Stopped Suspended',
    },
  ];
  test.each(rows)('$name: $want', ({ spec, want }) => {
    const decision = declaredPower(spec);
    const words =
      decision === undefined ? undefined : [decision.power, decision.because?.reason].filter(Boolean).join(' ');
    expect(words).toBe(want);
  });
});

describe('powerAfter', () => {
  const rows: { name: string; runStrategy?: VirtualMachineSpec['runStrategy']; before?: Power; want: string }[] = [
    { name: 'a deploy starts its VM', want: 'Running' },
    { name: 'as it was: running', before: 'Running', want: 'Running' },
    { name: 'as it was: stopped', before: 'Stopped', want: 'Stopped StoppedByHand' },
    { name: 'always, whatever it was', runStrategy: 'Always', before: 'Stopped', want: 'Running' },
    { name: 'halted, whatever it was', runStrategy: 'Halted', before: 'Running', want: 'Stopped Halted' },
  ];
  test.each(rows)('$name', ({ runStrategy, before, want }) => {
    const { power, because } = powerAfter({ runStrategy }, { powerBefore: before });
    expect([power, because?.reason].filter(Boolean).join(' ')).toBe(want);
  });

  test('a pipeline that remembers nothing', () => expect(powerAfter({}, undefined)).toEqual({ power: 'Running' }));
});

describe('powerWish', () => {
  interface Row {
    name: string;
    spec?: Partial<VirtualMachineSpec>;
    suspension?: VirtualMachineStatus['suspension'];
    seen: Power;
    want: { power: Power; trigger?: string; change?: object };
  }
  const since = '2026-02-01T00:00:00.000Z';
  const rows: Row[] = [
    { name: 'manual: a VM that somebody stopped stays stopped', seen: 'Stopped', want: { power: 'Stopped' } },
    { name: 'manual: a VM that somebody started stays running', seen: 'Running', want: { power: 'Running' } },
    {
      name: 'always brings back a VM that was stopped by hand',
      spec: { runStrategy: 'Always' },
      seen: 'Stopped',
      want: { power: 'Running', trigger: 'spec.runStrategy Always' },
    },
    {
      name: 'halted stops a VM that was started by hand',
      spec: { runStrategy: 'Halted' },
      seen: 'Running',
      want: { power: 'Stopped', trigger: 'spec.runStrategy Halted' },
    },
    {
      name: 'a suspension begins and remembers how the VM was',
      spec: { suspension: UNPAID },
      seen: 'Running',
      want: {
        power: 'Stopped',
        trigger: 'spec.suspension',
        change: { suspension: { since: NOW, powerBefore: 'Running' } },
      },
    },
    {
      name: 'a suspension of a stopped VM remembers that too',
      spec: { suspension: UNPAID },
      seen: 'Stopped',
      want: { power: 'Stopped', change: { suspension: { since: NOW, powerBefore: 'Stopped' } } },
    },
    {
      name: 'a suspension that goes on forgets nothing, although the VM was started by hand',
      spec: { suspension: UNPAID },
      suspension: { since, powerBefore: 'Stopped' },
      seen: 'Running',
      want: { power: 'Stopped' },
    },
    {
      name: 'a suspension ends: the VM runs as before',
      suspension: { since, powerBefore: 'Running' },
      seen: 'Stopped',
      want: { power: 'Running', trigger: 'spec.suspension taken away', change: { suspension: undefined } },
    },
    {
      name: 'a suspension ends: the VM stays stopped as before',
      suspension: { since, powerBefore: 'Stopped' },
      seen: 'Stopped',
      want: { power: 'Stopped', change: { suspension: undefined } },
    },
    {
      name: 'a suspension ends: runStrategy decides again',
      spec: { runStrategy: 'Halted' },
      suspension: { since, powerBefore: 'Running' },
      seen: 'Stopped',
      want: { power: 'Stopped', change: { suspension: undefined } },
    },
  ];
  test.each(rows)('$name', ({ spec, suspension, seen, want }) => {
    const vm = { ...aVirtualMachine('web-1', spec), status: { suspension } };
    const wish = powerWish(vm, seen, NOW);
    expect(wish).toMatchObject(want);
    expect('change' in wish).toBe('change' in want);
  });
});
