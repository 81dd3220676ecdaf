// Tests of rules and groups of high availability: the calls, and where managed VMs go because of them.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { Simulator } from '../simulator.ts';
import { demoTopology, Lab } from '../testing.ts';
import { ask, checkRow, fails, read, refuses, rootToken } from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';
import { fencedMs } from './ha-recovery.ts';

type Group = ReturnType<typeof demoTopology>['haGroups'][number];

/** VMs from 100 on, as many, running on pve1 and managed; the managers have looked once. */
async function managed(count: number, given: { release?: number; groups?: Group[]; resource?: object } = {}) {
  const clock = new VirtualClock();
  const { release = 9, groups: haGroups = [], resource = {} } = given;
  const version = release === 8 ? { release: '8.4', version: '8.4.14', repoid: 'x' } : demoTopology().version;
  const simulator = new Simulator({ topology: { ...demoTopology(), version, haGroups }, clock });
  const lab = new Lab(1, { clock, simulator });
  simulator.world.access.tokens.set('root@pam!all', { id: 'root@pam!all', secret: 's', privilegeSeparation: false });
  for (let vmid = 100; vmid < 100 + count; vmid += 1) {
    await lab.clone(vmid);
    await lab.task('POST', `/nodes/pve1/qemu/${vmid}/status/start`);
    simulator.world.haResources.set(`vm:${vmid}`, { state: 'started', ...resource });
  }
  await looks(lab, 1);
  return lab;
}

/** Time for the managers to look so often and for what they begin to end. */
async function looks(lab: Lab, times: number): Promise<void> {
  await lab.clock.advance(10_001 - (lab.clock.now() % 10_000) + (times - 1) * 10_000);
}

function places(lab: Lab): string[] {
  return [...lab.simulator.world.vms.values()]
    .filter(({ vmid }) => vmid < 9000)
    .map((vm) => `${vm.running === undefined ? 'stopped' : 'running'} on ${vm.node}`);
}

async function rule(lab: Lab, params: Record<string, unknown>): Promise<void> {
  const call: ApiCall = [
    'POST /cluster/ha/rules',
    { rule: 'r1', type: 'node-affinity', resources: 'vm:100', ...params },
  ];
  expect(await ask(lab, call, rootToken)).toMatchObject({ status: 200, data: null });
}

describe('a rule that binds to nodes', () => {
  const rows: { name: string; params: Record<string, unknown>; resource?: object; want: string }[] = [
    { name: 'moves the VM there, running', params: { nodes: 'pve2' }, want: 'running on pve2' },
    { name: 'goes by priority', params: { nodes: 'pve1:1,pve3:2' }, want: 'running on pve3' },
    { name: 'leaves it where it is allowed', params: { nodes: 'pve1,pve3' }, want: 'running on pve1' },
    { name: 'that is disabled does nothing', params: { nodes: 'pve2', disable: 1 }, want: 'running on pve1' },
    {
      name: 'does not move what need not come back',
      params: { nodes: 'pve2' },
      resource: { failback: 0 },
      want: 'running on pve1',
    },
    {
      name: 'moves even that when it is strict',
      params: { nodes: 'pve2', strict: 1 },
      resource: { failback: 0 },
      want: 'running on pve2',
    },
  ];
  it.each(rows)('$name', async ({ params, resource, want }) => {
    const lab = await managed(1, { resource });
    await rule(lab, params);
    await looks(lab, 4);
    expect(places(lab)).toEqual([want]);
  });

  it('moves nothing that is stopped', async () => {
    const lab = await managed(1, { resource: { state: 'stopped' } });
    await looks(lab, 10);
    await rule(lab, { nodes: 'pve2' });
    await looks(lab, 4);
    expect(places(lab)).toEqual(['stopped on pve1']);
  });

  it('brings back what was moved by hand', async () => {
    const lab = await managed(1);
    await rule(lab, { nodes: 'pve1' });
    await lab.task('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve2', online: 1 });
    await lab.clock.runUntil(until(lab, () => places(lab)[0] === 'running on pve2'));
    await looks(lab, 4);
    expect(places(lab)).toEqual(['running on pve1']);
  });

  const failbacks = [
    { failback: 1, want: 'running on pve1' },
    { failback: 0, want: 'running on pve2' },
  ];
  it.each(failbacks)('when its node is back, with failback $failback: $want', async ({ failback, want }) => {
    const lab = await managed(1, { resource: { failback } });
    await rule(lab, { nodes: 'pve1:2,pve2:1' });
    lab.simulator.nodeDown('pve1');
    await lab.clock.advance(fencedMs + 20_000);
    expect(places(lab)).toEqual(['running on pve2']);
    lab.simulator.nodeUp('pve1');
    await looks(lab, 4);
    expect(places(lab)).toEqual([want]);
  });

  it('that is strict keeps it from other nodes until its own is back', async () => {
    const lab = await managed(1);
    await rule(lab, { nodes: 'pve1', strict: 1 });
    lab.simulator.nodeDown('pve1');
    await lab.clock.advance(fencedMs + 60_000);
    expect(places(lab)).toEqual(['stopped on pve1']);
    expect(stateOf(lab)).toBe('recovery');
    lab.simulator.nodeUp('pve1');
    await looks(lab, 3);
    expect(places(lab)).toEqual(['running on pve1']);
  });

  it('that is strict gives way to a new one', async () => {
    const lab = await managed(1);
    await rule(lab, { nodes: 'pve1', strict: 1 });
    lab.simulator.nodeDown('pve1');
    await lab.clock.advance(fencedMs + 20_000);
    lab.simulator.world.haRules.clear();
    await looks(lab, 3);
    expect(places(lab)).toEqual(['running on pve2']);
  });

  it('leaves what waits for its node to an administrator who gives it up', async () => {
    const lab = await managed(1);
    await rule(lab, { nodes: 'pve1', strict: 1 });
    lab.simulator.nodeDown('pve1');
    await lab.clock.advance(fencedMs + 20_000);
    lab.simulator.world.haResources.set('vm:100', { state: 'disabled' });
    await looks(lab, 2);
    expect(stateOf(lab)).toBe('stopped');
  });
});

