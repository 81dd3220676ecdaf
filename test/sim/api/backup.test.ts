// Tests of backups: what an archive is, what the log says, and what fails the job.
import { describe, expect, it } from 'vitest';
import { answers, ask, bring, checkRow, labWith, read, send, started, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';
import type { Lab } from '../testing.ts';

const vzdump = (params: Record<string, unknown> = {}): ApiCall => [
  'POST vzdump',
  { vmid: '100', storage: 'shared', ...params },
];

interface Archive {
  volid: string;
  format: string;
  notes?: string;
  protected?: number;
  vmid: number;
}

async function archives(lab: Lab): Promise<Archive[]> {
  return (await read(lab, 'GET storage/shared/content', { content: 'backup' })) as Archive[];
}

describe('an archive', () => {
  const rows: { name: string; params: Record<string, unknown>; want: Record<string, unknown> }[] = [
    {
      name: 'is named after the VM and the time',
      params: {},
      want: {
        volid: expect.stringMatching(/^shared:backup\/vzdump-qemu-100-\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d\.vma$/),
        format: 'vma',
        subtype: 'qemu',
        vmid: 100,
      },
    },
    { name: 'is compressed by zstd', params: { compress: 'zstd' }, want: { format: 'vma.zst' } },
    { name: 'is compressed by gzip', params: { compress: 'gzip' }, want: { format: 'vma.gz' } },
    { name: 'is compressed by lzo', params: { compress: 'lzo' }, want: { format: 'vma.lzo' } },
    { name: 'is compressed by lzo under its number', params: { compress: '1' }, want: { format: 'vma.lzo' } },
    { name: 'is not compressed', params: { compress: '0' }, want: { format: 'vma' } },
    { name: 'is protected', params: { protected: 1 }, want: { protected: 1 } },
    {
      name: 'is noted: only the first line in a list (surprise 47)',
      params: { 'notes-template': '{{guestname}} of {{cluster}}\\nline 2' },
      want: { notes: 'web1 of demo' },
    },
  ];
  it.each(rows)('$name', async ({ params, want }) => {
    const lab = await labWith(vzdump(params));
    expect(await archives(lab)).toEqual([expect.objectContaining(want)]);
  });

  it('has all of its notes (vzdump: volume-info)', async () => {
    const lab = await labWith(vzdump({ 'notes-template': '{{vmid}} {{node}}\\nline2 \\\\' }));
    const [archive] = await archives(lab);
    expect(await read(lab, `GET storage/shared/content/${archive?.volid}`)).toMatchObject({
      notes: '100 pve1\nline2 \\',
      format: 'raw',
    });
  });

  it('holds the configuration of its time (vzdump: extractconfig)', async () => {
    const lab = await labWith(['PUT qemu/100/config', { cores: 2, scsi1: 'local:1,backup=0' }], vzdump());
    const [archive] = await archives(lab);
    const text = String(await read(lab, 'GET vzdump/extractconfig', { volume: archive?.volid }));
    expect(text).toContain('cores: 2\n');
    expect(text).not.toContain('lock:');
    expect(text.endsWith('#qmdump#map:scsi0:drive-scsi0:shared:qcow2:\n')).toBe(true);
  });
});

describe('the log', () => {
  it('of a stopped VM: it is started for the backup and ends stopped (observed: Backup)', async () => {
    const lab = await labWith();
    const { exit, log } = await taskEnd(lab, vzdump({ compress: 'zstd' }));
    expect(exit).toBe('OK');
    const shown = log.map((line) =>
      line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d/g, '<time>'),
    );
    expect(shown.slice(1, 12)).toEqual([
      'INFO: Starting Backup of VM 100 (qemu)',
      'INFO: Backup started at <time>',
      'INFO: status = stopped',
      'INFO: backup mode: stop',
      'INFO: ionice priority: 7',
      'INFO: VM Name: web1',
      "INFO: include disk 'scsi0' 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2' 2G",
      "INFO: creating vzdump archive '/mnt/pve/shared/dump/vzdump-qemu-100-<time>.vma.zst'",
      'INFO: starting kvm to execute backup task',
      'generating cloud-init ISO',
      'INFO: starting backup via QMP command',
    ]);
    expect(shown.at(-1)).toBe('TASK OK');
    expect(lab.simulator.world.vms.get(100)?.running).toBeUndefined();
  });

  const lines: { name: string; given?: Given; params?: Record<string, unknown>; want: string }[] = [
    {
      name: 'names the mode of a running VM',
      given: started,
      params: { mode: 'snapshot' },
      want: 'INFO: backup mode: snapshot',
    },
    { name: 'freezes a guest with its agent', given: started, want: "INFO: issuing guest-agent 'fs-freeze' command" },
    { name: 'thaws it', given: started, want: "INFO: issuing guest-agent 'fs-thaw' command" },
    {
      name: 'does without an agent',
      given: [['POST qemu/100/status/start']],
      want: 'INFO: skipping guest filesystem freeze - agent configured but not running?',
    },
    { name: 'suspends', given: started, params: { mode: 'suspend' }, want: 'INFO: suspending guest' },
    { name: 'resumes', given: started, params: { mode: 'suspend' }, want: 'INFO: resume vm' },
    { name: 'stops', given: started, params: { mode: 'stop' }, want: 'INFO: stopping virtual guest' },
    {
      name: 'leaves disks out',
      given: [['PUT qemu/100/config', { scsi1: 'local:1,backup=0' }]],
      want: "INFO: exclude disk 'scsi1' 'local:100/vm-100-disk-0.raw' (backup=no)",
    },
    { name: 'tells of protection', params: { protected: 1 }, want: 'INFO: marking backup as protected' },
    { name: 'tells of notes', params: { 'notes-template': 'x' }, want: 'INFO: adding notes to backup' },
    {
      name: 'tells what it prunes by',
      params: { 'prune-backups': 'keep-last=1' },
      want: 'INFO: prune older backups with retention: keep-last=1',
    },
    { name: 'tells what it pruned', params: { 'prune-backups': 'keep-last=1' }, want: 'INFO: pruned 0 backup(s)' },
  ];
  it.each(lines)('$name', async ({ given = [], params = {}, want }) => {
    expect((await taskEnd(await labWith(...given), vzdump(params))).log).toContain(want);
  });
});

