// Tests of cloning: what the copy is, what is refused at once and what in the task, and who may.
import { describe, expect, it } from 'vitest';
import {
  bring,
  checkRow,
  configOf,
  demoLab,
  fails,
  forbids,
  labWith,
  read,
  refuses,
  send,
  started,
  taskEnd,
} from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';

const clone = (params: Record<string, unknown>): ApiCall => ['POST qemu/9000/clone', params];

describe('a linked clone', () => {
  it('is an overlay of the template with a cloud-init drive and MAC of its own (clone-linked)', async () => {
    const lab = await labWith();
    const [template, config] = [await configOf(lab, 9000), await configOf(lab)];
    expect(config).toMatchObject({
      name: 'web1',
      scsi0: 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2,size=2G',
      ide2: 'shared:100/vm-100-cloudinit.qcow2,media=cdrom,size=4M',
      boot: template['boot'],
      memory: template['memory'],
      meta: template['meta'],
    });
    for (const own of ['net0', 'smbios1', 'vmgenid', 'digest']) expect(config[own]).not.toBe(template[own]);
    expect(config).not.toHaveProperty('template');
  });

  it('tells of each drive (template-and-clone)', async () => {
    const { exit, log } = await taskEnd(demoLab(), clone({ newid: 100 }));
    expect(exit).toBe('OK');
    expect(log.filter((line) => /^(creating|create|allocated)/.test(line))).toEqual([
      'creating a clone of VM 9000 with ID 100',
      'create full clone of drive ide2 (shared:9000/vm-9000-cloudinit.qcow2)',
      "allocated target volume 'shared:100/vm-100-cloudinit.qcow2'",
      'create linked clone of drive scsi0 (shared:9000/base-9000-disk-0.qcow2)',
    ]);
  });

  it('on thin LVM is a device of its own', async () => {
    const lab = demoLab();
    await bring(lab, [['POST /nodes/pve2/qemu/9001/clone', { newid: 100 }]]);
    expect(await read(lab, 'GET /nodes/pve2/qemu/100/config')).toMatchObject({
      virtio0: 'local-lvm:vm-100-disk-0,size=2G',
      ide2: 'local-lvm:vm-100-cloudinit,media=cdrom,size=4M',
    });
  });

  it('is on its target node when the task has ended', async () => {
    const lab = demoLab();
    await bring(lab, [clone({ newid: 100, target: 'pve3' })]);
    expect(lab.simulator.world.vms.get(100)?.node).toBe('pve3');
  });

  it('is in its pool', async () => {
    const lab = demoLab();
    await bring(lab, [['POST /pools', { poolid: 'team' }], clone({ newid: 100, pool: 'team' })]);
    expect(lab.simulator.world.poolOf(100)).toBe('team');
  });
});

