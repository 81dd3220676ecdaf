// Snapshots and growing disks: when a refusal is possible, and which snapshots go for a resize.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedSteps, recordingsMissing } from '../pve/testing/recorded.ts';
import { snapshotsBeforeResize, snapshotsMayBlockResize, type SnapshotsVerdict } from './snapshots-and-resize.ts';

describe('snapshotsMayBlockResize', () => {
  it.each([
    { name: 'qcow2 on a directory', format: 'qcow2', storageType: 'dir', hasSnapshots: true, want: true },
    { name: 'qcow2 on NFS', format: 'qcow2', storageType: 'nfs', hasSnapshots: true, want: true },
    { name: 'qcow2 in a volume group', format: 'qcow2', storageType: 'lvm', hasSnapshots: true, want: true },
    { name: 'qcow2 on btrfs', format: 'qcow2', storageType: 'btrfs', hasSnapshots: true, want: true },
    { name: 'qcow2 without snapshots', format: 'qcow2', storageType: 'dir', hasSnapshots: false, want: false },
    { name: 'raw subvolume', format: 'raw', storageType: 'btrfs', hasSnapshots: true, want: false },
    { name: 'thin pool', format: undefined, storageType: 'lvmthin', hasSnapshots: true, want: false },
    { name: 'ZFS', format: undefined, storageType: 'zfspool', hasSnapshots: true, want: false },
    { name: 'ZFS over iSCSI', format: undefined, storageType: 'zfs', hasSnapshots: true, want: false },
    { name: 'Ceph', format: undefined, storageType: 'rbd', hasSnapshots: true, want: false },
    { name: 'another vendor', format: undefined, storageType: 'blockbridge', hasSnapshots: true, want: true },
    { name: 'another vendor, no snapshots', format: undefined, storageType: 'x', hasSnapshots: false, want: false },
  ])('$name: $want', ({ name: _name, want, ...disk }) => {
    expect(snapshotsMayBlockResize(disk)).toBe(want);
  });

  it.skipIf(recordingsMissing !== undefined)(
    'is a possibility only: a recorded qcow2 disk with a snapshot grew',
    () => {
      const steps = recordedSteps().filter(({ scenario }) => scenario === 'resize-with-snapshot');
      const tasks = steps.map(({ task }) => `${task?.type} ${task?.exitstatus}`);
      expect(tasks.indexOf('resize OK')).toBeGreaterThan(tasks.indexOf('qmsnapshot OK'));
      expect(tasks).toContain('qmsnapshot OK');
    },
  );
});

describe('snapshotsBeforeResize', () => {
  const rows: {
    name: string;
    refused?: boolean;
    snapshots: string[];
    consent?: string[];
    want: SnapshotsVerdict;
  }[] = [
    { name: 'not refused', refused: false, snapshots: ['a1'], consent: ['a1'], want: { kind: 'keep' } },
    { name: 'no snapshots any more', snapshots: [], consent: ['a1'], want: { kind: 'keep' } },
    {
      name: 'all named',
      snapshots: ['a1', 'a2'],
      consent: ['a2', 'a1'],
      want: { kind: 'delete', snapshots: ['a1', 'a2'] },
    },
    { name: 'more named', snapshots: ['a1'], consent: ['a1', 'old'], want: { kind: 'delete', snapshots: ['a1'] } },
    { name: 'one not named', snapshots: ['a1', 'a2'], consent: ['a1'], want: { kind: 'ask', missing: ['a2'] } },
    { name: 'no consent', snapshots: ['a1', 'a2'], want: { kind: 'ask', missing: ['a1', 'a2'] } },
    { name: 'another case of letters', snapshots: ['a1'], consent: ['A1'], want: { kind: 'ask', missing: ['a1'] } },
  ];

  it.each(rows)('$name', ({ refused = true, snapshots, consent, want }) => {
    expect(snapshotsBeforeResize({ refused, snapshots, consent })).toEqual(want);
  });

  it('never deletes what the consent does not name, and nothing unless all may go', () => {
    const names = fc.uniqueArray(fc.constantFrom('a1', 'b2', 'c3', 'd4'));
    fc.assert(
      fc.property(names, names, fc.boolean(), (snapshots, consent, refused) => {
        const verdict = snapshotsBeforeResize({ refused, snapshots, consent });
        if (verdict.kind !== 'delete') return;
        expect(refused).toBe(true);
        expect(verdict.snapshots).toEqual(snapshots);
        expect(consent).toEqual(expect.arrayContaining(snapshots));
      }),
    );
  });
});
