// Tests of configuration calls as tasks, and of what a change leaves behind that fails half way.
import { describe, expect, it } from 'vitest';
import { answers, ask, checkRow, configOf, fails, labWith, read, taskEnd } from '../call-table.ts';
import type { ApiCall, CallRow } from '../call-table.ts';

const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
const post = (params: Record<string, unknown>): ApiCall => ['POST qemu/100/config', params];

describe('a change as a task', () => {
  const rows: CallRow[] = [
    { name: 'ends OK', call: post({ cores: 2 }), want: 'OK' },
    {
      name: 'fails for a boot device that is not there (surprise 20)',
      call: post({ boot: 'order=scsi9' }),
      want: "invalid bootorder: device 'scsi9' does not exist'",
    },
    {
      name: 'fails for an ISO that is not there',
      call: post({ ide3: 'shared:iso/none.iso,media=cdrom' }),
      want: "volume 'shared:iso/none.iso' does not exist",
    },
    {
      name: 'answers nothing when it ends within the delay',
      call: post({ cores: 2, background_delay: 5 }),
      want: answers(null),
    },
    {
      name: 'answers its error when it fails within the delay (surprise 19b)',
      call: post({ boot: 'order=scsi9', background_delay: 5 }),
      want: fails("failed to update VM 100: invalid bootorder: device 'scsi9' does not exist'"),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(), row);
  });

  it('writes what it was asked for, without passwords (create-config: post-config-async)', async () => {
    const lab = await labWith();
    const { log } = await taskEnd(
      lab,
      post({ cores: 3, ciuser: 'deb', cipassword: 'secret', digest: (await configOf(lab))['digest'] }),
    );
    expect(log).toEqual(['update VM 100: -cipassword <hidden> -ciuser deb -cores 3', 'TASK OK']);
  });

  it('tells of each disk it makes', async () => {
    const { log } = await taskEnd(await labWith(), post({ scsi1: 'local:1' }));
    expect(log).toEqual([
      'update VM 100: -scsi1 local:1',
      "Formatting '/var/lib/vz/images/100/vm-100-disk-0.raw', fmt=raw size=1073741824 preallocation=off",
      "scsi1: successfully created disk 'local:100/vm-100-disk-0.raw,size=1G'",
      'TASK OK',
    ]);
  });

  it('tells of options that were not set', async () => {
    const { log } = await taskEnd(await labWith(), post({ delete: 'startdate' }));
    expect(log).toContain("cannot delete 'startdate' - not set in current configuration!");
  });
});

describe('what a change leaves behind', () => {
  it('is pending after a failure in the middle, even of a stopped VM (surprise 19)', async () => {
    const lab = await labWith();
    expect(await ask(lab, put({ memory: 777, ide3: 'shared:iso/none.iso,media=cdrom' }))).toMatchObject({
      status: 500,
    });
    expect(await read(lab, 'GET qemu/100/pending')).toContainEqual({ key: 'memory', value: '1024', pending: '777' });
    expect(await configOf(lab)).toMatchObject({ memory: '777' });
    expect(await read(lab, 'GET qemu/100/config', { current: 1 })).toMatchObject({ memory: '1024' });
  });

  it('is nothing when a storage is unknown, whatever else was asked for (config-two-new-disks)', async () => {
    const lab = await labWith();
    const before = await configOf(lab);
    await ask(lab, put({ scsi4: 'shared:1', scsi5: 'nope:1' }));
    expect(await configOf(lab)).toEqual(before);
    expect(lab.simulator.leaks().orphanVolumes).toEqual([]);
  });

  it('is no volume of a disk that was freed', async () => {
    const lab = await labWith(put({ scsi1: 'shared:1' }), put({ delete: 'scsi1' }), put({ delete: 'unused0' }));
    const content = (await read(lab, 'GET storage/shared/content', { vmid: 100 })) as { volid: string }[];
    expect(content.map(({ volid }) => volid)).not.toContain('shared:100/vm-100-disk-1.raw');
  });

  it('is no cloud-init volume when its drive is deleted', async () => {
    const lab = await labWith(put({ delete: 'ide2' }));
    expect(lab.simulator.world.volumes.find('shared:100/vm-100-cloudinit.qcow2', 'pve1')).toBeUndefined();
    expect(await ask(lab, put({ ide2: 'shared:cloudinit' }))).toMatchObject({ status: 200 });
    expect(await configOf(lab)).toMatchObject({ ide2: 'shared:100/vm-100-cloudinit.qcow2,media=cdrom' });
  });

  it('is another digest, and the one before is old', async () => {
    const lab = await labWith();
    const digest = (await configOf(lab))['digest'];
    expect(await ask(lab, put({ cores: 2, digest }))).toMatchObject({ status: 200 });
    expect(await ask(lab, put({ cores: 3, digest }))).toMatchObject({ status: 500 });
  });
});
