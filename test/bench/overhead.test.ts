import { describe, expect, test } from 'vitest';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import { stepMedians, timings } from './overhead.ts';

type Run = Pick<VirtualMachineRun, 'spec' | 'status'>;

const upid = (type: string, id: number, pid = 1): string =>
  `UPID:pve1:0000000${pid}:0000000A:68000000:${type}:${id}:a@pve!k:`;
const deployment = { name: 'vm-1', vmid: 20_001, createdAtMs: 1000, readyAtMs: 4000 };

function runOf(taskIDs: string[], steps: Record<string, number> = {}): Run {
  const records = Object.entries(steps).map(([name, durationMs]) => ({ name, durationMs }));
  return { spec: { virtualMachineName: 'vm-1' }, status: { taskIDs, steps: records } } as unknown as Run;
}

describe('timings', () => {
  const clone = { upid: upid('qmclone', 9000, 1), type: 'qmclone', startedAtMs: 1100, endedAtMs: 1600 };
  const foreignClone = { upid: upid('qmclone', 9000, 2), type: 'qmclone', startedAtMs: 1100, endedAtMs: 3600 };
  const config = { upid: upid('qmconfig', 20_001, 3), type: 'qmconfig', startedAtMs: 1700, endedAtMs: 1720 };
  const start = { upid: upid('qmstart', 20_001, 4), type: 'qmstart', startedAtMs: 2000, endedAtMs: 3100 };

  test.each([
    { name: 'without tasks all is overhead', run: runOf([]), tasks: [], want: 0 },
    { name: 'tasks of the VMID count', run: runOf([]), tasks: [config, start], want: 1120 },
    {
      name: 'a clone counts for the machine that recorded it',
      run: runOf([clone.upid]),
      tasks: [clone, foreignClone],
      want: 500,
    },
    { name: 'what is both recorded and of the VMID counts once', run: runOf([start.upid]), tasks: [start], want: 1100 },
    {
      name: 'a task that has not ended counts nothing',
      run: runOf([]),
      tasks: [{ ...start, endedAtMs: undefined }],
      want: 0,
    },
  ])('$name', ({ run, tasks, want }) => {
    const expected = { name: 'vm-1', totalMs: 3000, tasksMs: want, overheadMs: 3000 - want };
    expect(timings([deployment], [run], tasks)).toEqual([expected]);
  });

  test('a machine without a recorded run is timed all the same', () => {
    expect(timings([deployment], [], [start])).toMatchObject([{ tasksMs: 1100 }]);
  });
});

test('steps keep their order and show the median of all runs', () => {
  const runs = [runOf([], { clone: 500, start: 90 }), runOf([], { clone: 300, start: 70 }), runOf([], { clone: 400 })];
  expect(Object.entries(stepMedians(runs))).toEqual([
    ['clone', 400],
    ['start', 70],
  ]);
});