function stateOf(lab: Lab): string | undefined {
  return lab.simulator.world.haServices.get('vm:100')?.state;
}

/** Resolves at the first change of time at which it is so. */
async function until(lab: Lab, isSo: () => boolean): Promise<void> {
  while (!isSo()) await lab.clock.sleep(500);
}

describe('a rule about other resources', () => {
  const affinity = { type: 'resource-affinity', resources: 'vm:100,vm:101' };

  it('keeps apart: one of two goes', async () => {
    const lab = await managed(2);
    await rule(lab, { ...affinity, affinity: 'negative' });
    await looks(lab, 4);
    expect(places(lab).toSorted()).toEqual(['running on pve1', 'running on pve2']);
  });

  it('keeps apart at a recovery too', async () => {
    const lab = await managed(2);
    await rule(lab, { ...affinity, affinity: 'negative' });
    await looks(lab, 4);
    lab.simulator.nodeDown('pve1');
    await lab.clock.advance(fencedMs + 20_000);
    expect(places(lab).toSorted()).toEqual(['running on pve2', 'running on pve3']);
  });

  it('brings together', async () => {
    const lab = await managed(2);
    await lab.task('POST', '/nodes/pve1/qemu/101/migrate', { target: 'pve3', online: 1 });
    await looks(lab, 4);
    expect(places(lab)).toEqual(['running on pve1', 'running on pve3']);
    await rule(lab, { ...affinity, affinity: 'positive' });
    await looks(lab, 4);
    expect(new Set(places(lab)).size).toBe(1);
  });

  it('takes the other along when one is moved, and says so', async () => {
    const lab = await managed(2);
    await rule(lab, { ...affinity, affinity: 'positive' });
    const reply = await lab.call('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve3', online: 1 });
    const task = lab.taskOf(reply);
    await lab.clock.runUntil(task.done);
    expect(task.log).toContain(
      "also migrate resource 'vm:101' in positive affinity with resource 'vm:100' to target node 'pve3'",
    );
    await looks(lab, 4);
    expect(places(lab)).toEqual(['running on pve3', 'running on pve3']);
  });

  it('takes along also what is stopped', async () => {
    const lab = await managed(2);
    lab.simulator.world.haResources.set('vm:101', { state: 'stopped' });
    await looks(lab, 10);
    await rule(lab, { ...affinity, affinity: 'positive' });
    await lab.task('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve3', online: 1 });
    await looks(lab, 4);
    expect(places(lab)).toEqual(['running on pve3', 'stopped on pve3']);
  });

  it('leaves out a move when one it must not be with came there first', async () => {
    const lab = await managed(2);
    await lab.task('POST', '/nodes/pve1/qemu/101/migrate', { target: 'pve3', online: 1 });
    await looks(lab, 4);
    await rule(lab, { ...affinity, affinity: 'negative' });
    lab.simulator.world.haCommands.set('vm:100', { target: 'pve3' });
    await looks(lab, 1);
    expect(lab.simulator.world.haServices.get('vm:100')).toMatchObject({ state: 'started', target: undefined });
    expect(places(lab)).toEqual(['running on pve1', 'running on pve3']);
  });

  it('refuses a move to whom it must not be with', async () => {
    const lab = await managed(2);
    await rule(lab, { ...affinity, affinity: 'negative' });
    await looks(lab, 4);
    const [away, other] = lab.simulator.world.vms.get(100)?.node === 'pve1' ? [101, 'pve1'] : [100, 'pve1'];
    const still = away === 100 ? 101 : 100;
    const path = `/nodes/pve2/qemu/${away}/migrate`;
    const reply = await lab.call('POST', path, { target: other, online: 1 });
    const task = lab.taskOf(reply);
    await lab.clock.runUntil(task.done);
    expect(task.log).toContain(
      `- resource 'vm:${still}' on target node 'pve1' in negative affinity with resource 'vm:${away}'`,
    );
    expect(task.status).toBe(`command 'ha-manager migrate vm:${away} pve1' failed: exit code 255`);
    await looks(lab, 3);
    expect(lab.simulator.world.vms.get(away)?.node).toBe('pve2');
  });

  it('shows among what stands against a move', async () => {
    const lab = await managed(3);
    await rule(lab, { ...affinity, affinity: 'positive' });
    await rule(lab, { ...affinity, rule: 'r2', resources: 'vm:100,vm:102', affinity: 'negative' });
    await looks(lab, 4);
    const node = lab.simulator.world.vms.get(100)?.node;
    const rival = lab.simulator.world.vms.get(102)?.node ?? '';
    await lab.task('POST', `/nodes/${node}/qemu/100/status/stop`);
    await lab.clock.advance(20_000);
    expect(await read(lab, `GET /nodes/${node}/qemu/100/migrate`)).toMatchObject({
      'dependent-ha-resources': ['vm:101'],
      not_allowed_nodes: { [rival]: { 'blocking-ha-resources': [{ sid: 'vm:102', cause: 'resource-affinity' }] } },
      allowed_nodes: expect.not.arrayContaining([rival]),
    });
  });
});

