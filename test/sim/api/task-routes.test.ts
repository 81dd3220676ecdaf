// Tests of tasks as the API shows them: lists and their filters, status, log, stopping, and who may.
import { describe, expect, it } from 'vitest';
import { answers, ask, bring, checkRow, demoLab, forbids, labWith, read, refuses, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';
import { operatorToken } from '../testing.ts';
import type { Lab } from '../testing.ts';

const unknown = 'UPID:pve1:00001719:00080719:6B028095:qmclone:9000:root@pam!op:';

interface Listed {
  type: string;
  status: string;
  upid: string;
}

async function types(lab: Lab, params: Record<string, unknown> = {}): Promise<string[]> {
  return ((await read(lab, 'GET tasks', params)) as Listed[]).map(({ type }) => type);
}

/** A clone, a start, a failed start, and a stop; the last one is a shutdown that runs still. */
async function busy(): Promise<Lab> {
  const lab = await labWith((at) => void at.simulator.world.guestBootMs.set(100, null), ['POST qemu/100/status/start']);
  await taskEnd(lab, ['POST qemu/100/status/start']);
  await lab.clock.advance(5000);
  await bring(lab, [['POST qemu/9000/clone', { newid: 101 }]]);
  await ask(lab, ['POST qemu/100/status/shutdown']);
  return lab;
}

describe('the list of a node', () => {
  const rows: { name: string; params: Record<string, unknown>; want: string[] }[] = [
    {
      name: 'has what has ended, newest first (endpoints.md)',
      params: {},
      want: ['qmclone', 'qmstart', 'qmstart', 'qmclone'],
    },
    { name: 'has what runs', params: { source: 'active' }, want: ['qmshutdown'] },
    { name: 'has both', params: { source: 'all' }, want: ['qmshutdown', 'qmclone', 'qmstart', 'qmstart', 'qmclone'] },
    { name: 'has those of a VM; a clone is its source’s', params: { vmid: 100 }, want: ['qmstart', 'qmstart'] },
    { name: 'has those of a type', params: { typefilter: 'qmclone' }, want: ['qmclone', 'qmclone'] },
    { name: 'has those that failed', params: { errors: 1 }, want: ['qmstart'] },
    { name: 'has those with a kind of end', params: { statusfilter: 'ok' }, want: ['qmclone', 'qmstart', 'qmclone'] },
    { name: 'has those with one of several kinds', params: { statusfilter: 'error,warning' }, want: ['qmstart'] },
    {
      name: 'has those of a user',
      params: { userfilter: 'root@pam' },
      want: ['qmclone', 'qmstart', 'qmstart', 'qmclone'],
    },
    { name: 'has none of another', params: { userfilter: 'nobody' }, want: [] },
    { name: 'begins later', params: { start: 1 }, want: ['qmstart', 'qmstart', 'qmclone'] },
    { name: 'ends earlier', params: { limit: 2 }, want: ['qmclone', 'qmstart'] },
    { name: 'has a part', params: { start: 1, limit: 1 }, want: ['qmstart'] },
  ];
  it.each(rows)('$name', async ({ params, want }) => {
    expect(await types(await busy(), params)).toEqual(want);
  });

  it('ends after fifty', async () => {
    const lab = demoLab();
    for (let turn = 0; turn < 52; turn += 1) await taskEnd(lab, ['POST qemu/9000/status/stop']);
    expect(await types(lab)).toHaveLength(50);
    expect(await types(lab, { limit: 100 })).toHaveLength(52);
  });

  it('is narrowed by the time of the start', async () => {
    const lab = await busy();
    const all = (await read(lab, 'GET tasks')) as { starttime: number }[];
    const newest = all[0]?.starttime ?? 0;
    expect(await types(lab, { since: newest })).toEqual(['qmclone']);
    expect(await types(lab, { until: newest - 1 })).toEqual(['qmstart', 'qmstart', 'qmclone']);
  });

  it('shows a running one with its whole user, an ended one with user and token apart (surprise 51)', async () => {
    const lab = await busy();
    const [active] = (await read(lab, 'GET tasks', { source: 'active' })) as object[];
    expect(active).toMatchObject({ user: 'root@pam!all', status: 'RUNNING', saved: '0', id: '100', node: 'pve1' });
    expect(active).not.toHaveProperty('tokenid');
    const [ended] = (await read(lab, 'GET tasks')) as object[];
    expect(ended).toMatchObject({ user: 'root@pam', tokenid: 'all', status: 'OK', endtime: expect.any(Number) });
  });

  it('is of that node only', async () => {
    const lab = await busy();
    expect(await read(lab, 'GET /nodes/pve2/tasks')).toEqual([]);
  });
});

describe('a task', () => {
  it('runs', async () => {
    const lab = await labWith();
    const upid = (await ask(lab, ['POST qemu/9000/clone', { newid: 101, full: 1 }])).data as string;
    const status = await read(lab, `GET tasks/${upid}/status`);
    expect(status).toMatchObject({
      upid,
      status: 'running',
      type: 'qmclone',
      id: '9000',
      user: 'root@pam',
      tokenid: 'all',
      node: 'pve1',
    });
    expect(status).not.toHaveProperty('exitstatus');
  });

  it('has ended with its text', async () => {
    const lab = await labWith();
    const { upid } = lab.taskOf(await ask(lab, ['PUT qemu/100/resize', { disk: 'scsi9', size: '1G' }]));
    await lab.clock.advance(1000);
    expect(await read(lab, `GET tasks/${upid}/status`)).toMatchObject({
      status: 'stopped',
      exitstatus: "disk 'scsi9' does not exist",
    });
  });

  const windows: { name: string; params: Record<string, unknown>; want: number[] }[] = [
    { name: 'all lines', params: {}, want: [1, 2, 3, 4, 5, 6, 7, 8] },
    { name: 'the first ones', params: { limit: 2 }, want: [1, 2] },
    { name: 'later ones', params: { start: 6 }, want: [7, 8] },
    { name: 'a part', params: { start: 1, limit: 2 }, want: [2, 3] },
    { name: 'nothing behind the end', params: { start: 99 }, want: [] },
    { name: 'all for a limit of nothing', params: { limit: 0 }, want: [1, 2, 3, 4, 5, 6, 7, 8] },
  ];
  it.each(windows)('shows of its log $name', async ({ params, want }) => {
    const lab = demoLab();
    const { upid } = lab.taskOf(await ask(lab, ['POST qemu/9000/clone', { newid: 101 }]));
    await lab.clock.advance(5000);
    const lines = (await read(lab, `GET tasks/${upid}/log`, params)) as { n: number; t: string }[];
    expect(lines.map(({ n }) => n)).toEqual(want);
  });

  it('that has written nothing yet has one line that says so', async () => {
    const lab = await labWith(['POST qemu/100/status/start'], (at) => at.clock.advance(9000));
    const { upid } = lab.taskOf(await ask(lab, ['POST qemu/100/status/stop']));
    expect(await read(lab, `GET tasks/${upid}/log`)).toEqual([{ n: 1, t: 'no content' }]);
  });

  it('ends when it is deleted, and again without complaint', async () => {
    const lab = await labWith(
      (at) => void at.simulator.world.guestBootMs.set(100, null),
      ['POST qemu/100/status/start'],
    );
    const task = lab.taskOf(await ask(lab, ['POST qemu/100/status/shutdown']));
    for (let turn = 0; turn < 2; turn += 1)
      expect(await ask(lab, [`DELETE tasks/${task.upid}`])).toMatchObject(answers(null));
    expect(task.status).toBe('received interrupt');
  });

  const rows: CallRow[] = [
    {
      name: 'that is none: its status',
      call: ['GET tasks/nonsense/status'],
      want: refuses({ upid: 'unable to parse worker upid' }),
    },
    {
      name: 'that is none: its log',
      call: ['GET tasks/nonsense/log'],
      want: refuses({ upid: 'unable to parse worker upid' }),
    },
    {
      name: 'that is none: its end',
      call: ['DELETE tasks/nonsense'],
      want: refuses({ upid: 'unable to parse worker upid' }),
    },
    {
      name: 'that is unknown: its status',
      call: [`GET tasks/${unknown}/status`],
      want: refuses({ upid: 'no such task' }),
    },
    {
      name: 'that is unknown: its log (surprise 51)',
      call: [`GET tasks/${unknown}/log`],
      want: answers([{ n: 1, t: 'unable to open file - No such file or directory' }]),
    },
    { name: 'that is unknown: its end', call: [`DELETE tasks/${unknown}`], want: refuses({ upid: 'no such task' }) },
    { name: 'has an index', call: [`GET tasks/${unknown}`], want: answers([{ name: 'log' }, { name: 'status' }]) },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(demoLab(), row);
  });
});

