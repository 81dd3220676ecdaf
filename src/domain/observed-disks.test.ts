// What a look at the disks leaves in the status: by the list, by the configuration, and by both.
import { describe, expect, test } from 'vitest';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type DiskLook, withObservedDisks } from './observed-disks.ts';

const GIB = 2 ** 30;
const SYSTEM = ['scsi0', 'local-lvm:vm-2000-disk-0,size=20G'] as const;
const ADDITIONAL = ['scsi1', 'local-lvm:vm-2000-disk-1,size=5G'] as const;
const VOLUME = 'local-lvm:vm-2000-disk-1';

type Observed = NonNullable<VirtualMachineStatus['disks']>['observed'];

function aStatus(observed?: Observed): VirtualMachineStatus {
  return {
    state: 'ready',
    disks: { system: 'scsi0', additional: 'scsi1', kept: 'a:b', ...(observed && { observed }) },
  };
}

const configured = (...lines: (readonly [string, string])[]): DiskLook => ({ config: new Map(lines) });

describe('withObservedDisks', () => {
  test.each<{ name: string; before?: Observed; look: DiskLook; want: Observed }>([
    { name: 'nothing', look: {}, want: undefined },
    { name: 'nothing, and what was known stays', before: { systemBytes: GIB }, look: {}, want: { systemBytes: GIB } },
    { name: 'the list', look: { listedBytes: 40 * GIB }, want: { systemBytes: 40 * GIB } },
    { name: 'a list that does not know', look: { listedBytes: 0 }, want: undefined },
    {
      name: 'a list that shows growth, and says nothing of the other disk',
      before: { systemBytes: 20 * GIB, additionalBytes: GIB, additionalVolume: VOLUME },
      look: { listedBytes: 40 * GIB },
      want: { systemBytes: 40 * GIB, additionalBytes: GIB, additionalVolume: VOLUME },
    },
    {
      name: 'a list that lags behind',
      before: { systemBytes: 40 * GIB },
      look: { listedBytes: 20 * GIB },
      want: { systemBytes: 40 * GIB },
    },
    {
      name: 'both disks',
      look: configured(SYSTEM, ADDITIONAL),
      want: { systemBytes: 20 * GIB, additionalBytes: 5 * GIB, additionalVolume: VOLUME },
    },
    {
      name: 'smaller ones, as after a restore',
      before: { systemBytes: 80 * GIB, additionalBytes: 80 * GIB, additionalVolume: VOLUME },
      look: configured(SYSTEM, ADDITIONAL),
      want: { systemBytes: 20 * GIB, additionalBytes: 5 * GIB, additionalVolume: VOLUME },
    },
    {
      name: 'no additional disk any more',
      before: { systemBytes: 20 * GIB, additionalBytes: 5 * GIB, additionalVolume: VOLUME },
      look: configured(SYSTEM),
      want: { systemBytes: 20 * GIB },
    },
    {
      name: 'the configuration and a list that is ahead of it',
      look: { ...configured(SYSTEM), listedBytes: 40 * GIB },
      want: { systemBytes: 40 * GIB },
    },
    {
      name: 'disks without a size',
      look: configured(['scsi0', 'local-lvm:vm-2000-disk-0'], ['scsi1', VOLUME]),
      want: { additionalVolume: VOLUME },
    },
    {
      name: 'a line that is no drive',
      look: configured(['scsi0', ',,='], ADDITIONAL),
      want: { additionalBytes: 5 * GIB, additionalVolume: VOLUME },
    },
    { name: 'disks in other slots', look: configured(['sata0', SYSTEM[1]]), want: undefined },
  ])('$name', ({ before, look, want }) => {
    const status = aStatus(before);
    const after = withObservedDisks(status, look);
    expect(after.disks?.observed ?? {}).toEqual(want ?? {});
    expect(after).toMatchObject({ state: 'ready', disks: { system: 'scsi0', additional: 'scsi1', kept: 'a:b' } });
  });

  test.each<{ name: string; status: VirtualMachineStatus; look: DiskLook }>([
    { name: 'known already', status: aStatus({ systemBytes: 20 * GIB }), look: configured(SYSTEM) },
    { name: 'listed already', status: aStatus({ systemBytes: 20 * GIB }), look: { listedBytes: 20 * GIB } },
    { name: 'of a VM whose disks are not known', status: { state: 'set_ip' }, look: configured(SYSTEM) },
    { name: 'of a VM without a system disk', status: { disks: { additional: 'scsi1' } }, look: configured(ADDITIONAL) },
  ])('is the same status where the sizes are $name', ({ status, look }) => {
    expect(withObservedDisks(status, look)).toBe(status);
  });
});
