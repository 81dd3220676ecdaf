// What becomes of an operation by itself: each row is one rule, or one precedence between two.
import { describe, expect, test } from 'vitest';
import {
  aRun,
  aVm,
  CREATED,
  executed,
  HOUR_MS,
  requestOf,
  said,
  succeeded,
  type FateRow,
} from '../../test/builders/operation-fate.ts';
import { anOperation } from '../../test/builders/operations.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import { deadlineOf, PAUSE_ANNOTATION } from './operations.ts';

const reboot = anOperation('Reboot');
const reinstall = anOperation('Reinstall', { spec: { reinstall: { confirmation: 'REINSTALL' } } });
const again = (operation: VirtualMachineOperation): VirtualMachineOperation => ({
  ...operation,
  metadata: { ...operation.metadata, uid: 'made-again' },
});

describe('what happened', () => {
  const ran = aVm({ status: { state: 'ready', executedOperations: [executed(reboot)] } });
  const runs = aVm({ status: { state: 'ready', operation: aRun({ machine: 'reboot', request: requestOf(reboot) }) } });
  const rows: (FateRow & { want: string })[] = [
    { name: 'a condition that is True stays', operation: { ...reboot, status: succeeded('True') }, want: 'settled' },
    { name: 'a condition that is False stays', operation: { ...reboot, status: succeeded('False') }, want: 'settled' },
    {
      name: 'it stays although the VM runs it',
      operation: { ...reboot, status: succeeded('False') },
      vm: runs,
      want: 'settled',
    },
    {
      name: 'it stays although the VM is gone',
      operation: { ...reboot, status: succeeded('True') },
      vm: undefined,
      want: 'settled',
    },
    {
      name: 'a condition that is Unknown decides nothing',
      operation: { ...reboot, status: succeeded('Unknown') },
      want: 'next',
    },
    { name: 'an operation that the VM runs', operation: reboot, vm: runs, want: 'running reboot' },
    { name: 'one that it ran', operation: reboot, vm: ran, want: 'finished Succeeded' },
    {
      name: 'one that it ran in vain',
      operation: reboot,
      vm: aVm({ status: { executedOperations: [executed(reboot, { result: 'Failed' })] } }),
      want: 'finished Failed',
    },
    {
      name: 'one that it ran is not late afterwards',
      operation: reboot,
      vm: ran,
      now: CREATED + HOUR_MS,
      want: 'finished Succeeded',
    },
    { name: 'one that runs is not late', operation: reboot, vm: runs, now: CREATED + HOUR_MS, want: 'running reboot' },
    {
      name: 'one that runs is not superseded',
      operation: reboot,
      vm: runs,
      siblings: [anOperation('Stop', { metadata: { name: 'z' } })],
      want: 'running reboot',
    },
    {
      name: 'one that runs is not refused',
      operation: reboot,
      vm: { ...runs, spec: { ...runs.spec, suspension: { reason: 'unpaid' } } },
      want: 'running reboot',
    },
    {
      name: 'one that runs is not held',
      operation: reboot,
      vm: { ...runs, metadata: { ...runs.metadata, annotations: { [PAUSE_ANNOTATION]: '' } } },
      want: 'running reboot',
    },
    {
      name: 'the end counts more than the run',
      operation: reboot,
      vm: aVm({ status: { ...runs.status, executedOperations: [executed(reboot)] } }),
      want: 'finished Succeeded',
    },
    {
      name: 'a pipeline that nobody asked for is not its run',
      operation: reboot,
      vm: aVm({ status: { state: 'clone', operation: aRun() } }),
      want: 'waiting Queued',
    },
    {
      name: 'one that began and is not there any more',
      operation: { ...reboot, status: { startedAt: 'then' } },
      want: 'refused Interrupted',
    },
    {
      name: 'one that began before the VM was deleted',
      operation: { ...reboot, status: { startedAt: 'then' } },
      vm: aVm({ deleted: true }),
      want: 'refused VirtualMachineDeleted',
    },
    {
      name: 'one that began is not called late',
      operation: { ...reboot, status: { startedAt: 'then' } },
      now: CREATED + HOUR_MS,
      want: 'refused Interrupted',
    },
  ];

  test.each(rows)('$name: $want', ({ want, ...row }) => {
    expect(said(row)).toBe(want);
  });
});

