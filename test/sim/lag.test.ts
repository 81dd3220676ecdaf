// Tests of the ways in which a cluster lags and lies: workers that block, storages that are busy, nodes that go and come back, figures that begin again.
import { afterEach, describe, expect, it } from 'vitest';
import { Simulator } from './simulator.ts';
import { demoTopology, Lab, operatorToken } from './testing.ts';
import type { Reply } from './testing.ts';
import { TlsClient } from './tls-client.ts';

const current = '/nodes/pve1/qemu/100/status/current';

async function running(): Promise<Lab> {
  const lab = new Lab();
  await lab.clone(100);
  await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
  await lab.clock.advance(10_000);
  return lab;
}

/** Starts a call without waiting; the answer and the simulated milliseconds it took. */
function begin(lab: Lab, method: string, path: string, params = {}): Promise<{ reply: Reply; ms: number }> {
  const startedAt = lab.clock.now();
  return lab.send(method, path, params).then((reply) => ({ reply, ms: lab.clock.now() - startedAt }));
}

describe('the workers of a node', () => {
  it('block: the fourth call waits until one of three is done', async () => {
    const lab = await running();
    lab.simulator.setAgent(100, 'absent');
    const pings = Array.from({ length: 4 }, () => begin(lab, 'POST', '/nodes/pve1/qemu/100/agent/ping'));
    const answers = await lab.clock.runUntil(Promise.all(pings));
    expect(answers.map(({ ms }) => ms)).toEqual([3000, 3000, 3000, 6000]);
  });

  it('do not hold up other nodes nor what the proxy answers itself', async () => {
    const lab = await running();
    lab.simulator.setAgent(100, 'hanging');
    const pings = Array.from({ length: 3 }, () => begin(lab, 'POST', '/nodes/pve1/qemu/100/agent/ping'));
    await lab.clock.advance(0);
    for (const path of ['/nodes/pve1/qemu/100/config', '/cluster/resources', '/nodes/pve2/qemu'])
      expect(await begin(lab, 'GET', path)).toMatchObject({ ms: 0, reply: { status: 200 } });
    const blocked = begin(lab, 'GET', current);
    expect(await lab.clock.runUntil(blocked)).toMatchObject({ ms: 10_000, reply: { status: 200 } });
    await lab.clock.runUntil(Promise.all(pings));
  });

  it('make the proxy give up after 30 seconds in the queue, and the call is carried out all the same', async () => {
    const lab = await running();
    lab.simulator.setAgent(100, 'hanging');
    const pings = Array.from({ length: 12 }, () => begin(lab, 'POST', '/nodes/pve1/qemu/100/agent/ping'));
    const change = begin(lab, 'PUT', '/nodes/pve1/qemu/100/config', { description: 'late' });
    expect(await lab.clock.runUntil(change)).toMatchObject({
      ms: 30_000,
      reply: { status: 596, reason: 'Connection timed out' },
    });
    expect(await lab.config(100)).not.toHaveProperty('description');
    await lab.clock.advance(10_000);
    await lab.clock.runUntil(Promise.all(pings));
    expect(await lab.config(100)).toMatchObject({ description: 'late' });
  });
});

describe('a connection', () => {
  const simulator = new Simulator({ topology: demoTopology(), speed: 'instant' });
  afterEach(() => simulator.close());

  it('is closed after a thousand requests', async () => {
    const client = new TlsClient(await simulator.listen());
    const endings: string[] = [];
    for (let count = 1; count <= 1001; count += 1) {
      const { headers } = await client.send({ path: '/version' });
      if (headers.connection === 'close') endings.push(`request ${count}`);
    }
    client.close();
    expect(endings).toEqual(['request 1000']);
  });
});

