// Tests of drive, network card and size texts: what Proxmox reads, and how it prints what it read.
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driveNames } from '../schema/drive-format.ts';
import {
  bootOrder,
  drivesOf,
  formatSize,
  isCdrom,
  isCloudInit,
  isVolumeKey,
  parseDrive,
  parseNet,
  parseSize,
  printBootOrder,
  printDrive,
  printNet,
} from './drive.ts';
import type { Drive } from './drive.ts';

const KiB = 1024;
const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const TiB = 1024 ** 4;

describe('sizes', () => {
  const printed: { name: string; bytes: number; want: string }[] = [
    { name: 'nothing', bytes: 0, want: '0' },
    { name: 'bytes stay bytes', bytes: 1023, want: '1023' },
    { name: 'an odd number has no unit (observed 15)', bytes: 3221225473, want: '3221225473' },
    { name: 'the largest unit that divides', bytes: 4 * MiB, want: '4M' },
    { name: 'a fraction of a gibibyte is told in KiB (surprise 38)', bytes: 104858 * KiB, want: '104858K' },
    { name: 'a gibibyte and a half', bytes: 1536 * MiB, want: '1536M' },
    { name: 'gibibytes', bytes: 32 * GiB, want: '32G' },
    { name: 'tebibytes', bytes: 2 * TiB, want: '2T' },
    { name: 'and no more than those', bytes: 2048 * TiB, want: '2048T' },
    { name: 'the end of a byte is cut', bytes: 1024.9, want: '1K' },
  ];
  it.each(printed)('$name: $bytes', ({ bytes, want }) => {
    expect(formatSize(bytes)).toBe(want);
  });

  const given: { text: string; want: number | undefined }[] = [
    { text: '512', want: 512 },
    { text: '1K', want: KiB },
    { text: '4M', want: 4 * MiB },
    { text: '10G', want: 10 * GiB },
    { text: '1.5G', want: 1.5 * GiB },
    { text: '0.1G', want: 107374182 },
    { text: '2T', want: 2 * TiB },
    { text: '', want: undefined },
    { text: '+1G', want: undefined },
    { text: '-1G', want: undefined },
    { text: '1GiB', want: undefined },
    { text: '1 G', want: undefined },
    { text: '1X', want: undefined },
    { text: '.5G', want: undefined },
    { text: '5.G', want: undefined },
  ];
  it.each(given)('reads "$text"', ({ text, want }) => {
    expect(parseSize(text)).toBe(want);
  });

  it('come back as they were printed', () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (bytes) => parseSize(formatSize(bytes)) === bytes));
  });

  it('never carry a unit that could be larger', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (bytes) => {
        const [, digits = '', unit = ''] = /^(\d+)([KMGT]?)$/.exec(formatSize(bytes)) ?? [];
        return unit === 'T' || Number(digits) % 1024 !== 0;
      }),
    );
  });
});

