// Tests for drive strings and the search for the system disk.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  driveKeys,
  drivesOf,
  findSystemDisk,
  isCdrom,
  isCloudInit,
  isDriveKey,
  limitsOf,
  parseDrive,
  printDrive,
  withLimits,
} from './drive.ts';
import { PropertyStringError } from './property-string.ts';
import { recordedSteps, recordingsMissing } from './testing/recorded.ts';

const config = (values: Record<string, string>) => ({ values: new Map(Object.entries(values)) });

describe('parseDrive', () => {
  const rows = [
    {
      name: 'a linked clone with a limit',
      text: 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2,iops_rd=500,size=2G',
      want: {
        volume: 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2',
        storage: 'shared',
        format: 'qcow2',
        sizeBytes: 2 * 1024 ** 3,
      },
    },
    {
      name: 'a block storage',
      text: 'local-lvm:vm-100-disk-1,size=104858K',
      want: { volume: 'local-lvm:vm-100-disk-1', storage: 'local-lvm', sizeBytes: 104_858 * 1024 },
    },
    {
      name: 'a storage with dots in its name',
      text: 'nfs.site.raw:vm-100-disk-1',
      want: { volume: 'nfs.site.raw:vm-100-disk-1', storage: 'nfs.site.raw' },
    },
    {
      name: 'a disk to be made',
      text: 'shared:10,format=qcow2',
      want: { volume: 'shared:10', storage: 'shared', format: 'qcow2' },
    },
    { name: 'an empty tray', text: 'none,media=cdrom', want: { volume: 'none', media: 'cdrom' } },
    { name: 'a device', text: '/dev/disk/by-id/x:y', want: { volume: '/dev/disk/by-id/x:y' } },
    {
      name: 'a named volume',
      text: 'size=1G,volume=l:vm-1-disk-0.raw',
      want: { volume: 'l:vm-1-disk-0.raw', storage: 'l', format: 'raw', sizeBytes: 1024 ** 3 },
    },
  ];
  it.each(rows)('reads $name', ({ text, want }) => {
    const { options, ...rest } = parseDrive(text);
    expect(rest).toEqual(want);
    expect(options).toBeInstanceOf(Map);
  });

  it.each(['', 'size=1G', 'a,b', 'l:1,size=huge'])('refuses %j', (text) => {
    expect(() => parseDrive(text)).toThrow(PropertyStringError);
  });

  it.skipIf(recordingsMissing)(
    `gives back every recorded drive unchanged (${recordingsMissing ?? 'recordings present'})`,
    () => {
      const texts = new Set<string>();
      for (const step of recordedSteps()) {
        if (step.request.method !== 'GET' || !step.request.path.endsWith('/config') || step.response.status !== 200)
          continue;
        const { data } = step.response.body as { data: Record<string, unknown> };
        for (const [key, value] of Object.entries(data)) if (isDriveKey(key)) texts.add(String(value));
      }
      expect(texts.size).toBeGreaterThan(10);
      for (const text of texts) expect(printDrive(parseDrive(text))).toBe(text);
    },
  );
});

describe('drive round trip', () => {
  const option = fc.tuple(
    fc.constantFrom('cache', 'ssd', 'discard', 'iops_rd', 'mbps_wr', 'serial', 'backup', 'replicate', 'new-one'),
    fc.stringMatching(/^[a-zA-Z0-9.=_-]{1,12}$/),
  );
  it('keeps volume, order and unknown options', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z][a-z0-9.-]{1,10}:([0-9]{1,4}|vm-[0-9]{3}-disk-[0-9](\.raw|\.qcow2)?)$/),
        fc.uniqueArray(option, { selector: ([key]) => key }),
        (volume, options) => {
          const drive = parseDrive(printDrive({ volume, options: new Map(options) }));
          expect(drive.volume).toBe(volume);
          expect([...drive.options]).toEqual(options);
        },
      ),
    );
  });

  it('refuses an option that would start another one', () => {
    expect(() => printDrive({ volume: 'l:1', options: new Map([['serial', 'a,file=l:2']]) })).toThrow(
      PropertyStringError,
    );
  });
});

