// Tests of giving a disk to another VM: what qemu-server's move_disk does with target-vmid.
import { describe, expect, it } from 'vitest';
import {
  ask,
  bring,
  checkRow,
  configOf,
  demoLab,
  fails,
  forbids,
  labWith,
  read,
  refuses,
  rootToken,
  started,
  taskEnd,
} from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';
import { operatorToken } from '../testing.ts';

const overlay = 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2';
const give = (params: Record<string, unknown> = {}): ApiCall => [
  'POST qemu/100/move_disk',
  { disk: 'scsi0', 'target-vmid': 101, 'target-disk': 'scsi1', ...params },
];
const another: Given = [['POST qemu/9000/clone', { newid: 101, name: 'web2' }]];
const extra: Given = [['PUT qemu/100/config', { scsi1: 'shared:1,mbps_rd=5' }]];
const detached: Given = [...extra, ['PUT qemu/100/config', { delete: 'scsi1' }]];

async function disksOf(lab: Awaited<ReturnType<typeof labWith>>, vmid: number): Promise<Record<string, unknown>> {
  const config = await configOf(lab, vmid);
  return Object.fromEntries(Object.entries(config).filter(([key]) => /^(?:scsi|sata|unused)\d|^boot$/.test(key)));
}

describe('a disk given to another VM', () => {
  const target = { scsi0: 'shared:9000/base-9000-disk-0.qcow2/101/vm-101-disk-0.qcow2,size=2G' };
  const boot = 'order=scsi0;ide2;net0';
  const rows: { name: string; given: Given; call: ApiCall; source: object; target: object }[] = [
    {
      name: 'is renamed, stays a clone of its base and leaves the boot order',
      given: [],
      call: give(),
      source: { boot: 'order=ide2;net0' },
      target: { ...target, boot, scsi1: 'shared:9000/base-9000-disk-0.qcow2/101/vm-101-disk-1.qcow2,size=2G' },
    },
    {
      name: 'keeps its limits',
      given: extra,
      call: give({ disk: 'scsi1', 'target-disk': 'scsi4' }),
      source: { boot, scsi0: `${overlay},size=2G` },
      target: { ...target, boot, scsi4: 'shared:101/vm-101-disk-1.raw,mbps_rd=5,size=1G' },
    },
    {
      name: 'goes into the slot it comes from when nobody names one',
      given: extra,
      call: ['POST qemu/100/move_disk', { disk: 'scsi1', 'target-vmid': 101 }],
      source: { boot, scsi0: `${overlay},size=2G` },
      target: { ...target, boot, scsi1: 'shared:101/vm-101-disk-1.raw,mbps_rd=5,size=1G' },
    },
    {
      name: 'as unused has nothing but its volume',
      given: extra,
      call: give({ disk: 'scsi1', 'target-disk': 'unused3' }),
      source: { boot, scsi0: `${overlay},size=2G` },
      target: { ...target, boot, unused3: 'shared:101/vm-101-disk-1.raw' },
    },
    {
      name: 'may be one that was unused',
      given: detached,
      call: give({ disk: 'unused0', 'target-disk': 'sata1' }),
      source: { boot, scsi0: `${overlay},size=2G` },
      target: { ...target, boot, sata1: 'shared:101/vm-101-disk-1.raw,size=1G' },
    },
    {
      name: 'of a running VM, when it was unused',
      given: [...detached, ...started],
      call: give({ disk: 'unused0', 'target-disk': 'unused0' }),
      source: { boot, scsi0: `${overlay},size=2G` },
      target: { ...target, boot, unused0: 'shared:101/vm-101-disk-1.raw' },
    },
    {
      name: 'takes the first number that is free',
      given: [
        ['PUT qemu/101/config', { scsi5: 'shared:1' }],
        ['PUT qemu/101/config', { delete: 'scsi0', force: 1 }],
      ],
      call: give(),
      source: { boot: 'order=ide2;net0' },
      target: {
        boot: 'order=ide2;net0',
        scsi5: 'shared:101/vm-101-disk-1.raw,size=1G',
        scsi1: 'shared:9000/base-9000-disk-0.qcow2/101/vm-101-disk-0.qcow2,size=2G',
      },
    },
  ];
  it.each(rows)('$name', async ({ given, call, source, target: wanted }) => {
    const lab = await labWith(...another, ...given, call);
    expect(await disksOf(lab, 100)).toEqual(source);
    expect(await disksOf(lab, 101)).toEqual(wanted);
    expect(lab.simulator.leaks().orphanVolumes).toEqual([]);
  });

  it('is plugged into a VM that runs', async () => {
    const lab = await labWith(...another, ...extra, ['POST qemu/101/status/start'], give({ disk: 'scsi1' }));
    expect(await read(lab, 'GET qemu/101/config', { current: 1 })).toMatchObject({
      scsi1: 'shared:101/vm-101-disk-1.raw,mbps_rd=5,size=1G',
    });
  });

  it('waits for its next start where nothing can be plugged', async () => {
    const lab = await labWith(
      ...another,
      ...extra,
      ['POST qemu/101/status/start'],
      ['POST qemu/100/move_disk', { disk: 'scsi1', 'target-vmid': 101, 'target-disk': 'sata0' }],
    );
    expect(await read(lab, 'GET qemu/101/config', { current: 1 })).not.toHaveProperty('sata0');
    expect(await configOf(lab, 101)).toHaveProperty('sata0');
  });

  it('on a volume manager is a plain name', async () => {
    const lab = await labWith(...another, ['PUT qemu/100/config', { scsi1: 'local-lvm:1' }], give({ disk: 'scsi1' }));
    expect((await configOf(lab, 101))['scsi1']).toBe('local-lvm:vm-101-disk-0,size=1G');
  });

  it('tells what it does, under an id of its own', async () => {
    const lab = await labWith(...another);
    const reply = await ask(lab, give());
    expect(reply.data).toMatch(/^UPID:pve1:.*:qmmove:100-scsi0>101-scsi1:root@pam!all:$/);
    const task = lab.taskOf(reply);
    await lab.clock.runUntil(task.done);
    expect(task.log).toEqual([
      "moving disk 'scsi0' from VM '100' to '101'",
      "removing disk 'scsi0' from boot order config",
      "removing disk 'scsi0' from VM '100' config",
      'update VM 101: -scsi1 shared:9000/base-9000-disk-0.qcow2/101/vm-101-disk-1.qcow2,size=2G',
      'TASK OK',
    ]);
  });
});

