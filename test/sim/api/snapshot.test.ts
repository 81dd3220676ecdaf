// Tests of snapshots: what they keep, what a rollback brings back, and what stands against them.
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
import type { ApiCall, CallRow, Given } from './call-table.ts';
import type { Lab } from '../testing.ts';

const take = (snapname: string, more = {}): ApiCall => ['POST qemu/100/snapshot', { snapname, ...more }];
const rollback = (snapname: string, more = {}): ApiCall => [`POST qemu/100/snapshot/${snapname}/rollback`, more];
const drop = (snapname: string): ApiCall => [`DELETE qemu/100/snapshot/${snapname}`];
const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];

interface Item {
  name: string;
  running?: number;
  vmstate?: number;
}

async function list(lab: Lab): Promise<Item[]> {
  return (await read(lab, 'GET qemu/100/snapshot')) as Item[];
}

describe('a list of snapshots', () => {
  it('ends with the VM as it is (snapshot-lifecycle)', async () => {
    const lab = await labWith(take('s1', { description: 'first é\nline' }));
    expect(await list(lab)).toEqual([
      { name: 's1', description: 'first é\nline', snaptime: expect.any(Number), vmstate: 0 },
      { name: 'current', description: 'You are here!', digest: expect.any(String), parent: 's1', running: 0 },
    ]);
  });

  it('tells whether the VM runs and which snapshots hold memory (snapshot-vmstate)', async () => {
    const lab = await labWith(take('cold', { vmstate: 1 }), ...started, take('warm', { vmstate: 1 }));
    expect((await list(lab)).map(({ name, vmstate, running }) => [name, vmstate ?? running])).toEqual([
      ['cold', 0],
      ['warm', 1],
      ['current', 1],
    ]);
  });
});

describe('a snapshot', () => {
  it('has the configuration of its time under its own description', async () => {
    const lab = await labWith(
      put({ cores: 2, description: 'the VM' }),
      take('s1', { description: 'mine' }),
      put({ cores: 4 }),
    );
    expect(await read(lab, 'GET qemu/100/snapshot/s1/config')).toMatchObject({
      cores: 2,
      description: 'mine',
      snaptime: expect.any(Number),
    });
  });

  it('is described anew', async () => {
    const lab = await labWith(take('s1', { description: 'old' }), [
      'PUT qemu/100/snapshot/s1/config',
      { description: 'new' },
    ]);
    expect(await list(lab)).toContainEqual(expect.objectContaining({ name: 's1', description: 'new' }));
  });

  it('tells of each disk, and of the memory (running-extra)', async () => {
    const lab = await labWith(put({ scsi1: 'shared:1,format=qcow2' }), ...started);
    const { log } = await taskEnd(lab, take('s1', { vmstate: 1 }));
    expect(log.filter((line) => /^(saving|completed|snapshotting|internal)/.test(line))).toEqual([
      "saving VM state and RAM using storage 'shared'",
      expect.stringMatching(/^completed saving the VM state in /),
      "snapshotting 'drive-scsi0' (shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2)",
      'internal qemu snapshot',
      "snapshotting 'drive-scsi1' (shared:100/vm-100-disk-1.qcow2)",
      'internal qemu snapshot',
    ]);
  });

  it('waits three seconds for an agent that should be there (snapshot-running-no-ram)', async () => {
    const lab = await labWith(['POST qemu/100/status/start']);
    const before = lab.clock.now();
    expect((await taskEnd(lab, take('s1'))).log[0]).toBe(
      'skipping guest filesystem freeze - agent configured but not running?',
    );
    expect(lab.clock.now() - before).toBeGreaterThanOrEqual(3000);
  });

  it('gives its memory back when it is deleted', async () => {
    const lab = await labWith(...started, take('warm', { vmstate: 1 }));
    const states = (): number =>
      lab.simulator.world.volumes.ownedBy(100).filter(({ name }) => name.includes('state-warm')).length;
    expect(states()).toBe(1);
    await bring(lab, [drop('warm')]);
    expect(states()).toBe(0);
  });

  it('has an index that looks at nothing (surprise 40)', async () => {
    expect(await read(await labWith(), 'GET qemu/100/snapshot/nope')).toEqual([{ cmd: 'rollback' }, { cmd: 'config' }]);
  });
});

