// Tests of moving VMs: conditions, refusals, what goes along, what the log says, and who is where afterwards.
import { describe, expect, it } from 'vitest';
import { answers, ask, checkRow, fails, labWith, read, refuses, started, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';
import type { Lab } from '../testing.ts';

const move = (params: Record<string, unknown> = {}): ApiCall => [
  'POST qemu/100/migrate',
  { target: 'pve2', ...params },
];
const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
const localDisk: Given = [put({ scsi1: 'local:1' })];
const isoOn = (storage: string): Given => [
  (lab) =>
    void lab.simulator.world.volumes.add(storage, 'pve1', {
      name: 'iso/a.iso',
      content: 'iso',
      format: 'iso',
      sizeBytes: 1024,
    }),
  put({ ide3: `${storage}:iso/a.iso,media=cdrom` }),
];

async function there(lab: Lab, node = 'pve2'): Promise<Record<string, unknown>> {
  return (await read(lab, `GET /nodes/${node}/qemu/100/config`)) as Record<string, unknown>;
}

describe('a VM moves', () => {
  const rows: { name: string; given: Given; params?: Record<string, unknown>; want: Record<string, unknown> }[] = [
    { name: 'with disks on shared storage', given: [], want: { scsi0: expect.stringContaining('shared:') } },
    {
      name: 'with local disks when it is stopped (surprise 36)',
      given: localDisk,
      want: { scsi1: 'local:100/vm-100-disk-0.raw,size=1G' },
    },
    {
      name: 'with unused local disks',
      given: [...localDisk, put({ delete: 'scsi1' })],
      want: { unused0: 'local:100/vm-100-disk-0.raw' },
    },
    {
      name: 'with its cloud-init drive',
      given: [['POST qemu/100/move_disk', { disk: 'ide2', storage: 'local' }]],
      want: { ide2: 'local:100/vm-100-cloudinit.qcow2,media=cdrom,size=4M' },
    },
    {
      name: 'to another storage',
      given: localDisk,
      params: { targetstorage: 'local-lvm' },
      want: { scsi1: expect.stringContaining('local-lvm:') },
    },
    {
      name: 'by a map of storages',
      given: localDisk,
      params: { targetstorage: 'local:local-lvm' },
      want: { scsi1: expect.stringContaining('local-lvm:') },
    },
    {
      name: 'to the same storages',
      given: localDisk,
      params: { targetstorage: '1' },
      want: { scsi1: expect.stringContaining('local:') },
    },
    { name: 'although nobody asked for online', given: [], params: { online: 1 }, want: { name: 'web1' } },
    { name: 'while it runs', given: started, params: { online: 1 }, want: { name: 'web1' } },
    {
      name: 'while it runs with local disks',
      given: [...localDisk, ...started],
      params: { online: 1, 'with-local-disks': 1 },
      want: { scsi1: expect.stringContaining('local:100/vm-100-disk-0.raw,format=raw') },
    },
    {
      name: 'with a medium on shared storage',
      given: isoOn('shared'),
      want: { ide3: expect.stringContaining('shared:iso/a.iso') },
    },
    {
      name: 'with snapshots of files',
      given: [['POST qemu/100/snapshot', { snapname: 's1' }]],
      want: { parent: 's1' },
    },
  ];
  it.each(rows)('$name', async ({ given, params, want }) => {
    const lab = await labWith(...given);
    const { exit, log } = await taskEnd(lab, move(params));
    expect([exit, log.at(-2)]).toEqual([
      'OK',
      expect.stringMatching(/ migration finished successfully \(duration \d\d:\d\d:\d\d\)$/),
    ]);
    const config = await there(lab);
    expect(config).toMatchObject(want);
    expect(config).not.toHaveProperty('lock');
    expect(await ask(lab, ['GET qemu/100/config'])).toMatchObject(
      fails("Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"),
    );
    expect(lab.simulator.leaks().orphanVolumes).toEqual([]);
  });

  it('there and back', async () => {
    const lab = await labWith(...localDisk, move(), ['POST /nodes/pve2/qemu/100/migrate', { target: 'pve1' }]);
    expect(await there(lab, 'pve1')).toMatchObject({ scsi1: 'local:100/vm-100-disk-0.raw,size=1G' });
  });

  it('under another name where its own is taken', async () => {
    const lab = await labWith(
      ...localDisk,
      ['POST /nodes/pve2/storage/local/content', { vmid: 100, filename: 'vm-100-disk-0.raw', size: '1M' }],
      move(),
    );
    expect(await there(lab)).toMatchObject({ scsi1: 'local:100/vm-100-disk-1.raw,size=1G' });
  });

  it('and its counters begin again when it runs (behaviours.md 14)', async () => {
    const lab = await labWith(...started, (at) => at.clock.advance(3_600_000), move({ online: 1 }));
    expect(await read(lab, 'GET /nodes/pve2/qemu/100/status/current')).toMatchObject({
      status: 'running',
      netout: 0,
      uptime: 0,
    });
  });

  it('and a task of root appears on the target (surprise 37)', async () => {
    const lab = await labWith(...started, move({ online: 1 }));
    const tasks = lab.simulator.world.tasks.ofNode('pve2').map(({ type, caller }) => [type, caller.id]);
    expect(tasks).toContainEqual(['qmstart', 'root@pam']);
  });

  it('locked until it is there (migrate-during)', async () => {
    const lab = await labWith(...started);
    await ask(lab, move({ online: 1 }));
    expect(await read(lab, 'GET qemu/100/status/current')).toMatchObject({ lock: 'migrate' });
    expect(await ask(lab, put({ cores: 2 }))).toMatchObject(fails('VM is locked (migrate)'));
    expect(await ask(lab, move({ online: 1 }))).toMatchObject(fails('VM is locked (migrate)'));
    expect(await ask(lab, ['DELETE qemu/100'])).toMatchObject(fails('VM 100 is running - destroy failed'));
  });
});

describe('a move is aborted, and only the log says why (observed: README rule 1)', () => {
  const linked: Given = [
    ['POST qemu/9000/clone', { newid: 200, full: 1, storage: 'local' }],
    ['POST qemu/200/template'],
    ['POST qemu/200/clone', { newid: 201 }],
  ];
  const rows: { name: string; given: Given; call: ApiCall; want: string }[] = [
    {
      name: 'a local medium',
      given: isoOn('local'),
      call: move(),
      want: "can't migrate local disk 'local:iso/a.iso': local cdrom image",
    },
    {
      name: 'a linked clone on local files',
      given: linked,
      call: ['POST qemu/201/migrate', { target: 'pve2' }],
      want: "can't migrate local disk 'local:200/base-200-disk-0.qcow2/201/vm-201-disk-0.qcow2': can't migrate 'local:200/base-200-disk-0.qcow2/201/vm-201-disk-0.qcow2' as it's a clone of 'local:200/base-200-disk-0.qcow2'",
    },
    {
      name: 'a local disk of a running VM',
      given: [...localDisk, ...started],
      call: move({ online: 1 }),
      want: "can't migrate local disk 'local:100/vm-100-disk-0.raw': can't live migrate attached local disks without with-local-disks option",
    },
  ];
  it.each(rows)('$name', async ({ given, call, want }) => {
    const lab = await labWith(...given);
    const { exit, log } = await taskEnd(lab, call);
    expect(exit).toBe('migration aborted');
    expect(log.map((line) => line.replace(/^\S+ \S+ /, ''))).toContain(want);
    expect([...lab.simulator.world.vms.values()].filter((vm) => vm.lock !== undefined)).toEqual([]);
  });

  it('a linked clone on thin volumes is none of these (behaviours.md 7)', async () => {
    const lab = await labWith(['POST /nodes/pve2/qemu/9001/clone', { newid: 201 }]);
    expect((await taskEnd(lab, ['POST /nodes/pve2/qemu/201/migrate', { target: 'pve1' }])).exit).toBe('OK');
  });
});

describe('refused at once', () => {
  const rows: CallRow[] = [
    { name: 'to where it is', call: move({ target: 'pve1' }), want: refuses({ target: 'target is local node.' }) },
    { name: 'to a node that is not there', call: move({ target: 'pve9' }), want: fails("no such cluster node 'pve9'") },
    {
      name: 'to nowhere',
      call: ['POST qemu/100/migrate'],
      want: refuses({ target: 'property is missing and it is not optional' }),
    },
    {
      name: 'while it runs and not online',
      given: started,
      call: move(),
      want: fails("can't migrate running VM without --online"),
    },
    {
      name: 'to a storage that is not there',
      call: move({ targetstorage: 'nope' }),
      want: fails("storage 'nope' does not exist"),
    },
    {
      name: 'from a storage the target has not',
      given: [...localDisk, (lab) => void (lab.simulator.world.volumes.storage('local').nodes = ['pve1'])],
      call: move(),
      want: fails("storage 'local' is not available on node 'pve2'"),
    },
    {
      name: 'of a VM that is not there',
      call: ['POST qemu/999/migrate', { target: 'pve2' }],
      want: fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    },
    {
      name: 'of a locked VM',
      given: [(lab) => lab.simulator.setLock(100, 'backup')],
      call: move(),
      want: fails('VM is locked (backup)'),
    },
    {
      name: 'without quorum',
      given: [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.simulator.nodeDown('pve3')],
      call: move(),
      want: fails('cluster not ready - no quorum?'),
    },
    ...['force', 'migration_type', 'migration_network'].map((option) => ({
      name: `with ${option}, which is for root`,
      call: move({ [option]: { force: 1, migration_type: 'insecure', migration_network: '10.0.0.0/24' }[option] }),
      want: refuses({ [option]: 'Only root may use this option.' }),
    })),
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});

describe('the conditions of a move', () => {
  const base = {
    running: 0,
    'has-dbus-vmstate': 1,
    local_disks: [],
    local_resources: [],
    'mapped-resources': [],
    'mapped-resource-info': {},
  };
  const free = { allowed_nodes: ['pve2', 'pve3'], not_allowed_nodes: { pve2: {}, pve3: {} } };
  const rows: CallRow[] = [
    {
      name: 'name allowed nodes twice (surprise 35)',
      call: ['GET qemu/100/migrate'],
      want: answers({ ...base, ...free }),
    },
    {
      name: 'do not look at the target',
      call: ['GET qemu/100/migrate', { target: 'pve9' }],
      want: answers({ ...base, ...free }),
    },
    {
      name: 'name local disks',
      given: localDisk,
      call: ['GET qemu/100/migrate'],
      want: {
        status: 200,
        data: expect.objectContaining({
          local_disks: [
            expect.objectContaining({
              volid: 'local:100/vm-100-disk-0.raw',
              drivename: 'scsi1',
              cdrom: 0,
              is_attached: 1,
              size: 1024 ** 3,
            }),
          ],
        }),
      },
    },
    {
      name: 'name local media',
      given: isoOn('local'),
      call: ['GET qemu/100/migrate'],
      want: {
        status: 200,
        data: expect.objectContaining({ local_disks: [expect.objectContaining({ drivename: 'ide3', cdrom: 1 })] }),
      },
    },
    {
      name: 'name storages that are missing',
      given: [...localDisk, (lab) => void (lab.simulator.world.volumes.storage('local').nodes = ['pve1', 'pve3'])],
      call: ['GET qemu/100/migrate'],
      want: {
        status: 200,
        data: expect.objectContaining({
          allowed_nodes: ['pve3'],
          not_allowed_nodes: { pve2: { unavailable_storages: ['local'] }, pve3: {} },
        }),
      },
    },
    {
      name: 'name no nodes of a running VM',
      given: started,
      call: ['GET qemu/100/migrate'],
      want: answers({ ...base, running: 1 }),
    },
    {
      name: 'of a locked VM are not told',
      given: [(lab) => lab.simulator.setLock(100, 'backup')],
      call: ['GET qemu/100/migrate'],
      want: fails('VM is locked (backup)'),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});
