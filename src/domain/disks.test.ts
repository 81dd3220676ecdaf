// Disks: place, format, limits and growth.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driveKeys, isDriveKey, parseDrive } from '../pve/drive.ts';
import {
  additionalDiskFormat,
  additionalDiskKey,
  type DiskLimits,
  limitsDiffer,
  newDiskValue,
  sizeChange,
} from './disks.ts';

const GIB = 1024 ** 3;
const UNLIMITED: DiskLimits = { readMBps: 0, writeMBps: 0, readIOPS: 0, writeIOPS: 0 };

describe('additionalDiskKey', () => {
  const everyIde = ['ide0', 'ide1', 'ide2', 'ide3'];

  it.each([
    {
      name: 'the next on scsi',
      systemKey: 'scsi0',
      usedKeys: ['scsi0', 'ide2'],
      scsihw: 'virtio-scsi-single',
      want: 'scsi1',
    },
    { name: 'the next on virtio', systemKey: 'virtio0', usedKeys: ['virtio0', 'ide2'], want: 'virtio1' },
    { name: 'the next on sata', systemKey: 'sata0', usedKeys: ['sata0', 'sata1'], want: 'sata2' },
    {
      name: 'the next on ide, past the cloud-init drive',
      systemKey: 'ide0',
      usedKeys: ['ide0', 'ide1', 'ide2'],
      want: 'ide3',
    },
    { name: 'a gap', systemKey: 'scsi5', usedKeys: ['scsi0', 'scsi2', 'scsi5'], want: 'scsi1' },
    { name: 'never the system disk’s place', systemKey: 'scsi0', usedKeys: [], want: 'scsi1' },
    { name: 'sata when ide is full', systemKey: 'ide0', usedKeys: everyIde, want: 'sata0' },
    {
      name: 'scsi when ide is full and the VM has a SCSI controller',
      systemKey: 'ide0',
      usedKeys: everyIde,
      scsihw: 'virtio-scsi-pci',
      want: 'scsi0',
    },
    {
      name: 'another bus when sata is full',
      systemKey: 'sata0',
      usedKeys: driveKeys.filter((key) => key.startsWith('sata')),
      want: 'scsi0',
    },
    { name: 'none when all is full', systemKey: 'scsi0', usedKeys: driveKeys, want: undefined },
  ])('is $name', ({ systemKey, usedKeys, scsihw, want }) => {
    expect(additionalDiskKey({ systemKey, usedKeys, ...(scsihw === undefined ? {} : { scsihw }) })).toBe(want);
  });

  it('is always a free place, on the system disk’s bus while that has one', () => {
    fc.assert(
      fc.property(fc.constantFrom(...driveKeys), fc.subarray([...driveKeys]), (systemKey, usedKeys) => {
        const key = additionalDiskKey({ systemKey, usedKeys });
        const free = driveKeys.filter((candidate) => candidate !== systemKey && !usedKeys.includes(candidate));
        if (key === undefined) {
          expect(free).toEqual([]);
          return;
        }
        expect(isDriveKey(key)).toBe(true);
        expect(free).toContain(key);
        const bus = systemKey.replace(/\d+$/, '');
        if (free.some((candidate) => candidate.startsWith(bus))) expect(key.startsWith(bus)).toBe(true);
      }),
    );
  });
});

describe('additionalDiskFormat', () => {
  it.each([
    { systemVolume: 'local:100/vm-100-disk-0.qcow2', storageType: 'dir', want: 'qcow2' },
    { systemVolume: 'local:100/vm-100-disk-0.raw', storageType: 'dir', want: 'raw' },
    { systemVolume: 'local:100/vm-100-disk-0.vmdk', storageType: 'nfs', want: 'vmdk' },
    { systemVolume: 'nas:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2', storageType: 'cifs', want: 'qcow2' },
    { systemVolume: 'my.qcow2.store:vm-100-disk-0', storageType: 'dir', want: 'raw' },
    { systemVolume: 'local-lvm:vm-100-disk-0', storageType: 'dir', want: 'raw' },
    { systemVolume: 'local:100/vm-100-disk-0.subvol', storageType: 'btrfs', want: 'raw' },
    { systemVolume: 'local:100/vm-100-disk-0.QCOW2', storageType: 'dir', want: 'raw' },
    { systemVolume: 'local:100/vm-100-disk-0.qcow2', storageType: 'lvmthin', want: 'raw' },
    { systemVolume: 'local:100/vm-100-disk-0.qcow2', storageType: 'lvm', want: 'raw' },
    { systemVolume: 'local:100/vm-100-disk-0.qcow2', storageType: 'zfspool', want: 'raw' },
    { systemVolume: 'local:100/vm-100-disk-0.qcow2', storageType: 'rbd', want: 'raw' },
    { systemVolume: 'local:100/vm-100-disk-0.qcow2', storageType: '', want: 'raw' },
  ])('$systemVolume on $storageType → $want', ({ systemVolume, storageType, want }) => {
    expect(additionalDiskFormat({ systemVolume, storageType })).toBe(want);
  });
});

