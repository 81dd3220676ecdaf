// Tests of templates, of what disks can do, and of moving a disk.
import { describe, expect, it } from 'vitest';
import {
  answers,
  bring,
  checkRow,
  configOf,
  demoLab,
  fails,
  labWith,
  read,
  refuses,
  started,
  taskEnd,
} from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';

const convert: ApiCall = ['POST qemu/100/template'];
const move = (params: Record<string, unknown> = {}): ApiCall => [
  'POST qemu/100/move_disk',
  { disk: 'scsi0', storage: 'local', ...params },
];
const plain: Given = [['POST qemu/9000/clone', { newid: 200, full: 1, storage: 'local' }]];

describe('a template', () => {
  const rows: CallRow[] = [
    { name: 'is made', call: convert, want: 'OK' },
    {
      name: 'is not made twice',
      given: [convert],
      call: convert,
      want: fails("you can't convert a template to a template"),
    },
    {
      name: 'is not made of a running VM',
      given: started,
      call: convert,
      want: fails("you can't convert a VM to template if VM is running"),
    },
    {
      name: 'is not made of a VM with snapshots',
      given: [['POST qemu/100/snapshot', { snapname: 's1' }]],
      call: convert,
      want: fails('unable to create template, because VM contains snapshots'),
    },
    {
      name: 'is not made of a VM that is not there',
      call: ['POST qemu/999/template'],
      want: fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    },
    {
      name: 'is not started',
      given: [convert],
      call: ['POST qemu/100/status/start'],
      want: "you can't start a vm if it's a template",
    },
    {
      name: 'takes configuration (template-ops-on-template)',
      given: [convert],
      call: ['PUT qemu/100/config', { cores: 2 }],
      want: answers(null),
    },
    {
      name: 'is not rolled back',
      given: [convert],
      call: ['POST qemu/100/snapshot/s1/rollback'],
      want: "you can't rollback if vm is a template",
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });

  it('has bases instead of disks, and clones link to them', async () => {
    const lab = await labWith(...plain, ['POST qemu/200/template'], ['POST qemu/200/clone', { newid: 201 }]);
    expect(await configOf(lab, 200)).toMatchObject({
      template: 1,
      scsi0: 'local:200/base-200-disk-0.qcow2,size=2G',
      ide2: 'local:200/vm-200-cloudinit.qcow2,media=cdrom,size=4M',
    });
    expect(await configOf(lab, 201)).toMatchObject({
      scsi0: 'local:200/base-200-disk-0.qcow2/201/vm-201-disk-0.qcow2,size=2G',
    });
  });
});

describe('a feature', () => {
  const ask = (feature: string, vmid = 100): ApiCall => [`GET qemu/${vmid}/feature`, { feature }];
  const every = ['pve1', 'pve2', 'pve3'];
  const raw: Given = [['PUT qemu/100/config', { scsi1: 'shared:1,format=raw' }]];
  const rows: CallRow[] = [
    { name: 'snapshots of files', call: ask('snapshot'), want: answers({ hasFeature: 1, nodes: every }) },
    {
      name: 'no snapshots of a raw file (snapshot-raw-disk)',
      given: raw,
      call: ask('snapshot'),
      want: answers({ hasFeature: 0, nodes: every }),
    },
    { name: 'no linked clones of a VM', call: ask('clone'), want: answers({ hasFeature: 0, nodes: every }) },
    { name: 'linked clones of a template', call: ask('clone', 9000), want: answers({ hasFeature: 1, nodes: every }) },
    { name: 'copies of everything', call: ask('copy'), want: answers({ hasFeature: 1, nodes: every }) },
    {
      name: 'one node for local disks',
      given: plain,
      call: ask('copy', 200),
      want: answers({ hasFeature: 1, nodes: ['pve1'] }),
    },
    {
      name: 'snapshots of thin volumes',
      call: ['GET /nodes/pve2/qemu/9001/feature', { feature: 'snapshot' }],
      want: answers({ hasFeature: 1, nodes: ['pve2'] }),
    },
    {
      name: 'that does not exist',
      call: ask('bad'),
      want: refuses({ feature: "value 'bad' does not have a value in the enumeration 'snapshot, clone, copy'" }),
    },
    {
      name: 'of a VM that is not there',
      call: ask('copy', 999),
      want: fails("unable to find configuration file for VM 999 on node 'pve1'"),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});

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
    { name: 'with an old digest', call: move({ digest: '0'.repeat(40) }), want: { status: 500 } },
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
    expect(task.status).toBe('storage migration failed: received interrupt');
    expect(await read(lab, 'GET storage/local/content')).toEqual([]);
  });

  it('may be a template’s', async () => {
    await bring(demoLab(), [['POST qemu/9000/move_disk', { disk: 'ide2', storage: 'local' }]]);
  });
});
