// Tests of destroying a VM: what goes, what stays, and what stands against it.
import { describe, expect, it } from 'vitest';
import {
  ask,
  bring,
  checkRow,
  configOf,
  demoLab,
  fails,
  labWith,
  read,
  refuses,
  send,
  started,
  taskEnd,
} from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';

const destroy = (params: Record<string, unknown> = {}): ApiCall => ['DELETE qemu/100', params];
const job: ApiCall = ['POST /cluster/backup', { id: 'j1', schedule: 'sun 02:00', vmid: '100,101', storage: 'shared' }];

describe('a destroyed VM', () => {
  it('is gone with its volumes, firewall, rights and number (delete-stopped)', async () => {
    const lab = await labWith(
      ['PUT qemu/100/firewall/options', { enable: 1 }],
      ['PUT qemu/100/config', { scsi1: 'local:1' }],
    );
    lab.simulator.world.access.acl.push({
      path: '/vms/100',
      role: 'PveOperator',
      who: 'operator@pve',
      propagate: true,
    });
    await bring(lab, [destroy()]);
    expect(await ask(lab, ['GET qemu/100/config'])).toMatchObject(
      fails("Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"),
    );
    expect(await read(lab, 'GET /cluster/nextid')).toBe('100');
    expect(lab.simulator.world.volumes.ownedBy(100)).toEqual([]);
    expect(await read(lab, 'GET qemu/100/firewall/options')).toEqual({ digest: expect.any(String) });
    expect(lab.simulator.world.access.acl.some((entry) => entry.path === '/vms/100')).toBe(false);
  });

  it('leaves its pool, but stays in backup jobs (delete-no-purge)', async () => {
    const lab = await labWith(
      ['POST /pools', { poolid: 'team' }],
      ['PUT /pools', { poolid: 'team', vms: '100' }],
      job,
      destroy(),
    );
    expect(await read(lab, 'GET /pools/team')).toEqual({ poolid: 'team', members: [] });
    expect(await read(lab, 'GET /cluster/backup/j1')).toMatchObject({ vmid: '100,101' });
  });

  it('leaves backup jobs with purge, and those left empty go (behaviours.md 10)', async () => {
    const alone: ApiCall = [
      'POST /cluster/backup',
      { id: 'j2', schedule: 'sun 02:00', vmid: '100', storage: 'shared' },
    ];
    const lab = await labWith(job, alone);
    const { exit, log } = await taskEnd(lab, destroy({ purge: 1 }));
    expect([exit, log]).toEqual(['OK', ['purging VM 100 from related configurations..', 'TASK OK']]);
    expect(await read(lab, 'GET /cluster/backup')).toEqual([expect.objectContaining({ id: 'j1', vmid: '101' })]);
  });

  it('frees unused disks, snapshots’ memory and disks of its snapshots', async () => {
    const lab = await labWith(
      ['PUT qemu/100/config', { scsi1: 'shared:1,format=qcow2' }],
      ...started,
      ['POST qemu/100/snapshot', { snapname: 's1', vmstate: 1 }],
      ['POST qemu/100/status/stop'],
      ['PUT qemu/100/config', { delete: 'scsi1' }],
      destroy(),
    );
    expect(lab.simulator.world.volumes.ownedBy(100)).toEqual([]);
  });

  const strays: { name: string; params: Record<string, unknown>; left: number }[] = [
    { name: 'stay without being asked', params: {}, left: 1 },
    { name: 'stay with purge alone', params: { purge: 1 }, left: 1 },
    { name: 'go with destroy-unreferenced-disks', params: { 'destroy-unreferenced-disks': 1 }, left: 0 },
  ];
  it.each(strays)(
    'volumes of its number that nobody names $name (delete-purge-and-unreferenced)',
    async ({ params, left }) => {
      const stray: ApiCall = [
        'POST storage/shared/content',
        { filename: 'vm-100-disk-9.qcow2', vmid: 100, size: '1M', format: 'qcow2' },
      ];
      const lab = await labWith(stray, destroy(params));
      expect(lab.simulator.world.volumes.ownedBy(100)).toHaveLength(left);
    },
  );

  it('takes no other VM’s disk along', async () => {
    const lab = await labWith(['POST qemu/100/clone', { newid: 101 }]);
    const foreign = String((await configOf(lab, 101))['scsi0']).split(',')[0];
    await bring(lab, [['PUT qemu/100/config', { scsi5: foreign }], destroy()]);
    expect(lab.simulator.world.volumes.find(foreign ?? '', 'pve1')).toBeDefined();
  });

  it('keeps its backups', async () => {
    const lab = await labWith(
      ['POST vzdump', { vmid: '100', storage: 'shared' }],
      destroy({ purge: 1, 'destroy-unreferenced-disks': 1 }),
    );
    expect(await read(lab, 'GET storage/shared/content', { content: 'backup' })).toHaveLength(1);
  });
});

