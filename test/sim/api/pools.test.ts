// Tests of pools: who is in them, who may change that, and how refusals begin.
import { describe, expect, it } from 'vitest';
import { answers, ask, checkRow, fails, forbids, labWith, read, refuses } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';
import { operatorToken } from '../testing.ts';

const team: ApiCall = ['POST /pools', { poolid: 'team', comment: 'c' }];
const other: ApiCall = ['POST /pools', { poolid: 'other' }];
const put = (params: Record<string, unknown>): ApiCall => ['PUT /pools', { poolid: 'team', ...params }];

describe('a pool answers', () => {
  // pools-crud of the cluster; cluster.json of the recorded API code.
  const rows: CallRow[] = [
    { name: 'when it is made', call: team, want: answers(null) },
    {
      name: 'when it is there already',
      given: [team],
      call: team,
      want: fails("create pool failed: pool 'team' already exists"),
    },
    {
      name: 'when its name begins with a digit',
      call: ['POST /pools', { poolid: '2p' }],
      want: fails('create pool failed: pool name must start with a letter'),
    },
    {
      name: 'with its members',
      given: [team, put({ vms: '100' })],
      call: ['GET /pools', { poolid: 'team' }],
      want: answers([
        { poolid: 'team', comment: 'c', members: [expect.objectContaining({ id: 'qemu/100', type: 'qemu' })] },
      ]),
    },
    {
      name: 'without members in a list',
      given: [team, put({ vms: '100' })],
      call: ['GET /pools'],
      want: answers([{ poolid: 'team', comment: 'c' }]),
    },
    {
      name: 'with each storage once, as the asked node sees it',
      given: [team, put({ storage: 'shared,local' })],
      call: ['GET /pools/team'],
      want: answers({
        poolid: 'team',
        comment: 'c',
        members: [
          expect.objectContaining({ id: 'storage/pve1/shared', type: 'storage' }),
          expect.objectContaining({ id: 'storage/pve1/local' }),
        ],
      }),
    },
    {
      name: 'with its VMs only',
      given: [team, put({ vms: '100', storage: 'shared' })],
      call: ['GET /pools', { poolid: 'team', type: 'qemu' }],
      want: answers([{ poolid: 'team', comment: 'c', members: [expect.objectContaining({ vmid: 100 })] }]),
    },
    {
      name: 'with its storages only',
      given: [team, put({ vms: '100', storage: 'shared' })],
      call: ['GET /pools/team', { type: 'storage' }],
      want: answers({ poolid: 'team', comment: 'c', members: [expect.objectContaining({ storage: 'shared' })] }),
    },
    {
      name: 'with no containers',
      given: [team, put({ vms: '100', storage: 'shared' })],
      call: ['GET /pools/team', { type: 'lxc' }],
      want: answers({ poolid: 'team', comment: 'c', members: [] }),
    },
    {
      name: 'a type without a pool',
      call: ['GET /pools', { type: 'qemu' }],
      want: refuses({ poolid: "missing property required by 'type'" }),
    },
    {
      name: 'when it is not there',
      call: ['GET /pools', { poolid: 'nope' }],
      want: fails("pool 'nope' does not exist"),
    },
    {
      name: 'when it is not there, by its own path',
      call: ['GET /pools/nope'],
      want: fails("pool 'nope' does not exist"),
    },
    { name: 'a new comment', given: [team], call: put({ comment: 'd' }), want: answers(null) },
    {
      name: 'a VM that it has',
      given: [team, put({ vms: '100' })],
      call: put({ vms: '100' }),
      want: fails('update pools failed: VM 100 is already a pool member'),
    },
    {
      name: 'a VM of another',
      given: [team, other, ['PUT /pools', { poolid: 'other', vms: '100' }]],
      call: put({ vms: '100' }),
      want: fails("update pools failed: VM 100 belongs already to pool 'other' and 'allow-move' is not set"),
    },
    {
      name: 'a VM of another that may move',
      given: [team, other, ['PUT /pools', { poolid: 'other', vms: '100' }]],
      call: put({ vms: '100', 'allow-move': 1 }),
      want: answers(null),
    },
    {
      name: 'the loss of a VM',
      given: [team, put({ vms: '100' })],
      call: put({ vms: '100', delete: 1 }),
      want: answers(null),
    },
    {
      name: 'the loss of a VM it does not have',
      given: [team],
      call: put({ vms: '100', delete: 1 }),
      want: fails('update pools failed: VM 100 is not a pool member'),
    },
    {
      name: 'a storage that it has',
      given: [team, put({ storage: 'shared' })],
      call: put({ storage: 'shared' }),
      want: fails("update pools failed: Storage 'shared' is already a pool member"),
    },
    {
      name: 'the loss of a storage it does not have',
      given: [team],
      call: put({ storage: 'shared', delete: 1 }),
      want: fails("update pools failed: Storage 'shared' is not a pool member"),
    },
    {
      name: 'a change when it is not there',
      call: put({ vms: '100' }),
      want: fails("update pools failed: pool 'team' does not exist"),
    },
    { name: 'its end', given: [team], call: ['DELETE /pools', { poolid: 'team' }], want: answers(null) },
    { name: 'its end by its own path', given: [team], call: ['DELETE /pools/team'], want: answers(null) },
    {
      name: 'its end with a VM',
      given: [team, put({ vms: '100' })],
      call: ['DELETE /pools', { poolid: 'team' }],
      want: fails("delete pool failed: pool 'team' is not empty (contains VM 100)"),
    },
    {
      name: 'its end with a storage',
      given: [team, put({ storage: 'shared' })],
      call: ['DELETE /pools', { poolid: 'team' }],
      want: fails("delete pool failed: pool 'team' is not empty (contains storage 'shared')"),
    },
    {
      name: 'its end when it is not there',
      call: ['DELETE /pools', { poolid: 'team' }],
      want: fails("delete pool failed: pool 'team' does not exist"),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});

describe('a change of a pool', () => {
  it('that fails for its second VM has not taken the first', async () => {
    const lab = await labWith(
      team,
      other,
      ['POST qemu/9000/clone', { newid: 101 }],
      ['PUT /pools', { poolid: 'other', vms: '101' }],
    );
    expect(await ask(lab, put({ vms: '100,101', comment: 'new' }))).toMatchObject({ status: 500 });
    expect(await read(lab, 'GET /pools/team')).toEqual({ poolid: 'team', comment: 'c', members: [] });
  });

  it('takes a VM out of the pool it moves from', async () => {
    const lab = await labWith(team, other, put({ vms: '100' }), [
      'PUT /pools',
      { poolid: 'other', vms: '100', 'allow-move': 1 },
    ]);
    expect(lab.simulator.world.poolOf(100)).toBe('other');
    expect(await read(lab, 'GET /pools/team')).toMatchObject({ members: [] });
  });
});

describe('somebody with rights on a pool', () => {
  const rights = (...privileges: string[]): Given => [
    team,
    other,
    (lab) => lab.simulator.setRole('PveOperator', privileges),
  ];
  const rows: { name: string; given: Given; call: ApiCall; want: CallRow['want'] }[] = [
    {
      name: 'cannot make one without Pool.Allocate',
      given: rights('Pool.Audit'),
      call: ['POST /pools', { poolid: 'p1' }],
      want: forbids('/pool/p1, Pool.Allocate'),
    },
    {
      name: 'cannot see one without Pool.Audit',
      given: rights('VM.Audit'),
      call: ['GET /pools/team'],
      want: forbids('/pool/team, Pool.Audit'),
    },
    { name: 'sees no list without Pool.Audit', given: rights('VM.Audit'), call: ['GET /pools'], want: answers([]) },
    {
      name: 'sees one by its name all the same (surprise 8)',
      given: rights('VM.Audit'),
      call: ['GET /pools', { poolid: 'other' }],
      want: answers([{ poolid: 'other', members: [] }]),
    },
    {
      name: 'cannot take a VM it may not allocate',
      given: rights('Pool.Allocate'),
      call: put({ vms: '100' }),
      want: fails('update pools failed: 403 Permission check failed (/vms/100, Permissions.Modify|VM.Allocate)'),
    },
    {
      name: 'cannot take a storage it may not allocate',
      given: rights('Pool.Allocate'),
      call: put({ storage: 'shared' }),
      want: fails(
        'update pools failed: 403 Permission check failed (/storage/shared, Permissions.Modify|Datastore.Allocate)',
      ),
    },
    {
      name: 'takes a VM it may allocate',
      given: rights('Pool.Allocate', 'VM.Allocate'),
      call: put({ vms: '100' }),
      want: answers(null),
    },
    {
      name: 'takes a VM whose rights it may change',
      given: rights('Pool.Allocate', 'Permissions.Modify'),
      call: put({ vms: '100' }),
      want: answers(null),
    },
  ];
  it.each(rows)('$name', async ({ given, call, want }) => {
    const lab = await labWith(...given);
    expect(await ask(lab, call, operatorToken)).toMatchObject(want as object);
  });
});
