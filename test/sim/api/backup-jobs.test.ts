// Tests of scheduled backup jobs: how they are kept and shown, and refusals that arrive as a 500.
import { describe, expect, it } from 'vitest';
import { answers, bring, checkRow, fails, labWith, read, refuses } from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';

const job = (params: Record<string, unknown> = {}): ApiCall => [
  'POST /cluster/backup',
  { id: 'weekly', schedule: 'sun 02:00', vmid: '100', storage: 'shared', ...params },
];
const wrapped = fails('400 Parameter verification failed.');

describe('a job', () => {
  const rows: CallRow[] = [
    { name: 'is made without an answer (endpoints.md)', call: job(), want: answers(null) },
    {
      name: 'is made for a storage that is not there (surprise 49)',
      call: job({ storage: 'nope' }),
      want: answers(null),
    },
    { name: 'is made for all', call: ['POST /cluster/backup', { all: 1, schedule: 'sun 02:00' }], want: answers(null) },
    {
      name: 'is made for a pool',
      call: ['POST /cluster/backup', { pool: 'team', schedule: 'sun 02:00' }],
      want: answers(null),
    },
    {
      name: 'is made with a time and days',
      call: ['POST /cluster/backup', { vmid: '100', starttime: '02:00', dow: 'sat' }],
      want: answers(null),
    },
    { name: 'is not made twice', given: [job()], call: job(), want: fails("Job 'weekly' already exists") },
    {
      name: 'is not made without a time',
      call: ['POST /cluster/backup', { vmid: '100' }],
      want: refuses({ schedule: "neither 'starttime' nor 'schedule' were set" }),
    },
    {
      name: 'is not made with two times',
      call: job({ starttime: '02:00' }),
      want: refuses({ starttime: "'starttime' and 'schedule' cannot both be set" }),
    },
    {
      name: 'is not made for nobody, in a 500',
      call: ['POST /cluster/backup', { schedule: 'sun 02:00' }],
      want: wrapped,
    },
    { name: 'is not made for somebody and all, in a 500', call: job({ all: 1 }), want: wrapped },
    {
      name: 'is not made at a time that is none',
      call: job({ schedule: 'nonsense' }),
      want: refuses({ schedule: expect.stringContaining("invalid calendar event 'nonsense'") as string }),
    },
    {
      name: 'is read',
      given: [job({ 'prune-backups': 'keep-last=2' })],
      call: ['GET /cluster/backup/weekly'],
      want: answers({
        id: 'weekly',
        type: 'vzdump',
        enabled: 1,
        schedule: 'sun 02:00',
        vmid: '100',
        storage: 'shared',
        'prune-backups': { 'keep-last': '2' },
      }),
    },
    {
      name: 'that is not there is not read',
      call: ['GET /cluster/backup/nope'],
      want: refuses({ id: "No such job 'nope'" }),
    },
    { name: 'is changed', given: [job()], call: ['PUT /cluster/backup/weekly', { enabled: 0 }], want: answers(null) },
    {
      name: 'is not changed by nothing',
      given: [job()],
      call: ['PUT /cluster/backup/weekly'],
      want: fails('no options specified'),
    },
    {
      name: 'that is not there is not changed',
      call: ['PUT /cluster/backup/nope', { enabled: 0 }],
      want: fails('no such vzdump job'),
    },
    {
      name: 'does not lose everybody',
      given: [job()],
      call: ['PUT /cluster/backup/weekly', { delete: 'vmid' }],
      want: wrapped,
    },
    {
      name: 'does not lose what does not exist',
      given: [job()],
      call: ['PUT /cluster/backup/weekly', { delete: 'bogus' }],
      want: wrapped,
    },
    { name: 'is deleted', given: [job()], call: ['DELETE /cluster/backup/weekly'], want: answers(null) },
    { name: 'that is not there is not deleted, in a 500', call: ['DELETE /cluster/backup/nope'], want: wrapped },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });

  it('that nobody named gets a name', async () => {
    const lab = await labWith(['POST /cluster/backup', { schedule: 'sun 02:00', vmid: '100', storage: 'shared' }]);
    expect(await read(lab, 'GET /cluster/backup')).toEqual([
      expect.objectContaining({ id: expect.stringMatching(/^backup-[0-9a-f]{8}-[0-9a-f]{4}$/) }),
    ]);
  });

  it('tells in a list when it is due, unless it is disabled', async () => {
    const lab = await labWith(job(), job({ id: 'off', enabled: 0 }));
    const [on, off] = (await read(lab, 'GET /cluster/backup')) as Record<string, unknown>[];
    // The clock begins on Sunday 22 November 2026 at 05:00 UTC.
    expect(on?.['next-run']).toBe(Date.UTC(2026, 10, 29, 2) / 1000);
    expect(off).not.toHaveProperty('next-run');
  });

  it('changes and loses what is named', async () => {
    const lab = await labWith(job({ comment: 'c', mode: 'snapshot' }), [
      'PUT /cluster/backup/weekly',
      { schedule: 'mon 01:00', delete: 'comment' },
    ]);
    const shown = await read(lab, 'GET /cluster/backup/weekly');
    expect(shown).toMatchObject({ schedule: 'mon 01:00', mode: 'snapshot' });
    expect(shown).not.toHaveProperty('comment');
  });
});

describe('VMs that no job backs up', () => {
  const rows: { name: string; jobs: ApiCall[]; want: number[] }[] = [
    { name: 'all without a job', jobs: [], want: [100, 9000, 9001] },
    { name: 'those that are not named', jobs: [job()], want: [9000, 9001] },
    { name: 'none with a job for all', jobs: [['POST /cluster/backup', { all: 1, schedule: 'sun 02:00' }]], want: [] },
    {
      name: 'the exceptions of a job for all',
      jobs: [['POST /cluster/backup', { all: 1, exclude: '9000', schedule: 'sun 02:00' }]],
      want: [9000],
    },
    {
      name: 'those outside a pool',
      jobs: [
        ['POST /pools', { poolid: 'team' }],
        ['PUT /pools', { poolid: 'team', vms: '9001' }],
        ['POST /cluster/backup', { pool: 'team', schedule: 'sun 02:00' }],
      ],
      want: [100, 9000],
    },
  ];
  it.each(rows)('are $name', async ({ jobs, want }) => {
    const lab = await labWith(...jobs);
    const missing = (await read(lab, 'GET /cluster/backup-info/not-backed-up')) as { vmid: number }[];
    expect(missing.map(({ vmid }) => vmid).toSorted((left, right) => left - right)).toEqual(want);
  });
});

it('a job runs when it is due, as root, for the VMs each node holds', async () => {
  const lab = await labWith(job({ vmid: '100,9001' }));
  await lab.clock.advance(7 * 86_400_000);
  const tasks = (node: string): unknown =>
    lab.simulator.world.tasks
      .ofNode(node)
      .filter(({ type }) => type === 'vzdump')
      .map(({ id, caller, status }) => [id, caller.id, status]);
  expect([tasks('pve1'), tasks('pve2'), tasks('pve3')]).toEqual([
    [['100', 'root@pam', 'OK']],
    [['9001', 'root@pam', 'OK']],
    [],
  ]);
  await bring(lab, [['DELETE /cluster/backup/weekly']]);
});
