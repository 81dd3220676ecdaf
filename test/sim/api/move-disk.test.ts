// Tests of moving a disk to another storage.
import { describe, expect, it } from 'vitest';
import { bring, checkRow, configOf, demoLab, fails, labWith, read, refuses, started, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';

const move = (params: Record<string, unknown> = {}): ApiCall => [
  'POST qemu/100/move_disk',
  { disk: 'scsi0', storage: 'local', ...params },
];

describe('a moved disk', () => {
  const overlay = 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2';
  const rows: { name: string; steps: Given; want: Record<string, unknown> }[] = [
    {
      name: 'leaves its source unused (disk-move)',
      steps: [move()],
      want: { scsi0: 'local:100/vm-100-disk-0.qcow2,size=2G', unused0: overlay },
    },
    {
      name: 'takes its source away',
      steps: [move({ delete: 1 })],
      want: { scsi0: 'local:100/vm-100-disk-0.qcow2,size=2G', unused0: undefined },
    },
    {
      name: 'gets another format on the same storage',
      steps: [move({ storage: 'shared', format: 'raw', delete: 1 })],
      want: { scsi0: 'shared:100/vm-100-disk-1.raw,size=2G' },
    },
    {
      name: 'is raw where there are no files',
      steps: [move({ storage: 'local-lvm' })],
      want: { scsi0: 'local-lvm:vm-100-disk-0,size=2G' },
    },
    {
      name: 'keeps its limits',
      steps: [['PUT qemu/100/config', { scsi0: `${overlay},mbps_rd=5` }], move()],
      want: { scsi0: 'local:100/vm-100-disk-0.qcow2,mbps_rd=5,size=2G' },
    },
    {
      name: 'may be the cloud-init drive (surprise 27)',
      steps: [move({ disk: 'ide2' })],
      want: { ide2: 'local:100/vm-100-cloudinit.qcow2,media=cdrom,size=4M', unused0: undefined },
    },
    {
      name: 'is deleted though there are snapshots, when they do not have it',
      steps: [
        ['POST qemu/100/snapshot', { snapname: 's1' }],
        ['PUT qemu/100/config', { scsi1: 'shared:1' }],
        move({ disk: 'scsi1', delete: 1 }),
      ],
      want: { scsi1: 'local:100/vm-100-disk-0.raw,size=1G', unused0: undefined },
    },
    {
      name: 'stays in the snapshots that have it',
      steps: [['POST qemu/100/snapshot', { snapname: 's1' }], move()],
      want: { scsi0: 'local:100/vm-100-disk-0.qcow2,size=2G', unused0: overlay },
    },
    {
      name: 'may be one that is not attached',
      steps: [
        ['PUT qemu/100/config', { scsi1: 'shared:1,format=qcow2' }],
        ['PUT qemu/100/config', { delete: 'scsi1' }],
        move({ disk: 'unused0', delete: 1 }),
      ],
      want: { unused0: 'local:100/vm-100-disk-0.qcow2,size=1G' },
    },
    { name: 'of a running VM', steps: [...started, move()], want: { scsi0: 'local:100/vm-100-disk-0.qcow2,size=2G' } },
  ];
  it.each(rows)('$name', async ({ steps, want }) => {
    const config = await configOf(await labWith(...steps));
    expect(Object.fromEntries(Object.keys(want).map((key) => [key, config[key]]))).toEqual(want);
  });

  it('tells what it does', async () => {
    const { log } = await taskEnd(await labWith(), move({ delete: 1 }));
    expect(log[0]).toBe(`copying volume '${overlay}' from current storage 'shared' to target storage 'local'`);
    expect(log.at(-2)).toBe(`removing source volume '${overlay}' after successful copy`);
  });

  const refusals: CallRow[] = [
    {
      name: 'to where it is',
      call: move({ storage: 'shared' }),
      want: fails("you can't move to the same storage with same format"),
    },
    {
      name: 'to nowhere',
      call: ['POST qemu/100/move_disk', { disk: 'scsi0' }],
      want: refuses({
        storage: "both 'storage' and 'target-vmid' missing, either needs to be set",
        'target-vmid': "both 'storage' and 'target-vmid' missing, either needs to be set",
      }),
    },
    { name: 'to what is not there', call: move({ storage: 'nope' }), want: fails("storage 'nope' does not exist") },
    { name: 'from an empty slot', call: move({ disk: 'scsi9' }), want: fails("disk 'scsi9' does not exist") },
    {
      name: 'that is a medium',
      given: [['PUT qemu/100/config', { ide3: 'none,media=cdrom' }]],
      call: move({ disk: 'ide3' }),
      want: fails("you can't move a cdrom"),
    },
    {
      name: 'with an old digest',
      call: move({ digest: '0'.repeat(40) }),
      want: fails('detected modified configuration - file changed by other user? Try again.'),
    },
    {
      name: 'to nowhere, of a VM that is not there either: the parameters come first',
      call: ['POST qemu/999/move_disk', { disk: 'scsi0' }],
      want: { status: 400 },
    },
    {
      name: 'of a VM that is not there',
      call: ['POST qemu/999/move_disk', { disk: 'scsi0', storage: 'local' }],
      want: fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    },
    {
      name: 'to a storage and to a VM at once',
      call: move({ 'target-vmid': 101 }),
      want: refuses({
        storage: "either set 'storage' or 'target-vmid', but not both",
        'target-vmid': "either set 'storage' or 'target-vmid', but not both",
      }),
    },
    {
      name: 'to a storage for other things',
      given: [(lab) => lab.simulator.world.volumes.storages.get('local')?.content.splice(0, 9, 'iso')],
      call: move(),
      want: refuses({ storage: "storage 'local' does not support vm images" }),
    },
    {
      name: 'to where it is, in the format it has',
      call: move({ storage: 'shared', format: 'qcow2' }),
      want: fails("you can't move to the same storage with same format"),
    },
    {
      name: 'and deleted while a snapshot has it',
      given: [['POST qemu/100/snapshot', { snapname: 's1' }]],
      call: move({ delete: 1 }),
      want: fails("you can't move a disk with snapshots and delete the source"),
    },
    {
      name: 'of a locked VM',
      given: [(lab) => lab.simulator.setLock(100, 'backup')],
      call: move(),
      want: fails('VM is locked (backup)'),
    },
    {
      name: 'to a full storage',
      given: [(lab) => lab.simulator.fillStorage('local')],
      call: move(),
      want: /no space left on device$/,
    },
  ];
  it.each(refusals)('is refused $name', async (row) => {
    const lab = await labWith(...(row.given ?? []));
    await checkRow(lab, row);
    expect(await configOf(lab)).toMatchObject({ scsi0: `${overlay},size=2G` });
  });

  it('whose task is stopped leaves nothing of the copy', async () => {
    const lab = await labWith();
    const task = lab.taskOf(
      await lab.call(...(['POST', '/nodes/pve1/qemu/100/move_disk'] as const), { disk: 'scsi0', storage: 'local' }),
    );
    task.stop();
    await lab.clock.runUntil(task.done);
    expect(task.status).toMatch(
      /^storage migration failed: copy failed: command '\/usr\/bin\/qemu-img convert -p -n -f qcow2 -O qcow2 .* failed: interrupted by signal$/,
    );
    expect(await read(lab, 'GET storage/local/content')).toEqual([]);
  });

  it('is as slow as it was told to be', async () => {
    const lab = await labWith();
    const before = lab.clock.now();
    await taskEnd(lab, ['POST qemu/9000/move_disk', { disk: 'scsi0', storage: 'local', bwlimit: 5000 }]);
    // 450 MiB of data at 5,000 KiB a second.
    expect((lab.clock.now() - before) / 1000).toBeGreaterThan(90);
  });

  it('may be a template’s', async () => {
    await bring(demoLab(), [['POST qemu/9000/move_disk', { disk: 'ide2', storage: 'local' }]]);
  });

  it('of a template is a base again, and clones link to it', async () => {
    const lab = demoLab();
    await bring(lab, [
      ['POST qemu/9000/move_disk', { disk: 'scsi0', storage: 'local' }],
      ['POST qemu/9000/clone', { newid: 100 }],
    ]);
    expect((await configOf(lab, 9000))['scsi0']).toBe('local:9000/base-9000-disk-0.qcow2,size=2G');
    expect((await configOf(lab))['scsi0']).toBe('local:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2,size=2G');
  });

  it('of a template cannot lose a source that has clones', async () => {
    const lab = await labWith();
    const { exit, log } = await taskEnd(lab, [
      'POST qemu/9000/move_disk',
      { disk: 'scsi0', storage: 'local', delete: 1 },
    ]);
    expect(exit).toBe('OK');
    expect(log.at(-2)).toBe("base volume 'shared:9000/base-9000-disk-0.qcow2' is still in use by linked cloned");
  });
});