describe('somebody without Sys.Audit and Sys.Modify', () => {
  async function others(): Promise<{ lab: Lab; upid: string }> {
    const lab = await labWith();
    const upid = (await ask(lab, ['POST qemu/9000/clone', { newid: 101, full: 1 }])).data as string;
    lab.simulator.revokePrivilege('PveOperator', 'Sys.Audit');
    return { lab, upid };
  }
  const rows: { name: string; call: (upid: string) => ApiCall; want: CallRow['want'] }[] = [
    {
      name: 'sees no status of others',
      call: (upid) => [`GET tasks/${upid}/status`],
      want: forbids('/nodes/pve1, Sys.Audit'),
    },
    {
      name: 'sees no log of others',
      call: (upid) => [`GET tasks/${upid}/log`],
      want: forbids('/nodes/pve1, Sys.Audit'),
    },
    {
      name: 'stops nothing of others',
      call: (upid) => [`DELETE tasks/${upid}`],
      want: forbids('/nodes/pve1, Sys.Modify'),
    },
    { name: 'sees no list of others', call: () => ['GET tasks', { source: 'all' }], want: answers([]) },
    { name: 'sees nothing of others in the cluster', call: () => ['GET /cluster/tasks'], want: answers([]) },
  ];
  it.each(rows)('$name', async ({ call, want }) => {
    const { lab, upid } = await others();
    expect(await ask(lab, call(upid), operatorToken)).toMatchObject(want as object);
  });

  it('sees, reads and stops its own', async () => {
    const { lab } = await others();
    const upid = (await ask(lab, ['POST qemu/9000/clone', { newid: 102, full: 1 }], operatorToken)).data as string;
    expect(await ask(lab, [`GET tasks/${upid}/status`], operatorToken)).toMatchObject({ status: 200 });
    expect((await ask(lab, ['GET /cluster/tasks'], operatorToken)).data).toHaveLength(1);
    expect(await ask(lab, [`DELETE tasks/${upid}`], operatorToken)).toMatchObject(answers(null));
  });
});

