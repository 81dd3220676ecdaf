// Resizes that fail: what the detail of the error says, and whether snapshots are the cause.
import { describe, expect, it } from 'vitest';
import { isSnapshotRefusal, taskFailure } from './errors.ts';
import { recordedSteps, recordingsMissing } from './testing/recorded.ts';

const resize = (path: string): string => `command '/usr/bin/qemu-img resize -f qcow2 ${path} 1' failed: exit code 1`;

describe('the error of a command that failed', () => {
  it('tells what the command said', () => {
    const ending = resize('/mnt/a.qcow2');
    const error = taskFailure(ending, ['qemu-img: Failed to grow the L1 table', `TASK ERROR: ${ending}`]);
    expect(error).toMatchObject({ kind: 'task-failed', detail: `${ending}: qemu-img: Failed to grow the L1 table` });
  });

  it('has the kind of what the command said', () => {
    const log = ['  Insufficient free space: 1 extents needed, but only 0 available'];
    const error = taskFailure("command '/sbin/lvextend -L 1g /dev/pve/vm-1-disk-0' failed: exit code 5", log);
    expect(error.kind).toBe('no-space');
  });

  it('is the ending alone without a log', () => {
    expect(taskFailure(resize('/mnt/a.qcow2'), []).detail).toBe(resize('/mnt/a.qcow2'));
  });
});

describe('isSnapshotRefusal', () => {
  const rows: { name: string; exitstatus: string; log?: string[]; want: boolean }[] = [
    {
      name: 'stopped VM with an image of version 2',
      exitstatus: resize('/mnt/a.qcow2'),
      log: ["qemu-img: Can't resize a v2 image which has snapshots", `TASK ERROR: ${resize('/mnt/a.qcow2')}`],
      want: true,
    },
    {
      name: 'running VM with an image of version 2',
      exitstatus: "VM 401 qmp command 'block_resize' failed - Can't resize a v2 image which has snapshots",
      want: true,
    },
    {
      name: 'any image of an older QEMU',
      exitstatus: "VM 401 qmp command 'block_resize' failed - Can't resize an image which has snapshots",
      want: true,
    },
    { name: 'before 8.0.2', exitstatus: "can't resize volume: scsi0 if snapshot exists", want: true },
    { name: 'shrinking', exitstatus: 'shrinking disks is not supported', want: false },
    { name: 'snapshot under way', exitstatus: 'VM is locked (snapshot)', want: false },
    {
      name: 'full storage whose path speaks of snapshots',
      exitstatus: resize('/mnt/image which has snapshots/a.qcow2'),
      log: ['qemu-img: No space left on device'],
      want: false,
    },
    { name: 'snapshot that is missing', exitstatus: "snapshot 'nope' does not exist", want: false },
  ];

  it.each(rows)('$name: $want', ({ exitstatus, log = [], want }) => {
    expect(isSnapshotRefusal(taskFailure(exitstatus, log).detail)).toBe(want);
  });

  it.skipIf(recordingsMissing !== undefined)('is none of what the recorded cluster ever said', () => {
    const endings = recordedSteps().map(({ task }) => taskFailure(task?.exitstatus ?? '', task?.log ?? []).detail);
    expect(endings.filter(isSnapshotRefusal)).toEqual([]);
  });
});
