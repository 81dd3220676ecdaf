// Tests of starting, stopping and pausing: which calls are refused, which tasks fail, and what they leave.
import { describe, expect, it } from 'vitest';
import { ask, bring, checkRow, demoLab, fails, labWith, read, refuses, send, started, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';
import type { Lab } from '../testing.ts';

const power = (action: string, params: Record<string, unknown> = {}): ApiCall => [
  `POST qemu/100/status/${action}`,
  params,
];
const paused: Given = [...started, power('suspend')];
const overlay = 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2';

async function current(lab: Lab): Promise<Record<string, unknown>> {
  return (await read(lab, 'GET qemu/100/status/current')) as Record<string, unknown>;
}

/** A guest that does not listen. */
const deaf: Given = [(lab) => void lab.simulator.world.guestBootMs.set(100, null), power('start')];

describe('a power call ends', () => {
  const rows: (CallRow & { status: string })[] = [
    { name: 'start of a stopped VM', call: power('start'), want: 'OK', status: 'running' },
    {
      name: 'start of a running VM (observed 8)',
      given: started,
      call: power('start'),
      want: 'VM 100 already running',
      status: 'running',
    },
    {
      name: 'start of a paused VM (surprise 31)',
      given: paused,
      call: power('start'),
      want: 'VM 100 already running',
      status: 'paused',
    },
    { name: 'stop of a running VM', given: started, call: power('stop'), want: 'OK', status: 'stopped' },
    { name: 'stop of a paused VM', given: paused, call: power('stop'), want: 'OK', status: 'stopped' },
    { name: 'stop of a stopped VM (surprise 32)', call: power('stop'), want: 'OK', status: 'stopped' },
    { name: 'shutdown of a running VM', given: started, call: power('shutdown'), want: 'OK', status: 'stopped' },
    { name: 'shutdown of a stopped VM', call: power('shutdown'), want: 'OK', status: 'stopped' },
    {
      name: 'shutdown of a guest that does not listen',
      given: deaf,
      call: power('shutdown', { timeout: 2 }),
      want: 'VM quit/powerdown failed - got timeout',
      status: 'running',
    },
    {
      name: 'shutdown by force of a guest that does not listen',
      given: deaf,
      call: power('shutdown', { timeout: 2, forceStop: 1 }),
      want: 'OK',
      status: 'stopped',
    },
    {
      name: 'shutdown of a paused VM',
      given: paused,
      call: power('shutdown'),
      want: fails('VM is paused - cannot shutdown'),
      status: 'paused',
    },
    {
      name: 'shutdown by force of a paused VM',
      given: paused,
      call: power('shutdown', { forceStop: 1 }),
      want: 'OK',
      status: 'stopped',
    },
    { name: 'reboot of a running VM', given: started, call: power('reboot'), want: 'OK', status: 'stopped' },
    {
      name: 'reboot of a guest that does not listen (power-reboot-timeout)',
      given: deaf,
      call: power('reboot', { timeout: 2 }),
      want: 'VM quit/powerdown failed - got timeout',
      status: 'running',
    },
    { name: 'reboot of a stopped VM', call: power('reboot'), want: fails('VM 100 not running'), status: 'stopped' },
    { name: 'reset of a running VM', given: started, call: power('reset'), want: 'OK', status: 'running' },
    { name: 'reset of a stopped VM', call: power('reset'), want: fails('VM 100 not running'), status: 'stopped' },
    { name: 'suspend of a running VM', given: started, call: power('suspend'), want: 'OK', status: 'paused' },
    { name: 'suspend of a paused VM', given: paused, call: power('suspend'), want: 'OK', status: 'paused' },
    { name: 'suspend of a stopped VM', call: power('suspend'), want: fails('VM 100 not running'), status: 'stopped' },
    { name: 'resume of a paused VM', given: paused, call: power('resume'), want: 'OK', status: 'running' },
    {
      name: 'resume of a running VM (surprise 31)',
      given: started,
      call: power('resume'),
      want: 'OK',
      status: 'running',
    },
    { name: 'resume of a stopped VM', call: power('resume'), want: fails('VM 100 not running'), status: 'stopped' },
  ];
  it.each(rows)('$name', async (row) => {
    const lab = await labWith(...(row.given ?? []));
    await checkRow(lab, row);
    expect(await current(lab)).toMatchObject({
      qmpstatus: row.status,
      status: row.status === 'stopped' ? 'stopped' : 'running',
    });
  });
});

describe('the task is called', () => {
  // behaviours.md 3 and observed 8.
  const rows: { call: ApiCall; type: string }[] = [
    { call: power('start'), type: 'qmstart' },
    { call: power('stop'), type: 'qmstop' },
    { call: power('shutdown'), type: 'qmshutdown' },
    { call: power('reboot'), type: 'qmreboot' },
    { call: power('reset'), type: 'qmreset' },
    { call: power('suspend'), type: 'qmpause' },
    { call: power('suspend', { todisk: 1 }), type: 'qmsuspend' },
    { call: power('resume'), type: 'qmresume' },
  ];
  it.each(rows)('$type', async ({ call, type }) => {
    const lab = await labWith(...started);
    expect(lab.taskOf(await ask(lab, call))).toMatchObject({ type, id: '100', node: 'pve1' });
  });
});

describe('a power call of a VM that is not there', () => {
  const missing = "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist";
  const unknown = "unable to find configuration file for VM 999 on node 'pve1'";
  const rows: { action: string; want: CallRow['want'] }[] = [
    { action: 'start', want: missing },
    { action: 'stop', want: unknown },
    { action: 'shutdown', want: unknown },
    { action: 'reboot', want: fails('VM 999 not running') },
    { action: 'reset', want: fails('VM 999 not running') },
    { action: 'suspend', want: fails('VM 999 not running') },
    { action: 'resume', want: fails('VM 999 not running') },
  ];
  it.each(rows)('$action (observed 7; power-suspend-to-disk)', async ({ action, want }) => {
    await checkRow(demoLab(), { call: [`POST qemu/999/status/${action}`], want });
  });
});

describe('a start fails', () => {
  const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
  const isoFile = 'shared:iso/debian-12.5.0-amd64-netinst.iso';
  const rows: CallRow[] = [
    {
      name: 'on a bridge that does not exist',
      given: [put({ net0: 'virtio,bridge=nobr' })],
      call: power('start'),
      want: "bridge 'nobr' does not exist",
    },
    {
      name: 'with more memory than the host has',
      given: [put({ memory: 9_000_000 })],
      call: power('start'),
      want: 'start failed: QEMU exited with code 1',
    },
    {
      name: 'with more cores than the host has',
      given: [put({ cores: 64 })],
      call: power('start'),
      want: 'MAX 16 vcpus allowed per VM on this node',
    },
    {
      name: 'with a medium that was deleted (surprise 53)',
      given: [put({ ide3: `${isoFile},media=cdrom` }), [`DELETE storage/shared/content/${isoFile}`]],
      call: power('start'),
      want: `volume '${isoFile}' does not exist`,
    },
    {
      name: 'with a disk that is gone',
      given: [(lab) => lab.simulator.hideVolume(overlay)],
      call: power('start'),
      want: `volume '${overlay}' does not exist`,
    },
    {
      name: 'with a cloud-init document that is not there (cloudinit-cicustom)',
      given: [put({ cicustom: 'user=shared:snippets/none.yml' })],
      call: power('start'),
      want: "volume 'shared:snippets/none.yml' does not exist",
    },
    {
      name: 'as a template',
      given: [['POST qemu/100/template']],
      call: power('start'),
      want: "you can't start a vm if it's a template",
    },
    {
      name: 'when somebody works on the VM for ten seconds',
      given: [(lab) => void lab.simulator.holdLock(100, 20_000)],
      call: power('start'),
      want: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout",
    },
    {
      name: 'at once without quorum',
      given: [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.simulator.nodeDown('pve3')],
      call: power('start'),
      want: fails('cluster not ready - no quorum?'),
    },
    {
      name: 'at once with a time below zero',
      call: power('start', { timeout: -1 }),
      want: refuses({ timeout: 'value must have a minimum value of 0' }),
    },
    ...['skiplock', 'stateuri', 'migratedfrom', 'force-cpu'].map((option) => ({
      name: `at once with ${option}, which is for root`,
      call: power('start', { [option]: option === 'skiplock' ? 1 : 'pve2' }),
      want: refuses({ [option]: 'Only root may use this option.' }),
    })),
  ];
  it.each(rows)('$name', async (row) => {
    const lab = await labWith(...(row.given ?? []));
    await checkRow(lab, row);
    expect(lab.simulator.world.vms.get(100)?.running).toBeUndefined();
  });

  it('with a VLAN on a bridge without a port, though the configuration was taken (surprise 57)', async () => {
    const lab = await labWith(put({ net0: 'virtio,bridge=vmbr1,tag=7' }));
    const bridge = lab.simulator.world.topology.bridges.find(({ name }) => name === 'vmbr1');
    if (bridge !== undefined) bridge.port = '';
    const { exit, log } = await taskEnd(lab, power('start'));
    expect(exit).toBe('start failed: QEMU exited with code 1');
    expect(log).toContain("no physical interface on bridge 'vmbr1'");
  });
});

describe('time', () => {
  const rows: { name: string; given: Given; call: ApiCall; seconds: [number, number] }[] = [
    {
      name: 'a shutdown of a guest that listens takes little',
      given: started,
      call: power('shutdown'),
      seconds: [1, 3],
    },
    { name: 'one that does not, a minute (behaviours.md 9)', given: deaf, call: power('shutdown'), seconds: [60, 60] },
    { name: 'or what was asked', given: deaf, call: power('shutdown', { timeout: 7 }), seconds: [7, 7] },
    {
      name: 'a guest that boots still is waited for',
      given: [power('start')],
      call: power('shutdown'),
      seconds: [9, 10],
    },
  ];
  it.each(rows)('$name', async ({ given, call, seconds: [least, most] }) => {
    const lab = await labWith(...given);
    const before = lab.clock.now();
    await taskEnd(lab, call);
    const seconds = (lab.clock.now() - before) / 1000;
    expect(seconds).toBeGreaterThanOrEqual(least);
    expect(seconds).toBeLessThanOrEqual(most);
  });
});

describe('a running shutdown', () => {
  it('keeps a stop waiting until its own time is over (surprise 30)', async () => {
    const lab = await labWith(...deaf);
    await ask(lab, power('shutdown', { timeout: 5 }));
    expect(await taskEnd(lab, power('stop'))).toEqual({
      exit: 'OK',
      log: ['trying to acquire lock...', ' OK', 'TASK OK'],
    });
    expect(await current(lab)).toMatchObject({ status: 'stopped' });
  });

  it('is ended by a stop that overrules it', async () => {
    const lab = await labWith(...deaf);
    const shutdown = lab.taskOf(await ask(lab, power('shutdown')));
    const before = lab.clock.now();
    expect((await taskEnd(lab, power('stop', { 'overrule-shutdown': 1 }))).exit).toBe('OK');
    expect(shutdown.status).toBe('received interrupt');
    expect((lab.clock.now() - before) / 1000).toBeLessThan(3);
  });
});

describe('a reboot', () => {
  it('starts the VM about a second after its task, by root and with what was pending (surprise 29)', async () => {
    const lab = await labWith(...started, ['PUT qemu/100/config', { cores: 2 }], power('reboot'));
    expect(await current(lab)).toMatchObject({ status: 'stopped' });
    await lab.clock.advance(3000);
    expect(await current(lab)).toMatchObject({ status: 'running', cpus: 2 });
    const tasks = (await read(lab, 'GET tasks', { vmid: 100, typefilter: 'qmstart', limit: 1 })) as unknown[];
    expect(tasks).toEqual([expect.objectContaining({ user: 'root@pam' })]);
    expect(tasks[0]).not.toHaveProperty('tokenid');
  });

  it('does not bring back a VM that was destroyed in that second', async () => {
    const lab = await labWith(...started, power('reboot'), ['DELETE qemu/100']);
    await lab.clock.advance(5000);
    expect(lab.simulator.world.vms.has(100)).toBe(false);
    expect((await taskEnd(lab, power('stop'))).exit).toBe(
      "unable to find configuration file for VM 100 on node 'pve1'",
    );
  });

  it('starts a VM that was made again under its number in that second', async () => {
    const lab = await labWith(...started, power('reboot'), ['DELETE qemu/100'], ['POST qemu', { vmid: 100 }]);
    await lab.clock.advance(5000);
    expect(await current(lab)).toMatchObject({ status: 'running' });
  });
});

describe('a reset', () => {
  it('boots the guest again and keeps its uptime', async () => {
    const lab = await labWith(...started, power('reset'));
    expect(await ask(lab, ['POST qemu/100/agent/ping'])).toMatchObject(fails('QEMU guest agent is not running'));
    expect((await current(lab))['uptime']).toBeGreaterThanOrEqual(10);
    await lab.clock.advance(10_000);
    expect(await ask(lab, ['POST qemu/100/agent/ping'])).toMatchObject({ status: 200 });
  });

  it('takes a guest the time it needs of its own', async () => {
    const lab = await labWith(
      (at) => void at.simulator.world.guestBootMs.set(100, 60_000),
      power('start'),
      (at) => at.clock.advance(61_000),
      power('reset'),
      (at) => at.clock.advance(30_000),
    );
    expect(await ask(lab, ['POST qemu/100/agent/ping'])).toMatchObject({ status: 500 });
  });
});

describe('a VM suspended to disk', () => {
  const toDisk: Given = [...started, power('suspend', { todisk: 1 })];

  it('is stopped, locked, and keeps its memory on its storage (power-suspend-to-disk)', async () => {
    const lab = await labWith(...toDisk);
    expect(await current(lab)).toMatchObject({ status: 'stopped', lock: 'suspended' });
    const { vmstate } = (await read(lab, 'GET qemu/100/config')) as { vmstate: string };
    expect(vmstate).toBe('shared:100/vm-100-state-suspend-2026-11-22.raw');
    // Twice the memory and 500 MiB.
    expect(lab.simulator.world.volumes.find(vmstate, 'pve1')?.sizeBytes).toBe((1024 * 2 + 500) * 1024 ** 2);
  });

  it.each(['start', 'resume'])('goes on by %s and forgets the memory', async (action) => {
    const lab = await labWith(...toDisk);
    const { exit, log } = await taskEnd(lab, power(action));
    expect([exit, log[0]]).toEqual(['OK', 'Resuming suspended VM']);
    const config = (await read(lab, 'GET qemu/100/config')) as Record<string, unknown>;
    for (const key of ['lock', 'vmstate', 'runningcpu', 'runningmachine']) expect(config).not.toHaveProperty(key);
    expect(lab.simulator.world.volumes.ownedBy(100).some(({ name }) => name.includes('state'))).toBe(false);
  });

  it('goes to the storage that is named', async () => {
    const lab = await labWith(...started, power('suspend', { todisk: 1, statestorage: 'local' }));
    expect(await read(lab, 'GET qemu/100/config')).toMatchObject({ vmstate: expect.stringMatching(/^local:/) });
  });

  it('needs to-disk for a storage', async () => {
    await checkRow(await labWith(...started), {
      call: power('suspend', { statestorage: 'local' }),
      want: refuses({ todisk: "missing property required by 'statestorage'" }),
    });
  });
});

it('two starts at once: one of them finds it running (power-start-race)', async () => {
  const lab = await labWith();
  const replies = await lab.clock.runUntil(Promise.all([send(lab, power('start')), send(lab, power('start'))]));
  const tasks = replies.map((reply) => lab.taskOf(reply));
  await lab.clock.runUntil(Promise.all(tasks.map((task) => task.done)));
  expect(tasks.map((task) => task.status)).toEqual(['OK', 'VM 100 already running']);
});

it('figures begin again with each start', async () => {
  const lab = await labWith(...started, (at) => at.clock.advance(3_600_000));
  const before = await current(lab);
  await bring(lab, [power('stop'), power('start')]);
  const after = await current(lab);
  expect(Number(before['netin'])).toBeGreaterThan(1000);
  expect(after).toMatchObject({ netin: 42, netout: 0, uptime: 0 });
  expect(after['pid']).not.toBe(before['pid']);
});
