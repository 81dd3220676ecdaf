// A disk that the package has no more is destroyed only when somebody named it, and kept with a reason until then.
import { describe, expect, test } from 'vitest';
import { aDesign, aFacts, anOwner, anOwnVm, aStatus } from '../../test/builders/facts.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { Facts } from '../machine/facts.ts';
import {
  changeAdditionalDisk,
  createAdditionalDisk,
  growAdditionalDisk,
  limitAdditionalDisk,
} from './additional-disk.ts';

const VOLUME = 'local:2000/vm-2000-disk-1.qcow2';
const SECOND = { scsi1: `${VOLUME},size=5G` };

function changing({
  lines = SECOND,
  consent,
  sizeGiB = 0,
  disks = { system: 'scsi0', additional: 'scsi1' },
}: {
  lines?: Record<string, string>;
  consent?: VirtualMachineSpec['consent'];
  sizeGiB?: number;
  disks?: { system?: string; additional?: string };
}): Facts {
  const vm = anOwner();
  return aFacts({
    observed: anOwnVm(lines),
    vm: { ...vm, spec: { ...vm.spec, consent } },
    design: aDesign({ package: { additionalDiskGiB: sizeGiB } }),
    status: aStatus({ disks }),
  });
}

const KEPT = {
  kind: 'skip',
  why: `${VOLUME} is kept: nobody consented to destroying it`,
  note: { conditions: [{ type: 'ConsentRequired', message: expect.stringContaining(VOLUME) }] },
};

describe('no additional disk in the package', () => {
  const rows: { name: string; facts: Facts; want: object }[] = [
    { name: 'there never was one', facts: changing({ lines: {}, disks: { system: 'scsi0' } }), want: { kind: 'skip' } },
    { name: 'nobody consented', facts: changing({}), want: KEPT },
    { name: 'an empty consent', facts: changing({ consent: { destroyVolumes: [] } }), want: KEPT },
    {
      name: 'a consent for another volume',
      facts: changing({ consent: { destroyVolumes: ['local:2000/vm-2000-disk-2.qcow2'] } }),
      want: KEPT,
    },
    {
      name: 'a consent for the slot is none for what is in it',
      facts: changing({ consent: { destroyVolumes: ['scsi1'] } }),
      want: KEPT,
    },
    {
      name: 'a consent for snapshots is none for disks',
      facts: changing({ consent: { deleteSnapshots: [VOLUME] } }),
      want: KEPT,
    },
    {
      name: 'a consent for this volume',
      facts: changing({ consent: { destroyVolumes: ['other', VOLUME] } }),
      want: { kind: 'act', action: { kind: 'destroyDisk', disk: 'scsi1', volume: VOLUME } },
    },
    {
      name: 'it is gone: the slot is free again',
      facts: changing({ lines: {} }),
      want: { kind: 'done', note: { status: { disks: { system: 'scsi0', additional: undefined } } } },
    },
    {
      name: 'another disk is in the slot than was consented to',
      facts: changing({ lines: { scsi1: 'local:2000/theirs.raw,size=9G' }, consent: { destroyVolumes: [VOLUME] } }),
      want: { kind: 'skip', why: expect.stringContaining('theirs.raw') },
    },
  ];
  test.each(rows)('$name', ({ facts, want }) => expect(changeAdditionalDisk.plan(facts)).toMatchObject(want));

  test('a disk that a person added is none of ours', () => {
    const facts = changing({ disks: { system: 'scsi0' }, consent: { destroyVolumes: [VOLUME] } });
    expect(changeAdditionalDisk.plan(facts).kind).toBe('skip');
  });

  test('on demand a disk is made, never destroyed', () => {
    const facts = changing({ consent: { destroyVolumes: [VOLUME] } });
    expect(createAdditionalDisk.plan(facts).kind).toBe('skip');
  });
});

describe('an additional disk in the package', () => {
  test('is made where there is none', () => {
    const verdict = changeAdditionalDisk.plan(changing({ lines: {}, sizeGiB: 7, disks: { system: 'scsi0' } }));
    expect(verdict).toMatchObject({
      kind: 'act',
      action: { kind: 'configure', set: { scsi1: 'local:7,format=qcow2' } },
      note: { status: { disks: { additional: 'scsi1' } } },
    });
  });

  test('is left where it is', () => {
    expect(changeAdditionalDisk.plan(changing({ sizeGiB: 7 }))).toEqual({ kind: 'done' });
  });
});

describe('a disk that somebody has taken out', () => {
  const after = (type?: string, before = 5): Facts => {
    const facts = changing({ lines: {}, sizeGiB: 5 });
    const request = type === undefined ? undefined : { name: 'op', uid: 'u', type, digest: 'd', remembered: false };
    const previous = { ...facts.design!.package, additionalDiskGiB: before };
    const operation = { machine: 'change_package', startedAt: facts.status.operation!.startedAt, previous, request };
    return { ...facts, status: { ...facts.status, operation } };
  };

  test.each([changeAdditionalDisk, growAdditionalDisk, limitAdditionalDisk])(
    '$id does not put an empty one there',
    (step) => {
      expect(step.plan(after())).toMatchObject({ kind: 'skip', why: expect.stringContaining('scsi1 was taken out') });
    },
  );

  test('is made anew when somebody asks for it', () => {
    expect(changeAdditionalDisk.plan(after('ChangePackage'))).toMatchObject({ action: { kind: 'configure' } });
  });

  test('is made where the package had none before', () => {
    expect(changeAdditionalDisk.plan(after(undefined, 0))).toMatchObject({ action: { kind: 'configure' } });
  });
});
