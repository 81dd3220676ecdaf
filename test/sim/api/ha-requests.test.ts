// Tests of managed VMs: calls that only ask, managers who act a little later, and what stays as without them.
import { describe, expect, it } from 'vitest';
import { Simulator } from '../simulator.ts';
import { demoTopology, Lab, operatorToken } from '../testing.ts';
import type { Task } from '../tasks/task-registry.ts';

const path = '/nodes/pve1/qemu/100';

/** VM 100 on pve1, managed in the given state; the clock stands just behind a pass. */
async function managed(state: string, running: boolean): Promise<Lab> {
  const lab = new Lab();
  await lab.clone(100);
  if (running) await lab.task('POST', `${path}/status/start`);
  lab.simulator.world.haResources.set('vm:100', { state });
  await settle(lab);
  return lab;
}

/** Lets the managers look once. */
async function settle(lab: Lab): Promise<void> {
  await lab.clock.advance(10_001 - (lab.clock.now() % 10_000));
}

function whereabouts(lab: Lab): string {
  const vm = lab.simulator.world.vms.get(100);
  return `${vm?.running === undefined ? 'stopped' : 'running'} on ${vm?.node}`;
}

function lastTasks(lab: Lab, node = 'pve1'): string[] {
  return lab.simulator.world.tasks
    .ofNode(node)
    .filter((task) => task.type !== 'qmclone')
    .toReversed()
    .map((task: Task) => `${task.type} ${task.caller.id} ${task.status ?? 'running'}`);
}

const operator = 'operator@pve!k8s';