describe('a busy storage', () => {
  it('makes parallel clones on shared storage look again every second', async () => {
    const lab = new Lab();
    const replies = await Promise.all(
      [101, 102, 103].map((newid) => begin(lab, 'POST', '/nodes/pve1/qemu/9000/clone', { newid })),
    );
    const tasks = replies.map(({ reply }) => lab.taskOf(reply));
    await lab.clock.runUntil(Promise.all(tasks.map((task) => task.done)));
    const waits = tasks.map((task) => task.log.filter((line) => line.startsWith('trying to acquire cfs lock')).length);
    expect(tasks.map((task) => task.status)).toEqual(['OK', 'OK', 'OK']);
    expect(waits).toEqual([0, expect.toBeOneOf([1, 2]), expect.toBeOneOf([1, 2])]);
  });

  const rows = [
    {
      name: 'shared',
      node: 'pve1',
      template: 9000,
      storage: 'shared',
      want: "cfs-lock 'storage-shared' error: got lock request timeout",
    },
    {
      name: 'local',
      node: 'pve2',
      template: 9001,
      storage: 'local-lvm',
      want: "can't lock file '/var/lock/pve-manager/pve-storage-local-lvm' - got timeout",
    },
  ];
  it.each(rows)('fails a clone after ten seconds ($name)', async ({ node, template, storage, want }) => {
    const lab = new Lab();
    const held = lab.simulator.holdStorageLock(storage, 60_000, node);
    const before = lab.clock.now();
    expect(await lab.task('POST', `/nodes/${node}/qemu/${template}/clone`, { newid: 100 })).toBe(
      `clone failed: ${want}`,
    );
    expect(lab.clock.now() - before).toBeGreaterThanOrEqual(10_000);
    expect(lab.clock.now() - before).toBeLessThan(12_000);
    await lab.clock.runUntil(held);
    expect(lab.simulator.leaks()).toMatchObject({ halfClones: [], orphanVolumes: [] });
    expect(await lab.task('POST', `/nodes/${node}/qemu/${template}/clone`, { newid: 100 })).toBe('OK');
  });

  it('that a slow local clone holds lets the other node go on', async () => {
    const lab = new Lab();
    void lab.simulator.holdStorageLock('local-lvm', 60_000, 'pve1');
    expect(await lab.task('POST', '/nodes/pve2/qemu/9001/clone', { newid: 100 })).toBe('OK');
  });
});