describe('a full clone', () => {
  const rows: { name: string; params: Record<string, unknown>; want: Record<string, unknown> }[] = [
    {
      name: 'of a template stays on its storage',
      params: { full: 1 },
      want: { scsi0: 'shared:100/vm-100-disk-0.qcow2,size=2G' },
    },
    {
      name: 'goes to another storage, raw where there are no files',
      params: { full: 1, storage: 'local-lvm' },
      want: { scsi0: 'local-lvm:vm-100-disk-0,size=2G', ide2: 'local-lvm:vm-100-cloudinit,media=cdrom,size=4M' },
    },
    {
      name: 'takes a format, for every drive',
      params: { full: 1, storage: 'local', format: 'raw' },
      want: {
        scsi0: 'local:100/vm-100-disk-0.raw,size=2G',
        ide2: 'local:100/vm-100-cloudinit.raw,media=cdrom,size=4M',
      },
    },
    { name: 'is called a copy when it gets no name', params: { full: 1 }, want: { name: 'Copy-of-VM-debian-12' } },
    {
      name: 'keeps a long name (surprise 9)',
      params: { full: 1, name: 'x'.repeat(70) },
      want: { name: 'x'.repeat(70) },
    },
    {
      name: 'keeps the lines of its description but the last newline',
      params: { full: 1, description: 'uid:1\nsecond é\n' },
      want: { description: 'uid:1\nsecond é' },
    },
  ];
  it.each(rows)('$name', async ({ params, want }) => {
    const lab = demoLab();
    await bring(lab, [clone({ newid: 100, ...params })]);
    expect(await configOf(lab)).toMatchObject(want);
  });

  it('is what a VM that is no template becomes without being asked (clone-from-plain-vm)', async () => {
    const lab = await labWith(['POST qemu/100/clone', { newid: 200 }]);
    expect(await configOf(lab, 200)).toMatchObject({
      scsi0: 'shared:200/vm-200-disk-0.qcow2,size=2G',
      name: 'Copy-of-VM-web1',
    });
  });

  it('of a running VM is mirrored by QEMU', async () => {
    const lab = await labWith(...started);
    const { log } = await taskEnd(lab, ['POST qemu/100/clone', { newid: 200, full: 1 }]);
    expect(log).toContain('drive mirror is starting for drive-scsi0');
    expect(log).not.toContain('suspend vm');
  });

  it('of a running VM without its agent stops it for a moment (clone-from-running-vm)', async () => {
    const lab = await labWith(['POST qemu/100/status/start']);
    const { log } = await taskEnd(lab, ['POST qemu/100/clone', { newid: 200, full: 1 }]);
    expect(log).toEqual(
      expect.arrayContaining([
        'skipping guest filesystem freeze - agent configured but not running?',
        'suspend vm',
        'resume vm',
      ]),
    );
  });

  it('of a snapshot has what was then (snapshot-clone-from)', async () => {
    const lab = await labWith(
      ['PUT qemu/100/config', { cores: 2 }],
      ['POST qemu/100/snapshot', { snapname: 's1' }],
      ['PUT qemu/100/config', { cores: 4 }],
      ['POST qemu/100/clone', { newid: 200, snapname: 's1', full: 1 }],
    );
    const config = await configOf(lab, 200);
    expect(config).toMatchObject({ cores: 2 });
    expect(config).not.toHaveProperty('parent');
  });

  it('copies no snapshots, unused disks, pending changes or lock (behaviours.md 7)', async () => {
    const lab = await labWith(
      ['PUT qemu/100/config', { scsi1: 'shared:1' }],
      ['PUT qemu/100/config', { delete: 'scsi1' }],
      ...started,
      ['PUT qemu/100/config', { cores: 4 }],
      ['POST qemu/100/clone', { newid: 200 }],
    );
    const config = await configOf(lab, 200);
    expect(config).toMatchObject({ cores: 1 });
    for (const key of ['unused0', 'lock', 'parent']) expect(config).not.toHaveProperty(key);
    expect(lab.simulator.world.vms.get(200)?.hasPending).toBe(false);
  });

  it('takes the firewall of its source along (surprise 43)', async () => {
    const lab = await labWith(
      ['PUT qemu/100/firewall/options', { enable: 1 }],
      ['POST qemu/100/firewall/ipset', { name: 'ipfilter-net0' }],
      ['POST qemu/100/clone', { newid: 200 }],
      ['PUT qemu/100/firewall/options', { enable: 0 }],
    );
    expect(await read(lab, 'GET qemu/200/firewall/options')).toMatchObject({ enable: 1 });
    expect(await read(lab, 'GET qemu/200/firewall/ipset')).toEqual([
      expect.objectContaining({ name: 'ipfilter-net0' }),
    ]);
  });
});