describe('the same request once more', () => {
  const knows = (change: object, operation = reinstall) =>
    aVm({ status: { state: 'ready', executedOperations: [executed(operation, change)] } });
  const rows: (FateRow & { want: string })[] = [
    {
      name: 'is not executed again',
      operation: again(reinstall),
      vm: knows({ remembered: true }),
      want: 'alreadyExecuted Succeeded',
    },
    {
      name: 'is not executed again after a failure',
      operation: again(reinstall),
      vm: knows({ remembered: true, result: 'Failed' }),
      want: 'alreadyExecuted Failed',
    },
    {
      name: 'is not called late',
      operation: again(reinstall),
      vm: knows({ remembered: true }),
      now: CREATED + HOUR_MS,
      want: 'alreadyExecuted Succeeded',
    },
    {
      name: 'is not called superseded',
      operation: again(reinstall),
      vm: knows({ remembered: true }),
      siblings: [anOperation('Redeploy', { metadata: { name: 'z' } })],
      want: 'alreadyExecuted Succeeded',
    },
    {
      name: 'is executed where it is not remembered',
      operation: again(reboot),
      vm: knows({ remembered: false }, reboot),
      want: 'next',
    },
    {
      name: 'is the first one itself',
      operation: reinstall,
      vm: knows({ remembered: true }),
      want: 'finished Succeeded',
    },
    {
      name: 'is another one under another name',
      operation: { ...again(reinstall), metadata: { ...reinstall.metadata, uid: 'u', name: 'reinstall-2' } },
      vm: knows({ remembered: true }),
      want: 'next',
    },
    {
      name: 'waits while the first one runs',
      operation: again(reinstall),
      vm: aVm({ status: { state: 'reinstall', operation: aRun({ request: requestOf(reinstall) }) } }),
      want: 'waiting Queued',
    },
  ];

  test.each(rows)('$name: $want', ({ want, ...row }) => {
    expect(said(row)).toBe(want);
  });
});

describe('a refusal', () => {
  const start = anOperation('Start');
  const rows: (FateRow & { want: string })[] = [
    {
      name: 'of a start where the strategy decides',
      operation: start,
      vm: aVm({ spec: { runStrategy: 'Always' } }),
      want: 'refused RunStrategyDecides',
    },
    {
      name: 'of a start of a suspended VM',
      operation: start,
      vm: aVm({ spec: { suspension: { reason: 'unpaid' } } }),
      want: 'refused Suspended',
    },
    {
      name: 'does not wait for the pipeline',
      operation: start,
      vm: aVm({ spec: { runStrategy: 'Halted' }, status: { operation: aRun() } }),
      want: 'refused RunStrategyDecides',
    },
    {
      name: 'does not wait for the end of a pause',
      operation: start,
      vm: aVm({ spec: { runStrategy: 'Halted' }, annotations: { [PAUSE_ANNOTATION]: 'true' } }),
      want: 'refused RunStrategyDecides',
    },
    {
      name: 'comes before the deadline',
      operation: start,
      vm: aVm({ spec: { runStrategy: 'Halted' } }),
      now: CREATED + HOUR_MS,
      want: 'refused RunStrategyDecides',
    },
    {
      name: 'of a deployment anew of what is ready',
      operation: anOperation('Redeploy'),
      want: 'refused VirtualMachineReady',
    },
    { name: 'not if Proxmox VE does not show it', operation: anOperation('Redeploy'), shown: false, want: 'next' },
    { name: 'not of a reinstallation of what is not shown', operation: reinstall, shown: false, want: 'next' },
    {
      name: 'of anything while the VM is being deleted',
      operation: reboot,
      vm: aVm({ deleted: true }),
      want: 'refused VirtualMachineDeleted',
    },
    {
      name: 'of a new try where nothing is being deleted',
      operation: anOperation('RetryTerminate'),
      want: 'refused NotBeingDeleted',
    },
    {
      name: 'of an operation of an earlier VM',
      operation: anOperation('Reinstall', {
        metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'VirtualMachine', name: 'web-1', uid: 'earlier' }] },
      }),
      want: 'refused VirtualMachineDeleted',
    },
    {
      name: 'of an operation whose VM is gone',
      operation: anOperation('Reboot', {
        metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'VirtualMachine', name: 'web-1', uid: 'earlier' }] },
      }),
      vm: undefined,
      want: 'refused VirtualMachineDeleted',
    },
  ];

  test.each(rows)('$name: $want', ({ want, ...row }) => {
    expect(said(row)).toBe(want);
  });
});

describe('the deadline', () => {
  const busy = aVm({ status: { state: 'clone', operation: aRun() } });
  const within = (deadlineSeconds: number) => anOperation('Reboot', { spec: { deadlineSeconds } });
  const rows: (FateRow & { want: string })[] = [
    { name: 'is an hour', vm: busy, now: CREATED + HOUR_MS - 1, want: 'waiting Queued' },
    { name: 'is an hour and no more', vm: busy, now: CREATED + HOUR_MS, want: 'expired' },
    { name: 'is what the operation says', operation: within(60), vm: busy, now: CREATED + 60_000, want: 'expired' },
    { name: 'may be longer', operation: within(7_200), vm: busy, now: CREATED + HOUR_MS, want: 'waiting Queued' },
    { name: 'holds for a VM that does not come', vm: undefined, now: CREATED + HOUR_MS, want: 'expired' },
    {
      name: 'holds during a pause',
      vm: aVm({ annotations: { [PAUSE_ANNOTATION]: '1' } }),
      now: CREATED + HOUR_MS,
      want: 'expired',
    },
    { name: 'holds for what could begin now', now: CREATED + HOUR_MS, want: 'expired' },
  ];

  test.each(rows)('$name: $want', ({ want, ...row }) => {
    expect(said(row)).toBe(want);
  });

  test('counts from the creation', () => {
    expect(deadlineOf(within(60))).toBe(CREATED + 60_000);
    expect(deadlineOf(anOperation('Start', { metadata: { creationTimestamp: undefined } }))).toBeUndefined();
  });
});