describe('the list of the cluster', () => {
  it('keeps 24 that have ended of each node, and those that run (endpoints.md)', async () => {
    const lab = demoLab();
    for (let turn = 0; turn < 30; turn += 1) await taskEnd(lab, ['POST qemu/9000/status/stop']);
    await taskEnd(lab, ['POST /nodes/pve2/qemu/9001/status/stop']);
    await ask(lab, ['POST qemu/9000/clone', { newid: 100, full: 1 }]);
    const tasks = (await read(lab, 'GET /cluster/tasks')) as { node: string; endtime?: number }[];
    expect(tasks.filter(({ node }) => node === 'pve1')).toHaveLength(25);
    expect(tasks.filter(({ node }) => node === 'pve2')).toHaveLength(1);
    expect(tasks[0]).not.toHaveProperty('endtime');
  });

  it('shows what runs with its process and what has ended with its end', async () => {
    const lab = await labWith();
    await ask(lab, ['POST qemu/9000/clone', { newid: 101, full: 1 }]);
    expect(await read(lab, 'GET /cluster/tasks')).toEqual([
      expect.objectContaining({ type: 'qmclone', pid: expect.any(Number) }),
      expect.objectContaining({ type: 'qmclone', status: 'OK', saved: '1', endtime: expect.any(Number) }),
    ]);
  });
});
