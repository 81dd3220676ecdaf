// Tests of the calls about managed resources (recorded-api/cluster.json, and pve-ha-manager's own words).
import { describe, expect, it } from 'vitest';
import { answers, ask, bring, checkRow, fails, labWith, read, refuses } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';

const path = '/cluster/ha/resources';
const add = (params: Record<string, unknown> = {}): ApiCall => [`POST ${path}`, { sid: 'vm:100', ...params }];
const put = (params: Record<string, unknown>): ApiCall => [`PUT ${path}/vm:100`, params];

describe('a resource', () => {
  const rows: CallRow[] = [
    { name: 'is added', call: add({ state: 'stopped' }), want: answers(null) },
    { name: 'is added by its number alone', call: add({ sid: '100' }), want: answers(null) },
    {
      name: 'is not added twice',
      given: [add()],
      call: add(),
      want: fails("create resource failed: resource ID 'vm:100' already defined"),
    },
    {
      name: 'is not added without a VM',
      call: add({ sid: 'vm:999' }),
      want: fails("resource 'vm:999' does not exist in cluster"),
    },
    {
      name: 'has no group since 9',
      call: add({ group: 'g1' }),
      want: fails("invalid parameter 'group': ha groups have been migrated to rules"),
    },
    {
      name: 'has one of five states',
      call: add({ state: 'off' }),
      want: refuses({
        state: "value 'off' does not have a value in the enumeration 'started, stopped, enabled, disabled, ignored'",
      }),
    },
    { name: 'is changed', given: [add()], call: put({ max_restart: 3 }), want: answers(null) },
    {
      name: 'is not changed when it is none',
      call: put({ state: 'stopped' }),
      want: fails("no such resource 'vm:100'"),
    },
    { name: 'is not read when it is none', call: [`GET ${path}/vm:100`], want: fails("no such resource 'vm:100'") },
    { name: 'is removed', given: [add()], call: [`DELETE ${path}/vm:100`], want: answers(null) },
    {
      name: 'is not removed when it is none',
      call: [`DELETE ${path}/vm:100`],
      want: fails("cannot delete service 'vm:100', not HA managed!"),
    },
    {
      name: 'in error takes no state',
      given: [add(), failed],
      call: put({ state: 'started' }),
      want: fails("service 'vm:100' in error state, must be disabled and fixed first"),
    },
    { name: 'in error may be disabled', given: [add(), failed], call: put({ state: 'disabled' }), want: answers(null) },
    { name: 'in error takes other settings', given: [add(), failed], call: put({ comment: 'x' }), want: answers(null) },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });

  function failed(lab: Awaited<ReturnType<typeof labWith>>): void {
    lab.simulator.world.haServices.set('vm:100', {
      state: 'error',
      failedStarts: 0,
      failedNodes: [],
      stopTimeoutS: undefined,
      target: undefined,
    });
  }

  const shapes: { name: string; given: Given; want: Record<string, unknown> }[] = [
    {
      name: 'as it was added',
      given: [add({ state: 'stopped', comment: 'c' })],
      want: { state: 'stopped', comment: 'c' },
    },
    { name: 'to be started when nobody said', given: [add()], want: { state: 'started' } },
    {
      name: 'as it was changed',
      given: [add({ max_restart: 2 }), put({ max_relocate: 3 })],
      want: { max_restart: 2, max_relocate: 3 },
    },
    {
      name: 'without what was deleted',
      given: [add({ comment: 'c' }), put({ delete: 'comment' })],
      want: { comment: undefined },
    },
  ];
  it.each(shapes)('reads $name', async ({ given, want }) => {
    const lab = await labWith(...given);
    const resource = (await read(lab, `GET ${path}/vm:100`)) as Record<string, unknown>;
    expect(resource).toMatchObject({ sid: 'vm:100', type: 'vm', digest: expect.any(String) });
    expect(Object.fromEntries(Object.keys(want).map((key) => [key, resource[key]]))).toEqual(want);
    expect(await read(lab, `GET ${path}`)).toEqual([resource]);
  });

  it('is listed by its type', async () => {
    const lab = await labWith(add());
    expect(await read(lab, `GET ${path}`, { type: 'vm' })).toHaveLength(1);
    expect(await read(lab, `GET ${path}`, { type: 'ct' })).toEqual([]);
  });

  it('goes with its VM only when that is asked for (behaviours.md: HA without purge)', async () => {
    const lab = await labWith(add({ state: 'stopped' }));
    expect((await ask(lab, ['DELETE qemu/100'])).status).toBe(500);
    await bring(lab, [['DELETE qemu/100', { purge: 1 }]]);
    expect(await read(lab, `GET ${path}`)).toEqual([]);
  });
});

it('groups are gone', async () => {
  await checkRow(await labWith(), {
    call: ['GET /cluster/ha/groups'],
    want: fails('cannot index groups: ha groups have been migrated to rules'),
  });
});