describe('a held file lock', () => {
  it('fails a config call after ten seconds, and a clone of the template after one', async () => {
    const lab = new Lab();
    const held = lab.simulator.holdLock(9000, 20_000);
    const reason = "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout";
    const before = lab.clock.now();
    expect(await lab.task('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100 })).toBe(reason);
    expect(lab.clock.now() - before).toBe(1000);
    expect(await lab.call('PUT', '/nodes/pve1/qemu/9000/config', { cores: 2 })).toMatchObject({ status: 500, reason });
    await lab.clock.runUntil(held);
    expect(await lab.call('PUT', '/nodes/pve1/qemu/9000/config', { cores: 2 })).toMatchObject({ status: 200 });
  });
});

describe('a node', () => {
  it('that is paused answers nothing until it goes on; calls through others are cut at 30 seconds', async () => {
    const lab = new Lab();
    lab.simulator.pauseNode('pve2');
    const direct = lab.simulator.handle({ node: 'pve2', method: 'GET', path: '/version' });
    let answered = false;
    void direct.then(() => (answered = true));
    const through = await lab.clock.runUntil(begin(lab, 'GET', '/nodes/pve2/status'));
    expect(through).toMatchObject({ ms: 30_000, reply: { status: 596, reason: 'Connection timed out' } });
    expect(answered).toBe(false);
    lab.simulator.nodeUp('pve2');
    expect(await lab.clock.runUntil(direct)).toMatchObject({ status: 401 });
    expect(await lab.call('GET', '/nodes/pve2/status')).toMatchObject({ status: 200 });
  });

  it('that is paused shortly only delays', async () => {
    const lab = new Lab();
    lab.simulator.pauseNode('pve2');
    const through = begin(lab, 'GET', '/nodes/pve2/status');
    await lab.clock.advance(20_000);
    lab.simulator.nodeUp('pve2');
    expect(await lab.clock.runUntil(through)).toMatchObject({ ms: 20_000, reply: { status: 200 } });
  });

  const losses = [
    { name: 'at once', afterMs: 0, ms: 2500, status: 596, reason: 'Connection reset by peer' },
    { name: 'soon after', afterMs: 5000, ms: 30_000, status: 595, reason: 'Connection timed out' },
    { name: 'later', afterMs: 60_000, ms: 13_300, status: 595, reason: 'No route to host' },
  ];
  it.each(losses)(
    'that is powered off breaks calls through others ($name)',
    async ({ afterMs, ms, status, reason }) => {
      const lab = new Lab();
      lab.simulator.nodeDown('pve2');
      await lab.clock.advance(afterMs);
      const through = await lab.clock.runUntil(begin(lab, 'GET', '/nodes/pve2/status'));
      expect(through).toMatchObject({ ms, reply: { status, reason } });
    },
  );

  it('that comes back has its VMs stopped and its uptime begun anew', async () => {
    const lab = await running();
    lab.simulator.nodeDown('pve1');
    lab.simulator.nodeUp('pve1');
    await lab.clock.advance(5000);
    expect((await lab.call('GET', current)).data).toMatchObject({ status: 'stopped', uptime: 0 });
    expect((await lab.call('GET', '/nodes/pve1/status')).data).toMatchObject({ uptime: 5 });
  });

  it('that is lost keeps its VMs’ last figures in the cluster view', async () => {
    const lab = await running();
    lab.simulator.nodeDown('pve1');
    await lab.clock.advance(30_000);
    const answer = lab.simulator.handle({
      node: 'pve2',
      method: 'GET',
      path: '/cluster/resources?type=vm',
      authorization: operatorToken,
    });
    expect((await lab.clock.runUntil(answer)).body).toMatch(/"name":"vm100".*"status":"running"/);
  });
});

describe('without quorum', () => {
  const rows = [
    { method: 'POST', path: '/nodes/pve1/qemu/100/status/start', params: {}, reason: 'cluster not ready - no quorum?' },
    {
      method: 'POST',
      path: '/nodes/pve1/qemu/9000/clone',
      params: { newid: 101 },
      reason: 'cluster not ready - no quorum?',
    },
    {
      method: 'PUT',
      path: '/nodes/pve1/qemu/100/config',
      params: { cores: 2 },
      reason: expect.stringMatching(/^unable to open file .* - Permission denied$/),
    },
  ];
  it.each(rows)('$method $path is refused', async ({ method, path, params, reason }) => {
    const lab = new Lab();
    await lab.clone(100);
    lab.simulator.nodeDown('pve2');
    lab.simulator.nodeDown('pve3');
    expect(await lab.call(method, path, params)).toMatchObject({ status: 500, reason });
    expect(await lab.call('GET', '/nodes/pve1/qemu/100/config')).toMatchObject({ status: 200 });
    lab.simulator.nodeUp('pve3');
    expect(await lab.call(method, path, params)).toMatchObject({ status: 200 });
  });
});

describe('a write of a configuration right after the loss of a node (surprise 60a)', () => {
  const rows: { name: string; lost: string[]; afterMs: number; waitsMs: number; want: object }[] = [
    {
      name: 'hangs and fails without quorum',
      lost: ['pve2', 'pve3'],
      afterMs: 3000,
      waitsMs: 2400,
      want: { status: 500 },
    },
    { name: 'hangs and passes with quorum', lost: ['pve3'], afterMs: 1000, waitsMs: 4400, want: { status: 200 } },
    { name: 'fails at once when all know', lost: ['pve2', 'pve3'], afterMs: 6000, waitsMs: 0, want: { status: 500 } },
    { name: 'passes at once when all know', lost: ['pve3'], afterMs: 6000, waitsMs: 0, want: { status: 200 } },
  ];
  it.each(rows)('$name', async ({ lost, afterMs, waitsMs, want }) => {
    const lab = new Lab();
    await lab.clone(100);
    for (const node of lost) lab.simulator.nodeDown(node);
    await lab.clock.advance(afterMs);
    const before = lab.clock.now();
    expect(await lab.call('PUT', '/nodes/pve1/qemu/100/config', { cores: 2 })).toMatchObject(want);
    expect(lab.clock.now() - before).toBeGreaterThanOrEqual(waitsMs);
    expect(lab.clock.now() - before).toBeLessThan(waitsMs + 100);
  });

  it('passes when the node is back before the others gave it up', async () => {
    const lab = new Lab();
    await lab.clone(100);
    lab.simulator.nodeDown('pve2');
    lab.simulator.nodeDown('pve3');
    const reply = lab.send('PUT', '/nodes/pve1/qemu/100/config', { cores: 2 });
    await lab.clock.advance(2000);
    lab.simulator.nodeUp('pve3');
    expect(await lab.clock.runUntil(reply)).toMatchObject({ status: 200 });
  });

  it('as a task fails in the task', async () => {
    const lab = new Lab();
    await lab.clone(100);
    lab.simulator.nodeDown('pve2');
    lab.simulator.nodeDown('pve3');
    expect(await lab.task('POST', '/nodes/pve1/qemu/100/config', { cores: 2 })).toMatch(/ - Permission denied$/);
    expect(await lab.call('POST', '/nodes/pve1/qemu/100/config', { cores: 2, background_delay: 9 })).toMatchObject({
      status: 500,
      reason: expect.stringMatching(/^failed to update VM 100: unable to open file /),
    });
  });
});

describe('the guest agent', () => {
  const rows = [
    { agent: 'answering', ms: 150, status: 200, reason: 'OK' },
    { agent: 'absent', ms: 3000, status: 500, reason: 'QEMU guest agent is not running' },
    { agent: 'hanging', ms: 10_000, status: 500, reason: "VM 100 qmp command 'guest-get-osinfo' failed - got timeout" },
  ] as const;
  it.each(rows)('that is $agent', async ({ agent, ms, status, reason }) => {
    const lab = await running();
    lab.simulator.setAgent(100, agent);
    const asked = begin(lab, 'GET', '/nodes/pve1/qemu/100/agent/get-osinfo');
    expect(await lab.clock.runUntil(asked)).toMatchObject({ ms, reply: { status, reason } });
  });
});

describe('figures', () => {
  interface Figures {
    netin: number;
    netout: number;
    uptime: number;
  }
  const figures = async (lab: Lab, node = 'pve1'): Promise<Figures> =>
    (await lab.call('GET', `/nodes/${node}/qemu/100/status/current`)).data as Figures;

  const restarts: { name: string; act: (lab: Lab) => unknown; node?: string }[] = [
    {
      name: 'a restart',
      act: async (lab) => {
        await lab.task('POST', '/nodes/pve1/qemu/100/status/stop');
        await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
      },
    },
    {
      name: 'a live migration',
      act: (lab) => lab.task('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve2', online: 1 }),
      node: 'pve2',
    },
    { name: 'a move by high availability', act: (lab) => lab.simulator.moveVm(100, 'pve3'), node: 'pve3' },
  ];
  it.each(restarts)('begin again after $name', async ({ act, node = 'pve1' }) => {
    const lab = await running();
    await lab.clock.advance(3_600_000);
    const before = await figures(lab);
    await act(lab);
    const after = await figures(lab, node);
    expect(before.netin).toBeGreaterThan(3600);
    expect([after.netin, after.netout, after.uptime]).toEqual([42, 0, 0]);
  });

  it('grow while the VM runs', async () => {
    const lab = await running();
    const before = await figures(lab);
    await lab.clock.advance(60_000);
    const after = await figures(lab);
    expect(after.netin).toBeGreaterThan(before.netin);
    expect(after.netout).toBeGreaterThan(before.netout);
    expect(after.uptime - before.uptime).toBe(60);
  });

  it('of an hour are the same in the counters and in the RRD rows', async () => {
    const lab = await running();
    await lab.clock.advance(60_000 - (lab.clock.now() % 60_000));
    const before = await figures(lab);
    await lab.clock.advance(3_600_000);
    const counted = (await figures(lab)).netin - before.netin;
    const rows = (await lab.call('GET', '/nodes/pve1/qemu/100/rrddata', { timeframe: 'hour' })).data as {
      netin: number;
    }[];
    const summed = rows.reduce((sum, { netin }) => sum + netin * 60, 0);
    expect(rows).toHaveLength(60);
    expect(Math.abs(summed - counted)).toBeLessThan(2);
  });

  it('in RRD rows are empty before the VM was, zero while it was stopped, and follow the load while it ran', async () => {
    const lab = new Lab();
    await lab.clone(100);
    await lab.clock.advance(600_000);
    await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
    await lab.clock.advance(600_000);
    await lab.task('POST', '/nodes/pve1/qemu/100/status/stop');
    await lab.clock.advance(600_000);
    const rows = (await lab.call('GET', '/nodes/pve1/qemu/100/rrddata', { timeframe: 'hour' })).data as {
      cpu?: number;
    }[];
    const kinds = rows.map(({ cpu }) => (cpu === undefined ? 'empty' : cpu === 0 ? 'stopped' : 'running'));
    const runs = kinds.filter((kind, index) => kind !== kinds[index - 1]);
    expect(runs).toEqual(['empty', 'stopped', 'running', 'stopped']);
    expect(kinds.filter((kind) => kind === 'running').length).toBeGreaterThanOrEqual(10);
  });

  it('are the same for the same seed', async () => {
    const both = await Promise.all([running(), running()]);
    const seen = await Promise.all(both.map((lab) => lab.call('GET', current)));
    expect(seen[0]).toEqual(seen[1]);
  });
});