describe('kinds of drives', () => {
  const rows = [
    { text: 'shared:100/vm-100-cloudinit.qcow2,media=cdrom,size=4M', cloudInit: true, cdrom: true },
    { text: 'local-lvm:vm-100-cloudinit,media=cdrom', cloudInit: true, cdrom: true },
    { text: 'local:cloudinit', cloudInit: true, cdrom: true },
    { text: 'local:iso/x.iso,media=cdrom', cloudInit: false, cdrom: true },
    { text: 'none,media=cdrom', cloudInit: false, cdrom: true },
    { text: 'cdrom,media=cdrom', cloudInit: false, cdrom: true },
    { text: 'local:100/vm-100-disk-0.raw', cloudInit: false, cdrom: false },
    { text: 'cloudinit:100/vm-100-disk-0.raw', cloudInit: false, cdrom: false },
  ];
  it.each(rows)('$text', ({ text, cloudInit, cdrom }) => {
    const drive = parseDrive(text);
    expect(isCloudInit(drive)).toBe(cloudInit);
    expect(isCdrom(drive)).toBe(cdrom);
  });

  it('knows 57 places', () => {
    expect(driveKeys).toHaveLength(31 + 16 + 4 + 6);
    expect(driveKeys).toEqual(expect.arrayContaining(['scsi30', 'virtio15', 'ide3', 'sata5']));
  });

  it.each(['scsi31', 'virtio16', 'ide4', 'sata6', 'scsi', 'scsi01', 'efidisk0', 'scsihw', 'unused0'])(
    '%s is no place',
    (key) => {
      expect(isDriveKey(key)).toBe(false);
    },
  );
});

describe('limits', () => {
  const drive = parseDrive('l:vm-1-disk-0,cache=none,mbps_rd=100,iops_wr=5,iops_wr_max=9,size=1G');

  it('reads them, 0 for none', () => {
    expect(limitsOf(drive)).toEqual({ readMBps: 100, writeMBps: 0, readIops: 0, writeIops: 5 });
  });

  it('sets, keeps and removes', () => {
    const changed = withLimits(drive, { readMBps: 0, writeMBps: 12.5, readIops: 300 });
    expect(printDrive(changed)).toBe(
      'l:vm-1-disk-0,cache=none,iops_wr=5,iops_wr_max=9,size=1G,mbps_wr=12.5,iops_rd=300',
    );
  });

  it('leaves the given drive alone', () => {
    withLimits(drive, { readMBps: 0 });
    expect(limitsOf(drive).readMBps).toBe(100);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (value) => {
    expect(() => withLimits(drive, { readIops: value })).toThrow(PropertyStringError);
  });

  it('reads back what it sets', () => {
    const limit = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(fc.record({ readMBps: limit, writeMBps: limit, readIops: limit, writeIops: limit }), (limits) => {
        expect(limitsOf(parseDrive(printDrive(withLimits(drive, limits))))).toEqual(limits);
      }),
    );
  });
});

describe('findSystemDisk', () => {
  const disk = 'l:vm-1-disk-0,size=1G';
  const cloudInit = 'l:vm-1-cloudinit,media=cdrom';
  const iso = 'l:iso/a.iso,media=cdrom';
  const rows: { name: string; values: Record<string, string>; want: string }[] = [
    { name: 'by boot order', values: { boot: 'order=scsi1;net0', scsi0: disk, scsi1: disk }, want: 'scsi1' },
    {
      name: 'past drives that are no disks',
      values: { boot: 'order=ide2;ide3;virtio0', ide2: cloudInit, ide3: iso, virtio0: disk, scsi0: disk },
      want: 'virtio0',
    },
    {
      name: 'past places that are empty',
      values: { boot: 'order=scsi5;sata1', sata0: disk, sata1: disk },
      want: 'sata1',
    },
    {
      name: 'by bootdisk',
      values: { boot: 'cdn', bootdisk: 'virtio1', virtio0: disk, virtio1: disk },
      want: 'virtio1',
    },
    { name: 'the only disk without any order', values: { ide0: disk, ide2: cloudInit }, want: 'ide0' },
    { name: 'the only disk when the order names none', values: { boot: 'order=net0', sata0: disk }, want: 'sata0' },
    { name: 'the only disk with a blank order', values: { boot: ' ', scsi0: disk }, want: 'scsi0' },
  ];
  it.each(rows)('finds it $name', ({ values, want }) => {
    expect(findSystemDisk(config(values))).toMatchObject({ key: want });
  });

  it('says when there is none', () => {
    expect(findSystemDisk(config({ ide2: cloudInit, boot: 'order=ide2' }))).toEqual({ error: 'The VM has no disk.' });
  });

  it('does not guess between several', () => {
    const found = findSystemDisk(config({ scsi0: disk, scsi1: disk, boot: 'order=net0' }));
    expect(found).toEqual({ error: expect.stringContaining('scsi0, scsi1') });
  });

  it('lists every drive in the order of the buses', () => {
    expect([...drivesOf(config({ sata0: disk, scsi2: disk, net0: 'x', unused0: 'l:1' })).keys()]).toEqual([
      'scsi2',
      'sata0',
    ]);
  });
});