describe('newDiskValue', () => {
  it.each([
    { name: 'without limits', limits: {}, format: 'raw' as const, want: 'thin:50,format=raw' },
    {
      name: 'with all limits',
      limits: { readMBps: 100, writeMBps: 50, readIOPS: 1000, writeIOPS: 500 },
      format: 'qcow2' as const,
      want: 'thin:50,format=qcow2,mbps_rd=100,mbps_wr=50,iops_rd=1000,iops_wr=500',
    },
    {
      name: 'with one limit',
      limits: { writeIOPS: 500 },
      format: 'vmdk' as const,
      want: 'thin:50,format=vmdk,iops_wr=500',
    },
  ])('is the drive string $name', ({ limits, format, want }) => {
    expect(newDiskValue({ storage: 'thin', sizeGiB: 50, format, limits: { ...UNLIMITED, ...limits } })).toBe(want);
  });

  it('has nothing to limit afterwards', () => {
    const limit = fc.nat({ max: 1_000_000 });
    const anyLimits = fc.record({ readMBps: limit, writeMBps: limit, readIOPS: limit, writeIOPS: limit });
    fc.assert(
      fc.property(anyLimits, fc.integer({ min: 1, max: 131_072 }), (limits, sizeGiB) => {
        const text = newDiskValue({ storage: 'local', sizeGiB, format: 'raw', limits });
        expect(limitsDiffer(parseDrive(text), limits)).toBe(false);
      }),
    );
  });
});

describe('limitsDiffer', () => {
  const LIMITED = 'local:100/vm-100-disk-0.qcow2,cache=writeback,iops_rd=10,mbps_rd=1,mbps_wr=2,size=8G';

  it.each<{ name: string; drive: string; limits: Partial<DiskLimits>; want: boolean }>([
    { name: 'nothing and nothing', drive: 'local:1/a.raw,size=8G', limits: {}, want: false },
    { name: 'a 0 in the config and nothing', drive: 'local:1/a.raw,mbps_rd=0', limits: {}, want: false },
    { name: 'the same', drive: LIMITED, limits: { readMBps: 1, writeMBps: 2, readIOPS: 10 }, want: false },
    { name: 'a fraction of the same value', drive: 'local:1/a.raw,mbps_rd=1.0', limits: { readMBps: 1 }, want: false },
    {
      name: 'a limit more',
      drive: LIMITED,
      limits: { readMBps: 1, writeMBps: 2, readIOPS: 10, writeIOPS: 5 },
      want: true,
    },
    { name: 'a limit less', drive: LIMITED, limits: { readMBps: 1, writeMBps: 2 }, want: true },
    { name: 'another value', drive: LIMITED, limits: { readMBps: 9, writeMBps: 2, readIOPS: 10 }, want: true },
    { name: 'limits and none', drive: LIMITED, limits: {}, want: true },
  ])('$name: $want', ({ drive, limits, want }) => {
    expect(limitsDiffer(parseDrive(drive), { ...UNLIMITED, ...limits })).toBe(want);
  });
});

describe('sizeChange', () => {
  it.each([
    { name: 'a larger wish', currentBytes: 8 * GIB, wantedGiB: 20, want: 'grow' },
    { name: 'a wish a little larger', currentBytes: 20 * GIB - 512, wantedGiB: 20, want: 'grow' },
    { name: 'the same', currentBytes: 20 * GIB, wantedGiB: 20, want: 'keep' },
    { name: 'a disk that Proxmox VE rounded up', currentBytes: 20 * GIB + 1024 ** 2, wantedGiB: 20, want: 'keep' },
    { name: 'a smaller wish', currentBytes: 20 * GIB, wantedGiB: 19, want: 'shrink' },
    { name: 'a much smaller wish', currentBytes: 2048 * GIB, wantedGiB: 1, want: 'shrink' },
    { name: 'no wish', currentBytes: 8 * GIB, wantedGiB: 0, want: 'keep' },
    { name: 'a disk of less than a GiB', currentBytes: 100 * 1024 ** 2, wantedGiB: 1, want: 'grow' },
  ])('$name: $want', ({ currentBytes, wantedGiB, want }) => {
    expect(sizeChange(currentBytes, wantedGiB)).toBe(want);
  });

  it('is settled once the disk has grown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 131_072 }), (sizeGiB) => {
        expect(sizeChange(sizeGiB * GIB, sizeGiB)).toBe('keep');
      }),
    );
  });
});