describe('after a backup', () => {
  const modes: { mode: string; given: Given; want: string }[] = [
    { mode: 'snapshot', given: started, want: 'running' },
    { mode: 'suspend', given: started, want: 'running' },
    { mode: 'stop', given: started, want: 'running' },
    { mode: 'snapshot', given: [], want: 'stopped' },
  ];
  it.each(modes)('by $mode a VM is $want again, unlocked', async ({ mode, given, want }) => {
    const lab = await labWith(...given, vzdump({ mode }));
    expect(await read(lab, 'GET qemu/100/status/current')).toMatchObject({ qmpstatus: want });
    expect(lab.simulator.world.vms.get(100)?.lock).toBeUndefined();
  });

  it('by mode stop a VM has a new process, by snapshot the same', async () => {
    const pid = async (mode: string): Promise<boolean> => {
      const lab = await labWith(...started);
      const before = lab.simulator.world.vms.get(100)?.running?.pid;
      await bring(lab, [vzdump({ mode })]);
      return lab.simulator.world.vms.get(100)?.running?.pid === before;
    };
    expect([await pid('stop'), await pid('snapshot')]).toEqual([false, true]);
  });

  it('older ones are gone that the policy does not keep, protected ones are not counted (behaviours.md 10)', async () => {
    const lab = await labWith(vzdump({ protected: 1 }), vzdump(), vzdump(), vzdump({ 'prune-backups': 'keep-last=1' }));
    const left = await archives(lab);
    expect(left.map((one) => one.protected)).toEqual([1, undefined]);
  });

  it('nothing is pruned with remove=0', async () => {
    const lab = await labWith(vzdump(), vzdump({ 'prune-backups': 'keep-last=1', remove: 0 }));
    expect(await archives(lab)).toHaveLength(2);
  });

  it('a stopped VM whose backup was killed runs on, unlocked (surprise 48)', async () => {
    const lab = await labWith();
    const task = lab.taskOf(await ask(lab, vzdump()));
    await lab.clock.advance(1500);
    await ask(lab, [`DELETE tasks/${task.upid}`]);
    expect(task.status).toBe('interrupted by signal');
    expect(task.log.at(-2)).toBe('ERROR: Backup job failed - interrupted by signal');
    expect(await read(lab, 'GET qemu/100/status/current')).toMatchObject({ status: 'running' });
    expect(lab.simulator.world.vms.get(100)?.lock).toBeUndefined();
    expect(await archives(lab)).toEqual([]);
  });
});