describe('a managed VM', () => {
  it('is started by the managers after the task has ended', async () => {
    const lab = await managed('stopped', false);
    const reply = await lab.call('POST', `${path}/status/start`);
    const task = lab.taskOf(reply);
    await lab.clock.runUntil(task.done);
    expect(task).toMatchObject({ type: 'hastart', id: '100', status: 'OK' });
    expect(task.log).toEqual(['Requesting HA start for VM 100', 'TASK OK']);
    expect(whereabouts(lab)).toBe('stopped on pve1');
    await lab.clock.advance(12_000);
    expect(whereabouts(lab)).toBe('running on pve1');
    expect(lastTasks(lab)).toEqual([`hastart ${operator} OK`, 'qmstart root@pam OK']);
  });

  const stops = [
    { name: 'a stop ends it at once', call: 'stop', params: {}, by: 'qmstop', withinMs: 2500 },
    { name: 'a shutdown lets the guest end', call: 'shutdown', params: {}, by: 'qmshutdown', withinMs: 13_000 },
    { name: 'a shutdown with a time', call: 'shutdown', params: { timeout: 1 }, by: 'qmshutdown', withinMs: 4000 },
  ];
  it.each(stops)('$name, when the managers look', async ({ call, params, by, withinMs }) => {
    const lab = await managed('started', true);
    const reply = await lab.call('POST', `${path}/status/${call}`, params);
    const task = lab.taskOf(reply);
    await lab.clock.runUntil(task.done);
    expect(task.log).toEqual(['Requesting HA stop for VM 100', 'TASK OK']);
    expect(task.type).toBe('hastop');
    expect(whereabouts(lab)).toBe('running on pve1');
    expect(lab.simulator.world.haResources.get('vm:100')).toMatchObject({ state: 'started' });
    await settle(lab);
    expect(lab.simulator.world.haResources.get('vm:100')).toMatchObject({ state: 'stopped' });
    await lab.clock.advance(withinMs);
    expect(whereabouts(lab)).toBe('stopped on pve1');
    expect(lastTasks(lab).slice(-2)).toEqual([`hastop ${operator} OK`, `${by} root@pam OK`]);
    await lab.clock.advance(60_000);
    expect(whereabouts(lab)).toBe('stopped on pve1');
  });

  const moves = [
    { name: 'live', running: true, params: { target: 'pve2', online: 1 } },
    { name: 'stopped', running: false, params: { target: 'pve2' } },
  ];
  it.each(moves)('is moved by the managers ($name)', async ({ running, params }) => {
    const lab = await managed(running ? 'started' : 'stopped', running);
    const reply = await lab.call('POST', `${path}/migrate`, params);
    const task = lab.taskOf(reply);
    await lab.clock.runUntil(task.done);
    expect(task.log).toEqual(['Requesting HA migration for VM 100 to node pve2', 'TASK OK']);
    expect(lab.simulator.world.vms.get(100)?.node).toBe('pve1');
    await lab.clock.advance(25_000);
    expect(whereabouts(lab)).toBe(`${running ? 'running' : 'stopped'} on pve2`);
    expect(lastTasks(lab).slice(-2)).toEqual([`hamigrate ${operator} OK`, 'qmigrate root@pam OK']);
  });

  it('a move to a node that is gone when the managers look is left out', async () => {
    const lab = await managed('started', true);
    await lab.task('POST', `${path}/migrate`, { target: 'pve2', online: 1 });
    lab.simulator.nodeDown('pve2');
    await lab.clock.advance(30_000);
    expect(whereabouts(lab)).toBe('running on pve1');
    expect(lab.simulator.world.haServices.get('vm:100')).toMatchObject({ state: 'started', target: undefined });
  });

  const refusedMoves = [
    {
      name: 'a running VM without online',
      params: { target: 'pve2' },
      reason: "can't migrate running VM without --online",
    },
    { name: 'an unknown node', params: { target: 'pve9', online: 1 }, reason: "no such cluster node 'pve9'" },
  ];
  it.each(refusedMoves)('refuses $name at once, as without managers', async ({ params, reason }) => {
    const lab = await managed('started', true);
    expect(await lab.call('POST', `${path}/migrate`, params)).toMatchObject({ status: 500, reason });
  });

  it('cannot be suspended to disk, but paused', async () => {
    const lab = await managed('started', true);
    expect(await lab.call('POST', `${path}/status/suspend`, { todisk: 1 })).toMatchObject({
      status: 500,
      reason: 'Cannot suspend HA managed VM to disk',
    });
    expect(await lab.task('POST', `${path}/status/suspend`)).toBe('OK');
    expect(await lab.call('POST', `${path}/status/shutdown`)).toMatchObject({
      status: 500,
      reason: 'VM is paused - cannot shutdown',
    });
  });

  it.each(['reboot', 'reset'])('does a %s itself, without the managers', async (action) => {
    const lab = await managed('started', true);
    await lab.clock.advance(10_000);
    expect(await lab.task('POST', `${path}/status/${action}`)).toBe('OK');
    await lab.clock.advance(15_000);
    expect(whereabouts(lab)).toBe('running on pve1');
    expect(lastTasks(lab)).toContain(`qm${action} ${operator} OK`);
  });

  it('that ended by itself is started again', async () => {
    const lab = await managed('started', true);
    lab.simulator.killVm(100);
    await lab.clock.advance(12_000);
    expect(whereabouts(lab)).toBe('running on pve1');
  });

  it('is started when it becomes managed, unless that says stopped', async () => {
    for (const [params, want] of [
      [{ sid: 'vm:100' }, 'running on pve1'],
      [{ sid: '100', state: 'stopped' }, 'stopped on pve1'],
      [{ sid: 'vm:100', state: 'ignored' }, 'stopped on pve1'],
    ] as const) {
      const lab = new Lab();
      lab.simulator.world.access.roles.get('PveOperator')?.add('Sys.Console');
      await lab.clone(100);
      expect(await lab.call('POST', '/cluster/ha/resources', params)).toMatchObject({ status: 200, data: null });
      await lab.clock.advance(12_000);
      expect({ params, seen: whereabouts(lab) }).toEqual({ params, seen: want });
    }
  });

  it('that is ignored is started as any other', async () => {
    const lab = await managed('ignored', false);
    expect(lab.taskOf(await lab.call('POST', `${path}/status/start`)).type).toBe('qmstart');
  });

  it('waits where the managers do not run', async () => {
    const lab = new Lab();
    lab.simulator.world.topology.ha = false;
    await lab.clone(100);
    lab.simulator.world.haResources.set('vm:100', { state: 'stopped' });
    expect(await lab.task('POST', `${path}/status/start`)).toBe('OK');
    await lab.clock.advance(60_000);
    expect(whereabouts(lab)).toBe('stopped on pve1');
  });

  it('is acted on at once where tasks take no time', async () => {
    const simulator = new Simulator({ topology: demoTopology(), speed: 'instant' });
    simulator.stealVmid(100, { memory: '16' });
    simulator.world.haResources.set('vm:100', { state: 'stopped' });
    const started = new Promise<void>((resolve) => {
      const look = (): void => {
        if (simulator.world.vms.get(100)?.running === undefined) setImmediate(look);
        else resolve();
      };
      look();
    });
    await simulator.handle({ method: 'POST', path: `${path}/status/start`, authorization: operatorToken });
    await started;
    await simulator.close();
  });
});

