// Whether a VM at rest is started or stopped, when, and what its status says of it.
import { describe, expect, test } from 'vitest';
import { anOwner, at, NOW } from '../../test/builders/facts.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { powerTurn, type PowerTurn } from './declared-power.ts';

interface Shape {
  spec?: Partial<VirtualMachineSpec>;
  status?: VirtualMachineStatus;
  seen?: VirtualMachineStatus['powerState'];
  isMissing?: boolean;
  edited?: boolean;
}

/** A VM that always runs, and did when it was seen last. */
function turn({ spec = { runStrategy: 'Always' }, status, seen, isMissing, edited = false }: Shape): PowerTurn {
  const vm = anOwner({ generation: edited ? 5 : 4 });
  const known = { powerState: 'Running', observedGeneration: 4, ...status } as const;
  return powerTurn({
    vm: { ...vm, spec: { ...vm.spec, ...spec }, status: known },
    now: NOW,
    powerState: seen,
    isMissing,
  });
}

const shown = (result: PowerTurn) => {
  const { powerRetryAt, restarts, suspension } = result.kind === 'rest' ? result.status : result.change;
  return JSON.parse(JSON.stringify({ kind: result.kind, powerRetryAt, restarts, suspension })) as object;
};

const once = { count: 1, startedAt: at(-45) };
const waiting = { count: 3, startedAt: at(-45), retryAt: at(20) };
const retry = { powerState: 'Stopped', powerRetryAt: at(60) } as const;
const suspension = { since: at(-900), powerBefore: 'Running' } as const;

describe('a VM that is declared to run always', () => {
  const rows: (Shape & { name: string; want: object })[] = [
    { name: 'and runs', seen: 'Running', want: { kind: 'rest' } },
    {
      name: 'and has stopped: at once',
      seen: 'Stopped',
      want: { kind: 'start', restarts: { count: 1, startedAt: at(0) } },
    },
    {
      name: 'and has stopped again: after a pause',
      status: { restarts: once },
      seen: 'Stopped',
      want: { kind: 'rest', restarts: { ...once, retryAt: at(10) } },
    },
    {
      name: 'and waits for its turn',
      status: { powerState: 'Stopped', restarts: waiting },
      seen: 'Stopped',
      want: { kind: 'rest', restarts: waiting },
    },
    {
      name: 'and whose turn has come',
      status: { powerState: 'Stopped', restarts: { ...waiting, retryAt: at(0) } },
      seen: 'Stopped',
      want: { kind: 'start', restarts: { count: 4, startedAt: at(0) } },
    },
    {
      name: 'and waits, but somebody has edited it: at once, and from the beginning',
      status: { powerState: 'Stopped', restarts: waiting },
      edited: true,
      seen: 'Stopped',
      want: { kind: 'start', restarts: { count: 1, startedAt: at(0) } },
    },
    {
      name: 'and was stopped before that was declared: it has not stopped by itself',
      status: { powerState: 'Stopped' },
      seen: 'Stopped',
      want: { kind: 'start' },
    },
    {
      name: 'and runs again, which is watched for a while',
      status: { restarts: once },
      seen: 'Running',
      want: { kind: 'rest', restarts: once },
    },
    {
      name: 'and has run for long enough',
      status: { restarts: { ...once, startedAt: at(-600) } },
      seen: 'Running',
      want: { kind: 'rest' },
    },
    {
      name: 'and may have stopped',
      status: { restarts: waiting },
      seen: 'Unknown',
      want: { kind: 'rest', restarts: waiting },
    },
    { name: 'and of which nothing is known', status: { restarts: waiting }, want: { kind: 'rest', restarts: waiting } },
    {
      name: 'and is gone: nothing is waited for',
      status: { ...retry, restarts: waiting },
      seen: 'Stopped',
      isMissing: true,
      want: { kind: 'rest' },
    },
    {
      name: 'and has a stranger under its number: nothing is waited for',
      status: { ...retry, restarts: waiting, drift: { identity: 'Foreign' } },
      seen: 'Stopped',
      want: { kind: 'rest' },
    },
    {
      name: 'and whose start was refused a moment ago',
      status: retry,
      seen: 'Stopped',
      want: { kind: 'rest', powerRetryAt: at(60) },
    },
    {
      name: 'and whose start was refused, until somebody edits it',
      status: retry,
      edited: true,
      seen: 'Stopped',
      want: { kind: 'start', restarts: undefined },
    },
    {
      name: 'and whose start was refused long enough ago',
      status: { ...retry, powerRetryAt: at(0) },
      seen: 'Stopped',
      want: { kind: 'start' },
    },
    {
      name: 'and whose start was refused, and who was started by hand',
      status: retry,
      seen: 'Running',
      want: { kind: 'rest' },
    },
  ];
  test.each(rows)('$name', ({ name: _name, want, ...shape }) =>
    expect(shown(turn(shape))).toEqual(JSON.parse(JSON.stringify(want))),
  );
});

describe('any other VM', () => {
  const rows: (Shape & { name: string; want: object })[] = [
    { name: 'that stops is left so', spec: {}, seen: 'Stopped', want: { kind: 'rest' } },
    {
      name: 'forgets its starts when power is left to people',
      spec: { runStrategy: 'Manual' },
      status: { powerState: 'Stopped', restarts: waiting },
      seen: 'Stopped',
      want: { kind: 'rest' },
    },
    {
      name: 'forgets its starts when it is to be stopped',
      spec: { runStrategy: 'Halted' },
      status: { restarts: once },
      seen: 'Running',
      want: { kind: 'stop' },
    },
    {
      name: 'is suspended whatever it waits for',
      spec: { runStrategy: 'Always', suspension: { reason: 'unpaid' } },
      status: { powerState: 'Stopped', restarts: waiting },
      seen: 'Stopped',
      want: { kind: 'rest', suspension: { since: at(0), powerBefore: 'Stopped' } },
    },
    {
      name: 'is started when its suspension is over, which is remembered until then',
      spec: {},
      status: { powerState: 'Stopped', suspension },
      seen: 'Stopped',
      want: { kind: 'start' },
    },
    {
      name: 'has forgotten its suspension when it runs',
      spec: {},
      status: { suspension },
      seen: 'Running',
      want: { kind: 'rest' },
    },
  ];
  test.each(rows)('$name', ({ name: _name, want, ...shape }) => expect(shown(turn(shape))).toEqual(want));

  test('is told to be as it was seen when a pipeline begins', () => {
    expect(turn({ seen: 'Stopped' })).toMatchObject({
      kind: 'start',
      trigger: 'spec.runStrategy Always',
      change: { powerState: 'Stopped' },
    });
    expect(turn({ spec: { runStrategy: 'Halted' }, seen: 'Running' })).toMatchObject({
      kind: 'stop',
      trigger: 'spec.runStrategy Halted',
      change: { powerState: 'Running' },
    });
  });
});