describe('a call of several VMs', () => {
  const two: Given = [['POST qemu/9000/clone', { newid: 101 }]];
  const rows: { name: string; given: Given; params: Record<string, unknown>; saved: number[]; id: string }[] = [
    { name: 'names them', given: two, params: { vmid: '100,101' }, saved: [100, 101], id: '' },
    { name: 'means all of the node', given: two, params: { all: 1, vmid: undefined }, saved: [100, 101, 9000], id: '' },
    {
      name: 'means all but some',
      given: two,
      params: { all: 1, exclude: '9000,101', vmid: undefined },
      saved: [100],
      id: '100',
    },
    {
      name: 'means a pool',
      given: [...two, ['POST /pools', { poolid: 'team' }], ['PUT /pools', { poolid: 'team', vms: '101' }]],
      params: { pool: 'team', vmid: undefined },
      saved: [101],
      id: '101',
    },
    { name: 'leaves out those of other nodes', given: two, params: { vmid: '100,9001' }, saved: [100], id: '100' },
  ];
  it.each(rows)('$name', async ({ given, params, saved, id }) => {
    const lab = await labWith(...given);
    const call = Object.fromEntries(
      Object.entries({ vmid: '100', storage: 'shared', ...params }).filter(([, value]) => value !== undefined),
    );
    const task = lab.taskOf(await ask(lab, ['POST vzdump', call]));
    await lab.clock.runUntil(task.done);
    expect([task.status, task.id]).toEqual(['OK', id]);
    expect((await archives(lab)).map(({ vmid }) => vmid).toSorted((left, right) => left - right)).toEqual(saved);
  });

  it('is called OK and starts no task when the node has none of them (surprise 46)', async () => {
    const lab = await labWith();
    expect(await ask(lab, ['POST /nodes/pve2/vzdump', { vmid: '100', storage: 'shared' }])).toMatchObject(
      answers('OK'),
    );
    expect(lab.simulator.world.tasks.ofNode('pve2')).toEqual([]);
  });

  it('saves the good ones and fails for the missing one (surprise 46)', async () => {
    const lab = await labWith();
    expect(await taskEnd(lab, vzdump({ vmid: '100,999' }))).toMatchObject({
      exit: 'job errors',
      log: expect.arrayContaining([
        "ERROR: Backup of VM 999 failed - unable to find VM '999'",
        'INFO: Backup job finished with errors',
      ]) as unknown,
    });
    expect(await archives(lab)).toHaveLength(1);
  });

  it('at once on one node follow each other (backup-concurrent)', async () => {
    const lab = await labWith(...two);
    const replies = await lab.clock.runUntil(Promise.all([send(lab, vzdump()), send(lab, vzdump({ vmid: '101' }))]));
    const tasks = replies.map((reply) => lab.taskOf(reply));
    await lab.clock.runUntil(Promise.all(tasks.map((task) => task.done)));
    expect(tasks.map((task) => task.status)).toEqual(['OK', 'OK']);
    expect(tasks[1]?.log.slice(0, 2)).toEqual([
      'INFO: trying to get global lock - waiting...',
      'INFO: got global lock',
    ]);
  });
});

describe('the job fails', () => {
  const rows: CallRow[] = [
    { name: 'for a VM that is not there', call: vzdump({ vmid: '999' }), want: 'job errors' },
    {
      name: 'for a locked VM',
      given: [(lab) => lab.simulator.setLock(100, 'migrate')],
      call: vzdump(),
      want: 'job errors',
    },
    {
      name: 'for a VM whose disk is gone',
      given: [(lab) => lab.simulator.hideVolume('shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2')],
      call: vzdump(),
      want: 'job errors',
    },
    {
      name: 'for an unknown storage',
      call: vzdump({ storage: 'nope' }),
      want: "could not activate storage 'nope': storage 'nope' does not exist could not get storage information for 'nope': storage 'nope' does not exist",
    },
    {
      name: 'for a storage without backups',
      call: vzdump({ storage: 'local-lvm' }),
      want: "could not get storage information for 'local-lvm': can't use storage 'local-lvm' for backups - wrong content type",
    },
    {
      name: 'without quorum',
      given: [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.simulator.nodeDown('pve3')],
      call: vzdump(),
      want: 'job errors',
    },
  ];
  it.each(rows)('$name, and leaves nothing', async (row) => {
    const lab = await labWith(...(row.given ?? []));
    const lock = lab.simulator.world.vms.get(100)?.lock;
    await checkRow(lab, row);
    expect(lab.simulator.world.vms.get(100)?.lock).toBe(lock);
    expect(await archives(lab)).toEqual([]);
  });
});
