// Tests of backups that are refused at once, by parameter and by right.
import { describe, expect, it } from 'vitest';
import { ask, checkRow, forbids, labWith, refuses } from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';
import { operatorToken } from '../testing.ts';

const vzdump = (params: Record<string, unknown> = {}): ApiCall => [
  'POST vzdump',
  { vmid: '100', storage: 'shared', ...params },
];

describe('refused at once', () => {
  const rows: CallRow[] = [
    { name: 'nobody', call: ['POST vzdump', { storage: 'shared' }], want: refuses({ vmid: 'property is missing' }) },
    {
      name: 'somebody and all',
      call: vzdump({ all: 1 }),
      want: refuses({ all: "option conflicts with option 'vmid'" }),
    },
    {
      name: 'somebody and a pool',
      call: vzdump({ pool: 'team' }),
      want: refuses({ pool: "option conflicts with option 'vmid'" }),
    },
    {
      name: 'somebody and an exception',
      call: vzdump({ exclude: '101' }),
      want: refuses({ exclude: "option conflicts with option 'vmid'" }),
    },
    {
      name: 'an unknown mode',
      call: vzdump({ mode: 'bad' }),
      want: refuses({ mode: "value 'bad' does not have a value in the enumeration 'snapshot, suspend, stop'" }),
    },
    {
      name: 'an unknown variable in notes',
      call: vzdump({ 'notes-template': '{{bad}}' }),
      want: refuses({ 'notes-template': "found unknown: variable 'bad' at char 4\n" }),
    },
    {
      name: 'notes without a storage',
      call: ['POST vzdump', { vmid: '100', 'notes-template': 'x' }],
      want: refuses({ storage: "missing property required by 'notes-template'" }),
    },
    {
      name: 'protection without a storage',
      call: ['POST vzdump', { vmid: '100', protected: 1 }],
      want: refuses({ storage: "missing property required by 'protected'" }),
    },
    {
      name: 'an unknown policy',
      call: vzdump({ 'prune-backups': 'keep=1' }),
      want: refuses({
        'prune-backups':
          'invalid format - format error\nprune-backups.keep: property is not defined in schema and the schema does not allow additional properties\n',
      }),
    },
    {
      name: 'keeping all and some',
      call: vzdump({ 'prune-backups': 'keep-all=1,keep-last=1' }),
      want: refuses({ 'prune-backups': 'invalid format - keep-all cannot be set together with other options.\n' }),
    },
    ...['tmpdir', 'dumpdir', 'script', 'job-id'].map((option) => ({
      name: `${option}, which is for root`,
      call: vzdump({ [option]: 'x1' }),
      want: refuses({ [option]: 'Only root may set this option.' }),
    })),
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(), row);
  });
});

describe('somebody who may back up', () => {
  const rows: { name: string; params: Record<string, unknown>; without?: string; want: CallRow['want'] }[] = [
    {
      name: 'needs the storage',
      params: {},
      without: 'Datastore.AllocateSpace',
      want: forbids('/storage/shared, Datastore.AllocateSpace'),
    },
    { name: 'needs more for a limit of speed', params: { bwlimit: 1000 }, want: forbids('/, Sys.Modify') },
    { name: 'needs more for a priority', params: { ionice: 3 }, want: forbids('/, Sys.Modify') },
    {
      name: 'needs more for a number of workers',
      params: { performance: 'max-workers=2' },
      want: forbids('/, Sys.Modify'),
    },
    {
      name: 'needs more for a policy',
      params: { 'prune-backups': 'keep-last=1' },
      want: forbids('/storage/shared, Datastore.Allocate'),
    },
  ];
  it.each(rows)('$name', async ({ params, without, want }) => {
    const lab = await labWith();
    if (without !== undefined) lab.simulator.revokePrivilege('PveOperator', without);
    expect(await ask(lab, vzdump(params), operatorToken)).toMatchObject(want as object);
  });

  it('is told in the task when it lacks VM.Backup (surprise 3)', async () => {
    const lab = await labWith();
    lab.simulator.revokePrivilege('PveOperator', 'VM.Backup');
    const task = lab.taskOf(await ask(lab, vzdump(), operatorToken));
    await lab.clock.runUntil(task.done);
    expect(task.status).toBe('403 Permission check failed (/vms/100, VM.Backup)');
  });
});