describe('a managed VM that cannot start', () => {
  /** Its bridge is gone, so that every start fails on every node. */
  async function broken(): Promise<Lab> {
    const lab = await managed('stopped', false);
    lab.simulator.changeByHand(100, (options) => (options['net0'] = 'virtio=BC:24:11:00:00:01,bridge=vmbr7'));
    expect(await lab.task('POST', `${path}/status/start`)).toBe('OK');
    await lab.clock.advance(90_000);
    return lab;
  }

  it('is tried twice, moved, tried twice there, and then in error', async () => {
    const lab = await broken();
    const failed = "qmstart root@pam bridge 'vmbr7' does not exist";
    expect(lastTasks(lab).slice(1)).toEqual([failed, failed, 'qmigrate root@pam OK']);
    const node = lab.simulator.world.vms.get(100)?.node;
    expect(node).not.toBe('pve1');
    expect(lastTasks(lab, node)).toEqual([failed, failed]);
    expect(lab.simulator.world.haServices.get('vm:100')).toMatchObject({ state: 'error' });
  });

  it('takes no request until it is disabled', async () => {
    const lab = await broken();
    const home = `/nodes/${lab.simulator.world.vms.get(100)?.node}/qemu/100`;
    const reply = await lab.call('POST', `${home}/status/start`);
    const task = lab.taskOf(reply);
    await lab.clock.runUntil(task.done);
    expect(task.status).toBe("command 'ha-manager set vm:100 --state started' failed: exit code 255");
    expect(task.log[1]).toBe("service 'vm:100' in error state, must be disabled and fixed first");
    expect(await lab.task('POST', `${home}/status/stop`)).toBe(
      "command 'ha-manager crm-command stop vm:100 0' failed: exit code 255",
    );
    lab.simulator.world.access.roles.get('PveOperator')?.add('Sys.Console');
    const resource = '/cluster/ha/resources/vm:100';
    expect(await lab.call('PUT', resource, { state: 'started' })).toMatchObject({
      status: 500,
      reason: "service 'vm:100' in error state, must be disabled and fixed first",
    });
    expect(await lab.call('PUT', resource, { comment: 'being looked at' })).toMatchObject({ status: 200 });
    expect(await lab.call('PUT', resource, { state: 'disabled' })).toMatchObject({ status: 200 });
    lab.simulator.changeByHand(100, (options) => delete options['net0']);
    await settle(lab);
    expect(await lab.task('POST', `${home}/status/start`)).toBe('OK');
    await lab.clock.advance(15_000);
    expect(whereabouts(lab)).toMatch(/^running/);
  });
});

