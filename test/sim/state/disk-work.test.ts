// Tests of making, linking and freeing disks, and of what the disks of a VM can do.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { demoTopology } from '../testing.ts';
import { buildWorld } from './build-world.ts';
import { allocateDisk, freeVolume, isOwnedBy, linkClone, requireVolume, suitedFormat } from './disk-work.ts';
import type { DiskRequest } from './disk-work.ts';
import { linkedClonesAvailable, snapshotsAvailable } from './volume-features.ts';
import { Vm } from './vm.ts';
import { volumeId } from './volumes.ts';
import type { World } from './world.ts';

const GiB = 1024 ** 3;

function world(): World {
  return buildWorld(demoTopology(), new VirtualClock(), 1);
}

interface Made {
  volid?: string;
  log: string[];
  error?: string;
}

function allocate(change: (made: World) => void, request: Partial<DiskRequest>): Made {
  const made = world();
  change(made);
  const log: string[] = [];
  const whole = { storage: 'local', node: 'pve1', vmid: 100, format: 'raw', sizeBytes: GiB, ...request };
  try {
    return { volid: volumeId(allocateDisk(made, whole, { print: (...lines) => void log.push(...lines) })), log };
  } catch (error) {
    return { log, error: (error as Error).message };
  }
}

describe('a disk', () => {
  const none = (): void => undefined;
  const rows: { name: string; change?: (made: World) => void; request: Partial<DiskRequest>; want: Made }[] = [
    {
      name: 'is a raw file',
      request: {},
      want: {
        volid: 'local:100/vm-100-disk-0.raw',
        log: ["Formatting '/var/lib/vz/images/100/vm-100-disk-0.raw', fmt=raw size=1073741824 preallocation=off"],
      },
    },
    {
      name: 'is a device, whatever format is wanted',
      request: { storage: 'local-lvm', format: 'qcow2' },
      want: { volid: 'local-lvm:vm-100-disk-0', log: ['  Logical volume "vm-100-disk-0" created.'] },
    },
    {
      name: 'has a name of its own',
      request: { plainName: 'vm-100-cloudinit', format: 'raw' },
      want: {
        volid: 'local:100/vm-100-cloudinit.raw',
        log: [expect.stringContaining('vm-100-cloudinit.raw') as string],
      },
    },
    {
      name: 'is not made twice',
      change: (made) =>
        void made.volumes.add('local', 'pve1', { name: '100/a.raw', content: 'images', format: 'raw', sizeBytes: 1 }),
      request: { plainName: 'a' },
      want: { log: [], error: "disk image '/var/lib/vz/images/100/a.raw' already exists" },
    },
    {
      name: 'is not made where there are no images',
      change: (made) => void (made.volumes.storage('local').content = ['iso']),
      request: {},
      want: { log: [], error: "storage 'local' does not support content-type 'images'" },
    },
    {
      name: 'is not made on an unknown storage',
      request: { storage: 'nope' },
      want: { log: [], error: "storage 'nope' does not exist" },
    },
    {
      name: 'may be larger than what is free where storage is thin',
      change: (made) => void (made.volumes.storage('local').totalBytes = 20 * GiB),
      request: { sizeBytes: 100 * GiB },
      want: { volid: 'local:100/vm-100-disk-0.raw', log: [expect.any(String) as string] },
    },
    {
      name: 'needs all its space where storage is thick',
      change: (made) => void Object.assign(made.volumes.storage('local-lvm'), { type: 'lvm', totalBytes: 20 * GiB }),
      request: { storage: 'local-lvm', sizeBytes: 100 * GiB },
      want: { log: [], error: expect.stringContaining('no space left on device') as string },
    },
    {
      name: 'needs some space everywhere',
      change: (made) => void (made.volumes.storage('local').otherBytes = made.volumes.storage('local').totalBytes),
      request: {},
      want: { log: [], error: expect.stringContaining('no space left on device') as string },
    },
  ];
  it.each(rows)('$name', ({ change = none, request, want }) => {
    expect(allocate(change, request)).toEqual(want);
  });

  const formats: { storage: string; wanted: string | undefined; want: string }[] = [
    { storage: 'local', wanted: undefined, want: 'raw' },
    { storage: 'local', wanted: 'qcow2', want: 'qcow2' },
    { storage: 'local-lvm', wanted: 'qcow2', want: 'raw' },
    { storage: 'local-lvm', wanted: undefined, want: 'raw' },
  ];
  it.each(formats)('on $storage in $wanted is $want', ({ storage, wanted, want }) => {
    expect(suitedFormat(world().volumes.storage(storage), wanted)).toBe(want);
  });
});