describe('a rollback', () => {
  const rows: { name: string; steps: Given; want: Record<string, unknown> }[] = [
    {
      name: 'brings the configuration back',
      steps: [take('s1'), put({ cores: 4, name: 'b' }), rollback('s1')],
      want: { cores: 1, name: 'web1', parent: 's1' },
    },
    {
      name: 'keeps the description of now (behaviours.md 10)',
      steps: [put({ description: 'then' }), take('s1'), put({ description: 'now' }), rollback('s1')],
      want: { description: 'now' },
    },
    {
      name: 'keeps that there is none now',
      steps: [put({ description: 'then' }), take('s1'), put({ delete: 'description' }), rollback('s1')],
      want: { description: undefined },
    },
    {
      name: 'shrinks a disk that has grown (observed 15)',
      steps: [take('s1'), ['PUT qemu/100/resize', { disk: 'scsi0', size: '5G' }], rollback('s1')],
      want: { scsi0: expect.stringMatching(/,size=2G$/) },
    },
    {
      name: 'keeps a disk that came later as unused',
      steps: [take('s1'), put({ scsi1: 'shared:1' }), rollback('s1')],
      want: { scsi1: undefined, unused0: 'shared:100/vm-100-disk-1.raw' },
    },
    {
      name: 'brings a detached disk back (snapshot-disk-delete)',
      steps: [put({ scsi1: 'shared:1,format=qcow2' }), take('s1'), put({ delete: 'scsi1' }), rollback('s1')],
      want: { scsi1: 'shared:100/vm-100-disk-1.qcow2,size=1G', unused0: undefined },
    },
    {
      name: 'drops what was pending (snapshot-drops-pending)',
      steps: [...started, take('s1'), put({ cores: 3 }), rollback('s1')],
      want: { cores: 1 },
    },
    {
      name: 'brings no memory’s settings back',
      steps: [...started, take('s1', { vmstate: 1 }), rollback('s1')],
      want: { runningcpu: undefined, runningmachine: undefined },
    },
  ];
  it.each(rows)('$name', async ({ steps, want }) => {
    const config = await configOf(await labWith(...steps));
    expect(Object.fromEntries(Object.keys(want).map((key) => [key, config[key]]))).toEqual(want);
    expect(config).not.toHaveProperty('lock');
  });

  it('gives a new generation id', async () => {
    const lab = await labWith(take('s1'));
    const before = (await configOf(lab))['vmgenid'];
    await bring(lab, [rollback('s1')]);
    expect((await configOf(lab))['vmgenid']).not.toBe(before);
  });

  const after: { name: string; given: Given; call: ApiCall; want: string }[] = [
    { name: 'leaves a VM that ran stopped', given: [...started, take('s1')], call: rollback('s1'), want: 'stopped' },
    { name: 'leaves a stopped VM stopped', given: [take('s1')], call: rollback('s1'), want: 'stopped' },
    {
      name: 'starts it with the memory it has',
      given: [...started, take('s1', { vmstate: 1 }), ['POST qemu/100/status/stop']],
      call: rollback('s1'),
      want: 'running',
    },
    {
      name: 'starts it when asked, in a task of its own',
      given: [take('s1')],
      call: rollback('s1', { start: 1 }),
      want: 'running',
    },
  ];
  it.each(after)('$name', async ({ given, call, want }) => {
    const lab = await labWith(...given, call);
    await lab.clock.advance(3000);
    expect(await read(lab, 'GET qemu/100/status/current')).toMatchObject({ status: want });
  });

  it('of a protected VM passes (config-protection)', async () => {
    await bring(await labWith(put({ protection: 1 }), take('s1')), [rollback('s1')]);
  });
});