describe('the calls', () => {
  const post = (params: Record<string, unknown>): ApiCall => [
    'POST /cluster/ha/rules',
    { rule: 'r2', type: 'node-affinity', resources: 'vm:100', ...params },
  ];
  const rows: CallRow[] = [
    {
      name: 'a second of that name',
      given: [post({ rule: 'r1', nodes: 'pve1', disable: 1 })],
      call: post({ rule: 'r1', nodes: 'pve1' }),
      want: fails("create ha rule failed: HA rule 'r1' already defined"),
    },
    { name: 'no nodes', call: post({}), want: fails("missing value for required option 'nodes'") },
    {
      name: 'no affinity',
      call: post({ type: 'resource-affinity', resources: 'vm:100,vm:101' }),
      want: fails("missing value for required option 'affinity'"),
    },
    {
      name: 'nodes where there are none',
      call: post({ type: 'resource-affinity', affinity: 'positive', nodes: 'pve1' }),
      want: fails("unexpected property 'nodes'"),
    },
    {
      name: 'resources that are not managed',
      call: post({ nodes: 'pve1', resources: 'vm:100,vm:555,vm:556' }),
      want: fails('create ha rule failed: cannot use unmanaged resource(s) vm:555, vm:556.'),
    },
    {
      name: 'nodes that are not there',
      call: post({ nodes: 'pve1,pve9' }),
      want: fails('create ha rule failed: cannot use non-existant node(s) pve9.'),
    },
    {
      name: 'a resource that is bound already',
      given: [post({ rule: 'r1', nodes: 'pve1' })],
      call: post({ nodes: 'pve2' }),
      want: fails("create ha rule failed: 400 Rule 'r2' is invalid."),
    },
    {
      name: 'an unknown type',
      call: post({ type: 'other', nodes: 'pve1' }),
      want: refuses({
        type: "value 'other' does not have a value in the enumeration 'node-affinity, resource-affinity'",
      }),
    },
    {
      name: 'anything without quorum',
      given: [(lab) => ['pve2', 'pve3'].forEach((node) => lab.simulator.nodeDown(node))],
      call: post({ nodes: 'pve1' }),
      want: fails('cluster not ready - no quorum?'),
    },
    {
      name: 'a group since there are none',
      call: ['PUT /cluster/ha/resources/vm:100', { group: 'g1' }],
      want: fails("invalid parameter 'group': ha groups have been migrated to rules"),
    },
  ];
  it.each(rows)('refuse $name', async ({ given = [], call, want }) => {
    const lab = await managed(2);
    for (const step of given) await (typeof step === 'function' ? step(lab) : ask(lab, step, rootToken));
    await checkRow(lab, { call, want });
  });

  it('list what was made, with defaults, and what cannot be kept', async () => {
    const lab = await managed(2);
    await rule(lab, { nodes: 'pve3:1,pve2', comment: 'near' });
    await rule(lab, { rule: 'r2', type: 'resource-affinity', resources: 'vm:101,vm:100', affinity: 'negative' });
    lab.simulator.world.haRules.set('r3', { type: 'resource-affinity', resources: 'vm:100', affinity: 'positive' });
    const rules = [
      {
        rule: 'r1',
        type: 'node-affinity',
        resources: 'vm:100',
        nodes: 'pve2,pve3:1',
        affinity: 'positive',
        strict: 0,
        comment: 'near',
        order: 1,
      },
      { rule: 'r2', type: 'resource-affinity', resources: 'vm:100,vm:101', affinity: 'negative', order: 2 },
      { rule: 'r3', errors: { resources: ['rule is ineffective as there are less than two resources'] }, order: 3 },
    ];
    const list = async (params?: Record<string, unknown>): Promise<unknown> =>
      read(lab, 'GET /cluster/ha/rules', params);
    expect(await list()).toMatchObject(rules);
    expect(await list({ type: 'node-affinity' })).toMatchObject([{ rule: 'r1' }]);
    expect(await list({ resource: 'vm:101' })).toMatchObject([{ rule: 'r2' }]);
  });

  const purges = [
    { purge: 1, want: [['r2', 'vm:101']] },
    { purge: 0, want: [['r1', 'vm:100'], ['r2', 'vm:100,vm:101']] }, // prettier-ignore
  ];
  it.each(purges)('forget a resource in rules, with purge $purge', async ({ purge, want }) => {
    const lab = await managed(2);
    await rule(lab, { nodes: 'pve2' });
    await rule(lab, { rule: 'r2', type: 'resource-affinity', resources: 'vm:100,vm:101', affinity: 'negative' });
    await ask(lab, ['DELETE /cluster/ha/resources/vm:100', { purge }], rootToken);
    expect([...lab.simulator.world.haRules].map(([id, { resources }]) => [id, resources])).toEqual(want);
  });
});

