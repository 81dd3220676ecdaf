// Tests of creating VMs: what is added, how drives are made, and what is refused at once or in the task.
import { describe, expect, it } from 'vitest';
import { bring, checkRow, configOf, demoLab, fails, forbids, labWith, read, refuses, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';

const create = (params: Record<string, unknown> = {}): ApiCall => ['POST qemu', { vmid: 100, ...params }];
const isoFile = 'shared:iso/debian-12.5.0-amd64-netinst.iso';

describe('a new VM', () => {
  // create-config of the recorded API code; observed 16.
  const rows: { name: string; params: Record<string, unknown>; want: Record<string, unknown> }[] = [
    {
      name: 'has an identity and an empty order of boot',
      params: {},
      want: {
        boot: ' ',
        meta: expect.stringMatching(/^creation-qemu=[\d.]+,ctime=\d+$/),
        smbios1: expect.stringMatching(/^uuid=[0-9a-f-]{36}$/),
        vmgenid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    },
    {
      name: 'boots from its first disk, medium and card',
      params: { scsi0: 'local:1', ide2: `${isoFile},media=cdrom`, net0: 'virtio,bridge=vmbr0' },
      want: { boot: 'order=scsi0;ide2;net0' },
    },
    {
      name: 'does not boot from cloud-init',
      params: { scsi0: 'local:1', ide2: 'local:cloudinit' },
      want: { boot: 'order=scsi0' },
    },
    {
      name: 'keeps an order of boot that names nothing',
      params: { boot: 'order=scsi3' },
      want: { boot: 'order=scsi3' },
    },
    { name: 'may have more balloon than memory', params: { memory: 512, balloon: 1024 }, want: { balloon: 1024 } },
    {
      name: 'gets a MAC',
      params: { net0: 'virtio,bridge=vmbr0' },
      want: { net0: expect.stringMatching(/^virtio=BC:24:11(:[0-9A-F]{2}){3},bridge=vmbr0$/) },
    },
    {
      name: 'keeps a MAC in its letters',
      params: { net0: 'model=virtio,macaddr=bc:24:11:aa:00:01,bridge=vmbr0,rate=12.5' },
      want: { net0: 'virtio=bc:24:11:aa:00:01,bridge=vmbr0,rate=12.5' },
    },
    {
      name: 'has a raw disk without a format',
      params: { scsi0: 'local:4' },
      want: { scsi0: 'local:100/vm-100-disk-0.raw,size=4G' },
    },
    {
      name: 'has a disk in a format',
      params: { scsi0: 'local:4,format=qcow2,discard=on' },
      want: { scsi0: 'local:100/vm-100-disk-0.qcow2,discard=on,size=4G' },
    },
    {
      name: 'has a disk on a device',
      params: { virtio0: 'local-lvm:4' },
      want: { virtio0: 'local-lvm:vm-100-disk-0,size=4G' },
    },
    {
      name: 'has a cloud-init drive',
      params: { ide2: 'local:cloudinit' },
      want: { ide2: 'local:100/vm-100-cloudinit.qcow2,media=cdrom' },
    },
    {
      name: 'has an empty drive',
      params: { ide2: 'none,media=cdrom' },
      want: { ide2: 'none,media=cdrom', boot: 'order=ide2' },
    },
    {
      name: 'has a medium under the name cdrom',
      params: { cdrom: isoFile },
      want: { ide2: `${isoFile},media=cdrom,size=629M` },
    },
    { name: 'has its tags in order', params: { tags: 'b;A;b' }, want: { tags: 'a;b' } },
  ];
  it.each(rows)('$name', async ({ params, want }) => {
    const lab = demoLab();
    await bring(lab, [create(params)]);
    const config = await configOf(lab);
    expect(config).toMatchObject(want);
    expect(config).not.toHaveProperty('lock');
  });

  it('keeps a password as it came (behaviours.md 5)', async () => {
    const lab = demoLab();
    await bring(lab, [create({ cipassword: 'plain', ide2: 'local:cloudinit' })]);
    expect(await configOf(lab)).toMatchObject({ cipassword: '**********' });
    expect(await read(lab, 'GET qemu/100/cloudinit/dump', { type: 'user' })).toContain('password: plain\n');
  });

  it('is imported (disk-import-from)', async () => {
    const lab = await labWith();
    const source = String((await configOf(lab))['scsi0']).split(',')[0];
    const { exit, log } = await taskEnd(lab, create({ vmid: 200, scsi0: `shared:0,import-from=${source}` }));
    expect([exit, log[0]]).toEqual(['OK', `create full clone of drive scsi0 (${source})`]);
    expect(await configOf(lab, 200)).toMatchObject({ scsi0: 'shared:200/vm-200-disk-0.qcow2,size=2G' });
  });

  it('is started when asked', async () => {
    const lab = demoLab();
    await bring(lab, [create({ start: 1 })]);
    expect(await read(lab, 'GET qemu/100/status/current')).toMatchObject({ status: 'running' });
  });

  it('is in its pool', async () => {
    const lab = demoLab();
    await bring(lab, [['POST /pools', { poolid: 'team' }], create({ pool: 'team' })]);
    expect(lab.simulator.world.poolOf(100)).toBe('team');
  });

  it('tells of its disks', async () => {
    const { log } = await taskEnd(demoLab(), create({ scsi0: 'local-lvm:1', scsi1: 'local:1' }));
    expect(log).toEqual([
      '  Logical volume "vm-100-disk-0" created.',
      "scsi0: successfully created disk 'local-lvm:vm-100-disk-0,size=1G'",
      "Formatting '/var/lib/vz/images/100/vm-100-disk-0.raw', fmt=raw size=1073741824 preallocation=off",
      "scsi1: successfully created disk 'local:100/vm-100-disk-0.raw,size=1G'",
      'TASK OK',
    ]);
  });
});

describe('a VM is refused', () => {
  const rows: CallRow[] = [
    {
      name: 'under a number that is taken',
      call: create({ vmid: 9000 }),
      want: fails("unable to create VM 9000 - VM 9000 already exists on node 'pve1'"),
    },
    {
      name: 'under a number that is taken elsewhere',
      call: create({ vmid: 9001 }),
      want: fails("unable to create VM 9001 - VM 9001 already exists on node 'pve2'"),
    },
    {
      name: 'without a number',
      call: ['POST qemu', {}],
      want: refuses({ vmid: 'property is missing and it is not optional' }),
    },
    {
      name: 'with an ISO as a disk',
      call: create({ ide2: isoFile }),
      want: refuses({ ide2: "explicit 'media=cdrom' is required for iso images" }),
    },
    { name: 'on an unknown storage', call: create({ scsi0: 'nope:4' }), want: fails("storage 'nope' does not exist") },
    { name: 'in an unknown pool', call: create({ pool: 'nopool' }), want: forbids("pool 'nopool' does not exist") },
    {
      name: 'with arguments of QEMU',
      call: create({ args: '-no-reboot' }),
      want: fails("only root can set 'args' config"),
    },
    {
      name: 'with a serial port of the host',
      call: create({ serial0: '/dev/ttyS0' }),
      want: fails("only root can set 'serial0' config for real devices"),
    },
    {
      name: 'with a size and no storage',
      call: create({ scsi0: '4', storage: 'local' }),
      want: refuses({
        scsi0: "invalid format - format error\nscsi0.file: invalid format - unable to parse volume ID '4'\n\n",
      }),
    },
    {
      name: 'with little memory',
      call: create({ memory: 15 }),
      want: refuses({ memory: expect.stringContaining('must have a minimum value of 16') as string }),
    },
    {
      name: 'with a bad key',
      call: create({ sshkeys: 'ssh-rsa%20AAAA' }),
      want: fails('SSH public key validation error'),
    },
    {
      name: 'with unique and no archive',
      call: create({ unique: 1 }),
      want: refuses({ archive: "missing property required by 'unique'" }),
    },
    {
      name: 'without quorum',
      given: [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.simulator.nodeDown('pve3')],
      call: create(),
      want: fails('cluster not ready - no quorum?'),
    },
    {
      name: 'in its task: a medium that is not there',
      call: create({ ide2: 'local:iso/nosuch.iso,media=cdrom' }),
      want: "unable to create VM 100 - volume 'local:iso/nosuch.iso' does not exist",
    },
    {
      name: 'in its task: a disabled storage',
      given: [(lab) => void (lab.simulator.world.volumes.storage('local').disabled = true)],
      call: create({ scsi0: 'local:4' }),
      want: "unable to create VM 100 - storage 'local' is disabled",
    },
    {
      name: 'in its task: a storage of another node',
      given: [(lab) => void (lab.simulator.world.volumes.storage('local').nodes = ['pve2'])],
      call: create({ scsi0: 'local:4' }),
      want: "unable to create VM 100 - storage 'local' is not available on node 'pve1'",
    },
    {
      name: 'in its task: a full storage',
      given: [(lab) => lab.simulator.fillStorage('local')],
      call: create({ scsi0: 'local-lvm:1', scsi1: 'local:4' }),
      want: /^unable to create VM 100 - .*no space left on device$/,
    },
    {
      name: 'in its task: two cloud-init drives',
      call: create({ ide0: 'local:cloudinit', ide2: 'local:cloudinit' }),
      want: /cloud-init drive is already attached at/,
    },
  ];
  it.each(rows)('$name, and leaves nothing', async (row) => {
    const lab = demoLab();
    await bring(lab, row.given ?? []);
    await checkRow(lab, row);
    expect(lab.simulator.world.vms.has(100)).toBe(false);
    expect(lab.simulator.leaks().orphanVolumes).toEqual([]);
  });
});
