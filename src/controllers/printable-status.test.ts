// The word in the column STATUS.
import { describe, expect, test } from 'vitest';
import { anOwner, at } from '../../test/builders/facts.ts';
import { REASONS } from '../api/conditions.ts';
import type { Condition } from '../api/object.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { MACHINES } from '../machines.ts';
import { printableStatus } from './printable-status.ts';

const is = (type: string, status: Condition['status'], reason: string = type): Condition => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: at(0),
});
const ready = is('Ready', 'True');
const under = (machine: string, reason: string, ...others: Condition[]): VirtualMachineStatus => ({
  operation: { machine, startedAt: at(0) },
  conditions: [is('Ready', 'False', reason), ...others],
});
const rest = (...conditions: Condition[]): VirtualMachineStatus => ({ state: 'ready', conditions });
const word = (status: VirtualMachineStatus | undefined, deletionTimestamp?: string) =>
  printableStatus({ ...anOwner({ deletionTimestamp }), status });

describe('the word', () => {
  const rows: { name: string; status?: VirtualMachineStatus; deleted?: boolean; want: string }[] = [
    { name: 'an object that was just made', want: 'Pending' },
    { name: 'one without a condition', status: {}, want: 'Pending' },
    { name: 'a VM that runs', status: rest(ready), want: 'Ready' },
    { name: 'a VM that is suspended', status: rest(is('Ready', 'True', 'Suspended')), want: 'Suspended' },
    { name: 'a VM that is kept stopped', status: rest(is('Ready', 'True', 'Halted')), want: 'Halted' },
    { name: 'a VM that people stopped', status: rest(is('Ready', 'True', 'StoppedByHand')), want: 'StoppedByHand' },
    {
      name: 'a VM that ends again and again',
      status: rest(is('Ready', 'False', 'StartBackOff')),
      want: 'StartBackOff',
    },
    { name: 'a VM that is held', status: rest(ready, is('Paused', 'True')), want: 'Paused' },
    { name: 'a VM that was held', status: rest(ready, is('Paused', 'False')), want: 'Ready' },
    {
      name: 'a deploy that is held',
      status: under('deploy', 'InProgress', is('Paused', 'True')),
      want: 'Paused',
    },
    {
      name: 'a VM that is gone',
      status: rest(is('Ready', 'False', 'VirtualMachineMissing')),
      want: 'VirtualMachineMissing',
    },
    { name: 'a deploy', status: under('deploy', 'InProgress'), want: 'Deploying' },
    { name: 'a deploy at a task', status: under('deploy', 'WaitingForTask'), want: 'Deploying' },
    {
      name: 'a deploy without a condition',
      status: { operation: { machine: 'deploy', startedAt: at(0) } },
      want: 'Deploying',
    },
    { name: 'a deploy in trouble', status: under('deploy', 'PoolEmpty'), want: 'PoolEmpty' },
    {
      name: 'a change of a VM that was ready until now',
      status: { operation: { machine: 'change_package', startedAt: at(0) }, conditions: [ready] },
      want: 'ChangingPackage',
    },
    { name: 'a single step', status: under('set_network', 'InProgress'), want: 'Configuring' },
    { name: 'a deletion', status: under('terminate', 'Terminating'), deleted: true, want: 'Terminating' },
    { name: 'a deletion that has not begun', status: rest(ready), deleted: true, want: 'Terminating' },
    { name: 'a deletion in trouble', status: under('terminate', 'Forbidden'), deleted: true, want: 'Forbidden' },
    {
      name: 'a deletion that is refused',
      status: rest(ready, is('DeletionProtected', 'True')),
      deleted: true,
      want: 'DeletionProtected',
    },
  ];
  test.each(rows)('for $name is $want', ({ status, deleted = false, want }) => {
    expect(word(status, deleted ? at(0) : undefined)).toBe(want);
  });

  test('for every pipeline says what is done, and none of them is taken for a reason', () => {
    const words = MACHINES.map(({ name }) => word(under(name, 'InProgress')));
    expect(words.filter((one) => !/^[A-Z][A-Za-z]+ing([A-Z][A-Za-z]+)?$/.test(one))).toEqual([]);
    expect(words.filter((one) => one !== 'Terminating' && one in REASONS)).toEqual([]);
  });
});