describe('a group of release 8', () => {
  const group = (nodes: string, more: Partial<Group> = {}): Group => ({
    group: 'g1',
    nodes,
    restricted: false,
    nofailback: false,
    ...more,
  });
  const rows: { name: string; groups: Group[]; want: string }[] = [
    { name: 'moves by priority', groups: [group('pve1:1,pve2:2')], want: 'running on pve2' },
    {
      name: 'does not with nofailback',
      groups: [group('pve1:1,pve2:2', { nofailback: true })],
      want: 'running on pve1',
    },
    { name: 'that is another one does nothing', groups: [group('pve2', { group: 'g2' })], want: 'running on pve1' },
    {
      name: 'that is restricted moves even then',
      groups: [group('pve2', { nofailback: true, restricted: true })],
      want: 'running on pve2',
    },
  ];
  it.each(rows)('$name', async ({ groups, want }) => {
    const lab = await managed(1, { release: 8, groups, resource: { group: 'g1' } });
    await looks(lab, 4);
    expect(places(lab)).toEqual([want]);
  });

  it('is listed, given and refused', async () => {
    const lab = await managed(1, { release: 8, groups: [group('pve1,pve2:3', { restricted: true, comment: 'c' })] });
    expect(await read(lab, 'GET /cluster/ha/groups')).toEqual([
      { group: 'g1', type: 'group', nodes: 'pve1,pve2:3', restricted: 1, comment: 'c', digest: expect.any(String) },
    ]);
    const put = (name: string): ApiCall => ['PUT /cluster/ha/resources/vm:100', { group: name }];
    await checkRow(lab, { call: put('nope'), want: fails("HA group 'nope' does not exist") });
    await checkRow(lab, { call: put('g1'), want: { status: 200, data: null } });
    expect(await read(lab, 'GET qemu/100/status/current')).toMatchObject({ ha: { managed: 1, group: 'g1' } });
  });
});