describe('a disk is not given away', () => {
  const rows: CallRow[] = [
    {
      name: 'to itself',
      call: give({ 'target-vmid': 100 }),
      want: refuses({ 'target-vmid': 'must be different than source VMID to reassign disk' }),
    },
    {
      name: 'to a VM that is not there',
      call: give({ 'target-vmid': 999 }),
      want: fails('could not find target VM 999'),
    },
    {
      name: 'by a VM that is not there',
      call: ['POST qemu/998/move_disk', { disk: 'scsi0', 'target-vmid': 101 }],
      want: fails('could not find VM 998'),
    },
    {
      name: 'across nodes',
      call: give({ 'target-vmid': 9001 }),
      want: fails('Both VMs need to be on the same node (pve1 != pve2)'),
    },
    {
      name: 'asked on another node',
      call: ['POST /nodes/pve2/qemu/100/move_disk', { disk: 'scsi0', 'target-vmid': 101 }],
      want: fails("Configuration file 'nodes/pve2/qemu-server/100.conf' does not exist"),
    },
    {
      name: 'when its VM is locked',
      given: [(lab) => lab.simulator.setLock(100, 'backup')],
      call: give(),
      want: fails('VM is locked (backup)'),
    },
    {
      name: 'when the other VM is locked',
      given: [(lab) => lab.simulator.setLock(101, 'snapshot')],
      call: give(),
      want: fails('VM is locked (snapshot)'),
    },
    {
      name: 'to a template',
      call: give({ 'target-vmid': 9000 }),
      want: fails("Can't move disks from or to template VMs"),
    },
    {
      name: 'by a template',
      given: [['POST qemu/100/template']],
      call: give(),
      want: fails("Can't move disks from or to template VMs"),
    },
    {
      name: 'with an old digest',
      call: give({ digest: '0'.repeat(40) }),
      want: fails('VM 100: detected modified configuration - file changed by other user? Try again.'),
    },
    {
      name: 'with an old digest of the other VM',
      call: give({ 'target-digest': '0'.repeat(40) }),
      want: fails('VM 101: detected modified configuration - file changed by other user? Try again.'),
    },
    {
      name: 'from an empty slot',
      call: give({ disk: 'scsi9' }),
      want: fails("Disk 'scsi9' for VM '100' does not exist"),
    },
    {
      name: 'into a slot that is taken',
      call: give({ 'target-disk': 'scsi0' }),
      want: fails("Target disk key 'scsi0' is already in use for VM '101'"),
    },
    {
      name: 'when it is a medium',
      given: [['PUT qemu/100/config', { ide3: 'none,media=cdrom' }]],
      call: give({ disk: 'ide3' }),
      want: fails("CD drive contents can't be moved to another VM"),
    },
    {
      name: 'when a snapshot has it',
      given: [['POST qemu/100/snapshot', { snapname: 's1' }]],
      call: give(),
      want: fails("Can't move disk used by a snapshot to another VM"),
    },
    {
      name: 'when it is a base',
      given: [
        (lab) =>
          lab.simulator.changeByHand(100, (options) => {
            options['unused0'] = 'shared:9000/base-9000-disk-0.qcow2';
          }),
      ],
      call: give({ disk: 'unused0' }),
      want: fails('Storage does not support moving of this disk to another VM'),
    },
    {
      name: 'while its VM runs',
      given: started,
      call: give(),
      want: fails('Cannot move disk to another VM while the source VM is running - detach first'),
    },
    {
      name: 'where keys of its slot mean nothing',
      given: [['PUT qemu/100/config', { scsi1: 'shared:1,iothread=1' }]],
      call: give({ disk: 'scsi1', 'target-disk': 'sata0' }),
      want: { status: 500, reason: expect.stringMatching(/^failed to parse source disk for target disk format/) },
    },
  ];
  it.each(rows)('$name', async (row) => {
    const lab = await labWith(...another, ...(row.given ?? []));
    await checkRow(lab, row);
    expect((await configOf(lab, 101))['scsi1']).toBeUndefined();
  });

  const rights: { name: string; on: string; want: string }[] = [
    { name: 'VM.Config.Disk on the other VM', on: '/vms/101', want: '/vms/101, VM.Config.Disk' },
    {
      name: 'space on its storage',
      on: '/storage/shared',
      want: '/storage/shared, Datastore.AllocateSpace',
    },
  ];
  it.each(rights)('without $name', async ({ on, want }) => {
    const lab = await labWith(...another);
    for (const who of ['operator@pve', 'operator@pve!k8s'])
      lab.simulator.world.access.acl.push({ path: on, role: 'NoAccess', who, propagate: true });
    expect(await ask(lab, give(), operatorToken)).toMatchObject(forbids(want));
    expect(await ask(lab, give(), rootToken)).toMatchObject({ status: 200 });
  });

  it('when something happened before the task had its turn', async () => {
    const lab = await labWith(...another);
    const held = lab.simulator.holdLock(100, 5000);
    const task = lab.taskOf(await ask(lab, give()));
    lab.simulator.changeByHand(101, (options) => {
      options['scsi1'] = 'shared:1';
    });
    await lab.clock.runUntil(Promise.all([held, task.done]));
    expect(task.status).toBe("Target disk key 'scsi1' is already in use for VM '101'");
  });

  it('when either lock stays busy', async () => {
    for (const vmid of [100, 101]) {
      const lab = await labWith(...another);
      void lab.simulator.holdLock(vmid, 60_000);
      const { exit } = await taskEnd(lab, give());
      expect(exit).toBe(`can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`);
    }
  });

  it('twice', async () => {
    const lab = demoLab();
    await bring(lab, [['POST qemu/9000/clone', { newid: 100 }], ...another, give()]);
    expect(await ask(lab, give())).toMatchObject(fails("Disk 'scsi0' for VM '100' does not exist"));
  });
});
