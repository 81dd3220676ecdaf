// What stays of an operation when it has ended: enough to answer for it, and not to begin it again.
import { describe, expect, test } from 'vitest';
import { at, NOW } from '../../test/builders/facts.ts';
import { anExecution, anOperation } from '../../test/builders/operations.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { operationDigest } from '../domain/operations-memory.ts';
import { withEndedOperation, withEndedRequest, withInterruptedRequest } from './executed-operations.ts';

const request = { name: 'stop-1', uid: 'uid-stop-1', type: 'Stop', digest: 'd', remembered: true };
const running = (change: object = {}): VirtualMachineStatus => ({
  state: 'ready',
  operation: { machine: 'stop', startedAt: at(-9), request, runName: 'web-1-run-3', ...change },
});

describe('the request of a pipeline', () => {
  test('ends with the pipeline, and names its run', () => {
    const ended = withEndedRequest(running(), { result: 'Succeeded', reason: 'Succeeded' }, NOW);
    expect(ended.executedOperations).toMatchObject([
      { ...request, result: 'Succeeded', reason: 'Succeeded', completedAt: at(0), runName: 'web-1-run-3' },
    ]);
    expect(ended.operation).toEqual(running().operation);
  });

  test('ends once: a pass that is repeated adds nothing', () => {
    const end = { result: 'Succeeded', reason: 'Succeeded' } as const;
    const twice = withEndedRequest(withEndedRequest(running(), end, NOW), end, NOW + 1_000);
    expect(twice.executedOperations).toHaveLength(1);
  });

  test('is none where nobody asked', () => {
    const status = running({ request: undefined });
    expect(withEndedRequest(status, { result: 'Succeeded', reason: 'Succeeded' }, NOW)).toBe(status);
    expect(withEndedRequest({}, { result: 'Succeeded', reason: 'Succeeded' }, NOW)).toEqual({});
  });

  test('is interrupted when another one takes its place, which is named', () => {
    const [entry] = withInterruptedRequest(running(), 'spec.suspension', NOW).executedOperations ?? [];
    expect(entry).toMatchObject({
      result: 'Failed',
      reason: 'Interrupted',
      message: expect.stringContaining('spec.suspension'),
    });
  });
});

describe('an operation without a pipeline', () => {
  const end = { result: 'Failed', reason: 'NotAllowed', message: 'No.' } as const;

  test('ends with what was asked and what became of it', () => {
    const operation = anOperation('Reinstall', { spec: { reinstall: { confirmation: 'REINSTALL' } } });
    const [entry] = withEndedOperation({}, operation, end, NOW).executedOperations ?? [];
    expect(entry).toEqual({
      uid: 'uid-reinstall',
      name: 'reinstall',
      type: 'Reinstall',
      digest: operationDigest(operation),
      remembered: true,
      ...end,
      completedAt: at(0),
    });
  });

  test('is added to those that are remembered', () => {
    const status: VirtualMachineStatus = { executedOperations: [anExecution({ uid: 'before', remembered: true })] };
    const ended = withEndedOperation(status, anOperation('ResetStatus'), end, NOW);
    expect(ended.executedOperations?.map(({ uid }) => uid)).toEqual(['before', 'uid-resetstatus']);
  });
});