describe('without quorum', () => {
  it('a stop cannot even be asked for', async () => {
    const lab = await managed('started', true);
    lab.simulator.nodeDown('pve2');
    lab.simulator.nodeDown('pve3');
    const task = lab.taskOf(await lab.call('POST', `${path}/status/stop`));
    await lab.clock.runUntil(task.done);
    expect(task.log.slice(1)).toEqual([
      "cfs-lock 'domain-ha' error: no quorum!",
      "TASK ERROR: command 'ha-manager crm-command stop vm:100 0' failed: exit code 255",
    ]);
  });
});

describe('what is told of it', () => {
  const ha = async (lab: Lab): Promise<unknown> =>
    ((await lab.call('GET', `${path}/status/current`)).data as { ha: unknown }).ha;
  const hastate = async (lab: Lab): Promise<unknown> =>
    ((await lab.call('GET', '/cluster/resources', { type: 'vm' })).data as { vmid: number; hastate?: string }[]).find(
      ({ vmid }) => vmid === 100,
    )?.hastate;

  it('in its status and in the cluster view', async () => {
    const lab = await managed('started', true);
    expect([await ha(lab), await hastate(lab)]).toEqual([{ managed: 1, group: null, state: 'started' }, 'started']);
    await lab.task('POST', `${path}/status/stop`);
    await lab.clock.advance(12_000);
    expect([await ha(lab), await hastate(lab)]).toEqual([{ managed: 1, group: null, state: 'stopped' }, 'stopped']);
    lab.simulator.world.haResources.set('vm:100', { state: 'ignored' });
    expect(await ha(lab)).toEqual({ managed: 0 });
  });

  it('before the managers have looked: what was wished for', async () => {
    const lab = await managed('started', true);
    await lab.clone(101);
    lab.simulator.world.haResources.set('vm:101', { state: 'stopped' });
    const { data } = await lab.call('GET', '/cluster/resources', { type: 'vm' });
    expect((data as { vmid: number; hastate?: string }[]).find(({ vmid }) => vmid === 101)?.hastate).toBe('stopped');
    const rows = (await lab.call('GET', '/cluster/ha/status/current')).data as { id: string; state: string }[];
    expect(rows.find(({ id }) => id === 'service:vm:101')).toMatchObject({ node: 'pve1', state: 'queued' });
  });

  it('in the managers’ own status', async () => {
    const lab = await managed('started', true);
    const { data } = await lab.call('GET', '/cluster/ha/status/current');
    expect(data).toMatchObject([
      { id: 'quorum', quorate: 1, status: 'OK' },
      { id: 'master', node: 'pve1', status: expect.stringMatching(/^pve1 \(active, Sun Nov 22 05:00:\d\d 2026\)$/) },
      { id: 'fencing', 'armed-state': 'armed', status: 'armed (CRM watchdog active)' },
      { id: 'lrm:pve1', status: expect.stringContaining('pve1 (active, watchdog active, ') },
      { id: 'lrm:pve2', status: expect.stringContaining('pve2 (idle, watchdog standby, ') },
      { id: 'lrm:pve3', type: 'lrm', timestamp: expect.any(Number) },
      {
        id: 'service:vm:100',
        sid: 'vm:100',
        node: 'pve1',
        crm_state: 'started',
        request_state: 'started',
        status: 'vm:100 (pve1, started)',
        max_restart: 1,
        max_relocate: 1,
      },
    ]);
  });

  it('of a node that is lost: its manager’s last word is old', async () => {
    const lab = await managed('started', true);
    lab.simulator.nodeDown('pve3');
    await lab.clock.advance(60_000);
    const rows = (await lab.call('GET', '/cluster/ha/status/current')).data as { id: string; status: string }[];
    expect(rows.find(({ id }) => id === 'lrm:pve3')?.status).toContain('(old timestamp - dead?, watchdog standby, ');
  });

  it('outlives a restart of the simulator, what was asked for included', async () => {
    const lab = await managed('started', true);
    await lab.task('POST', `${path}/status/stop`);
    const { world } = lab.simulator.save();
    expect([...world.haCommands]).toEqual([['vm:100', { stopTimeoutS: 0 }]]);
    expect([...world.haServices.keys()]).toEqual(['vm:100']);
  });
});