describe('the task fails', () => {
  const raw: Given = [put({ scsi1: 'shared:1,format=raw' })];
  const noQuorum: Given = [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.simulator.nodeDown('pve3')];
  const rows: CallRow[] = [
    {
      name: 'for a name that is taken',
      given: [take('s1')],
      call: take('s1'),
      want: "snapshot name 's1' already used",
    },
    { name: 'for a raw disk on files', given: raw, call: take('s1'), want: 'snapshot feature is not available' },
    {
      name: 'for a raw disk that is not backed up either',
      given: [...raw, put({ scsi1: 'shared:100/vm-100-disk-1.raw,backup=0' })],
      call: take('s1'),
      want: 'snapshot feature is not available',
    },
    {
      name: 'for a template',
      call: ['POST qemu/9000/snapshot', { snapname: 's1' }],
      want: "you can't take a snapshot if it's a template",
    },
    { name: 'rolling back to what is not there', call: rollback('nope'), want: "snapshot 'nope' does not exist" },
    { name: 'deleting what is not there', call: drop('nope'), want: "snapshot 'nope' does not exist" },
    {
      name: 'deleting what is not there by force',
      call: ['DELETE qemu/100/snapshot/nope', { force: 1 }],
      want: "snapshot 'nope' does not exist",
    },
    {
      name: 'rolling back a VM that is not there (observed 7)',
      call: ['POST qemu/999/snapshot/s1/rollback'],
      want: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist",
    },
    {
      name: 'deleting from a VM that is not there',
      call: ['DELETE qemu/999/snapshot/s1'],
      want: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist",
    },
    { name: 'without quorum', given: noQuorum, call: take('s1'), want: /conf\.tmp\.\d+' - Permission denied$/ },
    {
      name: 'rolling back without quorum',
      given: [take('s1'), ...noQuorum],
      call: rollback('s1'),
      want: /conf\.tmp\.\d+' - Permission denied$/,
    },
    {
      name: 'deleting without quorum',
      given: [take('s1'), ...noQuorum],
      call: drop('s1'),
      want: /conf\.tmp\.\d+' - Permission denied$/,
    },
  ];
  it.each(rows)('$name, and leaves no lock', async (row) => {
    const lab = await labWith(...(row.given ?? []));
    await checkRow(lab, row);
    expect(lab.simulator.world.vms.get(100)?.lock).toBeUndefined();
  });

  it('for all but one of three at once: they do not queue (surprise 39)', async () => {
    const lab = await labWith();
    const replies = await lab.clock.runUntil(Promise.all(['a1', 'a2', 'a3'].map((name) => send(lab, take(name)))));
    const tasks = replies.map((reply) => lab.taskOf(reply));
    await lab.clock.runUntil(Promise.all(tasks.map((task) => task.done)));
    expect(tasks.map((task) => task.status)).toEqual(['OK', 'VM is locked (snapshot)', 'VM is locked (snapshot)']);
  });
});

describe('while a snapshot is deleted', () => {
  const rows: CallRow[] = [
    { name: 'the configuration is locked', call: put({ cores: 2 }), want: fails('VM is locked (snapshot-delete)') },
    { name: 'no other is taken', call: take('s3'), want: 'VM is locked (snapshot-delete)' },
    { name: 'the VM is not started', call: ['POST qemu/100/status/start'], want: 'VM is locked (snapshot-delete)' },
  ];
  it.each(rows)('$name', async (row) => {
    const lab = await labWith(take('s1'), take('s2'));
    await send(lab, drop('s1'));
    await checkRow(lab, row);
  });

  it('and the task is stopped, the lock stays', async () => {
    const lab = await labWith(take('s1'));
    const task = lab.taskOf(await send(lab, drop('s1')));
    await ask(lab, [`DELETE tasks/${task.upid}`]);
    expect(task.status).toBe('received interrupt');
    expect(lab.simulator.leaks().lockedVms).toEqual([expect.objectContaining({ vmid: 100, lock: 'snapshot-delete' })]);
  });
});

describe('refused at once', () => {
  const missing = "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist";
  const pattern = { snapname: expect.any(String) as string };
  const rows: CallRow[] = [
    {
      name: 'the name of now',
      call: take('current'),
      want: fails("unable to use snapshot name 'current' (reserved name)"),
    },
    {
      name: 'the name of what is to come',
      call: take('pending'),
      want: fails("unable to use snapshot name 'pending' (reserved name)"),
    },
    ...['a', '1a', '-a', 'a b', 'ä1', 'x'.repeat(41)].map((name) => ({
      name: `the name "${name}" (behaviours.md 10)`,
      call: take(name),
      want: refuses(pattern),
    })),
    {
      name: 'no name',
      call: ['POST qemu/100/snapshot'],
      want: refuses({ snapname: 'property is missing and it is not optional' }),
    },
    { name: 'a VM that is not there', call: ['POST qemu/999/snapshot', { snapname: 's1' }], want: fails(missing) },
    {
      name: 'the configuration of what is not there',
      call: ['GET qemu/100/snapshot/nope/config'],
      want: fails("snapshot 'nope' does not exist"),
    },
    {
      name: 'describing what is not there',
      call: ['PUT qemu/100/snapshot/nope/config', { description: 'x' }],
      want: fails("snapshot 'nope' does not exist"),
    },
    {
      name: 'freeing a disk that a snapshot has',
      given: [put({ scsi1: 'shared:1,format=qcow2' }), take('s1'), put({ delete: 'scsi1' })],
      call: put({ delete: 'unused0' }),
      want: fails("unable to delete 'shared:100/vm-100-disk-1.qcow2' - volume is still in use (snapshot?)"),
    },
    {
      name: 'moving a disk away from its snapshots',
      given: [take('s1')],
      call: ['POST qemu/100/move_disk', { disk: 'scsi0', storage: 'local', delete: 1 }],
      want: fails("you can't move a disk with snapshots and delete the source"),
    },
    {
      name: 'a template of a VM with snapshots',
      given: [take('s1')],
      call: ['POST qemu/100/template'],
      want: fails('unable to create template, because VM contains snapshots'),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});

it('names of 2 to 40 letters are taken', async () => {
  const lab = await labWith(take('ab'), take('x'.repeat(40)), take('A-b_9'));
  expect((await list(lab)).map(({ name }) => name)).toEqual(['ab', 'x'.repeat(40), 'A-b_9', 'current']);
});

it('a VM without disks has snapshots too', async () => {
  const lab = demoLab();
  await bring(lab, [['POST qemu', { vmid: 100 }], take('s1'), rollback('s1'), drop('s1')]);
});
