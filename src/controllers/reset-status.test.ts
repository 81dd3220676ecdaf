// The seven targets of ResetStatus: where a pipeline starts again, and what is not forgotten with it.
import { describe, expect, test } from 'vitest';
import { aPackage, at } from '../../test/builders/facts.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { RESET_TARGETS } from '../api/virtual-machine-operation.ts';
import { machineNamed } from '../machines.ts';
import { type ResetTarget, resetStatus } from './reset-status.ts';

const STUCK: VirtualMachineStatus = {
  state: 'cp_network',
  vmid: 2000,
  effective: aPackage(),
  planRevision: 'kvm-1',
  runCount: 7,
  operation: {
    machine: 'change_package',
    startedAt: at(-60),
    powerBefore: 'Running',
    previous: aPackage(),
    steps: [],
    changed: ['stop-if-needed'],
    request: { name: 'resize', uid: 'u-1', type: 'ChangePackage', digest: 'd', remembered: false },
  },
};
const { operation: _operation, ...REST } = STUCK;

const rows: Record<ResetTarget, VirtualMachineStatus> = {
  ready: { ...REST, state: 'ready' },
  creation: { ...REST, state: 'creation' },
  // Its first step is the allocation of addresses, which finds what is in place.
  set_ip: { ...REST, state: 'creation' },
  // It begins again, and still knows that the VM ran before it was stopped, and which limits it had.
  change_package: {
    ...REST,
    state: 'change_package',
    operation: { machine: 'change_package', startedAt: at(-60), powerBefore: 'Running', previous: aPackage() },
  },
  set_dns_records: { ...REST, state: 'set_dns_records' },
  // They end the object; how it stood then is of interest.
  terminate: STUCK,
  remove: STUCK,
};

describe('resetStatus', () => {
  test.each(RESET_TARGETS)('%s', (target) => expect(resetStatus(STUCK, target)).toEqual(rows[target]));

  test.each(RESET_TARGETS)('%s without a pipeline under way', (target) => {
    expect(resetStatus({ ...REST, state: 'ready' }, target).operation).toBeUndefined();
  });

  test.each(['creation', 'set_ip'] as const)('%s remembers a clone call that may still be carried out', (target) => {
    const intent = { action: 'clone', sentAt: at(-5), attempt: 1 };
    const operation = { machine: 'deploy', startedAt: at(-60), intent };
    const stuck = { ...REST, state: 'set_ip' as const, operation: { ...operation, step: 'clone-template' } };
    expect(resetStatus(stuck, target)).toEqual({ ...REST, state: 'creation', operation });
  });

  test('changes no status that it is given', () => {
    const before = structuredClone(STUCK);
    for (const target of RESET_TARGETS) resetStatus(STUCK, target);
    expect(STUCK).toEqual(before);
  });

  test('the pipeline that it leaves exists', () => {
    expect(machineNamed(STUCK.operation?.machine)?.name).toBe('change_package');
  });
});