describe('drives', () => {
  const rows: { name: string; slot: string; text: string; want: unknown }[] = [
    {
      name: 'a volume',
      slot: 'scsi0',
      text: 'local:100/vm-100-disk-0.raw',
      want: { file: 'local:100/vm-100-disk-0.raw' },
    },
    {
      name: 'with keys',
      slot: 'scsi0',
      text: 'local:1/a.raw,size=4G,iothread=1,mbps_rd=10.5',
      want: { file: 'local:1/a.raw', size: '4G', iothread: '1', mbps_rd: '10.5' },
    },
    { name: 'the volume under its name', slot: 'sata0', text: 'file=local:1/a.raw', want: { file: 'local:1/a.raw' } },
    {
      name: 'the volume under its other name',
      slot: 'sata0',
      text: 'volume=local:1/a.raw',
      want: { file: 'local:1/a.raw' },
    },
    { name: 'no medium', slot: 'ide2', text: 'none,media=cdrom', want: { file: 'none', media: 'cdrom' } },
    { name: 'the host’s drive', slot: 'ide2', text: 'cdrom', want: { file: 'cdrom' } },
    { name: 'no volume', slot: 'scsi0', text: 'size=4G', want: undefined },
    { name: 'an unknown key', slot: 'scsi0', text: 'local:1/a.raw,bogus=1', want: undefined },
    { name: 'a key of another bus', slot: 'sata0', text: 'local:1/a.raw,iothread=1', want: undefined },
    {
      name: 'a whole limit beside its part (disk-limits-on-existing)',
      slot: 'scsi0',
      text: 'a:b,mbps=10,mbps_rd=5',
      want: undefined,
    },
    { name: 'operations likewise', slot: 'scsi0', text: 'a:b,iops=10,iops_wr=5', want: undefined },
    { name: 'a whole limit alone', slot: 'scsi0', text: 'aa:b,mbps=10', want: { file: 'aa:b', mbps: '10' } },
    {
      name: 'a limit below its burst (disk-limits-on-existing)',
      slot: 'scsi0',
      text: 'aa:b,mbps_rd=100,mbps_rd_max=50',
      want: { file: 'aa:b', mbps_rd: '100', mbps_rd_max: '50' },
    },
    { name: 'a geometry of an older release', slot: 'scsi0', text: 'aa:b,cyls=10', want: { file: 'aa:b', cyls: '10' } },
    { name: 'no slot', slot: 'net0', text: 'aa:b', want: undefined },
  ];
  it.each(rows)('$name', ({ slot, text, want }) => {
    expect(parseDrive(slot, text)).toEqual(want);
  });

  it('print the volume first and the keys in order', () => {
    expect(printDrive({ size: '4G', file: 'local:1/a.raw', discard: 'on', iops_rd: '5' })).toBe(
      'local:1/a.raw,discard=on,iops_rd=5,size=4G',
    );
  });

  it('come back as they were printed', () => {
    const keys = fc.record(
      {
        size: fc.nat({ max: 2 ** 40 }).map(formatSize),
        discard: fc.constantFrom('on', 'ignore'),
        iothread: fc.constantFrom('0', '1'),
        iops_rd: fc.nat().map(String),
        mbps_wr: fc.nat().map(String),
        cache: fc.constantFrom('none', 'writeback'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(keys, fc.nat(), (drive, number) => {
        const whole = { ...drive, file: `local:1/vm-1-disk-${number}.raw` };
        expect(parseDrive('scsi0', printDrive(whole))).toEqual(whole);
      }),
    );
  });

  const kinds = [
    { name: 'a disk', file: 'local:100/vm-100-disk-0.qcow2', media: undefined, cdrom: false, cloudInit: false },
    { name: 'a medium', file: 'local:iso/a.iso', media: 'cdrom', cdrom: true, cloudInit: false },
    {
      name: 'a cloud-init file',
      file: 'local:100/vm-100-cloudinit.qcow2',
      media: 'cdrom',
      cdrom: true,
      cloudInit: true,
    },
    { name: 'a cloud-init device', file: 'lvm:vm-100-cloudinit', media: 'cdrom', cdrom: true, cloudInit: true },
    { name: 'a cloud-init drive to be made', file: 'local:cloudinit', media: undefined, cdrom: false, cloudInit: true },
    {
      name: 'an ISO that is called so',
      file: 'local:iso/cloudinit-tools.iso',
      media: 'cdrom',
      cdrom: true,
      cloudInit: false,
    },
  ];
  it.each(kinds)('tells $name', ({ file, media, cdrom, cloudInit }) => {
    const drive: Drive = media === undefined ? { file } : { file, media };
    expect([isCdrom(drive), isCloudInit(drive)]).toEqual([cdrom, cloudInit]);
  });

  it('of a configuration come in the order of the slots, not of the lines', () => {
    const options = {
      virtio0: 'aa:v',
      scsi10: 'aa:t',
      net0: 'virtio',
      scsi2: 'aa:s',
      ide2: 'none,media=cdrom',
      unused0: 'aa:u',
    };
    expect(drivesOf(options).map(([slot]) => slot)).toEqual(['ide2', 'scsi2', 'scsi10', 'virtio0']);
  });

  it('that cannot be read are left out', () => {
    expect(drivesOf({ scsi0: 'bogus=1', scsi1: 'aa:b' }).map(([slot]) => slot)).toEqual(['scsi1']);
  });

  const slots = [
    { key: 'scsi0', want: true },
    { key: 'scsi30', want: true },
    { key: 'scsi31', want: false },
    { key: 'virtio15', want: true },
    { key: 'virtio16', want: false },
    { key: 'sata5', want: true },
    { key: 'sata6', want: false },
    { key: 'ide3', want: true },
    { key: 'ide4', want: false },
    { key: 'efidisk0', want: true },
    { key: 'tpmstate0', want: true },
    { key: 'unused7', want: true },
    { key: 'net0', want: false },
    { key: 'scsihw', want: false },
  ];
  it.each(slots)(
    '$key names a volume: $want (endpoints.md: ide0–3, sata0–5, scsi0–30, virtio0–15)',
    ({ key, want }) => {
      expect(isVolumeKey(key)).toBe(want);
    },
  );

  it('have 59 slots', () => {
    expect(driveNames).toHaveLength(4 + 31 + 16 + 6 + 2);
  });
});

describe('network cards', () => {
  const rows: { name: string; text: string; want: string | undefined }[] = [
    {
      name: 'the short form stays',
      text: 'virtio=BC:24:11:00:00:01,bridge=vmbr0',
      want: 'virtio=BC:24:11:00:00:01,bridge=vmbr0',
    },
    {
      name: 'the long form becomes short, and a MAC keeps its case (behaviours.md 5)',
      text: 'model=virtio,macaddr=bc:24:11:aa:00:01,bridge=vmbr0,rate=12.5',
      want: 'virtio=bc:24:11:aa:00:01,bridge=vmbr0,rate=12.5',
    },
    {
      name: 'the bridge comes before the other keys, which are in order',
      text: 'virtio=BC:24:11:00:00:01,tag=7,firewall=1,bridge=vmbr0',
      want: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=7',
    },
  ];
  it.each(rows)('$name', ({ text, want }) => {
    expect(printNet(parseNet(text) ?? {})).toBe(want);
  });

  it('have no MAC until they are given one', () => {
    expect(parseNet('virtio,bridge=vmbr0')).toEqual({ model: 'virtio', bridge: 'vmbr0' });
  });

  it('come back as they were printed', () => {
    const net = fc.record(
      {
        model: fc.constantFrom('virtio', 'e1000', 'vmxnet3'),
        macaddr: fc.constant('BC:24:11:12:34:56'),
        bridge: fc.constantFrom('vmbr0', 'vmbr1'),
        tag: fc.integer({ min: 1, max: 4094 }).map(String),
        firewall: fc.constantFrom('0', '1'),
        rate: fc.integer({ min: 1, max: 1000 }).map(String),
      },
      { requiredKeys: ['model', 'macaddr'] },
    );
    fc.assert(fc.property(net, (card) => isDeepStrictEqual(parseNet(printNet(card)), { ...card })));
  });
});

describe('boot orders', () => {
  const rows: { name: string; text: string | undefined; want: string[] }[] = [
    { name: 'of devices', text: 'order=scsi0;ide2;net0', want: ['scsi0', 'ide2', 'net0'] },
    { name: 'of one', text: 'order=scsi0', want: ['scsi0'] },
    { name: 'of a legacy form', text: 'cdn', want: [] },
    { name: 'of nothing (observed 16)', text: ' ', want: [] },
    { name: 'not set', text: undefined, want: [] },
    { name: 'beside a legacy form', text: 'legacy=cdn,order=net0', want: ['net0'] },
  ];
  it.each(rows)('$name', ({ text, want }) => {
    expect(bootOrder(text)).toEqual(want);
  });

  it('of no device are a blank (observed 16)', () => {
    expect(printBootOrder([])).toBe(' ');
  });

  it('come back as they were printed', () => {
    const devices = fc.uniqueArray(fc.constantFrom(...driveNames, 'net0', 'net1'));
    fc.assert(fc.property(devices, (order) => isDeepStrictEqual(bootOrder(printBootOrder(order)), order)));
  });
});
