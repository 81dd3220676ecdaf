// Growing a disk that has snapshots: tried first, and snapshots go only after a refusal and only all of them.
import { describe, expect, test } from 'vitest';
import { aFacts, anOwner, aStatus } from '../../test/builders/facts.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { Facts } from '../machine/facts.ts';
import { parseDrive } from '../pve/drive.ts';
import { growthNeeds, planDiskSize } from './disk-steps.ts';

const DRIVE = parseDrive('local:2000/vm-2000-disk-0.qcow2,size=10G');

function growing(change: { refused?: boolean; snapshots?: string[]; consent?: VirtualMachineSpec['consent'] }): Facts {
  const vm = anOwner();
  const { refused, snapshots, consent } = change;
  return aFacts({
    vm: { ...vm, spec: { ...vm.spec, consent } },
    status: aStatus({ operation: { blockedBySnapshots: refused } }),
    snapshots,
  });
}

const RESIZE = { kind: 'act', action: { kind: 'resizeDisk', disk: 'scsi0', sizeGiB: 20 } };
const ask = (missing: RegExp) => ({
  kind: 'skip',
  why: expect.stringMatching(missing),
  note: { conditions: [{ type: 'ConsentRequired', message: expect.stringMatching(missing) }] },
});

const rows: { name: string; facts: Facts; want: object }[] = [
  { name: 'nothing was refused', facts: growing({}), want: RESIZE },
  {
    name: 'nothing was refused: a consent deletes nothing',
    facts: growing({ snapshots: ['a'], consent: { deleteSnapshots: ['a'] } }),
    want: RESIZE,
  },
  { name: 'refused, and the snapshots are gone', facts: growing({ refused: true, snapshots: [] }), want: RESIZE },
  {
    name: 'refused, and nobody consented',
    facts: growing({ refused: true, snapshots: ['a', 'b'] }),
    want: ask(/ a, b/),
  },
  {
    name: 'refused, and one is not named',
    facts: growing({ refused: true, snapshots: ['a', 'b'], consent: { deleteSnapshots: ['a'] } }),
    want: ask(/ b/),
  },
  {
    name: 'refused, and all are named: one after the other',
    facts: growing({ refused: true, snapshots: ['a', 'b'], consent: { deleteSnapshots: ['b', 'c', 'a'] } }),
    want: { kind: 'act', action: { kind: 'deleteSnapshot', name: 'a' } },
  },
];
test.each(rows)('$name', ({ facts, want }) => expect(planDiskSize(facts, 'scsi0', DRIVE, 20)).toMatchObject(want));

describe('what is said', () => {
  test('fits a condition and a record, however many snapshots there are', () => {
    const snapshots = Array.from({ length: 60 }, (_, number) => `before-upgrade-${number}`);
    const verdict = planDiskSize(growing({ refused: true, snapshots }), 'scsi0', DRIVE, 20);
    if (verdict.kind !== 'skip') throw new Error(verdict.kind);
    expect(verdict.why.length).toBeLessThanOrEqual(300);
    expect(verdict.note?.conditions?.[0]?.message?.length).toBeLessThanOrEqual(300);
    expect(verdict.note?.status?.snapshotsInTheWay).toHaveLength(60);
  });

  test('names the snapshots only after a refusal: reading them costs a call', () => {
    expect(growthNeeds(aStatus())).toEqual(['observed']);
    expect(growthNeeds(aStatus({ operation: { blockedBySnapshots: true } }))).toEqual(['observed', 'snapshots']);
  });
});