describe('a clone is refused', () => {
  const rows: CallRow[] = [
    {
      name: 'without a number',
      call: clone({ name: 'x' }),
      want: refuses({ newid: 'property is missing and it is not optional' }),
    },
    {
      name: 'with a number below 100',
      call: clone({ newid: 50 }),
      want: refuses({ newid: 'invalid format - value does not look like a valid VM ID\n' }),
    },
    {
      name: 'with a number that is none',
      call: clone({ newid: 'abc' }),
      want: refuses({ newid: "type check ('integer') failed - got 'abc'" }),
    },
    {
      name: 'with a name that is no DNS name',
      call: clone({ newid: 200, name: 'under_score' }),
      want: refuses({ name: 'invalid format - value does not look like a valid DNS name\n' }),
    },
    {
      name: 'with a limit below zero',
      call: clone({ newid: 200, bwlimit: -1 }),
      want: refuses({ bwlimit: 'value must have a minimum value of 0' }),
    },
    {
      name: 'under a number that is taken on the node',
      call: clone({ newid: 100 }),
      want: fails('unable to create VM 100: config file already exists'),
    },
    {
      name: 'under its own number',
      call: clone({ newid: 9000 }),
      want: fails('unable to create VM 9000: config file already exists'),
    },
    {
      name: 'of a VM that is not there',
      call: ['POST qemu/999/clone', { newid: 200 }],
      want: fails("unable to find configuration file for VM 999 on node 'pve1'"),
    },
    {
      name: 'of a VM that is elsewhere',
      call: ['POST qemu/9001/clone', { newid: 200 }],
      want: fails("unable to find configuration file for VM 9001 on node 'pve1'"),
    },
    {
      name: 'of a snapshot that is not there',
      call: clone({ newid: 200, snapname: 'nope' }),
      want: fails("snapshot 'nope' does not exist"),
    },
    {
      name: 'linked to another storage',
      call: clone({ newid: 200, full: 0, storage: 'local' }),
      want: fails("parameter 'storage' not allowed for linked clones"),
    },
    {
      name: 'linked in a format',
      call: clone({ newid: 200, format: 'raw' }),
      want: fails("parameter 'format' not allowed for linked clones"),
    },
    {
      name: 'linked to a VM that is no template',
      call: ['POST qemu/100/clone', { newid: 200, full: 0 }],
      want: fails(
        "Linked clone feature is not supported for 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2' (scsi0)",
      ),
    },
    {
      name: 'to a storage that does not exist',
      call: clone({ newid: 200, full: 1, storage: 'nope' }),
      want: fails("storage 'nope' does not exist"),
    },
    {
      name: 'to a node that does not exist',
      call: clone({ newid: 200, target: 'pve9' }),
      want: fails("no such cluster node 'pve9'"),
    },
    {
      name: 'from local storage to another node',
      call: ['POST /nodes/pve2/qemu/9001/clone', { newid: 200, target: 'pve1' }],
      want: fails("can't clone VM to node 'pve1' (VM uses local storage)"),
    },
    {
      name: 'from local storage to another node, whatever storage is named',
      call: ['POST /nodes/pve2/qemu/9001/clone', { newid: 200, full: 1, storage: 'shared', target: 'pve1' }],
      want: fails("can't clone VM to node 'pve1' (VM uses local storage)"),
    },
    {
      name: 'to local storage of another node',
      call: clone({ newid: 200, full: 1, storage: 'local', target: 'pve2' }),
      want: fails("can't clone to non-shared storage 'local'"),
    },
    {
      name: 'into a pool that does not exist',
      call: clone({ newid: 200, pool: 'nopool' }),
      want: forbids("pool 'nopool' does not exist"),
    },
    {
      name: 'of a locked VM',
      given: [(lab) => lab.simulator.setLock(100, 'backup')],
      call: ['POST qemu/100/clone', { newid: 200 }],
      want: fails('VM is locked (backup)'),
    },
    {
      name: 'without quorum',
      given: [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.simulator.nodeDown('pve3')],
      call: clone({ newid: 200 }),
      want: fails('cluster not ready - no quorum?'),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});

describe('a clone fails in its task', () => {
  const rows: CallRow[] = [
    {
      name: 'under a number that is taken elsewhere (observed 9)',
      call: clone({ newid: 9001 }),
      want: "close (rename) atomic file '/etc/pve/nodes/pve1/qemu-server/9001.conf' failed: File exists",
    },
    {
      name: 'when a disk is gone (create-storage-gone)',
      given: [(lab) => lab.simulator.hideVolume('shared:9000/base-9000-disk-0.qcow2')],
      call: clone({ newid: 200 }),
      want: "clone failed: volume 'shared:9000/base-9000-disk-0.qcow2' does not exist",
    },
    {
      name: 'when the storage is full',
      given: [(lab) => lab.simulator.fillStorage('shared')],
      call: clone({ newid: 200, full: 1 }),
      want: /^clone failed: unable to create image: .*no space left on device$/,
    },
    {
      name: 'when the source is busy for more than a second',
      given: [(lab) => void lab.simulator.holdLock(100, 5000)],
      call: ['POST qemu/100/clone', { newid: 200 }],
      want: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout",
    },
  ];
  it.each(rows)('$name, and leaves nothing', async (row) => {
    const lab = await labWith(...(row.given ?? []));
    await checkRow(lab, row);
    lab.simulator.hideVolume('shared:9000/base-9000-disk-0.qcow2', false);
    expect(lab.simulator.world.vms.has(200)).toBe(false);
    expect(lab.simulator.leaks()).toMatchObject({ orphanVolumes: [], halfClones: [], firewallFiles: [] });
  });

  it('when two want one number at once: the second waits and then finds it taken (surprise 10)', async () => {
    const lab = demoLab();
    const replies = [send(lab, clone({ newid: 200 })), send(lab, clone({ newid: 200 }))];
    const tasks = (await lab.clock.runUntil(Promise.all(replies))).map((reply) => lab.taskOf(reply));
    await lab.clock.runUntil(Promise.all(tasks.map((task) => task.done)));
    expect(tasks.map((task) => task.status)).toEqual(['OK', 'unable to create VM 200: config file already exists']);
  });
});
