// Tests of templates, and of what disks can do.
import { describe, expect, it } from 'vitest';
import { answers, checkRow, configOf, fails, labWith, refuses, started } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';

const convert: ApiCall = ['POST qemu/100/template'];
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