describe('a VM is not destroyed', () => {
  const rows: CallRow[] = [
    { name: 'while it runs', given: started, call: destroy(), want: fails('VM 100 is running - destroy failed') },
    {
      name: 'when it is protected',
      given: [['PUT qemu/100/config', { protection: 1 }]],
      call: destroy(),
      want: fails("can't remove VM 100 - protection mode enabled"),
    },
    {
      name: 'when it is managed and not purged',
      given: [(lab) => void lab.simulator.world.haResources.set('vm:100', {})],
      call: destroy(),
      want: fails('unable to remove VM 100 - used in HA resources and purge parameter not set.'),
    },
    {
      name: 'when it is not there',
      call: ['DELETE qemu/999'],
      want: fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    },
    {
      name: 'when it is elsewhere',
      call: ['DELETE qemu/9001'],
      want: fails("Configuration file 'nodes/pve1/qemu-server/9001.conf' does not exist"),
    },
    {
      name: 'with a parameter that does not exist',
      call: destroy({ force: 1 }),
      want: refuses({ force: 'property is not defined in schema and the schema does not allow additional properties' }),
    },
    {
      name: 'with a word for a boolean',
      call: destroy({ purge: 'yes' }),
      want: refuses({ purge: "type check ('boolean') failed - got 'yes'" }),
    },
    {
      name: 'past its lock',
      call: destroy({ skiplock: 1 }),
      want: refuses({ skiplock: 'Only root may use this option.' }),
    },
    {
      name: 'when it is locked, in the task (surprise 34)',
      given: [(lab) => lab.simulator.setLock(100, 'backup')],
      call: destroy(),
      want: 'VM is locked (backup)',
    },
    {
      name: 'when clones depend on it, in the task',
      call: ['DELETE qemu/9000'],
      want: "base volume 'shared:9000/base-9000-disk-0.qcow2' is still in use by linked cloned",
    },
    {
      name: 'without quorum, after ten tries a volume (cluster-no-quorum-more-writes)',
      given: [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.simulator.nodeDown('pve3')],
      call: destroy(),
      want: /^unable to open file '\/etc\/pve\/nodes\/pve1\/qemu-server\/100\.conf\.tmp\.\d+' - Permission denied$/,
    },
  ];
  it.each(rows)('$name', async (row) => {
    const lab = await labWith(...(row.given ?? []));
    await checkRow(lab, row);
    expect(lab.simulator.world.vms.has(100)).toBe(true);
    expect(lab.simulator.world.volumes.find('shared:9000/base-9000-disk-0.qcow2', 'pve1')).toBeDefined();
  });

  it('twice: the second task finds it gone (delete-race)', async () => {
    const lab = await labWith();
    const replies = await lab.clock.runUntil(Promise.all([send(lab, destroy()), send(lab, destroy())]));
    const tasks = replies.map((reply) => lab.taskOf(reply));
    await lab.clock.runUntil(Promise.all(tasks.map((task) => task.done)));
    expect(tasks.map((task) => task.status)).toEqual([
      'OK',
      "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist",
    ]);
  });

  it('without quorum, but is told so only after twenty seconds (surprise 61)', async () => {
    const lab = await labWith(
      (at) => at.simulator.nodeDown('pve2'),
      (at) => at.simulator.nodeDown('pve3'),
    );
    const before = lab.clock.now();
    await taskEnd(lab, destroy());
    expect((lab.clock.now() - before) / 1000).toBe(20);
  });
});

it('a VM suspended to disk is destroyed all the same (surprise 33)', async () => {
  const lab = await labWith(...started, ['POST qemu/100/status/suspend', { todisk: 1 }], destroy());
  expect(lab.simulator.world.vms.has(100)).toBe(false);
  expect(lab.simulator.world.volumes.ownedBy(100)).toEqual([]);
});

it('a template without clones is destroyed', async () => {
  const lab = demoLab();
  await bring(lab, [['DELETE qemu/9000']]);
  expect(lab.simulator.world.volumes.ownedBy(9000)).toEqual([]);
});
