// What a template must have, and which disk is which.
import { describe, expect, it } from 'vitest';
import { driveKeys } from '../pve/drive.ts';
import { templateDisks } from './template.ts';

const CLOUD_INIT = { ide2: 'local-lvm:vm-9000-cloudinit,media=cdrom' };

describe('templateDisks', () => {
  it.each<{ name: string; config: Record<string, string>; key: string; storage: string; freeKey: string }>([
    {
      name: 'the disk that the boot order names',
      config: { ...CLOUD_INIT, boot: 'order=scsi1;ide2', scsi0: 'a:vm-9000-disk-0', scsi1: 'b:base-9000-disk-1' },
      key: 'scsi1',
      storage: 'b',
      freeKey: 'scsi2',
    },
    {
      name: 'the only disk',
      config: { ...CLOUD_INIT, virtio0: 'my.dir.store:9000/base-9000-disk-0.qcow2,size=2G' },
      key: 'virtio0',
      storage: 'my.dir.store',
      freeKey: 'virtio1',
    },
    {
      name: 'a disk on sata beside other cdroms',
      config: { ...CLOUD_INIT, sata0: 'local:9000/base-9000-disk-0.raw', sata1: 'none,media=cdrom' },
      key: 'sata0',
      storage: 'local',
      freeKey: 'sata2',
    },
    {
      name: 'a disk on ide, where the cloud-init drive has a place too',
      config: { ...CLOUD_INIT, ide0: 'local:9000/base-9000-disk-0.raw' },
      key: 'ide0',
      storage: 'local',
      freeKey: 'ide1',
    },
    {
      name: 'a full ide bus and a chosen SCSI controller',
      config: {
        ide0: 'local:9000/base-9000-disk-0.raw',
        ide1: 'none,media=cdrom',
        ide2: 'local:9000/vm-9000-cloudinit.qcow2,media=cdrom',
        ide3: 'none,media=cdrom',
        scsihw: 'virtio-scsi-single',
      },
      key: 'ide0',
      storage: 'local',
      freeKey: 'scsi0',
    },
  ])('finds $name', ({ config, key, storage, freeKey }) => {
    expect(templateDisks(new Map(Object.entries(config)))).toEqual({ system: { key, storage }, freeKey });
  });

  it.each<{ name: string; config: Record<string, string>; text: string }>([
    { name: 'no disk', config: CLOUD_INIT, text: 'no disk' },
    {
      name: 'two disks and no boot order',
      config: { ...CLOUD_INIT, scsi0: 'a:vm-9000-disk-0', scsi1: 'a:vm-9000-disk-1' },
      text: 'scsi0, scsi1',
    },
    { name: 'a disk of the host', config: { ...CLOUD_INIT, scsi0: '/dev/sdb' }, text: 'not on a storage' },
    {
      name: 'cloud-init files of its own',
      config: { ...CLOUD_INIT, scsi0: 'a:vm-9000-disk-0', cicustom: 'user=local:snippets/user.yaml' },
      text: 'Remove it (qm set <vmid> --delete cicustom)',
    },
    { name: 'no cloud-init drive', config: { scsi0: 'a:vm-9000-disk-0' }, text: 'no cloud-init drive' },
    {
      name: 'no free place',
      config: {
        ...Object.fromEntries(driveKeys.map((key) => [key, 'none,media=cdrom'])),
        ...CLOUD_INIT,
        scsi0: 'a:vm-9000-disk-0',
      },
      text: 'no free slot',
    },
  ])('says what is wrong: $name', ({ config, text }) => {
    const found = templateDisks(new Map(Object.entries(config)));
    expect('problem' in found && found.problem).toContain(text);
  });
});
