// In which order operations begin, what they wait for, and what takes the place of what.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anOwner } from '../../test/builders/facts.ts';
import {
  aRun,
  aVm,
  CREATED,
  executed,
  fateOf,
  HOUR_MS,
  requestOf,
  said,
  succeeded,
  type FateRow,
} from '../../test/builders/operation-fate.ts';
import { anOperation } from '../../test/builders/operations.ts';
import { OPERATION_TYPES, type OperationType, type VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { isPaused, nextOperation, operationFate, PAUSE_ANNOTATION } from './operations.ts';

const reinstall = anOperation('Reinstall', { spec: { reinstall: { confirmation: 'REINSTALL' } } });

describe('a later operation', () => {
  const busy = aVm({ status: { state: 'clone', operation: aRun() } });
  const later = (type: OperationType, change: Parameters<typeof anOperation>[1] = {}) =>
    anOperation(type, { ...change, metadata: { name: `z-${type.toLowerCase()}`, ...change.metadata } });
  const rows: (FateRow & { want: string })[] = [
    {
      name: 'takes the place of a queued one',
      operation: anOperation('Start'),
      vm: busy,
      siblings: [later('Stop')],
      want: 'superseded by z-stop',
    },
    {
      name: 'also before it may begin',
      operation: anOperation('Start'),
      siblings: [later('Stop')],
      want: 'superseded by z-stop',
    },
    {
      name: 'also while there is no VM',
      operation: anOperation('Start'),
      vm: undefined,
      siblings: [later('Stop')],
      want: 'superseded by z-stop',
    },
    {
      name: 'the latest is named',
      operation: anOperation('Start'),
      vm: busy,
      siblings: [later('Stop'), later('Reset'), later('Reboot')],
      want: 'superseded by z-stop',
    },
    {
      name: 'an earlier one does not',
      operation: later('Start'),
      vm: busy,
      siblings: [anOperation('Stop')],
      want: 'waiting Queued',
    },
    {
      name: 'of another sort does not',
      operation: anOperation('ResetPassword'),
      vm: busy,
      siblings: [later('Stop')],
      want: 'waiting Queued',
    },
    {
      name: 'that is a reinstallation does',
      operation: anOperation('SetNetwork'),
      vm: busy,
      siblings: [later('Reinstall')],
      want: 'superseded by z-reinstall',
    },
    {
      name: 'that is refused does not',
      operation: anOperation('ResetPassword'),
      siblings: [later('Redeploy')],
      want: 'next',
    },
    {
      name: 'that is finished does not',
      operation: anOperation('Start'),
      vm: busy,
      siblings: [later('Stop', { status: succeeded('False') })],
      want: 'waiting Queued',
    },
    {
      name: 'that runs already does not',
      operation: anOperation('Start'),
      vm: aVm({ status: { state: 'ready', operation: aRun({ request: requestOf(later('Stop')) }) } }),
      siblings: [later('Stop')],
      want: 'waiting Queued',
    },
    {
      name: 'that is too late does not',
      operation: anOperation('Start', { spec: { deadlineSeconds: 9_000 } }),
      vm: busy,
      siblings: [later('Stop')],
      now: CREATED + HOUR_MS,
      want: 'waiting Queued',
    },
    {
      name: 'that was executed before does not',
      operation: anOperation('SetNetwork'),
      vm: aVm({
        status: { state: 'ready', executedOperations: [executed(reinstall, { remembered: true, uid: 'first' })] },
      }),
      siblings: [{ ...reinstall, metadata: { ...reinstall.metadata, creationTimestamp: '2026-03-01T10:00:01Z' } }],
      want: 'next',
    },
  ];

  test.each(rows)('$name: $want', ({ want, ...row }) => {
    expect(said(row)).toBe(want);
  });
});

describe('an operation waits', () => {
  const rows: (FateRow & { want: string })[] = [
    { name: 'for nothing, if the VM is ready and idle', want: 'next' },
    { name: 'for its VM', vm: undefined, want: 'waiting WaitingForVirtualMachine' },
    { name: 'for a VM without a status', vm: anOwner(), want: 'waiting Queued' },
    {
      name: 'for a VM that stands between two pipelines',
      vm: aVm({ status: { state: 'clone' } }),
      want: 'waiting Queued',
    },
    {
      name: 'for the pipeline that runs',
      vm: aVm({ status: { state: 'cp_stop', operation: aRun() } }),
      want: 'waiting Queued',
    },
    {
      name: 'for a pipeline that leaves the state as it is',
      vm: aVm({ status: { state: 'ready', operation: aRun() } }),
      want: 'waiting Queued',
    },
    {
      name: 'for the end of a pause',
      vm: aVm({ annotations: { [PAUSE_ANNOTATION]: 'true' } }),
      want: 'waiting Paused',
    },
    {
      name: 'for the end of a pause, even to try the deletion again',
      operation: anOperation('RetryTerminate'),
      vm: aVm({ deleted: true, annotations: { [PAUSE_ANNOTATION]: 'true' } }),
      want: 'waiting Paused',
    },
    {
      name: 'not for the end of a pause, if it is an adoption: until then the object must deploy nothing',
      operation: anOperation('Adopt'),
      vm: aVm({ status: {}, annotations: { [PAUSE_ANNOTATION]: 'true' } }),
      want: 'next',
    },
    {
      name: 'not for a suspended VM, if it is a stop',
      operation: anOperation('Stop'),
      vm: aVm({ spec: { suspension: { reason: 'unpaid' } } }),
      want: 'next',
    },
  ];

  test.each(rows)('$name: $want', ({ want, ...row }) => {
    expect(said(row)).toBe(want);
  });

  const messages: (FateRow & { want: string })[] = [
    {
      name: 'a pipeline',
      vm: aVm({ status: { state: 'clone', operation: aRun() } }),
      want: 'Waits until the pipeline deploy is done.',
    },
    {
      name: 'another operation',
      vm: aVm({
        status: {
          state: 'ready',
          operation: aRun({ request: requestOf(anOperation('Stop', { metadata: { name: 'stop-1' } })) }),
        },
      }),
      want: 'Waits until operation stop-1 (Stop) is done.',
    },
    { name: 'the VM', vm: undefined, want: 'VirtualMachine web-1 does not exist yet.' },
  ];

  test.each(messages)('and says so: for $name', ({ want, ...row }) => {
    expect(fateOf(row)).toMatchObject({ message: want });
  });

  test.each<{ annotations: Record<string, string> | undefined; want: boolean }>([
    { annotations: undefined, want: false },
    { annotations: { other: 'true' }, want: false },
    { annotations: { [PAUSE_ANNOTATION]: 'false' }, want: false },
    { annotations: { [PAUSE_ANNOTATION]: '' }, want: true },
    { annotations: { [PAUSE_ANNOTATION]: 'until Monday' }, want: true },
  ])('paused by $annotations: $want', ({ annotations, want }) => {
    expect(isPaused(aVm({ annotations }))).toBe(want);
  });
});

describe('what takes the place of a pipeline', () => {
  const stuck = aVm({ status: { state: 'clone', operation: aRun() } });
  const inTask = aVm({ status: { state: 'clone', operation: aRun({ taskID: 'UPID:pve1:1' }) } });
  const idle = aVm();
  const between = aVm({ status: { state: 'set_ip' } });
  const power = aVm({ status: { state: 'ready', operation: aRun({ machine: 'reboot' }) } });
  const dying = aVm({ deleted: true, status: { state: 'error_terminate', operation: aRun({ machine: 'terminate' }) } });
  const dyingInTask = aVm({
    deleted: true,
    status: { state: 'terminate', operation: aRun({ taskID: 'UPID:pve1:1' }) },
  });
  const rows: { vm: VirtualMachine; name: string; may: OperationType[] }[] = [
    { name: 'a pipeline that is stuck', vm: stuck, may: ['Redeploy', 'ResetStatus', 'Adopt'] },
    { name: 'a pipeline that waits for a task', vm: inTask, may: [] },
    { name: 'a power operation', vm: power, may: ['ResetStatus', 'Adopt'] },
    { name: 'nothing, while the VM is not ready', vm: between, may: ['Redeploy', 'ResetStatus', 'Adopt'] },
    {
      name: 'nothing',
      vm: idle,
      may: OPERATION_TYPES.filter((type) => type !== 'Redeploy' && type !== 'RetryTerminate'),
    },
    { name: 'a deletion', vm: dying, may: ['RetryTerminate'] },
    { name: 'a deletion that waits for a task', vm: dyingInTask, may: [] },
  ];

  test.each(rows)('of $name: $may', ({ vm, may }) => {
    const begins = OPERATION_TYPES.filter((type) => said({ name: type, operation: anOperation(type), vm }) === 'next');
    expect(begins).toEqual(may);
  });

  test('a task is waited for by name', () => {
    expect(said({ name: '', operation: anOperation('Adopt'), vm: inTask })).toBe('waiting WaitingForTask');
    expect(said({ name: '', operation: anOperation('Start'), vm: inTask })).toBe('waiting Queued');
  });
});

describe('the next operation', () => {
  const at = { snapshotShowsVm: true, now: CREATED + 60_000 };
  const made = (type: OperationType, creationTimestamp: string, name = type.toLowerCase()) =>
    anOperation(type, { metadata: { name, creationTimestamp } });
  const rows: { name: string; operations: VirtualMachineOperation[]; vm?: VirtualMachine; want: string | undefined }[] =
    [
      { name: 'none', operations: [], want: undefined },
      {
        name: 'the oldest, in whatever order they come',
        operations: [
          made('ResetPassword', '2026-03-01T10:00:03Z'),
          made('SetNetwork', '2026-03-01T10:00:01Z'),
          made('Reboot', '2026-03-01T10:00:02Z'),
        ],
        want: 'setnetwork',
      },
      {
        name: 'by name within a second',
        operations: [made('SetFirewall', '2026-03-01T10:00:01Z', 'b'), made('SetNetwork', '2026-03-01T10:00:01Z', 'a')],
        want: 'a',
      },
      {
        name: 'not a superseded one',
        operations: [made('SetNetwork', '2026-03-01T10:00:01Z'), made('Reinstall', '2026-03-01T10:00:02Z')],
        want: 'reinstall',
      },
      {
        name: 'not a refused one',
        operations: [made('Redeploy', '2026-03-01T10:00:01Z'), made('SetNetwork', '2026-03-01T10:00:02Z')],
        want: 'setnetwork',
      },
      {
        name: 'of two the same, the later',
        operations: [made('Reboot', '2026-03-01T10:00:01Z', 'a'), made('Reboot', '2026-03-01T10:00:02Z', 'b')],
        want: 'b',
      },
      {
        name: 'none while a pipeline runs',
        operations: [made('Reboot', '2026-03-01T10:00:01Z')],
        vm: aVm({ status: { state: 'ready', operation: aRun() } }),
        want: undefined,
      },
      {
        name: 'a younger one that need not wait',
        operations: [made('Reboot', '2026-03-01T10:00:01Z'), made('ResetStatus', '2026-03-01T10:00:02Z')],
        vm: aVm({ status: { state: 'clone', operation: aRun() } }),
        want: 'resetstatus',
      },
    ];

  test.each(rows)('$name: $want', ({ operations, vm = aVm(), want }) => {
    expect(nextOperation(vm, operations, at)?.metadata.name).toBe(want);
  });

  const operation = fc.record({
    type: fc.constantFrom(...OPERATION_TYPES),
    second: fc.integer({ min: 0, max: 5 }),
    done: fc.boolean(),
  });

  test('of an idle VM is there whenever one may begin, and there is never a cycle of superseding', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (shapes) => {
        const operations = shapes.map(({ type, second, done }, index) => ({
          ...made(type, `2026-03-01T10:00:0${second}Z`, `op-${index}`),
          ...(done ? { status: succeeded('True') } : {}),
        }));
        const kinds = operations.map((one) => operationFate(one, { vm: aVm(), siblings: operations, ...at }).kind);
        const next = nextOperation(aVm(), operations, at);
        expect(next !== undefined).toBe(kinds.includes('next'));
        if (kinds.includes('superseded')) expect(next).toBeDefined();
        const open = operations.filter((_, index) => kinds[index] === 'next');
        expect(open.map(({ spec }) => spec.type).length).toBe(new Set(open.map(({ spec }) => spec.type)).size);
      }),
    );
  });
});
