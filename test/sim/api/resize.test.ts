// Tests of growing disks: sizes as they are given and as they show, and refusals, nearly all of them in the task.
import { describe, expect, it } from 'vitest';
import { checkRow, configOf, labWith, refuses, started, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';

const GiB = 1024 ** 3;
const resize = (size: string | number, disk = 'scsi0', more = {}): ApiCall => [
  'PUT qemu/100/resize',
  { disk, size, ...more },
];

describe('a disk of 2 GiB', () => {
  const rows: { name: string; size: string | number; given?: Given; want: string }[] = [
    { name: 'grows to a size', size: '10G', want: '10G' },
    { name: 'grows by a size', size: '+8G', want: '10G' },
    { name: 'grows by mebibytes', size: '+512M', want: '2560M' },
    { name: 'grows by a fraction (observed 15)', size: '+1.5G', want: '3584M' },
    { name: 'grows to bytes without a unit', size: 7 * GiB, want: '7G' },
    { name: 'grows to an odd number of bytes, rounded to KiB when it is stopped', size: 3 * GiB - 1, want: '3G' },
    {
      name: 'grows to an odd number of bytes as it is while it runs',
      size: 3 * GiB - 1,
      given: started,
      want: String(3 * GiB - 1),
    },
    { name: 'stays at its own size', size: '2G', want: '2G' },
    { name: 'stays when nothing is added', size: '+0', want: '2G' },
    { name: 'grows by kibibytes', size: '+1K', want: '2097153K' },
  ];
  it.each(rows)('$name: $size', async ({ size, given = [], want }) => {
    const lab = await labWith(...given, resize(size));
    expect((await configOf(lab))['scsi0']).toMatch(new RegExp(`,size=${want}$`));
  });

  it('keeps its limits', async () => {
    const file = 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2';
    const lab = await labWith(['PUT qemu/100/config', { scsi0: `${file},mbps_rd=10` }], resize('4G'));
    expect(await configOf(lab)).toMatchObject({ scsi0: `${file},mbps_rd=10,size=4G` });
  });

  const logs: { name: string; size: string; given?: Given; want: string[] }[] = [
    { name: 'tells that it was resized', size: '4G', want: ['Image resized.', 'TASK OK'] },
    { name: 'tells nothing when it stays (create-config: resize-same)', size: '2G', want: ['TASK OK'] },
    { name: 'tells nothing when QEMU does it', size: '4G', given: started, want: ['TASK OK'] },
  ];
  it.each(logs)('$name', async ({ size, given = [], want }) => {
    expect((await taskEnd(await labWith(...given), resize(size))).log).toEqual(want);
  });

  it('with a snapshot grows too (resize-with-snapshot)', async () => {
    const lab = await labWith(['POST qemu/100/snapshot', { snapname: 's1' }], resize('3G'));
    expect((await configOf(lab))['scsi0']).toMatch(/,size=3G$/);
  });
});

describe('an image of version 2', () => {
  const taken: Given = [
    ['POST qemu/100/snapshot', { snapname: 's1' }],
    ({ simulator }) => {
      for (const volume of simulator.world.volumes.all())
        if (volume.vmid === 100) simulator.downgradeImage(`${volume.storage}:${volume.name}`);
    },
  ];

  it('does not grow while it has a snapshot', async () => {
    const end = await taskEnd(await labWith(...taken), resize('3G'));
    expect(end.exit).toMatch(/^command '\/usr\/bin\/qemu-img resize .* failed: exit code 1$/);
    expect(end.log[0]).toBe("qemu-img: Can't resize a v2 image which has snapshots");
  });

  it('does not grow in a running VM either', async () => {
    const end = await taskEnd(await labWith(...taken, ...started), resize('3G'));
    expect(end.exit).toBe("VM 100 qmp command 'block_resize' failed - Can't resize a v2 image which has snapshots");
  });

  it('grows when the snapshot is gone', async () => {
    const lab = await labWith(...taken, ['DELETE qemu/100/snapshot/s1'], resize('3G'));
    expect((await configOf(lab))['scsi0']).toMatch(/,size=3G$/);
  });
});

describe('the task fails', () => {
  const rows: CallRow[] = [
    { name: 'when the disk would shrink', call: resize('1G'), want: 'shrinking disks is not supported' },
    { name: 'for a slot that is empty', call: resize('+1G', 'scsi7'), want: "disk 'scsi7' does not exist" },
    { name: 'for the cloud-init drive', call: resize('+1G', 'ide2'), want: "you can't resize a cdrom" },
    {
      name: 'for an old digest',
      call: resize('+1G', 'scsi0', { digest: '0'.repeat(40) }),
      want: 'checksum mismatch (file change by other user?)',
    },
    {
      name: 'for a locked VM',
      given: [(lab) => lab.simulator.setLock(100, 'snapshot')],
      call: resize('+1G'),
      want: 'VM is locked (snapshot)',
    },
    {
      name: 'for a VM that is not there (observed 7)',
      call: ['PUT qemu/999/resize', { disk: 'scsi0', size: '+1G' }],
      want: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist",
    },
    {
      name: 'for a volume that is gone',
      given: [(lab) => lab.simulator.hideVolume('shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2')],
      call: resize('+1G'),
      want: "volume 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2' does not exist",
    },
    {
      name: 'for more than an image can hold (resize-bad-forms)',
      call: resize('99999T'),
      want: "command '/usr/bin/qemu-img resize '--preallocation=metadata' -f qcow2 /mnt/pve/shared/images/100/vm-100-disk-0.qcow2 109950063265972224' failed: exit code 1",
    },
    {
      name: 'when somebody works on the VM for ten seconds',
      given: [(lab) => void lab.simulator.holdLock(100, 20_000)],
      call: resize('+1G'),
      want: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout",
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });

  it('without quorum, when the image has grown already (surprise 61)', async () => {
    const lab = await labWith(
      (at) => at.simulator.nodeDown('pve2'),
      (at) => at.simulator.nodeDown('pve3'),
    );
    expect((await taskEnd(lab, resize('4G'))).exit).toMatch(/Permission denied$/);
    expect((await configOf(lab))['scsi0']).toMatch(/,size=2G$/);
    const [volume] = lab.simulator.world.volumes.ownedBy(100).filter((one) => one.base !== undefined);
    expect(volume?.sizeBytes).toBe(4 * GiB);
  });
});

describe('refused at once', () => {
  const regex = { size: 'value does not match the regex pattern' };
  const rows: CallRow[] = [
    ...['abc', '1X', '-1G', '', '1 G', '1GiB', '+', 'G'].map((size) => ({
      name: `the size "${size}"`,
      call: resize(size),
      want: refuses(regex),
    })),
    {
      name: 'no size',
      call: ['PUT qemu/100/resize', { disk: 'scsi0' }],
      want: refuses({ size: 'property is missing and it is not optional' }),
    },
    {
      name: 'no disk',
      call: ['PUT qemu/100/resize', { size: '1G' }],
      want: refuses({ disk: 'property is missing and it is not optional' }),
    },
    {
      name: 'a disk that is no slot',
      call: resize('+1G', 'foo0'),
      want: refuses({
        disk: expect.stringMatching(/^value 'foo0' does not have a value in the enumeration 'ide0, ide1/),
      }),
    },
    {
      name: 'to skip the lock',
      call: resize('+1G', 'scsi0', { skiplock: 1 }),
      want: refuses({ skiplock: 'Only root may use this option.' }),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(), row);
  });
});