describe('a linked clone', () => {
  const link = (
    volid: string,
    node: string,
  ): { made: World; volid: string; log: string[]; base: string | undefined } => {
    const made = world();
    const log: string[] = [];
    const volume = linkClone(
      made,
      requireVolume(made, volid, node),
      { node, vmid: 100 },
      { print: (...lines) => void log.push(...lines) },
    );
    return { made, volid: volumeId(volume), log, base: volume.base };
  };

  it('of a file names its base (behaviours.md 7)', () => {
    const { volid, log, base } = link('shared:9000/base-9000-disk-0.qcow2', 'pve1');
    expect([volid, base]).toEqual([
      'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2',
      '9000/base-9000-disk-0.qcow2',
    ]);
    expect(log[0]).toBe(
      'clone 9000/base-9000-disk-0.qcow2: images, vm-100-disk-0.qcow2, 100 to vm-100-disk-0.qcow2 (base=../9000/base-9000-disk-0.qcow2)',
    );
  });

  it('of a thin volume is a plain name', () => {
    const { volid, log, base } = link('local-lvm:base-9001-disk-0', 'pve2');
    expect([volid, base, log]).toEqual([
      'local-lvm:vm-100-disk-0',
      'base-9001-disk-0',
      ['  Logical volume "vm-100-disk-0" created.'],
    ]);
  });

  it('keeps its base from being freed until it is gone', () => {
    const { made, volid } = link('shared:9000/base-9000-disk-0.qcow2', 'pve1');
    const base = requireVolume(made, 'shared:9000/base-9000-disk-0.qcow2', 'pve1');
    expect(() => freeVolume(made, base)).toThrow(
      "base volume 'shared:9000/base-9000-disk-0.qcow2' is still in use by linked cloned",
    );
    freeVolume(made, requireVolume(made, volid, 'pve1'));
    freeVolume(made, base);
    expect(() => requireVolume(made, volumeId(base), 'pve1')).toThrow('does not exist');
  });

  it('belongs to its own VM', () => {
    const { made, volid } = link('shared:9000/base-9000-disk-0.qcow2', 'pve1');
    expect([
      isOwnedBy(made, volid, { vmid: 100, node: 'pve1' }),
      isOwnedBy(made, volid, { vmid: 9000, node: 'pve1' }),
    ]).toEqual([true, false]);
  });
});

describe('the disks of a VM', () => {
  const rows: { name: string; scsi0: string; format: string; snapshots: boolean; clones: boolean }[] = [
    { name: 'in qcow2 files', scsi0: 'local:100/vm-100-disk-0.qcow2', format: 'qcow2', snapshots: true, clones: false },
    { name: 'in raw files', scsi0: 'local:100/vm-100-disk-0.raw', format: 'raw', snapshots: false, clones: false },
    { name: 'on thin volumes', scsi0: 'local-lvm:vm-100-disk-0', format: 'raw', snapshots: true, clones: false },
    { name: 'of a template', scsi0: 'local:100/base-100-disk-0.qcow2', format: 'qcow2', snapshots: true, clones: true },
    { name: 'that are gone', scsi0: 'local:100/gone.qcow2', format: '', snapshots: false, clones: false },
  ];
  it.each(rows)('$name: snapshots $snapshots, linked clones $clones', ({ scsi0, format, snapshots, clones }) => {
    const made = world();
    const [storage = '', name = ''] = scsi0.split(':');
    if (format !== '') made.volumes.add(storage, 'pve1', { name, content: 'images', format, sizeBytes: 1, vmid: 100 });
    const vm = new Vm(100, 'pve1', { scsi0, ide2: 'none,media=cdrom' });
    expect([snapshotsAvailable(made, vm), linkedClonesAvailable(made, vm)]).toEqual([snapshots, clones]);
  });

  it('that are none can do everything', () => {
    const vm = new Vm(100, 'pve1', {});
    expect([snapshotsAvailable(world(), vm), linkedClonesAvailable(world(), vm)]).toEqual([true, true]);
  });

  it('on thick volumes have no snapshots', () => {
    const made = world();
    made.volumes.storage('local-lvm').type = 'lvm';
    made.volumes.add('local-lvm', 'pve1', {
      name: 'vm-100-disk-0',
      content: 'images',
      format: 'raw',
      sizeBytes: 1,
      vmid: 100,
    });
    expect(snapshotsAvailable(made, new Vm(100, 'pve1', { scsi0: 'local-lvm:vm-100-disk-0' }))).toBe(false);
  });
});
